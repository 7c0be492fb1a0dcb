//! A server of lines: `line_server [ENDPOINT]`, `tcp:8000` unless told
//! otherwise.
//!
//! It shouts each line back, until it is told to `quit`.
//!
//! ```sh
//! cargo run --example line_server
//! ```
//!
//! Then `telnet localhost 8000`: it asks `What shall I shout?`, and answers
//! `hello` with `HELLO`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Address, Protocol, reactor};

struct Shout;

impl Protocol<LineTransport> for Shout {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("What shall I shout?");
    }

    fn connection_lost(&mut self, transport: &LineConnection<Self>, reason: Failure) {
        println!("{} is gone: {reason}", transport.get_peer());
    }
}

impl LineReceiver for Shout {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        if line == b"quit" {
            transport.send_line("Goodbye.");
            transport.lose_connection();
        } else {
            transport.send_line(line.to_ascii_uppercase());
        }
    }
}

fn give_up(failure: Failure) {
    eprintln!("line_server: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let _listening = server_from_string(&reactor(), &description)?
        .listen(|_peer: Address| Lines::new(Shout))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
