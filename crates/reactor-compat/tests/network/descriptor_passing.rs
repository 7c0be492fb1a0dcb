//! Descriptors that are sent and received over UNIX connections.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{IoSlice, IoSliceMut, PipeReader, PipeWriter, Read, Seek, Write, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::Failure;
use reactor_compat::{
    Address, Connection, FileDescriptorOverrun, Producer, ProducerKind, Protocol, Reactor,
    SendDescriptorError, Transport,
};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// What came, in the order in which it came.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Descriptor,
    Data(Vec<u8>),
}

#[derive(Clone, Default)]
struct Inbox {
    came: Rc<RefCell<Vec<Came>>>,
    descriptors: Rc<RefCell<Vec<OwnedFd>>>,
    lost: Rc<RefCell<Option<Failure>>>,
}

/// Takes descriptors.
struct Receiver(Inbox);

impl Protocol for Receiver {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn file_descriptor_received(&mut self, _: &Connection<Self>, descriptor: OwnedFd) {
        self.0.came.borrow_mut().push(Came::Descriptor);
        self.0.descriptors.borrow_mut().push(descriptor);
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        let mut came = self.0.came.borrow_mut();
        match came.last_mut() {
            Some(Came::Data(before)) => before.extend(data),
            _ => came.push(Came::Data(data.to_vec())),
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.0.lost.replace(Some(reason));
    }
}

impl Inbox {
    fn data(&self) -> Vec<u8> {
        let data = |came: &Came| match came {
            Came::Data(data) => data.clone(),
            Came::Descriptor => Vec::new(),
        };
        self.came.borrow().iter().flat_map(data).collect()
    }
}

/// A connection of a [`Receiver`]; the other end is a plain
/// socket.
fn receiver(reactor: &Reactor) -> (UnixStream, Inbox, Transport) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let inbox = Inbox::default();
    let seen = inbox.clone();
    let connection =
        reactor.adopt_stream_connection(ours, move |_: Address| Receiver(seen.clone())).unwrap();
    (theirs, inbox, connection.transport().clone())
}

/// A connection whose end is not heard but in its log; the other end is a
/// plain socket.
fn sender(reactor: &Reactor, log: &Log) -> (UnixStream, Transport) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let seen = log.clone();
    let factory = move |_: Address| Recorder::new(&seen);
    let connection = reactor.adopt_stream_connection(ours, factory).unwrap();
    (theirs, connection.transport().clone())
}

/// Sends several descriptors in one message, as another program might.
fn send_raw(socket: &UnixStream, data: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    let sent = sendmsg(socket, &[IoSlice::new(data)], &mut control, SendFlags::empty()).unwrap();
    assert_eq!(sent, data.len());
}

/// Reads one message of a plain socket.
fn receive_raw(socket: &UnixStream) -> (Vec<u8>, Vec<OwnedFd>) {
    let mut data = vec![0; 1000];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(&mut data)];
    let count = recvmsg(socket, &mut room, &mut control, RecvFlags::empty()).unwrap().bytes;
    data.truncate(count);
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    (data, descriptors)
}

/// A pipe that both ends of a test can tell from all others: its reader sees
/// the end when all copies of the writer are closed.
fn marked_pipe() -> (PipeReader, PipeWriter) {
    pipe().unwrap()
}

#[test]
fn a_descriptor_arrives_and_is_of_the_same_file() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        let inbox = Inbox::default();
        let seen = inbox.clone();
        let there = reactor.clone();
        there.adopt_stream_connection(theirs, move |_: Address| Receiver(seen.clone())).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        transport.send_file_descriptor(file.try_clone().unwrap()).unwrap();
        transport.write("x");
        until(|| inbox.data() == b"x").await;
        assert_eq!(*inbox.came.borrow(), [Came::Descriptor, Came::Data(b"x".to_vec())]);
        let mut received = File::from(inbox.descriptors.take().remove(0));
        received.write_all(b"written there").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "written there");
    });
}

