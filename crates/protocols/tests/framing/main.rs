//! Lines, strings and states: the receivers, their parsers and their codecs.

#![cfg(all(feature = "basic", feature = "stateful"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

#[cfg(feature = "codec")]
mod codec;
mod connected;
#[cfg(feature = "testing")]
mod early;
mod file_sender;
mod int_string;
mod limits;
#[cfg(unix)]
mod line_descriptors;
mod line_parser;
mod netstring;
mod receivers;
mod rest;
#[cfg(all(feature = "tls", feature = "testing"))]
mod starttls;
mod stateful;
#[cfg(feature = "stream")]
mod stream;
mod strings;
