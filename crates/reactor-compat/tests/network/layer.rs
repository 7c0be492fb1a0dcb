//! Layers under a protocol, and over streams.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::plain_stream::Plain;
use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::{Failure, Panic};
use reactor_compat::testing::{MemoryReactor, connect};
use reactor_compat::{
    Address, Connection, ConnectionDone, Layer, LayerIo, LayerTimeout, Layered, Protocol,
    PushLayerError, UnprotectedData,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Turns small letters into large ones, and the other way round.
struct SwapCase;

fn swap(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| byte ^ (u8::from(byte.is_ascii_alphabetic()) << 5)).collect()
}

impl Layer for SwapCase {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.deliver(&swap(data));
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(&swap(data));
    }
}

/// Telnet's escape: a byte of 255 is sent twice.
#[derive(Default)]
struct Escape {
    half: bool,
}

impl Layer for Escape {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        for byte in data {
            self.half = *byte == 255 && !self.half;
            if !self.half {
                io.deliver(&[*byte]);
            }
        }
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        for piece in data.split_inclusive(|byte| *byte == 255) {
            io.write(piece);
            if piece.ends_with(&[255]) {
                io.write(&[255]);
            }
        }
    }
}

/// Reads a line that says who the peer is, before anything else.
#[derive(Default)]
struct Header {
    line: Vec<u8>,
    open: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct BadHeader;

impl std::fmt::Display for BadHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("that is no header")
    }
}

impl std::error::Error for BadHeader {}

impl Layer for Header {
    fn opens(&self) -> bool {
        true
    }

    fn begin(&mut self, io: &mut LayerIo<'_>) {
        io.set_timeout(Duration::from_secs(10));
    }

    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        if self.open {
            return io.deliver(data);
        }
        self.line.extend_from_slice(data);
        let Some(end) = self.line.iter().position(|byte| *byte == b'\n') else { return };
        let address =
            std::str::from_utf8(&self.line[..end]).ok().and_then(|text| text.parse().ok());
        let Some(address) = address else { return io.fail(Failure::new(BadHeader)) };
        io.set_peer(Address::Tcp(address));
        io.deliver(&self.line[end + 1..]);
        self.open = true;
        io.open();
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

/// Asks a proxy for leave first.
#[derive(Default)]
struct Ask {
    granted: bool,
}

impl Layer for Ask {
    fn opens(&self) -> bool {
        true
    }

    fn begin(&mut self, io: &mut LayerIo<'_>) {
        io.write(b"?");
    }

    fn receive(&mut self, io: &mut LayerIo<'_>, mut data: &[u8]) {
        if !self.granted {
            match data.split_first() {
                Some((b'+', rest)) => data = rest,
                _ => return io.fail(std::io::Error::other("the proxy said no")),
            }
            self.granted = true;
            io.open();
        }
        io.deliver(data);
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

fn all_bytes() -> Vec<u8> {
    (0..=255).cycle().take(100_000).collect()
}

#[test]
fn a_layer_swaps_case_on_the_wire_and_back() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let address = listen(&reactor, move |_: Address| {
            Recorder::echo(&seen).made(|me, ()| me.push_layer(SwapCase).unwrap())
        });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"Hello").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(log.data(), b"hELLO");
        assert_eq!(&answer, b"Hello", "it is swapped on its way back as well");
        stream.shutdown().await.unwrap();
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn an_escape_byte_is_doubled_and_all_arrives() {
    let (ours, theirs) = (Log::default(), Log::default());
    let end =
        |log: &Log| Recorder::new(log).made(|me, ()| me.push_layer(Escape::default()).unwrap());
    let pair = connect(end(&ours), end(&theirs));
    pair.client().write(all_bytes());
    pair.flush().unwrap();
    assert!(ours.data() == all_bytes());
    pair.server().write([255, 255, 254]);
    pair.flush_bytes(1).unwrap();
    assert_eq!(theirs.data(), [255, 255, 254]);
}

/// What was written before goes as it is, though it is sent after the push.
#[test]
fn a_layer_takes_what_is_written_after_it_and_nothing_before() {
    let (ours, theirs) = (Log::default(), Log::default());
    let server = Recorder::new(&ours).made(|me, ()| {
        me.write("before ");
        me.push_layer(SwapCase).unwrap();
        me.write("after ");
        me.push_layer(Escape::default()).unwrap();
        me.write(b"\xff");
    });
    let pair = connect(server, Recorder::new(&theirs));
    assert!(pair.server().connected() && !pair.server().switching());
    pair.flush().unwrap();
    assert_eq!(theirs.data(), b"before AFTER \xff\xff");
}

#[test]
fn layers_are_stacked_with_the_last_one_next_to_the_protocol() {
    let (ours, theirs) = (Log::default(), Log::default());
    /// Puts its letter in front of what is written.
    struct Mark(u8);
    impl Layer for Mark {
        fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            io.deliver(data);
        }
        fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            io.write(&[&[self.0], data].concat());
        }
    }
    let server = Recorder::new(&ours).made(|me, ()| {
        for letter in *b"abc" {
            me.push_layer(Mark(letter)).unwrap();
        }
        me.write("!");
    });
    let pair = connect(server, Recorder::new(&theirs));
    pair.flush().unwrap();
    assert_eq!(theirs.data(), b"abc!");
}

