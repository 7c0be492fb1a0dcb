//! Talks to an echo server: `echoclient [ENDPOINT]`, `tcp:127.0.0.1:8000`
//! unless told otherwise.
//!
//! ```sh
//! cargo run --example echoclient
//! ```
//!
//! With `echoserv` running it says who it is connected to, the three lines that
//! it gets back, and that the connection was closed cleanly.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::endpoint::client_from_string;
use reactor_compat::{Address, Protocol, reactor};

const END: &str = "Bye-bye!";

/// Says something, and waits until it has all come back.
struct EchoClient;

impl Protocol<LineTransport> for EchoClient {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("Hello, world!");
        transport.send_line("What a fine day it is.");
        transport.send_line(END);
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, reason: Failure) {
        println!("connection lost: {reason}");
        // It may be the reactor's own stop that ends the connection.
        let _ = reactor().stop();
    }
}

impl LineReceiver for EchoClient {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        println!("received: {}", String::from_utf8_lossy(line));
        if line == END.as_bytes() {
            transport.lose_connection();
        }
    }
}

fn give_up(failure: Failure) {
    eprintln!("echoclient: connection failed: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:127.0.0.1:8000".to_owned());
    let _connecting = client_from_string(&reactor(), &description)?
        .connect(|_peer: Address| Lines::new(EchoClient))
        .add_callback(|connection| println!("connected to {}", connection.get_peer()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
