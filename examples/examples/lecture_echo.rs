//! A simple TCP server, on port 9000 (or that of the argument). Try
//! `telnet localhost 9000`: anything you send will be echoed back to you.
//!
//! The last program of "Lecture 12: Twisted".
//!
//! ```sh
//! cargo run --example lecture_echo
//! ```
//!
//! It says `listening on 127.0.0.1:9000`, until Ctrl-C.

use std::env;
use std::error::Error;

use reactor_compat::{Address, Connection, Protocol, reactor};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        // when transport executes callback with data, just echo
        transport.write(data);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = env::args().nth(1).map_or(Ok(9000), |number| number.parse())?;
    let port = reactor().listen_tcp(("127.0.0.1", number), |_peer: Address| Echo)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
