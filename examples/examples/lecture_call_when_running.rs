//! A function that is called when the reactor runs, and its lines in the log.
//!
//! The first program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_call_when_running
//! ```
//!
//! Each line begins with the time; the last ones are `Shutting down now!` and
//! `Main loop terminated.`.

use std::error::Error;
use std::io;

use reactor_compat::{log, reactor};

fn func(x: &str) {
    log::msg("In func as event handler");
    log::msg(x);
    log::msg("Shutting down now!");
    reactor().stop().expect("it is running");
}

fn main() -> Result<(), Box<dyn Error>> {
    log::start_logging(io::stdout())?;
    reactor().call_when_running(|| func("Hello!"));
    reactor().run()?;
    Ok(())
}
