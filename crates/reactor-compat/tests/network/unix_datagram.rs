//! UNIX datagrams, as the datagram part of `twisted.internet.test.test_unix`
//! and `twisted.test.test_unix` ask of Twisted's; on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::rc::Rc;

use crate::support::{drive, until};
use reactor_compat::{
    Address, ConnectError, DatagramConnection, DatagramError, DatagramOptions, DatagramProtocol,
    Reactor, UnixAddress,
};

/// Keeps what it gets, and answers if it is told to.
#[derive(Clone, Default)]
struct Keep {
    kept: Rc<RefCell<Vec<String>>>,
    echo: bool,
}

impl Keep {
    fn echo() -> Self {
        Self { echo: true, ..Self::default() }
    }

    fn all(&self) -> Vec<String> {
        self.kept.borrow().clone()
    }

    async fn wait_for(&self, what: &str) {
        until(|| self.kept.borrow().iter().any(|kept| kept == what)).await;
    }
}

impl DatagramProtocol<UnixAddress> for Keep {
    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self, UnixAddress>,
        data: &[u8],
        from: UnixAddress,
    ) {
        self.kept.borrow_mut().push(String::from_utf8_lossy(data).into());
        if self.echo {
            transport.write(data, from).unwrap();
        }
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self, UnixAddress>) {
        self.kept.borrow_mut().push("refused".to_owned());
    }

    fn stop_protocol(&mut self, _: &DatagramConnection<Self, UnixAddress>) {
        self.kept.borrow_mut().push("stop".to_owned());
    }
}

/// A place for sockets, which is removed with what is in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn two_talk_by_their_files() {
    drive(|reactor| async move {
        let place = Place::new();
        let (here, there) = (place.path("here"), place.path("there"));
        let (client, server) = (Keep::default(), Keep::echo());
        let listening = reactor.listen_unix_datagram(&there, server.clone()).unwrap();
        assert_eq!(listening.get_host(), UnixAddress::from(&there));
        let asking = reactor.listen_unix_datagram(&here, client.clone()).unwrap();
        asking.write("hello", UnixAddress::from(&there)).unwrap();
        client.wait_for("hello").await;
        assert_eq!(server.all(), ["hello"]);
    });
}

#[test]
fn a_connected_one_talks_to_its_peer() {
    drive(|reactor| async move {
        let place = Place::new();
        let (here, there) = (place.path("here"), place.path("there"));
        let (client, server) = (Keep::default(), Keep::echo());
        reactor.listen_unix_datagram(&there, server.clone()).unwrap();
        let options = DatagramOptions::new().bind_address(&here);
        let asking = reactor.connect_unix_datagram_with(&there, options, client.clone()).unwrap();
        assert_eq!(asking.get_peer(), Some(UnixAddress::from(&there)));
        asking.write("hello", None).unwrap();
        client.wait_for("hello").await;
        assert_eq!(asking.write("x", UnixAddress::from(&here)), Err(DatagramError::OtherPeer));
    });
}

#[test]
fn the_file_has_its_mode_and_is_gone_when_the_port_is_closed() {
    drive(|reactor| async move {
        let place = Place::new();
        let mode = |path: &PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        let (usual, private) = (place.path("usual"), place.path("private"));
        let first = reactor.listen_unix_datagram(&usual, Keep::default()).unwrap();
        let options = DatagramOptions::new().mode(0o600);
        let second = reactor.listen_unix_datagram_with(&private, options, Keep::default()).unwrap();
        assert_eq!((mode(&usual), mode(&private)), (0o666, 0o600));
        first.stop_listening().await.unwrap();
        second.stop_listening().await.unwrap();
        assert!(!usual.exists() && !private.exists());
        reactor.listen_unix_datagram(&usual, Keep::default()).unwrap();
    });
}

#[test]
fn a_file_that_another_has_put_there_stays() {
    drive(|reactor| async move {
        let place = Place::new();
        let path = place.path("socket");
        let port = reactor.listen_unix_datagram(&path, Keep::default()).unwrap();
        fs::rename(&path, place.path("away")).unwrap();
        let _other = UnixDatagram::bind(&path).unwrap();
        port.stop_listening().await.unwrap();
        assert!(path.exists());
    });
}

