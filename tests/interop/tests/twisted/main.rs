//! Conversations with the real Twisted, in both directions.

#![cfg(unix)]

mod amp;
mod closing;
mod descriptors;
mod reconnecting;
mod socks;
mod strings;
mod support;
mod tls_ending;
mod unix;
