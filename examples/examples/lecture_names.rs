//! `pprint(sorted(get_names()))` as a chain of callbacks, and before it
//! `open(); launch()`. What takes long takes a second (or as many as the argument
//! says).
//!
//! The fifth program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_names
//! ```
//!
//! It says `meanwhile, something else`, that the doors are open, that the pod
//! is launched, and a second later the names.

mod seconds;

use std::error::Error;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor_compat::reactor;
use reactor_compat::task::defer_later;

type Names = Vec<&'static str>;

/// The pod bay doors take their time.
fn open(delay: Duration) -> Deferred<()> {
    defer_later(&reactor(), delay, || println!("the pod bay doors are open"))
}

fn launch() {
    println!("the pod is launched");
}

fn get_names(delay: Duration) -> Deferred<Names> {
    defer_later(&reactor(), delay, || Ok(vec!["HAL", "Frank", "Dave"]))
}

fn sorted(mut names: Names) -> Result<Names, Failure> {
    names.sort_unstable();
    Ok(names)
}

fn pprint(names: Names) {
    println!("{names:?}");
}

fn main() -> Result<(), Box<dyn Error>> {
    let delay = seconds::argument(1, 1)?;

    let _launched = open(delay)
        .add_callback(|()| launch())
        .add_callback(move |()| get_names(delay))
        .add_callback(sorted)
        .add_callback(pprint)
        .add_callback(|()| Ok(reactor().stop()?));
    reactor().call_when_running(|| println!("meanwhile, something else"));
    reactor().run()?;
    Ok(())
}
