//! An echo server for datagrams: `echoserv_udp [ADDRESS]`, `0.0.0.0:8000`
//! unless told otherwise.
//!
//! ```sh
//! cargo run --example echoserv_udp
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, and sends back whatever a client sends,
//! such as `echoclient_udp` or `nc -u localhost 8000`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use reactor_compat::{DatagramConnection, DatagramProtocol, reactor};

/// Sends back whatever comes.
struct EchoUdp;

impl DatagramProtocol for EchoUdp {
    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        if let Err(error) = transport.write(data, from) {
            eprintln!("echoserv_udp: to {from}: {error}");
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "0.0.0.0:8000".to_owned());
    let port = reactor().listen_udp(address.parse::<SocketAddr>()?, EchoUdp)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
