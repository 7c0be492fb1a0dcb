//! Sending a file: as fast as the peer takes it, to the last byte.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Failure, Panic};
use protocols::basic::{ConsumerStopped, FileSender};
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    AlreadyProducing, Connection, ConnectionAborted, ConnectionDone, ProducerKind, Protocol,
    Reactor,
};
use tokio::io::AsyncReadExt;

struct Silent;
impl Protocol for Silent {}

#[test]
fn a_file_goes_in_chunks_each_when_the_last_is_sent() {
    let mut file = tempfile::tempfile().unwrap();
    let content: Vec<u8> = (0..50_000_u32).map(|n| (n % 251) as u8).collect();
    file.write_all(&content).unwrap();
    io::Seek::rewind(&mut file).unwrap();

    let transport = StringTransport::new(Silent);
    let sent = FileSender::new(file).begin_file_transfer(&transport);
    let mut got = Vec::new();
    for _ in 0..4 {
        assert_no_result(&sent);
        let chunk = transport.take_value();
        assert!(chunk.len() <= 1 << 14);
        got.extend_from_slice(&chunk);
    }
    assert_eq!(got, content);
    assert_eq!(success_result_of(sent), content.last().copied());
    // It is no producer any more.
    transport.register_producer(transport.transport().clone(), ProducerKind::Push).unwrap();
}

#[test]
fn an_empty_file_has_no_last_byte() {
    let transport = StringTransport::new(Silent);
    let sent = FileSender::new(io::empty()).begin_file_transfer(&transport);
    assert_eq!(success_result_of(sent), None);
}

#[test]
fn a_close_waits_for_the_file() {
    let transport = StringTransport::new(Silent);
    let sent =
        FileSender::new(Read::take(io::repeat(b'x'), 20_000)).begin_file_transfer(&transport);
    transport.lose_connection();
    assert_eq!(transport.take_value().len(), 1 << 14);
    assert_eq!(transport.take_value().len(), 20_000 - (1 << 14));
    assert_eq!(success_result_of(sent), Some(b'x'));
}

#[test]
fn a_connection_that_is_lost_ends_it() {
    let transport = StringTransport::new(Silent);
    let sent = FileSender::new(io::repeat(b'x')).begin_file_transfer(&transport);
    transport.connection_lost(ConnectionDone);
    assert!(failure_result_of(sent).is::<ConsumerStopped>());
}

#[test]
fn a_read_that_fails_ends_it() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let transport = StringTransport::new(Silent);
    let sent = FileSender::new(Read::chain(&b"one"[..], Broken)).begin_file_transfer(&transport);
    let failure = failure_result_of(sent);
    assert_eq!(failure.check::<io::Error>().unwrap().kind(), io::ErrorKind::PermissionDenied);
    transport.register_producer(transport.transport().clone(), ProducerKind::Push).unwrap();
}

#[test]
fn only_one_at_a_time() {
    let transport = StringTransport::new(Silent);
    let first = FileSender::new(io::repeat(b'x')).begin_file_transfer(&transport);
    let second = FileSender::new(io::empty()).begin_file_transfer(&transport);
    assert!(failure_result_of(second).is::<AlreadyProducing>());
    assert_no_result(&first);
}

#[test]
fn cancelling_ends_it() {
    let transport = StringTransport::new(Silent);
    let sent = FileSender::new(io::repeat(b'x')).begin_file_transfer(&transport);
    sent.cancel();
    assert!(failure_result_of(sent).is::<CancelledError>());
    assert_eq!(transport.take_value().len(), 1 << 14);
    assert!(transport.take_value().is_empty());
}

/// Whoever waits for a transfer hears of it, whatever happens inside.
#[test]
fn a_panic_in_an_asynchronous_transfer_ends_the_connection() {
    struct Serve(Rc<RefCell<Vec<&'static str>>>, Reactor);
    impl Protocol for Serve {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            let heard = self.0.clone();
            FileSender::from_async(&b"one"[..])
                .transform(|_| panic!("as the test says"))
                .begin_file_transfer(transport)
                .add_errback(move |failure| {
                    assert!(failure.is::<Panic>());
                    heard.borrow_mut().push("failed");
                    Ok(None)
                });
        }
        fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
            assert!(reason.is::<ConnectionAborted>(), "{reason}");
            self.0.borrow_mut().push("lost");
            self.1.stop().unwrap();
        }
    }
    let (reactor, heard) = (Reactor::new(), Rc::<RefCell<Vec<_>>>::default());
    let (ours, _theirs) = tokio::io::duplex(3000);
    reactor.serve(ours, Serve(heard.clone(), reactor.clone()));
    reactor.run().unwrap();
    assert_eq!(*heard.borrow(), ["failed", "lost"]);
}

/// A pipe of Tokio's is read while the reactor runs, and sent over a real
/// connection; the transform is asked once a chunk.
#[test]
fn what_is_read_asynchronously_arrives_whole() {
    struct Serve(RefCell<Option<tokio::io::DuplexStream>>);
    impl Protocol for Serve {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            let done = transport.me();
            FileSender::from_async(self.0.take().unwrap())
                .transform(|chunk| chunk.iter().map(|byte| byte ^ 1).collect())
                .begin_file_transfer(transport)
                .add_callback(|last| assert_eq!(last, Some(b'x' ^ 1)))
                .add_both(move |_| done.lose_connection());
        }
    }
    let reactor = Reactor::new();
    let (mut writes, reads) = tokio::io::duplex(1000);
    let (ours, mut theirs) = tokio::io::duplex(3000);
    reactor.serve(ours, Serve(RefCell::new(Some(reads))));
    let heard = Rc::new(RefCell::new(Vec::new()));
    let (hears, stop) = (Rc::clone(&heard), reactor.clone());
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            tokio::io::AsyncWriteExt::write_all(&mut writes, &[b'x'; 100_000]).await.unwrap();
        });
        tokio::task::spawn_local(async move {
            let mut bytes = Vec::new();
            theirs.read_to_end(&mut bytes).await.unwrap();
            hears.replace(bytes);
            stop.stop().unwrap();
        });
    });
    reactor.run().unwrap();
    assert_eq!(heard.take(), [b'x' ^ 1; 100_000]);
}