#[test]
fn each_descriptor_takes_a_message_with_a_byte_at_least() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        for _ in 0..3 {
            transport.send_file_descriptor(marked_pipe().0).unwrap();
        }
        transport.write("abcdef");
        until(|| transport.unsent() == 0).await;
        let messages: Vec<_> = (0..3)
            .map(|_| {
                let (data, descriptors) = receive_raw(&theirs);
                (String::from_utf8(data).unwrap(), descriptors.len())
            })
            .collect();
        let expected = [("a", 1), ("b", 1), ("cdef", 1)].map(|(data, n)| (data.to_owned(), n));
        assert_eq!(messages, expected);
    });
}

#[test]
fn descriptors_arrive_in_the_order_in_which_they_were_sent() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        let inbox = Inbox::default();
        let seen = inbox.clone();
        let there = reactor.clone();
        there.adopt_stream_connection(theirs, move |_: Address| Receiver(seen.clone())).unwrap();
        let (readers, writers): (Vec<_>, Vec<_>) = (0..50).map(|_| marked_pipe()).unzip();
        for writer in writers {
            transport.send_file_descriptor(writer).unwrap();
        }
        transport.write([b'.'; 50]);
        until(|| inbox.data().len() == 50).await;
        for (n, descriptor) in inbox.descriptors.take().into_iter().enumerate() {
            PipeWriter::from(descriptor).write_all(&[n as u8]).unwrap();
        }
        for (n, mut reader) in readers.into_iter().enumerate() {
            let mut number = Vec::new();
            reader.read_to_end(&mut number).unwrap();
            assert_eq!(number, [n as u8]);
        }
    });
}

#[test]
fn fewer_bytes_than_descriptors_end_the_connection() {
    drive(|reactor| async move {
        for (descriptors, data) in [(1, ""), (3, "ab")] {
            let log = Log::default();
            let (_theirs, transport) = sender(&reactor, &log);
            let (mut reader, writer) = marked_pipe();
            for _ in 0..descriptors {
                transport.send_file_descriptor(writer.try_clone().unwrap()).unwrap();
            }
            drop(writer);
            transport.write(data);
            let overrun = Event::Other(FileDescriptorOverrun.to_string());
            assert_eq!(log.ended().await, overrun);
            // All copies are closed.
            assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), 0);
        }
    });
}

#[test]
fn a_close_does_not_make_up_for_the_bytes() {
    drive(|reactor| async move {
        let log = Log::default();
        let (_theirs, transport) = sender(&reactor, &log);
        transport.send_file_descriptor(marked_pipe().0).unwrap();
        transport.lose_connection();
        assert_eq!(log.ended().await, Event::Other(FileDescriptorOverrun.to_string()));
    });
}

#[test]
fn a_close_sends_the_descriptors_first() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        transport.send_file_descriptor(marked_pipe().0).unwrap();
        transport.write("x");
        transport.lose_connection();
        until(|| transport.unsent() == 0).await;
        let (data, descriptors) = receive_raw(&theirs);
        assert_eq!((data.as_slice(), descriptors.len()), (&b"x"[..], 1));
    });
}

#[test]
fn what_is_not_of_unix_takes_no_descriptors() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let address = listen(&reactor, |_: Address| Recorder::default());
        let connector = reactor.connect_tcp(address, move |_: Address| Recorder::new(&seen));
        let connection = connector.when_connected().await.unwrap();
        let (mut reader, writer) = marked_pipe();
        let refused = connection.send_file_descriptor(writer);
        assert_eq!(refused, Err(SendDescriptorError::NotUnix));
        // It is closed, and the connection goes on.
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        connection.lose_connection();
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn a_connection_that_closes_or_is_lost_takes_no_descriptors() {
    drive(|reactor| async move {
        let log = Log::default();
        let (_theirs, transport) = sender(&reactor, &log);
        until(|| !log.events().is_empty()).await;
        transport.lose_connection();
        let refused = || transport.send_file_descriptor(marked_pipe().0);
        assert_eq!(refused(), Err(SendDescriptorError::Closing));
        transport.abort_connection();
        log.ended().await;
        assert_eq!(refused(), Err(SendDescriptorError::Closing));
    });
}

