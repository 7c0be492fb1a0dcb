//! Runs the conformance programs, from Rust and from the command line.

mod cli;
mod tls_strings;
mod vectors;
