//! A child process and its protocol: `wc` counts what it is given.
//!
//! ```sh
//! cargo run --example process
//! ```
//!
//! It says what happens, as Twisted's example of the same name does, and what `wc` has
//! counted.

use std::error::Error;

use deferred::Failure;
use reactor_compat::process::{Process, ProcessCommand, ProcessProtocol};
use reactor_compat::reactor;

const VERSE: &str = "Five little speckled frogs\nSat on a speckled log\n";

#[derive(Default)]
struct Count {
    answer: Vec<u8>,
}

impl ProcessProtocol for Count {
    fn connection_made(&mut self, process: &Process<Self>) {
        println!("connection_made");
        process.write(VERSE);
        process.close_stdin();
    }

    fn out_received(&mut self, _: &Process<Self>, data: &[u8]) {
        self.answer.extend_from_slice(data);
    }

    fn process_ended(&mut self, _: &Process<Self>, reason: Failure) {
        println!("process_ended: {reason}");
        let answer = String::from_utf8_lossy(&self.answer);
        println!(
            "lines, words, bytes: {}",
            answer.split_whitespace().collect::<Vec<_>>().join(", ")
        );
        let _ = reactor().stop();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    reactor().spawn_process(Count::default(), &ProcessCommand::new("wc"))?;
    reactor().run()?;
    Ok(())
}
