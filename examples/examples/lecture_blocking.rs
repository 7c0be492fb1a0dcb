//! A function that blocks the reactor for 30 seconds, so that what was to
//! happen after 10 comes late (two arguments say other numbers of seconds).
//! Compare `lecture_deferred`.
//!
//! The third program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_blocking 3 1
//! ```
//!
//! It says `Hello!`, and after three seconds both of the others at once, the
//! longer one first. Ctrl-C ends it.

mod seconds;

use std::error::Error;
use std::thread;
use std::time::Duration;

use reactor_compat::reactor;

fn func(x: &str, long: Duration) {
    println!("{x}");
    thread::sleep(long);
    println!("30 seconds have passed!");
}

fn main() -> Result<(), Box<dyn Error>> {
    let (long, short) = (seconds::argument(1, 30)?, seconds::argument(2, 10)?);
    reactor().call_when_running(move || func("Hello!", long));
    reactor().call_later(short, || println!("10 seconds have passed!"));
    reactor().run()?;
    Ok(())
}
