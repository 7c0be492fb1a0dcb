//! A function that is called when the reactor runs.
//!
//! The third program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_call_when_running
//! ```
//!
//! Each line begins with the time; the last ones are `Will shut down` and `Main
//! loop terminated.`.

use std::error::Error;
use std::io;

use reactor_compat::{log, reactor};

fn callfunc(x: &str) {
    log::msg("In callfunc as event handler");
    log::msg(x);
    log::msg("Will shut down");
    reactor().stop().expect("it is running");
}

fn main() -> Result<(), Box<dyn Error>> {
    log::start_logging(io::stdout())?;
    reactor().call_when_running(|| callfunc("This was passed to callfunc"));
    reactor().run()?;
    Ok(())
}
