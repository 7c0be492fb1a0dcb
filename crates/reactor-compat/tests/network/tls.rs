//! TLS: from the start, and from the middle of a connection; who is believed,
//! and how what goes wrong is said.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::authority::Authority;
use crate::support::{Event, Log, Recorder, connect, drive, listen, until};
use deferred::Failure;
use rcgen::{KeyPair, date_time_ymd};
use reactor_compat::log::LogCapture;
use reactor_compat::tls::{
    ClientOptions, Identity, ServerOptions, StartTlsError, TlsConfigError, TlsError, TrustRoots,
};
use reactor_compat::{Address, Connection, ConnectionDone, Protocol, Reactor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Keeps why its connection ended, and does as it is told before.
#[derive(Clone, Default)]
struct End {
    reason: Rc<RefCell<Option<Failure>>>,
    secured: Rc<Cell<bool>>,
    say: Option<&'static str>,
}

impl End {
    async fn reason(&self) -> Failure {
        until(|| self.reason.borrow().is_some()).await;
        self.reason.take().unwrap()
    }

    async fn tls_error(&self) -> TlsError {
        let reason = self.reason().await;
        reason.check::<TlsError>().unwrap_or_else(|| panic!("the reason is {reason}")).clone()
    }
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        if let Some(say) = self.say {
            transport.write(say);
        }
    }

    fn handshake_completed(&mut self, transport: &Connection<Self>) {
        assert!(transport.is_secure());
        self.secured.set(true);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

/// Connects two ends with the given options, and gives how both ended.
fn meet(server: ServerOptions, client: ClientOptions) -> (TlsError, Failure) {
    drive(|reactor| async move {
        let (theirs, ours) = (End::default(), End::default());
        let accepted = theirs.clone();
        let port = reactor.listen_ssl(("127.0.0.1", 0), move |_: Address| accepted.clone(), server);
        let address = port.unwrap().get_host().socket_addr().unwrap();
        let connecting = ours.clone();
        reactor.connect_ssl(address, move |_: Address| connecting.clone(), client).unwrap();
        let (ours, theirs) = (ours.tls_error().await, theirs.reason().await);
        (ours, theirs)
    })
}

#[test]
fn much_goes_both_ways_and_ends_cleanly() {
    let authority = Authority::new();
    let (server, client) = (authority.server(), authority.client());
    let much: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    drive(|reactor| async move {
        let (theirs, ours) = (Log::default(), Log::default());
        let echo = theirs.clone();
        let port = reactor
            .listen_ssl(("127.0.0.1", 0), move |_: Address| Recorder::echo(&echo), server)
            .unwrap();
        let (log, sent, mut got) = (ours.clone(), much.clone(), 0);
        let factory = move |_: Address| {
            let sent = sent.clone();
            Recorder::new(&log).made(move |transport, ()| transport.write(&sent)).data(
                move |transport, data| {
                    got += data.len();
                    if got == 1_000_000 {
                        transport.lose_connection();
                    }
                },
            )
        };
        let address = port.get_host().socket_addr().unwrap();
        reactor.connect_ssl(address, factory, client).unwrap();
        assert_eq!(ours.ended().await, Event::Done);
        assert_eq!(theirs.ended().await, Event::Done);
        assert!(ours.data() == much, "what came back is what was sent");
    });
}

#[test]
fn what_is_written_before_the_handshake_goes_out_after_it() {
    let authority = Authority::new();
    let (server, client) = (authority.server(), authority.client());
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let factory = move |_: Address| Recorder::new(&seen);
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        let end = End { say: Some("at once"), ..End::default() };
        let connecting = end.clone();
        let address = port.get_host().socket_addr().unwrap();
        let factory = move |_: Address| connecting.clone();
        let connector = reactor.connect_ssl(address, factory, client).unwrap();
        until(|| log.data() == b"at once").await;
        assert!(end.secured.get());
        connector.disconnect();
        assert_eq!(log.ended().await, Event::Done);
        assert!(end.reason().await.is::<ConnectionDone>());
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let client = ClientOptions::new("example.org").unwrap().trust_roots(authority.roots());
    let (ours, theirs) = meet(authority.server(), client);
    assert_eq!(ours, TlsError::WrongName);
    // Whether the client's word for it gets there before the end is its affair.
    assert!(matches!(theirs.check(), Some(TlsError::Refused(_) | TlsError::Truncated)), "{theirs}");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let identity = authority.identity(|params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let server = ServerOptions::new(identity).unwrap();
    assert_eq!(meet(server, authority.client()).0, TlsError::CertificateExpired);
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let authority = Authority::new();
    let identity = authority.identity(|params| params.not_before = date_time_ymd(4000, 1, 1));
    let server = ServerOptions::new(identity).unwrap();
    assert_eq!(meet(server, authority.client()).0, TlsError::CertificateNotYetValid);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let (believed, other) = (Authority::new(), Authority::new());
    let (ours, _) = meet(other.server(), believed.client());
    assert!(matches!(ours, TlsError::UnknownIssuer | TlsError::BadCertificate(_)), "{ours}");
}

#[test]
fn the_systems_authorities_do_not_vouch_for_just_anybody() {
    let client = ClientOptions::new("localhost").unwrap();
    drive(|reactor| async move {
        let server = Authority::new().server();
        let factory = |_: Address| End::default();
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let end = End::default();
        let connecting = end.clone();
        match reactor.connect_ssl(address, move |_: Address| connecting.clone(), client) {
            Ok(_) => assert_eq!(end.tls_error().await, TlsError::UnknownIssuer),
            // A system without any cannot be asked.
            Err(error) => assert_eq!(error, TlsConfigError::NoPlatformTrust),
        }
    });
}

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_asked_for() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let server = ServerOptions::with_client_certificates(identity, &authority.roots()).unwrap();
    let (ours, theirs) = meet(server, authority.client());
    assert!(matches!(ours, TlsError::Refused(_)), "{ours}");
    assert_eq!(theirs.check(), Some(&TlsError::NoCertificate));
}

#[test]
fn a_client_with_a_certificate_is_known_by_it() {
    let authority = Authority::new();
    let me = authority.identity(|_| {});
    let server =
        ServerOptions::with_client_certificates(authority.identity(|_| {}), &authority.roots());
    let client = authority.client().identity(me);
    /// The size of the peer's certificate, and the name that it asked for.
    type Known = (usize, Option<String>);
    struct Ask(Rc<RefCell<Option<Known>>>);
    impl Protocol for Ask {
        fn handshake_completed(&mut self, transport: &Connection<Self>) {
            let size = transport.peer_certificate().unwrap().der().len();
            self.0.replace(Some((size, transport.server_name())));
        }
    }
    drive(|reactor| async move {
        let known = Rc::new(RefCell::new(None));
        let place = known.clone();
        let factory = move |_: Address| Ask(place.clone());
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server.unwrap()).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        reactor.connect_ssl(address, |_: Address| End::default(), client).unwrap();
        until(|| known.borrow().is_some()).await;
        let (size, name) = known.take().unwrap();
        assert!(size > 100);
        assert_eq!(name.as_deref(), Some("localhost"));
    });
}

/// A server that speaks TLS, and a plain socket to it.
async fn plain_client(reactor: &Reactor, server: ServerOptions) -> (End, TcpStream) {
    let end = End::default();
    let accepted = end.clone();
    let factory = move |_: Address| accepted.clone();
    let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
    let stream = TcpStream::connect(port.get_host().socket_addr().unwrap()).await.unwrap();
    (end, stream)
}

#[test]
fn garbage_is_not_tls() {
    let server = Authority::new().server();
    drive(|reactor| async move {
        let (end, mut stream) = plain_client(&reactor, server).await;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        assert_eq!(end.tls_error().await, TlsError::NotTls);
        assert!(!end.secured.get());
    });
}

#[test]
fn a_peer_that_leaves_in_the_middle_of_the_handshake_is_a_truncation() {
    let server = Authority::new().server();
    drive(|reactor| async move {
        let (end, mut stream) = plain_client(&reactor, server).await;
        stream.write_all(&[22, 3, 1, 0, 100]).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(end.tls_error().await, TlsError::Truncated);
    });
}

#[test]
fn a_handshake_takes_no_longer_than_it_may() {
    let server = Authority::new().server().handshake_timeout(Duration::from_secs(7));
    drive(|reactor| async move {
        let (end, _idle) = plain_client(&reactor, server).await;
        crate::support::turns(100).await;
        tokio::time::pause();
        while end.reason.borrow().is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(end.tls_error().await, TlsError::HandshakeTimeout);
    });
}

#[test]
fn data_that_is_cut_short_is_a_truncation() {
    let authority = Authority::new();
    let (server, client) = (authority.server(), authority.client());
    drive(|reactor| async move {
        // In between sits somebody who passes all on, and then cuts it.
        let end = End::default();
        let accepted = end.clone();
        let factory = move |_: Address| accepted.clone();
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        let target = port.get_host().socket_addr().unwrap();
        let between = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = between.local_addr().unwrap();
        let secured = end.secured.clone();
        tokio::task::spawn_local(async move {
            let (mut near, _) = between.accept().await.unwrap();
            let mut far = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                copied = tokio::io::copy_bidirectional(&mut near, &mut far) => drop(copied),
                () = until(|| secured.get()) => {}
            }
            far.shutdown().await.unwrap();
            far.read_to_end(&mut Vec::new()).await.unwrap();
        });
        reactor.connect_ssl(address, |_: Address| End::default(), client).unwrap();
        assert_eq!(end.tls_error().await, TlsError::Truncated);
        assert!(end.secured.get());
    });
}

