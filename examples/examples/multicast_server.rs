//! A server that is found by its group: `multicast_server [PORT [INTERFACE]]`,
//! port 9999 unless told otherwise, and an interface's address.
//!
//! Several can run on one machine; each answers.
//!
//! ```sh
//! cargo run --example multicast_server
//! ```
//!
//! It says `listening on 0.0.0.0:9999`, and each datagram that comes, such as
//! that of `multicast_client`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use reactor_compat::{
    DatagramConnection, DatagramOptions, DatagramProtocol, MulticastInterface, reactor,
};

const GROUP: Ipv4Addr = Ipv4Addr::new(228, 0, 0, 5);

struct MulticastPingPong {
    interface: MulticastInterface,
}

impl DatagramProtocol for MulticastPingPong {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
        // Further than this network.
        let far = transport.set_ttl(5).map_err(|error| error.to_string());
        let joined = transport.join_group(GROUP, self.interface).map_err(|error| error.to_string());
        match far.and(joined) {
            Ok(()) => println!("listening on {}", transport.get_host()),
            Err(error) => {
                eprintln!("multicast_server: {error}");
                let _ = reactor().stop();
            }
        }
    }

    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        println!("datagram {} received from {from}", String::from_utf8_lossy(data));
        if data == b"Client: Ping" || data == b"Server: Ping" {
            // To the one who asked, rather than to the group.
            if let Err(error) = transport.write("Server: Pong", from) {
                eprintln!("multicast_server: to {from}: {error}");
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(9999), |port| port.parse::<u16>())?;
    let interface = match env::args().nth(2) {
        Some(address) => address.parse::<Ipv4Addr>()?.into(),
        None => MulticastInterface::Any,
    };
    let shared = DatagramOptions::new().listen_multiple(true);
    reactor().listen_multicast_with(port, shared, MulticastPingPong { interface })?;
    reactor().run()?;
    Ok(())
}
