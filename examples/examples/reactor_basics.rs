//! The simplest way to start the reactor.
//!
//! The first program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_basics
//! ```
//!
//! It says `To stop this example, press ctrl-c`, and does nothing until then.

use reactor_compat::{RunError, reactor};

fn main() -> Result<(), RunError> {
    println!("To stop this example, press ctrl-c");
    reactor().run()
}
