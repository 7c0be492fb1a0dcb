//! A client of the echo server for datagrams: `echoclient_udp [ADDRESS]`,
//! `127.0.0.1:8000` unless told otherwise.
//!
//! Datagrams may get lost; after three seconds without an answer it gives up.
//!
//! ```sh
//! cargo run --example echoclient_udp
//! ```
//!
//! With `echoserv_udp` running it says the three datagrams that it gets back;
//! without, that `nobody listens there`.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::time::Duration;

use reactor_compat::{DatagramConnection, DatagramProtocol, DelayedCall, reactor};

const STRINGS: [&str; 3] = ["Hello, world!", "What a fine day it is.", "Bye-bye!"];
const PATIENCE: Duration = Duration::from_secs(3);

struct EchoClient {
    server: SocketAddr,
    strings: std::array::IntoIter<&'static str, 3>,
    giving_up: Option<DelayedCall>,
}

impl EchoClient {
    /// Sends the next string, and waits for it; or ends.
    fn send(&mut self, transport: &DatagramConnection<Self>) {
        if let Some(waiting) = self.giving_up.take() {
            let _ = waiting.cancel();
        }
        let Some(string) = self.strings.next() else {
            let _ = reactor().stop();
            return;
        };
        if let Err(error) = transport.write(string, None) {
            give_up(&error.to_string());
        }
        self.giving_up = Some(reactor().call_later(PATIENCE, || give_up("no answer")));
    }
}

impl DatagramProtocol for EchoClient {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
        if let Err(error) = transport.connect(self.server) {
            give_up(&error.to_string());
        }
        self.send(transport);
    }

    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        _from: SocketAddr,
    ) {
        println!("received: {}", String::from_utf8_lossy(data));
        self.send(transport);
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self>) {
        give_up("nobody listens there");
    }
}

fn give_up(why: &str) {
    eprintln!("echoclient_udp: {why}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let client =
        EchoClient { server: address.parse()?, strings: STRINGS.into_iter(), giving_up: None };
    reactor().listen_udp((Ipv4Addr::UNSPECIFIED, 0), client)?;
    reactor().run()?;
    Ok(())
}
