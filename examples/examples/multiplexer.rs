//! Many conversations over one connection: `multiplexer listen [ENDPOINT]` and
//! `multiplexer connect [ENDPOINT]`, `tcp:8007:interface=127.0.0.1` and
//! `tcp:127.0.0.1:8007` unless told otherwise.
//!
//! Each channel is a connection to its protocol, which does not know that it shares
//! one. The client opens three: one sends much, and reads nothing until the others
//! are through; so it is seen that it does not hold them up.
//!
//! ```sh
//! cargo run --example multiplexer listen
//! ```
//!
//! It says `listening on 127.0.0.1:8007`, and echoes on every channel until Ctrl-C.
//! Then `cargo run --example multiplexer connect` says what came back on each of
//! its channels, and that the connection was closed cleanly.

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::process;
use std::rc::Rc;

use deferred::Failure;
use examples::multiplexer::{ChannelHandler, Channels, Multiplexer};
use reactor_compat::endpoint::{client_from_string, server_from_string};
use reactor_compat::{Address, Connection, Protocol, Transport, reactor};

/// Says everything back: on a channel as on any other connection.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

/// Serves all channels alike.
struct Server;

impl ChannelHandler for Server {
    type Protocol = Echo;

    fn build_protocol(&mut self, _channels: &Channels) -> Option<Echo> {
        Some(Echo)
    }
}

/// Says a line, and hears it again.
struct Chat {
    line: &'static str,
    heard: Vec<u8>,
    left: Rc<Cell<usize>>,
    bulk: Transport,
}

impl Protocol for Chat {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(self.line);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if self.heard.len() == self.line.len() {
            println!("chat: {}", String::from_utf8_lossy(&self.heard));
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.bulk.resume_producing();
        }
    }
}

const MUCH: usize = 200_000;

/// Sends much, and does not read what comes back until it is told to.
struct Bulk {
    heard: usize,
    channels: Channels,
}

impl Protocol for Bulk {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.pause_producing();
        transport.write(vec![b'x'; MUCH]);
    }

    fn data_received(&mut self, _transport: &Connection<Self>, data: &[u8]) {
        self.heard += data.len();
        if self.heard == MUCH {
            println!("bulk: {} bytes", self.heard);
            self.channels.close();
        }
    }
}

/// Opens three channels, and takes none.
struct Client;

impl Client {
    fn talk(channels: &Channels) -> Result<(), Box<dyn Error>> {
        let bulk = channels.connect(Bulk { heard: 0, channels: channels.clone() })?;
        let left = Rc::new(Cell::new(2));
        for line in ["Hello, world!", "What a fine day it is."] {
            let (left, bulk) = (left.clone(), bulk.transport().clone());
            channels.connect(Chat { line, heard: Vec::new(), left, bulk })?;
        }
        Ok(())
    }
}

impl ChannelHandler for Client {
    type Protocol = Echo;

    fn connection_made(&mut self, channels: &Channels) {
        if let Err(error) = Self::talk(channels) {
            eprintln!("multiplexer: {error}");
            channels.close();
        }
    }

    fn build_protocol(&mut self, _channels: &Channels) -> Option<Echo> {
        None
    }

    fn connection_lost(&mut self, _channels: &Channels, reason: Failure) {
        println!("connection lost: {reason}");
        // It may be the reactor's own stop that ends the connection.
        let _ = reactor().stop();
    }
}

fn give_up(failure: Failure) {
    eprintln!("multiplexer: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (role, endpoint) = (arguments.next(), arguments.next());
    match role.as_deref() {
        Some("listen") => {
            let endpoint = endpoint.as_deref().unwrap_or("tcp:8007:interface=127.0.0.1");
            let _listening = server_from_string(&reactor(), endpoint)?
                .listen(|_peer: Address| Multiplexer::new(&reactor(), Server))
                .add_callback(|port| println!("listening on {}", port.get_host()))
                .add_errback(give_up);
        }
        Some("connect") => {
            let endpoint = endpoint.as_deref().unwrap_or("tcp:127.0.0.1:8007");
            let _connecting = client_from_string(&reactor(), endpoint)?
                .connect(|_peer: Address| Multiplexer::new(&reactor(), Client))
                .add_callback(drop)
                .add_errback(give_up);
        }
        _ => return Err("listen, or connect?".into()),
    }
    reactor().run()?;
    Ok(())
}
