//! The simplest way to start the reactor.
//!
//! The first program of "Learning Twisted #1 reactor basics".

use reactor_compat::{RunError, reactor};

fn main() -> Result<(), RunError> {
    println!("To stop this example, press ctrl-c");
    reactor().run()
}
