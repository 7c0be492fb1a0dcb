//! Transports, ports, connectors, and what they are made of.

mod address;
#[cfg(unix)]
mod adopt;
mod connection_stream;
mod connector;
#[cfg(unix)]
mod descriptor;
#[cfg(unix)]
mod descriptor_passing;
mod endpoint;
mod error;
mod happy_eyeballs;
mod multicast;
mod producer;
mod protocol;
mod reconnecting;
mod resolver;
mod serve_stream;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod udp;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_datagram;

#[path = "../support/mod.rs"]
mod support;
