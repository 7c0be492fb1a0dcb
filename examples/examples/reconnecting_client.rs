//! Greets an echo server, and greets it anew whenever that has been away:
//! `reconnecting_client [HOST:PORT [MILLISECONDS]]`, `127.0.0.1:8000` and a
//! second before the first retry unless told otherwise.
//!
//! Run it beside `echoserv`, and stop and start that as you like.
//!
//! ```sh
//! cargo run --example reconnecting_client
//! ```
//!
//! The client speaks from outside of its protocol: `greet` goes through the connections,
//! one after the other, until the reactor stops.
//!
//! It says `received: Hello, number 1`, the next number whenever `echoserv` is
//! back, and between them why there is no connection, until Ctrl-C.

use std::env;
use std::error::Error;
use std::time::Duration;

use deferred::{Failure, ensure_deferred};
use futures::StreamExt;
use reactor_compat::{
    Address, ClientFactory, Connection, Connections, Connector, Factory, Protocol, ReconnectHandle,
    ReconnectingClientFactory, reactor,
};

/// Listens.
struct Greeter {
    heard: Vec<u8>,
    reconnect: ReconnectHandle,
}

impl Protocol for Greeter {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if let Some(line) = self.heard.strip_suffix(b"\n") {
            println!("received: {}", String::from_utf8_lossy(line));
            self.heard.clear();
            // It works: if it breaks again, that is another matter.
            self.reconnect.reset_delay();
        }
    }
}

/// Says why there is no connection.
struct Greeters {
    reconnect: ReconnectHandle,
}

impl Factory for Greeters {
    type Protocol = Greeter;

    fn build_protocol(&mut self, _: Address) -> Option<Greeter> {
        Some(Greeter { heard: Vec::new(), reconnect: self.reconnect.clone() })
    }
}

impl ClientFactory for Greeters {
    fn client_connection_failed(&mut self, _: &Connector<Greeter>, reason: Failure) {
        println!("connection failed: {reason}");
    }

    fn client_connection_lost(&mut self, _: &Connector<Greeter>, reason: Failure) {
        println!("connection lost: {reason}");
    }
}

/// Says one line on each connection, and counts them.
async fn greet(mut connections: Connections<Greeter>) -> Result<(), Failure> {
    let mut number = 0;
    while let Some(connection) = connections.next().await {
        number += 1;
        println!("connected to {}", connection.get_peer());
        connection.write(format!("Hello, number {number}\n"));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let (host, port) = address.rsplit_once(':').ok_or("the address is HOST:PORT")?;
    let delay = arguments.next().unwrap_or_else(|| "1000".to_owned()).parse()?;

    let factory = ReconnectingClientFactory::with_handle(|reconnect| Greeters { reconnect })
        .initial_delay(Duration::from_millis(delay))
        .max_delay(Duration::from_secs(60));
    let connector = reactor().connect_tcp((host, port.parse()?), factory);
    let _greeting = ensure_deferred(greet(connector.connections()));
    reactor().run()?;
    Ok(())
}
