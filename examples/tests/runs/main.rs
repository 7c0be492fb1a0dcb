//! Runs the examples, as a user would.

#[cfg(unix)]
mod application;
#[cfg(unix)]
mod datagrams;
#[cfg(unix)]
mod descriptors;
mod heads;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod reconnecting;
#[cfg(unix)]
mod seeds;
#[cfg(unix)]
mod services;
#[cfg(unix)]
mod simple;
#[cfg(unix)]
mod stdio;
#[cfg(unix)]
mod support;
#[cfg(unix)]
mod tls;
#[cfg(unix)]
mod twisted;