#[test]
fn no_more_descriptors_wait_than_are_allowed() {
    drive(|reactor| async move {
        let log = Log::default();
        let (_theirs, transport) = sender(&reactor, &log);
        transport.pause_sending();
        transport.write([b'.'; 300]);
        let (reader, _writer) = marked_pipe();
        let send = || transport.send_file_descriptor(reader.try_clone().unwrap());
        let taken = std::iter::repeat_with(send).take_while(Result::is_ok).take(1000).count();
        assert_eq!(taken, 256);
        assert_eq!(send(), Err(SendDescriptorError::Full));
    });
}

#[test]
fn several_descriptors_go_together_or_not_at_all() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        transport.pause_sending();
        transport.write([b'.'; 300]);
        let (mut reader, writer) = marked_pipe();
        let copies = |count: usize| -> Vec<OwnedFd> {
            (0..count).map(|_| writer.try_clone().unwrap().into()).collect()
        };
        assert_eq!(transport.send_file_descriptors(copies(250)), Ok(()));
        assert_eq!(transport.send_file_descriptors(copies(7)), Err(SendDescriptorError::Full));
        assert_eq!(transport.send_file_descriptors(copies(6)), Ok(()));
        transport.resume_sending();
        until(|| transport.unsent() == 0).await;
        drop(writer);
        let received: usize = (0..256).map(|_| receive_raw(&theirs).1.len()).sum();
        assert_eq!(received, 256);
        // The copies that found no room are closed, as are those that came.
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_producer_is_held_up_when_many_descriptors_wait() {
    struct Told(Rc<Cell<Option<bool>>>);
    impl Producer for Told {
        fn pause_producing(&self) {
            self.0.set(Some(false));
        }
        fn resume_producing(&self) {
            self.0.set(Some(true));
        }
        fn stop_producing(&self) {}
    }
    drive(|reactor| async move {
        let log = Log::default();
        let (_theirs, transport) = sender(&reactor, &log);
        transport.pause_sending();
        let told = Rc::new(Cell::new(None));
        transport.register_producer(Told(told.clone()), ProducerKind::Push).unwrap();
        transport.write([b'.'; 100]);
        let mut sent = 0;
        while told.get().is_none() {
            transport.send_file_descriptor(marked_pipe().0).unwrap();
            sent += 1;
            assert!(sent <= 65, "it should have been held up by now");
        }
        assert_eq!((sent, told.get()), (64, Some(false)));
        transport.resume_sending();
        until(|| told.get() == Some(true)).await;
    });
}

#[test]
fn several_descriptors_may_come_in_one_message() {
    drive(|reactor| async move {
        let (theirs, inbox, _transport) = receiver(&reactor);
        let (reader, writer) = marked_pipe();
        send_raw(&theirs, b"x", &[reader.as_fd(), writer.as_fd(), reader.as_fd()]);
        until(|| inbox.data() == b"x").await;
        assert_eq!(inbox.descriptors.borrow().len(), 3);
        assert_eq!(inbox.came.borrow().last(), Some(&Came::Data(b"x".to_vec())));
    });
}

#[test]
fn as_many_as_a_message_can_carry_are_taken() {
    drive(|reactor| async move {
        let (theirs, inbox, _transport) = receiver(&reactor);
        let (reader, _writer) = marked_pipe();
        send_raw(&theirs, b"x", &[reader.as_fd(); 253]);
        until(|| inbox.data() == b"x").await;
        assert_eq!(inbox.descriptors.borrow().len(), 253);
    });
}

#[test]
fn what_comes_is_closed_when_another_program_starts() {
    drive(|reactor| async move {
        let (theirs, inbox, _transport) = receiver(&reactor);
        let (reader, _writer) = marked_pipe();
        send_raw(&theirs, b"x", &[reader.as_fd()]);
        until(|| inbox.data() == b"x").await;
        let flags = fcntl_getfd(&inbox.descriptors.borrow()[0]).unwrap();
        assert!(flags.contains(FdFlags::CLOEXEC));
    });
}