#[test]
fn a_header_is_read_before_there_is_data() {
    let (ours, theirs) = (Log::default(), Log::default());
    let server = Recorder::new(&ours).made(|me, ()| {
        me.push_layer(Header::default()).unwrap();
        me.write("welcome");
    });
    let pair = connect(server, Recorder::new(&theirs));
    pair.client().write("192.0.2.7:1\n");
    assert!(pair.server().switching());
    pair.flush().unwrap();
    assert!(!pair.server().switching());
    pair.client().write("hello");
    pair.flush().unwrap();
    assert_eq!((ours.data(), theirs.data()), (b"hello".to_vec(), b"welcome".to_vec()));
}

#[test]
fn what_comes_behind_the_header_is_not_lost() {
    for piece in [1, 3, 100] {
        let ours = Log::default();
        let server = Recorder::new(&ours).made(|me, ()| me.push_layer(Header::default()).unwrap());
        let pair = connect(server, Recorder::default());
        pair.client().write("192.0.2.7:1\nhello");
        pair.client().lose_connection();
        pair.flush_bytes(piece).unwrap();
        assert_eq!(ours.data(), b"hello", "{piece} bytes at a time");
        assert_eq!(ours.end(), Some(Event::Done));
    }
}

#[test]
fn a_bad_header_ends_the_connection_by_name() {
    let pair = connect(
        Recorder::default().made(|me, ()| me.push_layer(Header::default()).unwrap()),
        Recorder::default(),
    );
    pair.client().write("nonsense\n");
    pair.flush().unwrap();
    assert!(pair.server().reason().unwrap().is::<BadHeader>());
}

#[test]
fn a_header_that_does_not_come_in_time_ends_the_connection_by_name() {
    let pair = connect(
        Recorder::default().made(|me, ()| me.push_layer(Header::default()).unwrap()),
        Recorder::default(),
    );
    pair.client().write("192.0.");
    pair.flush().unwrap();
    pair.advance(Duration::from_secs(9)).unwrap();
    assert!(pair.server().reason().is_none());
    pair.advance(Duration::from_secs(2)).unwrap();
    assert!(pair.server().reason().unwrap().is::<LayerTimeout>());
}

#[test]
fn a_peer_that_goes_before_the_layer_is_open_ends_it() {
    let pair = connect(
        Recorder::default().made(|me, ()| me.push_layer(Header::default()).unwrap()),
        Recorder::default(),
    );
    pair.client().lose_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().is_some());
}

#[test]
fn a_conversation_comes_before_the_protocols() {
    drive(|reactor| async move {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let log = Log::default();
        let seen = log.clone();
        let client = move |_: Address| {
            Recorder::new(&seen).made(|me, ()| {
                me.push_layer(Ask::default()).unwrap();
                me.write("for the server");
            })
        };
        reactor.connect_tcp(proxy.local_addr().unwrap(), client);
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut asked = [0; 1];
        stream.read_exact(&mut asked).await.unwrap();
        turns(20).await;
        let nothing = stream.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock, "it has no leave yet");
        stream.write_all(b"+from the server").await.unwrap();
        let mut heard = [0; 14];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"for the server");
        until(|| log.data() == b"from the server").await;
        drop(stream);
        assert_eq!(log.ended().await, Event::Done);
    });
}

