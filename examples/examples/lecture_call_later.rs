//! A function that is called after five seconds (or as many as the argument
//! says), and its lines in the log.
//!
//! The second program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_call_later
//! ```
//!
//! Each line begins with the time; the last ones, after five seconds, are
//! `Shutting down now!` and `Main loop terminated.`.

mod seconds;

use std::error::Error;
use std::io;

use jiff::Zoned;
use reactor_compat::{log, reactor};

fn log_now() {
    log::msg(Zoned::now().strftime("%y/%m/%d %H:%M:%S"));
}

fn func(x: &str) {
    log::msg(x);
    log_now();
    log::msg("Shutting down now!");
    reactor().stop().expect("it is running");
}

fn main() -> Result<(), Box<dyn Error>> {
    let delay = seconds::argument(1, 5)?;
    log::start_logging(io::stdout())?;
    log_now();
    reactor().call_later(delay, || func("Hello after 5 seconds!"));
    reactor().run()?;
    Ok(())
}
