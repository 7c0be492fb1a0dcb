//! Asks all servers of a group: `multicast_client [PORT [INTERFACE]]`, port
//! 9999 unless told otherwise, and an interface's address. Ends with the first
//! answer.
//!
//! ```sh
//! cargo run --example multicast_client
//! ```
//!
//! With `multicast_server` running it says `datagram Server: Pong received
//! from`, and where that is.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use reactor_compat::{DatagramConnection, DatagramProtocol, MulticastInterface, reactor};

const GROUP: Ipv4Addr = Ipv4Addr::new(228, 0, 0, 5);

struct MulticastPingClient {
    port: u16,
    interface: MulticastInterface,
}

impl DatagramProtocol for MulticastPingClient {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
        let sent = transport
            .set_outgoing_interface(self.interface)
            .and_then(|()| transport.write("Client: Ping", SocketAddr::from((GROUP, self.port))));
        if let Err(error) = sent {
            eprintln!("multicast_client: {error}");
            let _ = reactor().stop();
        }
    }

    fn datagram_received(&mut self, _: &DatagramConnection<Self>, data: &[u8], from: SocketAddr) {
        println!("datagram {} received from {from}", String::from_utf8_lossy(data));
        let _ = reactor().stop();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(9999), |port| port.parse())?;
    let interface = match env::args().nth(2) {
        Some(address) => address.parse::<Ipv4Addr>()?.into(),
        None => MulticastInterface::Any,
    };
    reactor().listen_multicast(0, MulticastPingClient { port, interface })?;
    reactor().run()?;
    Ok(())
}