/// A stream with a layer over it is a stream, which can be given to a protocol.
#[test]
fn a_layered_stream_knows_its_peer_when_it_is_open() {
    use reactor_compat::Stream;
    use std::future::poll_fn;

    drive(|_| async move {
        let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
        let mut stream = Layered::new(Plain(ours), Header::default());
        theirs.write_all(b"192.0.2.7:1\nhello").await.unwrap();
        poll_fn(|cx| stream.poll_open(cx)).await.unwrap();
        assert_eq!(stream.get_peer(), Address::Tcp("192.0.2.7:1".parse().unwrap()));
        assert_eq!(stream.get_host(), Address::Pipe);
        let mut rest = [0; 5];
        stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"hello");
    });
}

#[test]
fn the_layer_gets_what_was_read_beyond_the_push() {
    let ours = Log::default();
    /// Swaps case from a full stop on.
    struct Switch(Log);
    impl Protocol for Switch {
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            if let Some(at) = data.iter().position(|byte| *byte == b'.') {
                transport.push_layer(SwapCase).unwrap();
                transport.unread(&data[at + 1..]);
                self.0.push(Event::Data(data[..at].to_vec()));
            } else {
                self.0.push(Event::Data(data.to_vec()));
            }
        }
    }
    let pair = connect(Switch(ours.clone()), Recorder::default());
    pair.client().write("plain.SWAPPED");
    pair.flush().unwrap();
    pair.client().write(" Too");
    pair.flush().unwrap();
    assert_eq!(ours.data(), b"plainswapped tOO");
}

#[test]
fn what_is_given_back_with_nobody_to_take_it_ends_the_connection() {
    let pair = connect(Recorder::default(), Recorder::default());
    pair.server().unread(b"left over");
    pair.flush().unwrap();
    let reason = pair.server().reason().unwrap();
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes: 9 }));
}

#[test]
fn a_panic_in_a_layer_ends_its_connection_and_no_other() {
    struct Bomb(&'static str);
    impl Layer for Bomb {
        fn begin(&mut self, _: &mut LayerIo<'_>) {
            assert_ne!(self.0, "begin", "boom");
        }
        fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            assert_ne!(self.0, "receive", "boom");
            io.deliver(data);
        }
        fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            assert_ne!(self.0, "send", "boom");
            io.write(data);
        }
        fn ended(&mut self, io: &mut LayerIo<'_>) {
            assert_ne!(self.0, "ended", "boom");
            io.end();
        }
    }
    for place in ["begin", "receive", "send", "ended"] {
        let reactor = MemoryReactor::new();
        let other = reactor.connect(Recorder::default(), Recorder::default());
        let server = Recorder::default().made(move |me, ()| me.push_layer(Bomb(place)).unwrap());
        let pair = reactor.connect(server, Recorder::default());
        pair.client().write("x");
        reactor.flush().unwrap();
        pair.server().write("x");
        reactor.flush().unwrap();
        pair.client().lose_write_connection();
        reactor.flush().unwrap();
        let reason = pair.server().reason().unwrap_or_else(|| panic!("{place}: it lives"));
        assert!(reason.is::<Panic>(), "{place}: {reason}");
        assert!(other.server().connected());
    }
}

#[test]
fn a_layer_may_write_to_its_own_transport_and_others() {
    struct Copy {
        own: reactor_compat::Transport,
        other: reactor_compat::Transport,
    }
    impl Layer for Copy {
        fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            self.own.write("own ");
            self.other.write("other ");
            io.deliver(data);
        }
        fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            io.write(data);
        }
    }
    let reactor = MemoryReactor::new();
    let heard = Log::default();
    let third = reactor.connect(Recorder::default(), Recorder::new(&heard));
    let other = third.server().connection().transport().clone();
    let client = Log::default();
    let server = Recorder::echo(&Log::default()).made(move |me, ()| {
        let own = me.transport().clone();
        me.push_layer(Copy { own, other: other.clone() }).unwrap();
    });
    let pair = reactor.connect(server, Recorder::new(&client));
    pair.client().write("x");
    reactor.flush().unwrap();
    assert_eq!((client.data(), heard.data()), (b"own x".to_vec(), b"other ".to_vec()));
}

