//! A Deferred that fires after 30 seconds, and something that happens after 10
//! (two arguments say other numbers of seconds). Compare `lecture_blocking`.
//!
//! The fourth program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_deferred 3 1
//! ```
//!
//! It says `Hello!`, after a second that 10 have passed, and after three that
//! 30 have. Ctrl-C ends it.

mod seconds;

use std::error::Error;
use std::time::Duration;

use deferred::Deferred;
use reactor_compat::reactor;

fn func(x: &str, long: Duration) -> Deferred<&'static str> {
    println!("{x}");
    let (d, trigger) = Deferred::new();
    reactor().call_later(long, move || {
        trigger.callback("30 seconds have passed!").expect("it is fired once");
    });
    d
}

fn main() -> Result<(), Box<dyn Error>> {
    let (long, short) = (seconds::argument(1, 30)?, seconds::argument(2, 10)?);
    let d = func("Hello!", long);
    let _printed = d.add_callback(|text| println!("{text}"));
    reactor().call_later(short, || println!("10 seconds have passed!"));
    reactor().run()?;
    Ok(())
}
