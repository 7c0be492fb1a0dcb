//! AMP: boxes, their arguments, and the calls that are made of them.

#![cfg(feature = "amp")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod arguments;
mod boxes;
mod calls;
#[cfg(feature = "codec")]
mod codec;
#[cfg(unix)]
mod descriptors;
mod errors;
mod limits;
#[cfg(feature = "tower")]
mod service;
mod support;
mod switch;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
