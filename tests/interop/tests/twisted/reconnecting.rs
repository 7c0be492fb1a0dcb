//! Reconnecting clients, and servers that go away and come back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use deferred::{Deferred, Failure, Trigger};
use interop::{PATIENCE, Peer, drive, python};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{
    Address, ClientFactory, Connector, Factory, ListenOptions, Protocol, Reactor, ReconnectHandle,
    ReconnectingClientFactory,
};
use tokio::net::TcpSocket;

/// A port that is kept for a server while that is away.
fn reserve() -> (TcpSocket, SocketAddr) {
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = reserved.local_addr().unwrap();
    (reserved, address)
}

/// Takes a greeting, answers it, and waits until the client is gone if the
/// answer is goodbye.
struct Greeted {
    came: Trigger<()>,
    answer: &'static str,
    heard: Trigger<String>,
    greeting: String,
}

impl Protocol<LineTransport> for Greeted {
    fn connection_made(&mut self, _: &LineConnection<Self>) {
        let _ = self.came.callback(());
    }

    fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
        let _ = self.heard.callback(self.greeting.clone());
    }
}

impl LineReceiver for Greeted {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.greeting = String::from_utf8_lossy(line).into_owned();
        transport.send_line(self.answer);
        if self.answer != "goodbye" {
            transport.lose_connection();
        }
    }
}

/// A server that lives for one connection; the greeting that it heard.
fn live(address: SocketAddr, answer: &'static str) -> String {
    drive(move |reactor| async move {
        let (greeting, heard) = Deferred::new();
        let (connected, came) = Deferred::new();
        let factory = move |_: Address| {
            let (came, heard) = (came.clone(), heard.clone());
            Lines::new(Greeted { came, answer, heard, greeting: String::new() })
        };
        let port = reactor.listen_tcp_with(address, ListenOptions::new(), factory)?;
        connected.await?;
        // Before it is answered, so that it cannot come back to this server.
        port.stop_listening().await?;
        greeting.await
    })
}

#[test]
fn a_twisted_client_comes_back_when_our_server_does() {
    let Some(python) = python() else { return };
    let (_reserved, address) = reserve();
    let port = address.port().to_string();
    let mut client = Peer::script(python, "reconnecting_client.py", [port]);
    for number in 1..=5 {
        // Nobody listens: it tries, and tries again.
        assert_eq!(client.says("failed:"), "ConnectionRefusedError");
        assert_eq!(client.says("failed:"), "ConnectionRefusedError");
        assert_eq!(live(address, "once more"), format!("greeting {number}"));
        assert_eq!(client.says("received:"), "once more");
        assert_eq!(client.says("lost:"), "ConnectionDone");
    }
    assert_eq!(live(address, "goodbye"), "greeting 6");
    let lines = client.finish();
    assert_eq!(lines[lines.len() - 2..], ["received: goodbye", "lost: ConnectionDone"]);
}

/// Tells what happens to a client.
#[derive(Clone)]
struct Greeters {
    events: Sender<String>,
    reconnect: ReconnectHandle,
}

impl Greeters {
    fn tell(&self, event: String) {
        // The test may have seen enough.
        let _ = self.events.send(event);
    }
}

/// Greets, and listens.
struct Greeter(Greeters);

impl Protocol<LineTransport> for Greeter {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("hello");
    }
}

impl LineReceiver for Greeter {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.0.reconnect.reset_delay();
        self.0.tell(format!("received {}", String::from_utf8_lossy(line)));
    }
}

impl Factory for Greeters {
    type Protocol = Lines<Greeter>;

    fn build_protocol(&mut self, _: Address) -> Option<Lines<Greeter>> {
        Some(Lines::new(Greeter(self.clone())))
    }
}

impl ClientFactory for Greeters {
    fn client_connection_failed(&mut self, _: &Connector<Lines<Greeter>>, reason: Failure) {
        self.tell(format!("failed {reason}"));
    }

    fn client_connection_lost(&mut self, _: &Connector<Lines<Greeter>>, _: Failure) {
        self.tell("lost".to_owned());
    }
}

#[test]
fn our_client_comes_back_when_a_twisted_server_does() {
    let Some(python) = python() else { return };
    let (_reserved, address) = reserve();
    let (events, seen) = mpsc::channel();
    let (started, remote) = mpsc::channel();
    let client = thread::spawn(move || {
        let reactor = Reactor::new();
        started.send(reactor.remote()).unwrap();
        let factory =
            ReconnectingClientFactory::with_handle(|reconnect| Greeters { events, reconnect })
                .initial_delay(Duration::from_millis(10))
                .max_delay(Duration::from_millis(100));
        reactor.connect_tcp(address, factory);
        reactor.run().unwrap();
    });
    let until = |wanted: &str| while seen.recv_timeout(PATIENCE).unwrap() != wanted {};

    let refused = "failed connection was refused by other side";
    for _ in 0..4 {
        until(refused);
        until(refused);
        let server = Peer::script(python, "greeting_server.py", [address.port().to_string()]);
        until("received yes, hello");
        drop(server);
        until("lost");
    }
    remote.recv().unwrap().stop().unwrap();
    client.join().unwrap();
}
