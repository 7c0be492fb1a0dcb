//! Code that looks as if it blocked, and is suspended instead, for a second at
//! a time (or as many as the argument says).
//!
//! The program "Twisted in gevent" of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example greenlet
//! ```
//!
//! It says `meanwhile, something else`, then `got 1`, `got 2` and `got 3`, a
//! second apart, and `the sum is 6`.

mod seconds;

use std::error::Error;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor_compat::greenlet::{Greenlet, Hub, wait_for_greenlet};
use reactor_compat::reactor;
use reactor_compat::task::defer_later;

fn get_number(number: i32, delay: Duration) -> Deferred<i32> {
    defer_later(&reactor(), delay, move || Ok(number))
}

/// An ordinary function, in the middle of which others have their turn.
fn blocking_sum(hub: &Hub<'_>, delay: Duration) -> Result<i32, Failure> {
    let mut sum = 0;
    for number in 1..=3 {
        let r = hub.wait_for_deferred(get_number(number, delay))?;
        println!("got {r}");
        sum += r;
    }
    Ok(sum)
}

fn main() -> Result<(), Box<dyn Error>> {
    let delay = seconds::argument(1, 1)?;
    let g = Greenlet::spawn(move |hub| blocking_sum(hub, delay));
    let d = wait_for_greenlet(g);
    let _done = d.add_callback(|sum| {
        println!("the sum is {sum}");
        Ok(reactor().stop()?)
    });
    reactor().call_when_running(|| println!("meanwhile, something else"));
    reactor().run()?;
    Ok(())
}
