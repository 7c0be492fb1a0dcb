//! Datagrams there and back, on a port that is opened for them.

use std::net::SocketAddr;
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{DatagramConnection, DatagramProtocol, Reactor};

use crate::load::soon;
use crate::servers::Servers;

const DATAGRAMS: u32 = 50;

/// Sends one after the other, each when the one before has come back.
struct Pinger {
    left: u32,
    server: SocketAddr,
    done: Trigger<()>,
}

impl DatagramProtocol for Pinger {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
        self.send(transport);
    }

    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        _data: &[u8],
        _from: SocketAddr,
    ) {
        self.left -= 1;
        if self.left == 0 {
            let _ = self.done.callback(());
        } else {
            self.send(transport);
        }
    }
}

impl Pinger {
    fn send(&mut self, transport: &DatagramConnection<Self>) {
        if let Err(error) = transport.write("ping", self.server) {
            let _ = self.done.errback(error);
        }
    }
}

pub(crate) async fn round(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    let (finished, done) = Deferred::new();
    let pinger = Pinger { left: DATAGRAMS, server: servers.datagrams, done };
    let port = reactor.listen_udp(("127.0.0.1", 0), pinger)?;
    soon(finished).await?;
    soon(port.stop_listening()).await
}
