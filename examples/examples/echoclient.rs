//! Talks to an echo server: `echoclient [ENDPOINT]`, `tcp:127.0.0.1:8000`
//! unless told otherwise.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use reactor_compat::endpoint::client_from_string;
use reactor_compat::{Address, Connection, Protocol, reactor};

const LINES: [&str; 3] = ["Hello, world!", "What a fine day it is.", "Bye-bye!"];

/// Says something, and waits until it has all come back.
#[derive(Default)]
struct EchoClient {
    heard: Vec<u8>,
}

impl Protocol for EchoClient {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        for line in LINES {
            println!("sending: {line}");
            transport.write(format!("{line}\n"));
        }
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if let Some(text) = self.heard.strip_suffix(b"Bye-bye!\n") {
            print!("{}", received(text));
            println!("received: Bye-bye!");
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, reason: Failure) {
        println!("connection lost: {reason}");
        // It may be the reactor's own stop that ends the connection.
        let _ = reactor().stop();
    }
}

fn received(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().map(|line| format!("received: {line}\n")).collect()
}

fn give_up(failure: Failure) {
    eprintln!("echoclient: connection failed: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:127.0.0.1:8000".to_owned());
    let connecting = client_from_string(&reactor(), &description)?
        .connect(|_peer: Address| EchoClient::default())
        .add_callback(|connection| println!("connected to {}", connection.get_peer()))
        .add_errback(give_up);
    reactor().run()?;
    drop(connecting);
    Ok(())
}
