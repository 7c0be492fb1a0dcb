//! Services: parts of a program that are started and stopped.
//!
//! [`ClientService`] keeps one connection to a place: it connects again when the
//! connection is lost, or could not be made, after a time that a [`RetryPolicy`] gives.
//!
//! Mirrors `twisted.application.internet`. Tested in `tests/network/client_service.rs`,
//! and by the conformance family `client_service`.

mod client;
mod retry;

pub use client::ClientService;
pub use retry::{BackoffPolicy, Delays, RetryPolicy};