#[test]
fn closing_during_the_handshake_waits_for_it_and_aborting_does_not() {
    let authority = Authority::new();
    let (server, client) = (authority.server(), authority.client());
    drive(|reactor| async move {
        let theirs = Log::default();
        let seen = theirs.clone();
        let factory = move |_: Address| Recorder::new(&seen);
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let ours = Log::default();
        let log = ours.clone();
        let factory = move |_: Address| {
            Recorder::new(&log).made(|transport, ()| {
                transport.write("and goodbye");
                transport.lose_connection();
            })
        };
        reactor.connect_ssl(address, factory, client).unwrap();
        assert_eq!(ours.ended().await, Event::Done);
        assert_eq!(theirs.ended().await, Event::Done);
        assert_eq!(theirs.data(), b"and goodbye");

        let ours = Log::default();
        let log = ours.clone();
        let factory = move |_: Address| {
            Recorder::new(&log).made(|transport, ()| transport.abort_connection())
        };
        reactor.connect_ssl(address, factory, authority.client()).unwrap();
        assert_eq!(ours.ended().await, Event::Aborted(None));
    });
}

#[test]
fn tls_is_started_once_and_on_a_connection_that_is_open() {
    let server = Authority::new().server();
    drive(|reactor| async move {
        let (_stream, transport) = connect(&reactor, Recorder::default).await;
        assert_eq!(transport.start_tls(server.clone()), Ok(()));
        assert_eq!(transport.start_tls(server.clone()), Err(StartTlsError::AlreadySecure));
        transport.abort_connection();
        assert_eq!(transport.start_tls(server), Err(StartTlsError::NotConnected));
    });
}

