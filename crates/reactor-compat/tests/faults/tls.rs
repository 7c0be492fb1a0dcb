//! Faults under TLS: handshakes that stop or are reset, records that are too
//! large, bytes that come one at a time, data after the end, ends without an
//! answer.
//!
//! Who is believed, and what truncation and garbage come to, is in
//! `tests/network/tls.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{drive, listen, turns, until};
use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TlsError, TrustRoots};
use reactor_compat::{
    Address, Connection, ConnectionAborted, ConnectionDone, ConnectionLost, Protocol, Reactor,
    Transport,
};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// A server that is its own authority.
struct Own {
    pem: String,
    key: String,
}

impl Own {
    fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { pem: certified.cert.pem(), key: certified.signing_key.serialize_pem() }
    }

    fn server(&self) -> ServerOptions {
        ServerOptions::new(Identity::from_pem(&self.pem, &self.key).unwrap()).unwrap()
    }

    fn client(&self) -> ClientOptions {
        let roots = TrustRoots::from_pem(&self.pem).unwrap();
        ClientOptions::new("localhost").unwrap().trust_roots(roots)
    }
}

/// What one end has seen.
#[derive(Clone, Default)]
struct End {
    transport: Rc<RefCell<Option<Transport>>>,
    reason: Rc<RefCell<Option<Failure>>>,
    data: Rc<RefCell<Vec<u8>>>,
    secured: Rc<Cell<bool>>,
    panics: bool,
}

impl End {
    async fn reason(&self) -> Failure {
        until(|| self.reason.borrow().is_some()).await;
        self.reason.take().unwrap()
    }

    /// The same, where the (paused) clock has to move for it.
    async fn reason_in_time(&self) -> Failure {
        while self.reason.borrow().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.reason.take().unwrap()
    }

    fn transport(&self) -> Transport {
        self.transport.borrow().clone().unwrap()
    }
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.transport.replace(Some(transport.transport().clone()));
    }

    fn handshake_completed(&mut self, _: &Connection<Self>) {
        self.secured.set(true);
        assert!(!self.panics, "boom");
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.data.borrow_mut().extend_from_slice(data);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

/// A TLS server, and where it listens.
fn serve(reactor: &Reactor, own: &Own, end: &End) -> SocketAddr {
    let end = end.clone();
    let factory = move |_: Address| end.clone();
    let port = reactor.listen_ssl(("127.0.0.1", 0), factory, own.server()).unwrap();
    port.get_host().socket_addr().unwrap()
}

/// A TLS client.
fn dial(reactor: &Reactor, own: &Own, address: SocketAddr) -> End {
    let end = End::default();
    let made = end.clone();
    reactor.connect_ssl(address, move |_: Address| made.clone(), own.client()).unwrap();
    end
}

/// A TLS client that is not ours, and does as it is told.
async fn foreign(own: &Own, address: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(own.pem.as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// More than the kernel keeps for a peer that does not read.
const MUCH: usize = 16 * 1024 * 1024;

#[test]
fn a_server_that_is_reset_in_the_handshake_has_lost_its_connection() {
    drive(|reactor| async move {
        let own = Own::new();
        // Before anything was said, and in the middle of a message.
        for said in [&b""[..], &[22, 3, 1, 0, 100, 1, 0]] {
            let end = End::default();
            let mut stream = TcpStream::connect(serve(&reactor, &own, &end)).await.unwrap();
            stream.write_all(said).await.unwrap();
            until(|| end.transport.borrow().is_some()).await;
            turns(20).await;
            reset(stream);
            let reason = end.reason().await;
            assert!(reason.is::<ConnectionLost>(), "{reason}");
            assert!(!end.secured.get());
        }
    });
}

#[test]
fn a_client_that_is_reset_in_the_handshake_has_lost_its_connection() {
    drive(|reactor| async move {
        let own = Own::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for hears in [0, 50] {
            let end = dial(&reactor, &own, listener.local_addr().unwrap());
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut vec![0; hears]).await.unwrap();
            until(|| end.transport.borrow().is_some()).await;
            reset(stream);
            let reason = end.reason().await;
            assert!(reason.is::<ConnectionLost>(), "{reason}");
        }
    });
}

#[test]
fn a_client_whose_handshake_stops_waits_no_longer_than_it_may() {
    drive(|reactor| async move {
        let own = Own::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let end = dial(&reactor, &own, listener.local_addr().unwrap());
        let (_silent, _) = listener.accept().await.unwrap();
        until(|| end.transport.borrow().is_some()).await;
        end.transport().write("it waits for the handshake");
        turns(100).await;
        tokio::time::pause();
        let reason = end.reason_in_time().await;
        assert_eq!(reason.check(), Some(&TlsError::HandshakeTimeout));
        assert_eq!(reactor.inventory().connections, []);
    });
}

#[test]
fn a_close_in_a_handshake_that_stops_waits_no_longer_than_its_grace() {
    drive(|reactor| async move {
        let own = Own::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let end = dial(&reactor, &own, listener.local_addr().unwrap());
        let (_silent, _) = listener.accept().await.unwrap();
        until(|| end.transport.borrow().is_some()).await;
        end.transport().set_close_grace(Duration::from_secs(3));
        end.transport().write("unsent");
        end.transport().lose_connection();
        turns(100).await;
        tokio::time::pause();
        let reason = end.reason_in_time().await;
        assert_eq!(reason.check::<ConnectionAborted>().unwrap().unsent(), Some(6));
    });
}

/// Two ends, with somebody in between who passes all on, to the server through
/// `pass`; then what `pass` returns goes on in place of the client.
async fn between<F, Fut>(reactor: &Reactor, pass: F) -> (End, End)
where
    F: FnOnce(TcpStream, TcpStream) -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let own = Own::new();
    let theirs = End::default();
    let target = serve(reactor, &own, &theirs);
    let middle = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = dial(reactor, &own, middle.local_addr().unwrap());
    let (near, _) = middle.accept().await.unwrap();
    let far = TcpStream::connect(target).await.unwrap();
    tokio::task::spawn_local(pass(near, far));
    (ours, theirs)
}

#[test]
fn a_record_that_is_too_large_ends_the_handshake() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let mut stream = TcpStream::connect(serve(&reactor, &own, &end)).await.unwrap();
        let _ = stream.write_all(&[22, 3, 1, 0xff, 0xff]).await;
        let _ = stream.write_all(&[0; 0xffff]).await;
        let reason = end.reason().await;
        assert!(reason.is::<TlsError>(), "{reason}");
        assert!(!end.secured.get());
    });
}

