//! A reactor in a thread, for which the main thread has work after five seconds
//! (or as many as the argument says). Ctrl-C stops it there, too.
//!
//! The second program of "My python twisted introduction".
//!
//! ```sh
//! cargo run --example reactor_in_a_thread
//! ```
//!
//! It says `Hello I'm async task one!`, after five seconds the same of task
//! two, and after Ctrl-C `After the reactor has run.`.

mod seconds;

use std::error::Error;
use std::thread;
use std::time::Duration;

use reactor_compat::{Reactor, Remote, RunOptions};

fn async_task_one() {
    println!("Hello I'm async task one!");
}

fn async_task_two() {
    println!("Hello I'm async task two!");
}

fn reactor_client(reactor: &Reactor) {
    reactor.call_later(Duration::ZERO, async_task_one);
}

fn call_process(reactor: &Remote, after: Duration) -> Result<(), Box<dyn Error>> {
    thread::sleep(after);
    reactor.call_from_thread(async_task_two)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let after = seconds::argument(1, 5)?;

    let reactor_thread = Reactor::spawn_thread_with(RunOptions::new(), reactor_client)?;
    call_process(&reactor_thread.remote(), after)?;
    reactor_thread.join()?;

    println!("After the reactor has run.");
    Ok(())
}
