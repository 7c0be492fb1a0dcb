//! Transports, ports, connectors, and what they are made of.

mod address;
#[cfg(unix)]
mod adopt;
mod any_protocol;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "testing")]
mod client_service;
mod connection_stream;
#[cfg(feature = "testing")]
mod connections;
mod connector;
mod datagram_stream;
#[cfg(unix)]
mod descriptor;
#[cfg(unix)]
mod descriptor_passing;
#[cfg(feature = "testing")]
mod early_calls;
mod endpoint;
#[cfg(feature = "testing")]
mod endpoint_kinds;
#[cfg(feature = "tls")]
mod endpoint_tls;
#[cfg(feature = "testing")]
mod endpoint_values;
mod error;
mod happy_eyeballs;
#[cfg(feature = "testing")]
mod haproxy;
mod large_writes;
#[cfg(feature = "testing")]
mod layer;
#[cfg(feature = "testing")]
mod layer_faults;
mod multicast;
#[cfg(feature = "testing")]
mod opening;
#[cfg(feature = "testing")]
mod own_network;
#[cfg(feature = "tower")]
mod persistent;
#[cfg(all(unix, feature = "testing"))]
mod process_endpoint;
mod producer;
mod protocol;
#[cfg(all(feature = "tls", feature = "testing"))]
mod read_ahead;
mod reconnecting;
mod resolver;
mod serve_stream;
#[cfg(feature = "logging")]
mod shared_factory;
#[cfg(feature = "testing")]
mod socks_endpoint;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(all(feature = "tls", feature = "testing"))]
mod tls_layers;
mod transport;
mod udp;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_datagram;
mod when_lost;

#[path = "../support/mod.rs"]
mod support;