#[test]
fn a_record_that_is_too_large_ends_a_connection_that_is_secure() {
    drive(|reactor| async move {
        let inject = Rc::new(tokio::sync::Notify::new());
        let go = inject.clone();
        let (_ours, theirs) = between(&reactor, |mut near, mut far| async move {
            tokio::select! {
                copied = tokio::io::copy_bidirectional(&mut near, &mut far) => drop(copied),
                () = go.notified() => {}
            }
            let _ = far.write_all(&[23, 3, 3, 0xff, 0xff]).await;
            let _ = far.write_all(&[0; 0xffff]).await;
            let _ = far.read_to_end(&mut Vec::new()).await;
        })
        .await;
        until(|| theirs.secured.get()).await;
        turns(20).await;
        inject.notify_one();
        let reason = theirs.reason().await;
        assert!(reason.is::<TlsError>(), "{reason}");
        assert!(theirs.data.borrow().is_empty());
    });
}

#[test]
fn a_connection_of_which_one_byte_comes_at_a_time() {
    drive(|reactor| async move {
        let (ours, theirs) = between(&reactor, |near, far| async move {
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((up, down), (back, there)) = (near.into_split(), far.into_split());
            let one_by_one =
                |mut from: tokio::net::tcp::OwnedReadHalf,
                 mut to: tokio::net::tcp::OwnedWriteHalf| async move {
                    while let Ok(byte) = from.read_u8().await {
                        if to.write_u8(byte).await.is_err() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    let _ = to.shutdown().await;
                };
            tokio::join!(one_by_one(up, there), one_by_one(back, down));
        })
        .await;
        until(|| ours.secured.get() && theirs.secured.get()).await;
        let all: Vec<u8> = (0..5_000_u32).map(|n| (n % 251) as u8).collect();
        ours.transport().write(&all);
        until(|| theirs.data.borrow().len() == all.len()).await;
        assert!(*theirs.data.borrow() == all);
        ours.transport().lose_connection();
        assert!(ours.reason().await.is::<ConnectionDone>());
        assert!(theirs.reason().await.is::<ConnectionDone>());
    });
}

#[test]
fn what_comes_after_the_peers_end_is_not_heard() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let mut stream = foreign(&own, serve(&reactor, &own, &end)).await;
        stream.write_all(b"the end").await.unwrap();
        stream.get_mut().1.send_close_notify();
        stream.flush().await.unwrap();
        let _ = stream.get_mut().0.write_all(b"not even TLS").await;
        let reason = end.reason().await;
        assert!(reason.is::<ConnectionDone>(), "{reason}");
        assert_eq!(*end.data.borrow(), b"the end");
    });
}

#[test]
fn a_close_that_meets_a_reset_is_not_clean() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let stream = foreign(&own, serve(&reactor, &own, &end)).await;
        until(|| end.secured.get()).await;
        // So it does not notice before it closes.
        end.transport().pause_producing();
        turns(20).await;
        reset(stream.into_inner().0);
        end.transport().lose_connection();
        let reason = end.reason().await;
        assert!(reason.is::<ConnectionLost>(), "{reason}");
    });
}

