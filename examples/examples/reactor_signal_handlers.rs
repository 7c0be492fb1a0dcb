//! The program's own handlers of SIGINT, which stops it, and of SIGHUP.
//!
//! The sixth program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_signal_handlers
//! ```
//!
//! `pkill -HUP reactor_signal` has it say `Recieved signal - SIGHUP`, and
//! Ctrl-C `Recieved signal - SIGINT` before its end.

use std::error::Error;
use std::io;

use reactor_compat::{Signal, log, reactor};

fn custom_event_handler(signal: Signal) {
    log::msg(format_args!("Recieved signal - {signal}"));
    log::msg("In SIGINT_CustomEventHandler");
    if signal == Signal::Interrupt {
        log::msg("shutting down ....");
        reactor().stop().expect("it is running");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    log::start_logging(io::stdout())?;
    for signal in [Signal::Interrupt, Signal::Hangup] {
        reactor().set_signal_handler(signal, move || custom_event_handler(signal))?;
    }
    reactor().run()?;
    Ok(())
}
