//! A long computation that lets the reactor do other things: so many steps as
//! the argument says, a million unless told otherwise.
//!
//! The program "Cooperation!" of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example cooperation
//! ```
//!
//! It says `meanwhile, something else`, and then what was computed.

use std::env;
use std::error::Error;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::reactor;
use reactor_compat::task::coiterate;

/// Squares again and again; each item is a chance for the reactor.
fn compute(n: u64) -> impl Iterator<Item = ()> {
    let mut x = 2;
    (1..=n).map(move |step| {
        x = x * x % 1_000_000_007; // big numbers would be something else to wait for
        if step == n {
            send_somewhere(x);
        }
    })
}

fn send_somewhere(x: u64) {
    println!("computed: {x}");
}

fn stop<T>(_done: T) -> Result<(), Failure> {
    Ok(reactor().stop()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let n = env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    reactor().call_when_running(move || {
        let _done = coiterate(compute(n)).add_callback(stop);
        reactor().call_later(Duration::ZERO, || println!("meanwhile, something else"));
    });
    reactor().run()?;
    Ok(())
}
