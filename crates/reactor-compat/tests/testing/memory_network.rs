//! A network in memory, under a reactor that runs in another way, and under
//! another network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Log, Recorder};
use deferred::testing::failure_result_of;
use reactor_compat::network::{Connecting, Network};
use reactor_compat::resolver::HostsResolver;
use reactor_compat::testing::{MemoryNetwork, MemoryReactor};
use reactor_compat::{Address, ConnectOptions, Reactor, RunOptions};

#[test]
fn it_serves_a_reactor_that_runs_by_the_real_clock() {
    let network = MemoryNetwork::new();
    let reactor = Reactor::with_network(Rc::new(network.clone()));
    let log = Log::default();
    let its = log.clone();
    reactor.listen_tcp(("any.test", 80), move |_: Address| Recorder::echo(&its)).unwrap();
    let server = network.tcp_servers().remove(0);
    assert_eq!(server.get_host(), &Address::Tcp((Ipv4Addr::LOCALHOST, 80).into()));
    let client = server.connect().unwrap();
    client.write("hello").unwrap();

    let options = RunOptions::new().install_signal_handlers(false);
    let mut hosted = reactor.hosted(options).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 5 {
        hosted.iterate(Duration::from_millis(1));
        network.deliver(2);
        heard.extend(client.read());
    }
    assert_eq!(heard, b"hello");
    assert_eq!(log.data(), b"hello");
}

#[test]
fn it_knows_no_names() {
    let reactor = MemoryReactor::new();
    let found = reactor.resolve("example.org");
    reactor.settle().unwrap();
    let why = failure_result_of(found).to_string();
    assert_eq!(why, "DNS lookup of example.org failed: this network knows no names");
}

/// Stands over one in memory, and makes its connections as the system's does:
/// it looks names up, and races their addresses.
struct Dialling(MemoryNetwork, Rc<Cell<usize>>);

impl Network for Dialling {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.0)
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        self.1.set(self.1.get() + 1);
        self.0.connect_tcp(to, options)
    }
}

#[test]
fn under_another_network_it_records_addresses() {
    let count = Rc::new(Cell::new(0));
    let its = count.clone();
    let reactor = MemoryReactor::with_network(move |memory| Rc::new(Dialling(memory, its)));
    let hosts = HostsResolver::new()
        .host("two.test", [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]);
    reactor.install_resolver(hosts);
    let from = SocketAddr::from(([198, 51, 100, 1], 4_000));
    let options = ConnectOptions::new().bind_address(from);
    let log = Log::default();
    let its = log.clone();
    reactor.connect_tcp_with(("two.test", 80), options, move |_: Address| Recorder::new(&its));
    reactor.settle().unwrap();
    let first = reactor.tcp_clients().remove(0);
    assert_eq!(first.get_destination().to_string(), "192.0.2.1:80");
    assert_eq!(first.options().get_bind_address(), Some(from));
    reactor.advance(Duration::from_millis(250)).unwrap();
    assert_eq!(count.get(), 2, "the second one is tried beside the first");
    let second = reactor.tcp_clients().remove(1);
    second.accept().unwrap().write("hello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"hello");
    assert!(!first.waiting(), "the first one was given up");
}
