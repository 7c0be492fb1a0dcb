//! Just about the simplest server: `simpleserv [ADDRESS]`, `0.0.0.0:8000`
//! unless told otherwise.
//!
//! ```sh
//! cargo run --example simpleserv
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, and sends back whatever a client says,
//! such as `simpleclient` or `telnet localhost 8000`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use reactor_compat::{Address, Connection, Protocol, reactor};

/// As soon as any data comes, writes it back.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "0.0.0.0:8000".to_owned());
    let port = reactor().listen_tcp(address.parse::<SocketAddr>()?, |_peer: Address| Echo)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
