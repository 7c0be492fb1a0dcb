//! What it takes to have the real Twisted on the other end of a connection.
//!
//! # Layout
//!
//! - [`python()`]: a Python that has Twisted.
//! - [`Peer`]: a process, such as one of those in `peers/`.
//! - [`Certificate`]: files for TLS.
//! - [`drive()`]: a reactor for a test.
//!
//! The tests of this package are about protocols. Those about the examples are
//! with the examples.

#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is for tests: what cannot go on says so by a panic"
)]

mod certificate;
mod drive;
mod peer;
mod python;

use std::time::Duration;

pub use certificate::Certificate;
pub use drive::{drive, listen_on};
pub use peer::Peer;
pub use python::python;

/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(120);
