//! Places behind a SOCKS proxy, whose part the test plays.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::time::Duration;

use crate::support::{Log, Recorder};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use reactor_compat::endpoint::{HostnameEndpoint, SocksClientEndpoint, SocksError};
use reactor_compat::testing::{MemoryReactor, Peer};
use reactor_compat::{Connection, Destination};

type Endpoint = SocksClientEndpoint<HostnameEndpoint>;

struct Talk {
    reactor: MemoryReactor,
    proxy: Peer,
    log: Log,
    connecting: Deferred<Connection<Recorder>>,
}

impl Talk {
    fn new(endpoint: impl FnOnce(HostnameEndpoint) -> Endpoint) -> Self {
        let reactor = MemoryReactor::new();
        let log = Log::default();
        let seen = log.clone();
        let endpoint = endpoint(HostnameEndpoint::new(&reactor, ("proxy.example", 1080)));
        let connecting = endpoint.connect(move |_| Recorder::new(&seen));
        reactor.settle().unwrap();
        let proxy = reactor.tcp_clients()[0].accept().unwrap();
        reactor.flush().unwrap();
        Self { reactor, proxy, log, connecting }
    }

    /// What the proxy has heard.
    fn hears(&self) -> Vec<u8> {
        self.reactor.flush().unwrap();
        self.proxy.read()
    }

    fn says(&self, data: &[u8]) {
        self.proxy.write(data).unwrap();
        self.reactor.flush_bytes(1).unwrap();
    }

    fn connected(self) -> Connection<Recorder> {
        success_result_of(self.connecting)
    }

    fn failed(self) -> Failure {
        self.reactor.flush().unwrap();
        failure_result_of(self.connecting)
    }
}

fn five(destination: impl Into<Destination>) -> Talk {
    let destination = destination.into();
    Talk::new(move |proxy| SocksClientEndpoint::v5(proxy, destination))
}

#[test]
fn version_five_is_spoken_and_what_follows_is_the_protocols() {
    for (destination, request) in [
        (("example.org", 80), &b"\x05\x01\x00\x03\x0bexample.org\x00\x50"[..]),
        (("192.0.2.1", 80), b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"),
        (("::1", 80), b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50"),
    ] {
        let talk = five(destination);
        assert_eq!(talk.hears(), b"\x05\x01\x00");
        talk.says(b"\x05\x00");
        assert_eq!(talk.hears(), request);
        talk.says(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x00hello");
        let (log, reactor) = (talk.log.clone(), talk.reactor.clone());
        let proxy = &talk.proxy;
        assert_eq!(log.data(), b"hello");
        proxy.write(" again").unwrap();
        reactor.flush().unwrap();
        assert_eq!(log.data(), b"hello again");
        let connection = talk.connected();
        let literal = Destination::from(destination).literal();
        if literal.is_some() {
            assert_eq!(connection.get_peer().socket_addr(), literal);
        }
    }
}

#[test]
fn the_proxy_is_told_who_we_are_if_it_asks() {
    let with =
        |proxy| SocksClientEndpoint::v5(proxy, ("a.example", 80)).credentials("me", "secret");
    let talk = Talk::new(with);
    assert_eq!(talk.hears(), b"\x05\x02\x00\x02");
    talk.says(b"\x05\x02");
    assert_eq!(talk.hears(), b"\x01\x02me\x06secret");
    talk.says(b"\x01\x00");
    assert_eq!(talk.hears(), b"\x05\x01\x00\x03\x09a.example\x00\x50");
    talk.says(b"\x05\x00\x00\x03\x03abc\x04\x00");
    talk.connected();

    let talk = Talk::new(with);
    talk.says(b"\x05\x02");
    talk.says(b"\x01\x01");
    assert_eq!(talk.failed().check(), Some(&SocksError::CredentialsRefused));
    let talk = five(("a.example", 80));
    talk.says(b"\x05\xff");
    assert_eq!(talk.failed().check(), Some(&SocksError::CredentialsWanted));
}

#[test]
fn version_four_is_spoken() {
    for (destination, request) in [
        (("example.org", 80), &b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00example.org\x00"[..]),
        (("192.0.2.1", 80), b"\x04\x01\x00\x50\xc0\x00\x02\x01me\x00"),
    ] {
        let talk =
            Talk::new(|proxy| SocksClientEndpoint::v4(proxy, destination).credentials("me", ""));
        assert_eq!(talk.hears(), request);
        talk.says(b"\x00\x5a\x00\x00\x00\x00\x00\x00");
        talk.connected();
    }
    let talk = Talk::new(|proxy| SocksClientEndpoint::v4(proxy, ("::1", 80)));
    assert_eq!(talk.failed().check(), Some(&SocksError::Unsupported));
    let talk = Talk::new(|proxy| SocksClientEndpoint::v4(proxy, ("example.org", 80)));
    talk.says(b"\x00\x5b\x00\x00\x00\x00\x00\x00");
    assert_eq!(talk.failed().check(), Some(&SocksError::Failed));
}

#[test]
fn what_goes_wrong_is_said_by_name() {
    for (code, error) in [
        (1, SocksError::Failed),
        (2, SocksError::Forbidden),
        (3, SocksError::NetworkUnreachable),
        (4, SocksError::HostUnreachable),
        (5, SocksError::ConnectionRefused),
        (6, SocksError::ProxyTimedOut),
        (7, SocksError::Unsupported),
        (99, SocksError::Failed),
    ] {
        let talk = five(("example.org", 80));
        talk.says(b"\x05\x00");
        talk.says(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(talk.failed().check(), Some(&error));
    }
    let talk = five(("example.org", 80));
    talk.says(b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(talk.failed().check(), Some(&SocksError::NotSocks));
    let talk = five(("example.org", 80));
    talk.says(b"\x05");
    talk.proxy.end().unwrap();
    assert_eq!(talk.failed().check(), Some(&SocksError::CutShort));
    let talk = five(("x".repeat(256), 80));
    talk.says(b"\x05\x00");
    assert_eq!(talk.failed().check(), Some(&SocksError::Unspeakable));
}

#[test]
fn a_proxy_that_says_nothing_is_not_waited_for_for_ever() {
    let with =
        |proxy| SocksClientEndpoint::v5(proxy, ("a.example", 80)).timeout(Duration::from_secs(5));
    let talk = Talk::new(with);
    talk.reactor.advance(Duration::from_secs(5)).unwrap();
    assert_eq!(talk.failed().check(), Some(&SocksError::TimedOut));
}

#[test]
fn connecting_can_be_given_up_in_the_conversation() {
    let talk = five(("example.org", 80));
    talk.says(b"\x05\x00");
    talk.connecting.cancel();
    talk.reactor.flush().unwrap();
    assert!(talk.proxy.ended() || talk.proxy.broken().is_some());
}
