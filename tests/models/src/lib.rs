//! All that threads share in `reactor-compat`, in all orders of the threads'
//! steps.
//!
//! The files are those of the crate itself, built here with loom's locks: each
//! model is run once for every order in which its threads can come to them. So a
//! model has few threads and few steps. `cargo test -p models`.

#![cfg(test)]

mod log_queue_model;
