//! The doubles for tests.

mod kit;
mod layer_model;
mod memory_network;
mod memory_pair;
mod memory_reactor;
#[cfg(unix)]
mod memory_sockets;
mod simulation;
mod simulation_faults;
mod simulation_scale;
mod simulation_udp;
mod stdio;

#[path = "../support/mod.rs"]
mod support;
