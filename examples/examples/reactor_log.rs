//! A reactor with a log, in which one sees what SIGINT does.
//!
//! The second program of "Learning Twisted #1 reactor basics".
//!
//! ```sh
//! cargo run --example reactor_log
//! ```
//!
//! After Ctrl-C it says, with the time, `Received SIGINT, shutting down.` and
//! `Main loop terminated.`.

use std::error::Error;
use std::io;

use reactor_compat::{log, reactor};

fn main() -> Result<(), Box<dyn Error>> {
    // Log to standard output
    log::start_logging(io::stdout())?;
    println!("\nTo stop this example, press ctrl-c\n");
    reactor().run()?;
    Ok(())
}
