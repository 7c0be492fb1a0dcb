//! A function that is called after four seconds (or as many as the argument
//! says).
//!
//! The fourth program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_call_later
//! ```
//!
//! Each line begins with the time; the last ones, after four seconds, are `Will
//! stop` and `Main loop terminated.`.

mod seconds;

use std::error::Error;
use std::io;

use jiff::Zoned;
use reactor_compat::{log, reactor};

fn log_now() {
    log::msg(Zoned::now().strftime("%y/%m/%d %H:%M:%S"));
}

fn callfunc(x: &str) {
    log::msg(x);
    log_now();
    log::msg("Will stop");
    reactor().stop().expect("it is running");
}

fn main() -> Result<(), Box<dyn Error>> {
    let delay = seconds::argument(1, 4)?;
    log::start_logging(io::stdout())?;
    log_now();
    let _delayed_call = reactor().call_later(delay, || callfunc("callfunc called after 4 sec"));
    reactor().run()?;
    Ok(())
}
