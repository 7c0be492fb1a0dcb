//! A client of `simpleserv`: `simpleclient [HOST [PORT]]`, `localhost` and 8000
//! unless told otherwise.
//!
//! ```sh
//! cargo run --example simpleclient
//! ```
//!
//! With `simpleserv` running it says `server said: hello, world!`, and that the
//! connection was lost; without, why it failed.

use std::env;
use std::error::Error;

use deferred::Failure;
use reactor_compat::{Address, ClientFactory, Connection, Connector, Factory, Protocol, reactor};

/// Once connected, sends a message, then prints the answer.
struct EchoClient;

impl Protocol for EchoClient {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello, world!");
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        println!("server said: {}", String::from_utf8_lossy(data));
        transport.lose_connection();
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        println!("connection lost");
    }
}

struct EchoFactory;

impl Factory for EchoFactory {
    type Protocol = EchoClient;

    fn build_protocol(&mut self, _peer: Address) -> Option<EchoClient> {
        Some(EchoClient)
    }
}

impl ClientFactory for EchoFactory {
    fn client_connection_failed(&mut self, _: &Connector<EchoClient>, reason: Failure) {
        println!("connection failed ({reason}) - goodbye!");
        stop();
    }

    fn client_connection_lost(&mut self, _: &Connector<EchoClient>, reason: Failure) {
        println!("connection lost ({reason}) - goodbye!");
        stop();
    }
}

fn stop() {
    // It may be the reactor's own stop that ends the connection.
    let _ = reactor().stop();
}

fn main() -> Result<(), Box<dyn Error>> {
    let host = env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());
    let port = env::args().nth(2).map_or(Ok(8000), |port| port.parse())?;
    reactor().connect_tcp((host, port), EchoFactory);
    reactor().run()?;
    Ok(())
}
