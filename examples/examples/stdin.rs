//! A protocol over standard input and output: a terminal, a pipe or a file.
//!
//! ```sh
//! cargo run --example stdin
//! ```
//!
//! It echoes each line that is typed, as `Echo: ...`, until its input ends (Ctrl-D).
//! Twisted's example of the same name does so.

use std::error::Error;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Protocol, reactor};

struct Echo;

impl Protocol<LineTransport> for Echo {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.write(">>> ");
    }

    fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
        let _ = reactor().stop();
    }
}

impl LineReceiver for Echo {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        transport.send_line([b"Echo: ", line].concat());
        transport.write(">>> ");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    reactor().standard_io(Lines::new(Echo).delimiter("\n"))?;
    reactor().run()?;
    Ok(())
}