#[test]
fn what_was_written_before_the_change_goes_out_as_it_is() {
    let authority = Authority::new();
    let (server, roots) = (authority.server(), authority.own_pem());
    drive(|reactor| async move {
        let much = vec![b'p'; 300_000];
        let plain = much.clone();
        let address = listen(&reactor, move |_: Address| {
            let (plain, server) = (plain.clone(), server.clone());
            Recorder::default().made(move |transport, ()| {
                transport.write(&plain);
                transport.start_tls(server.clone()).unwrap();
                transport.write("secret");
                transport.lose_connection();
            })
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut before = vec![0; much.len()];
        stream.read_exact(&mut before).await.unwrap();
        assert!(before == much, "it is plain, and all of it");

        let (log, seen) = (Log::default(), Log::default());
        let options = ClientOptions::new("localhost")
            .unwrap()
            .trust_roots(TrustRoots::from_pem(roots).unwrap());
        let connection = reactor.serve(stream, Recorder::new(&log));
        connection.start_tls(options).unwrap();
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(log.data(), b"secret");
        drop(seen);
    });
}

#[test]
fn options_that_come_to_nothing_say_why() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let other = Authority::new();
    let wrong_key = Identity::from_pem(authority.own_pem(), key.serialize_pem()).unwrap();
    assert!(matches!(ServerOptions::new(wrong_key), Err(TlsConfigError::Rejected(_))));
    assert_eq!(
        Identity::from_pem(other.own_pem(), other.own_pem()).unwrap_err(),
        TlsConfigError::NoPrivateKey
    );
    let damaged = other.own_pem().replace("END", "AND");
    assert!(matches!(TrustRoots::from_pem(damaged), Err(TlsConfigError::BadPem(_))));
}

#[test]
fn a_port_says_in_the_log_that_it_speaks_tls() {
    let capture = LogCapture::start();
    let number = drive(|reactor| async move {
        let factory = |_: Address| Recorder::default();
        let server = Authority::new().server();
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        port.stop_listening().await.unwrap();
        port.get_host().port().unwrap()
    });
    let said = [format!("Factory starting on {number}"), format!("(TLS Port {number} Closed)")];
    assert!(said.iter().all(|said| capture.messages().contains(said)), "{capture:?}");
}
