//! Networks, peers and callbacks that misbehave.

mod connect;
mod general;
mod panic;
mod random;
mod ring;
#[cfg(unix)]
mod stop;
#[cfg(feature = "tls")]
mod tls;

#[path = "../support/mod.rs"]
mod support;