#[test]
fn data_without_descriptors_comes_to_a_receiver_as_to_any_other() {
    drive(|reactor| async move {
        let (mut theirs, inbox, transport) = receiver(&reactor);
        let all = vec![7; 300_000];
        let sent = all.clone();
        let writing = tokio::task::spawn_blocking(move || {
            theirs.write_all(&sent).unwrap();
            theirs
        });
        until(|| inbox.data().len() >= 300_000).await;
        assert_eq!(inbox.data(), all);
        let mut theirs = writing.await.unwrap();
        transport.write("all of it");
        until(|| transport.unsent() == 0).await;
        let mut answer = [0; 9];
        theirs.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"all of it");
        drop(theirs);
        until(|| inbox.lost.borrow().is_some()).await;
        assert!(inbox.lost.take().unwrap().is::<reactor_compat::ConnectionDone>());
        assert!(inbox.descriptors.borrow().is_empty());
    });
}

#[test]
fn descriptors_that_nobody_wants_are_closed() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, _transport) = sender(&reactor, &log);
        let (mut reader, writer) = marked_pipe();
        send_raw(&theirs, b"x", &[writer.as_fd()]);
        drop(writer);
        until(|| log.data() == b"x").await;
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    });
}

/// Says that it wants descriptors, and takes none.
struct Careless(Rc<Cell<bool>>);

impl Protocol for Careless {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
        self.0.set(true);
    }
}

#[test]
fn descriptors_that_are_wanted_and_not_taken_are_closed() {
    drive(|reactor| async move {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let heard = Rc::new(Cell::new(false));
        let seen = heard.clone();
        reactor.adopt_stream_connection(ours, move |_: Address| Careless(seen.clone())).unwrap();
        let (mut reader, writer) = marked_pipe();
        send_raw(&theirs, b"x", &[writer.as_fd()]);
        drop(writer);
        until(|| heard.get()).await;
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    });
}

/// Panics at the first descriptor, and counts what comes after it.
struct Panicking(Rc<Cell<usize>>);

impl Protocol for Panicking {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn file_descriptor_received(&mut self, _: &Connection<Self>, descriptor: OwnedFd) {
        self.0.set(self.0.get() + 1);
        drop(descriptor);
        panic!("at the first descriptor");
    }

    fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
        self.0.set(self.0.get() + 100);
    }
}

#[test]
fn a_panic_at_a_descriptor_ends_the_connection_and_closes_the_others() {
    let errors = reactor_compat::log::LogCapture::start();
    drive(|reactor| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let calls = Rc::new(Cell::new(0));
        let seen = calls.clone();
        let connection = reactor
            .adopt_stream_connection(ours, move |_: Address| Panicking(seen.clone()))
            .unwrap();
        let (mut reader, writer) = marked_pipe();
        send_raw(&theirs, b"x", &[writer.as_fd(); 3]);
        drop(writer);
        until(|| connection.gone()).await;
        assert_eq!(calls.get(), 1);
        turns(10).await;
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    });
    assert_eq!(errors.flush_logged_errors::<deferred::Panic>().len(), 1);
}

#[test]
fn descriptors_wait_with_their_bytes_for_a_peer_that_does_not_read() {
    drive(|reactor| async move {
        let log = Log::default();
        let (theirs, transport) = sender(&reactor, &log);
        // More than the kernel takes.
        transport.write(vec![b'.'; 4_000_000]);
        until(|| transport.unsent() < 4_000_000).await;
        turns(10).await;
        let stuck = transport.unsent();
        assert!(stuck > 0);
        let (mut reader, writer) = marked_pipe();
        transport.send_file_descriptor(writer).unwrap();
        turns(10).await;
        assert_eq!(transport.unsent(), stuck);
        let descriptors = tokio::task::spawn_blocking(move || {
            let mut descriptors = Vec::new();
            let mut read = 0;
            while read < 4_000_000 {
                let (data, came) = receive_raw(&theirs);
                read += data.len();
                descriptors.extend(came);
            }
            descriptors
        });
        let descriptor = descriptors.await.unwrap().pop().unwrap();
        PipeWriter::from(descriptor).write_all(b"through").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    });
}