#[test]
fn what_comes_after_our_own_end_is_not_heard() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let mut stream = foreign(&own, serve(&reactor, &own, &end)).await;
        until(|| end.secured.get()).await;
        end.transport().write("bye");
        end.transport().lose_connection();
        stream.write_all(b"too late").await.unwrap();
        let mut all = Vec::new();
        // It gets what we sent, and our word that it was all.
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"bye");
        assert!(end.reason.borrow().is_none(), "its own end is waited for");
        stream.shutdown().await.unwrap();
        assert!(end.reason().await.is::<ConnectionDone>());
        assert!(end.data.borrow().is_empty());
    });
}

#[test]
fn a_peer_that_does_not_answer_our_end_does_not_keep_the_connection() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let stream = foreign(&own, serve(&reactor, &own, &end)).await;
        until(|| end.secured.get()).await;
        end.transport().lose_connection();
        turns(100).await;
        tokio::time::pause();
        let reason = end.reason_in_time().await;
        assert_eq!(reason.check::<ConnectionAborted>().unwrap().unsent(), Some(0));
        drop(stream);
    });
}

/// The answer to our end is the peer's own; one that just goes, or resets, gives
/// none.
#[test]
fn a_peer_that_goes_instead_of_answering_our_end_is_lost() {
    drive(|reactor| async move {
        for resets in [false, true] {
            let (own, end) = (Own::new(), End::default());
            let stream = foreign(&own, serve(&reactor, &own, &end)).await;
            until(|| end.secured.get()).await;
            end.transport().lose_connection();
            turns(100).await;
            let (socket, _) = stream.into_inner();
            if resets {
                reset(socket);
            } else {
                drop(socket);
            }
            assert!(end.reason().await.is::<ConnectionLost>(), "resets: {resets}");
        }
    });
}

#[test]
fn a_peer_that_reads_nothing_does_not_hold_up_a_close() {
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let _stream = foreign(&own, serve(&reactor, &own, &end)).await;
        until(|| end.secured.get()).await;
        end.transport().write(vec![1; MUCH]);
        end.transport().lose_connection();
        turns(100).await;
        tokio::time::pause();
        let reason = end.reason_in_time().await;
        let unsent = reason.check::<ConnectionAborted>().unwrap().unsent();
        assert!(unsent.is_some_and(|unsent| 0 < unsent && unsent < MUCH), "{unsent:?}");
    });
}

#[test]
fn a_reset_while_writing_and_while_closing_is_a_loss() {
    drive(|reactor| async move {
        for closing in [false, true] {
            let (own, end) = (Own::new(), End::default());
            let stream = foreign(&own, serve(&reactor, &own, &end)).await;
            until(|| end.secured.get()).await;
            let transport = end.transport();
            transport.write(vec![1; MUCH]);
            if closing {
                transport.lose_connection();
            }
            until(|| transport.unsent() < MUCH).await;
            reset(stream.into_inner().0);
            let reason = end.reason().await;
            assert!(reason.is::<ConnectionLost>(), "{reason}");
        }
    });
}

#[test]
fn a_protocol_that_panics_when_it_is_secure_ends_its_connection() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let own = Own::new();
        let end = End { panics: true, ..End::default() };
        let address = serve(&reactor, &own, &end);
        let client = dial(&reactor, &own, address);
        assert!(end.reason().await.is::<Panic>());
        let reason = client.reason().await;
        assert!(!reason.is::<ConnectionDone>(), "it was not told that all is well: {reason}");
    });
    assert_eq!(capture.flush_logged_errors::<Panic>().len(), 1);
}

#[test]
fn turning_to_tls_inside_connection_made_and_writing_before_and_after() {
    struct Turns {
        end: End,
        to: Option<ServerOptions>,
    }
    impl Protocol for Turns {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.write("plain");
            transport.start_tls(self.to.take().unwrap()).unwrap();
            transport.write("secret");
            transport.lose_connection();
        }
        fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
            self.end.reason.replace(Some(reason));
        }
    }
    drive(|reactor| async move {
        let (own, end) = (Own::new(), End::default());
        let (seen, mut options) = (end.clone(), Some(own.server()));
        let address = listen(&reactor, move |_: Address| {
            Some(Turns { end: seen.clone(), to: Some(options.take()?) })
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut plain = [0; 5];
        stream.read_exact(&mut plain).await.unwrap();
        assert_eq!(&plain, b"plain");
        turns(50).await;
        assert!(end.reason.borrow().is_none(), "the close waits for the handshake");
        // Nobody comes to it: a reset then is the end.
        reset(stream);
        let reason = end.reason().await;
        assert!(reason.is::<ConnectionLost>(), "{reason}");
    });
}