#[test]
fn a_layer_that_is_not_ready_holds_the_writer_back() {
    /// Sends no more than it has leave for: a byte for each that comes.
    struct Credit(Rc<Cell<usize>>);
    impl Layer for Credit {
        fn receive(&mut self, _: &mut LayerIo<'_>, data: &[u8]) {
            self.0.set(self.0.get() + data.len());
        }
        fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            self.0.set(self.0.get().saturating_sub(data.len()));
            io.write(data);
        }
        fn ready(&self) -> bool {
            self.0.get() > 0
        }
    }
    let heard = Log::default();
    let credit = Rc::new(Cell::new(0));
    let inner = credit.clone();
    let server = Recorder::default().made(move |me, ()| {
        me.push_layer(Credit(inner.clone())).unwrap();
    });
    let pair = connect(server, Recorder::new(&heard));
    pair.server().write("one");
    pair.flush().unwrap();
    assert_eq!((heard.data(), pair.server().unsent()), (Vec::new(), 3));
    pair.client().write("+++");
    pair.flush().unwrap();
    assert_eq!((heard.data(), pair.server().unsent()), (b"one".to_vec(), 0));
}

#[test]
fn a_layer_has_the_last_word_at_each_end() {
    struct Bye(Rc<RefCell<Vec<&'static str>>>);
    impl Layer for Bye {
        fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            io.deliver(data);
        }
        fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
            io.write(data);
        }
        fn ended(&mut self, io: &mut LayerIo<'_>) {
            self.0.borrow_mut().push("ended");
            io.deliver(b"(ended)");
            io.end();
        }
        fn finish(&mut self, io: &mut LayerIo<'_>) {
            self.0.borrow_mut().push("finish");
            io.write(b"(bye)");
        }
    }
    let told = Rc::new(RefCell::new(Vec::new()));
    let (ours, theirs) = (Log::default(), Log::default());
    let inner = told.clone();
    let server = Recorder::new(&ours).made(move |me, ()| {
        me.push_layer(Bye(inner.clone())).unwrap();
    });
    let pair = connect(server, Recorder::new(&theirs));
    pair.client().write("x");
    pair.client().lose_write_connection();
    pair.flush().unwrap();
    assert_eq!(*told.borrow(), ["ended", "finish"]);
    assert_eq!((ours.data(), theirs.data()), (b"x(ended)".to_vec(), b"(bye)".to_vec()));
    assert!(pair.server().reason().unwrap().is::<ConnectionDone>());
}

#[test]
fn a_connection_that_closes_takes_no_layer() {
    let pair = connect(Recorder::default(), Recorder::default());
    pair.server().lose_connection();
    assert_eq!(pair.server().push_layer(SwapCase), Err(PushLayerError::NotConnected));
    let pair = connect(Recorder::default(), Recorder::default());
    for _ in 0..16 {
        pair.client().push_layer(SwapCase).unwrap();
    }
    assert_eq!(pair.client().push_layer(SwapCase), Err(PushLayerError::TooMany));
}

/// A close, an abort and a stop of a connection whose layer is being put in, or
/// is not open yet, come to their end.
#[test]
fn a_connection_can_end_while_its_layer_opens() {
    type Act = fn(&reactor_compat::Transport);
    let acts: [(Act, &str); 2] = [
        (|transport| transport.lose_connection(), "lose"),
        (|transport| transport.abort_connection(), "abort"),
    ];
    for (act, name) in acts {
        for unsent in [0, 200_000] {
            let server = Recorder::default().made(move |me, ()| {
                me.write(vec![b'x'; unsent]);
                me.push_layer(Header::default()).unwrap();
                me.write("never sent");
            });
            let pair = connect(server, Recorder::default());
            act(pair.server());
            pair.flush().unwrap();
            pair.advance(Duration::from_secs(60)).unwrap();
            pair.flush().unwrap();
            let reason = pair.server().reason();
            assert!(reason.is_some(), "{name} with {unsent} bytes unsent: it lives");
        }
    }
}
