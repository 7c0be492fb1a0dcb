//! The program of the README: an echo server that says who is there.
//!
//! ```sh
//! cargo run --example hello
//! ```
//!
//! It says `listening on 127.0.0.1:8000`, and for each client, such as
//! `echoclient`, where that is, until Ctrl-C.

use reactor_compat::{Address, Connection, Protocol, reactor};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = reactor().listen_tcp(("127.0.0.1", 8000), |peer: Address| {
        println!("{peer} is here");
        Echo
    })?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