#[test]
fn a_file_that_is_there_already_is_not_listened_on() {
    let place = Place::new();
    let path = place.path("file");
    fs::write(&path, "precious").unwrap();
    let error = Reactor::new().listen_unix_datagram(&path, Keep::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_name_that_is_too_long_is_said_so() {
    let reactor = Reactor::new();
    let long = "x".repeat(200);
    let error = reactor.listen_unix_datagram(long.as_str(), Keep::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(reactor.connect_unix_datagram(long, Keep::default()).is_err());
}

#[test]
fn connecting_to_nobody_is_an_error_and_leaves_no_file() {
    let place = Place::new();
    let here = place.path("here");
    let options = DatagramOptions::new().bind_address(&here);
    let reactor = Reactor::new();
    let error = reactor
        .connect_unix_datagram_with(place.path("there"), options, Keep::default())
        .unwrap_err();
    let ConnectError::Other(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(!here.exists());
    let gone = place.path("gone");
    drop(UnixDatagram::bind(&gone).unwrap());
    let error = reactor.connect_unix_datagram(gone, Keep::default()).unwrap_err();
    assert_eq!(error, ConnectError::ConnectionRefused);
}

#[test]
fn a_connected_one_hears_when_its_peer_is_gone() {
    drive(|reactor| async move {
        let place = Place::new();
        let path = place.path("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let keep = Keep::default();
        let port = reactor.connect_unix_datagram(&path, keep.clone()).unwrap();
        drop(server);
        port.write("anybody?", None).unwrap();
        keep.wait_for("refused").await;
        assert!(!port.gone());
    });
}

#[test]
fn without_a_connection_nobody_there_is_an_error() {
    let place = Place::new();
    let reactor = Reactor::new();
    let port = reactor.listen_unix_datagram(place.path("here"), Keep::default()).unwrap();
    let error = port.write("x", UnixAddress::from(place.path("there"))).unwrap_err();
    let DatagramError::Other(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let unnamed = port.write("x", UnixAddress::Unnamed).unwrap_err();
    assert!(matches!(unnamed, DatagramError::InvalidAddress(_)));
    let long = port.write(vec![0; 100_000_000], UnixAddress::from(place.path("here")));
    assert_eq!(long, Err(DatagramError::MessageLength(100_000_000)));
}

#[test]
fn what_a_connected_one_writes_too_fast_waits_and_arrives_in_order() {
    drive(|reactor| async move {
        let place = Place::new();
        let path = place.path("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        let port = reactor.connect_unix_datagram(&path, Keep::default()).unwrap();
        // More than the system takes of one that does not read.
        let mut written = 0_u32;
        while port.write(written.to_string(), None) != Err(DatagramError::Busy) {
            written += 1;
        }
        assert!(written > 1024, "the queue alone holds 1024");
        let mut buffer = [0; 16];
        let mut read = 0;
        until(|| {
            while let Ok(count) = server.recv(&mut buffer) {
                assert_eq!(&buffer[..count], read.to_string().as_bytes());
                read += 1;
            }
            read == written
        })
        .await;
        port.write("again", None).unwrap();
    });
}

#[test]
fn one_that_is_not_connected_is_told_at_once_that_there_is_no_room() {
    let place = Place::new();
    let path = place.path("socket");
    let _server = UnixDatagram::bind(&path).unwrap();
    let reactor = Reactor::new();
    let port = reactor.listen_unix_datagram(UnixAddress::Unnamed, Keep::default()).unwrap();
    let mut written = 0;
    while port.write("x", UnixAddress::from(&path)) != Err(DatagramError::Busy) {
        written += 1;
        assert!(written < 100_000, "the system should be full some time");
    }
    assert!(written > 0);
}

#[test]
fn large_ones_arrive_if_they_may() {
    drive(|reactor| async move {
        let place = Place::new();
        let path = place.path("socket");
        let keep = Keep::default();
        let options = DatagramOptions::new().max_packet_size(100_000);
        reactor.listen_unix_datagram_with(&path, options, keep.clone()).unwrap();
        let large = "x".repeat(100_000);
        UnixDatagram::unbound().unwrap().send_to(large.as_bytes(), &path).unwrap();
        keep.wait_for(&large).await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_need_no_file() {
    drive(|reactor| async move {
        let name = format!("\0reactor-compat {}", std::process::id());
        let (client, server) = (Keep::default(), Keep::echo());
        let port = reactor.listen_unix_datagram(name.as_str(), server.clone()).unwrap();
        assert_eq!(port.get_host(), UnixAddress::from(name.as_str()));
        let options = DatagramOptions::new().bind_address(format!("{name} client"));
        let asking =
            reactor.connect_unix_datagram_with(name.as_str(), options, client.clone()).unwrap();
        asking.write("hello", None).unwrap();
        client.wait_for("hello").await;
        let again = reactor.listen_unix_datagram(name, Keep::default()).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AddrInUse);
    });
}

#[test]
fn they_end_with_the_reactor() {
    let place = Place::new();
    let path = place.path("socket");
    let keep = Keep::default();
    let reactor = Reactor::new();
    reactor.listen_unix_datagram(&path, keep.clone()).unwrap();
    let [open] = &reactor.inventory().ports[..] else { panic!("{reactor:?}") };
    assert_eq!(open.host, Address::Unix(UnixAddress::from(&path)));
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(keep.all(), ["stop"]);
    assert!(!path.exists());
}
