//! The servers and clients of single protocols, and what passes a connection on.

#![cfg(all(
    feature = "finger",
    feature = "ident",
    feature = "memcache",
    feature = "portforward",
    feature = "postfix",
    feature = "socks",
    feature = "wire"
))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

#[allow(dead_code, unreachable_pub, reason = "its own tests use all of it")]
#[path = "../../../reactor-compat/tests/support/reserved.rs"]
mod reserved;

mod finger;
mod ident;
#[cfg(target_os = "linux")]
mod ident_proc;
#[cfg(unix)]
mod memcache;
mod portforward;
mod postfix;
mod socks;
mod wire;
