//! Child processes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[cfg(feature = "testing")]
mod double;
#[cfg(feature = "testing")]
mod monitor;
mod output;
mod spawn;

#[path = "../support/mod.rs"]
mod support;
