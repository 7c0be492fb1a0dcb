//! Protocols that run other protocols: policies, buckets, and the loopback.

#![cfg(all(
    feature = "amp",
    feature = "policies",
    feature = "htb",
    feature = "loopback",
    feature = "stateful"
))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

#[cfg(unix)]
mod forwarding;
mod htb;
mod loopback;
mod policies;
