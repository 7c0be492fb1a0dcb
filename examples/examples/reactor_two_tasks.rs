//! Two tasks, one now and one in a second (or in as many as the argument says).
//! The last line comes when the reactor is stopped, by Ctrl-C.
//!
//! The first program of "My python twisted introduction".
//!
//! ```sh
//! cargo run --example reactor_two_tasks
//! ```
//!
//! It says `Hello I'm async task one!`, after a second the same of task two,
//! and after Ctrl-C `After the reactor has run.`.

mod seconds;

use std::error::Error;
use std::time::Duration;

use reactor_compat::reactor;

fn async_task_one() {
    println!("Hello I'm async task one!");
}

fn async_task_two() {
    println!("Hello I'm async task two!");
}

fn main() -> Result<(), Box<dyn Error>> {
    reactor().call_later(Duration::ZERO, async_task_one);
    reactor().call_later(seconds::argument(1, 1)?, async_task_two);

    reactor().run()?;

    println!("After the reactor has run.");
    Ok(())
}
