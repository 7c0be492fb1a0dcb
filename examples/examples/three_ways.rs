//! Reads a file, `Cargo.toml` unless told otherwise, in three ways: blocking,
//! with a Deferred, and in a coroutine. Each has the same errors.
//!
//! The first programs of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example three_ways
//! ```
//!
//! It says how many bytes the file has, three times.

use std::{env, fs};

use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::{RunError, defer_to_thread, reactor};

fn on_result(text: String) {
    println!("{} bytes", text.len());
}

fn on_failure(failure: Failure) {
    println!("failed: {failure}");
}

fn blocking_read(path: &str) -> Result<String, Failure> {
    Ok(fs::read_to_string(path)?)
}

fn async_read(path: &str) -> Deferred<String> {
    let path = path.to_owned();
    defer_to_thread(move || blocking_read(&path))
}

/// The blocking API.
fn blocking(path: &str) {
    match blocking_read(path) {
        Err(failure) => on_failure(failure),
        Ok(text) => on_result(text),
    }
}

/// The Deferred API.
fn with_a_deferred(path: &str) -> Deferred<()> {
    let d = async_read(path);
    d.add_callbacks(on_result, on_failure)
}

/// Inline callbacks.
async fn in_a_coroutine(path: String) {
    match async_read(&path).await {
        Err(failure) => on_failure(failure),
        Ok(text) => on_result(text),
    }
}

fn main() -> Result<(), RunError> {
    let path = env::args().nth(1).unwrap_or_else(|| "Cargo.toml".to_owned());
    blocking(&path);
    let _done = with_a_deferred(&path)
        .add_callback(|()| ensure_deferred(in_a_coroutine(path)))
        .add_callback(|()| Ok(reactor().stop()?));
    reactor().run()
}
