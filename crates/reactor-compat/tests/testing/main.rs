//! The doubles for tests.

mod kit;
mod memory_pair;
mod memory_reactor;
#[cfg(unix)]
mod memory_sockets;

#[path = "../support/mod.rs"]
mod support;
