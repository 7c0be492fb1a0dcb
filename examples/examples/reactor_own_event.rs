//! An event of the program's own, fired after eight seconds (or twice as many
//! as the argument says), which stops the reactor.
//!
//! The fifth program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_own_event 1
//! ```
//!
//! Each line begins with the time; the last ones are `In
//! Event1_CustomEventHandler .., shutting down` and `Main loop terminated.`.

mod seconds;

use std::error::Error;
use std::io;
use std::time::Duration;

use jiff::Zoned;
use reactor_compat::event::EventPhase;
use reactor_compat::{log, reactor};

fn log_now() {
    log::msg(Zoned::now().strftime("%y/%m/%d %H:%M:%S"));
}

fn callfunc(x: &str, delay: Duration) {
    log::msg(x);
    log_now();
    log::msg("Fire Event1 after 4 seconds");
    reactor().call_later(delay, || reactor().fire_system_event("Event1"));
}

fn event1_custom_event_handler() {
    log_now();
    log::msg("In Event1_CustomEventHandler .., shutting down");
    reactor().stop().expect("it is running");
}

fn main() -> Result<(), Box<dyn Error>> {
    let delay = seconds::argument(1, 4)?;
    log::start_logging(io::stdout())?;
    log_now();
    let _delayed_call =
        reactor().call_later(delay, move || callfunc("callfunc called after 4 sec", delay));
    reactor().add_system_event_trigger(EventPhase::During, "Event1", event1_custom_event_handler);
    reactor().run()?;
    Ok(())
}
