//! What was read in advance when a connection turns to TLS, or to another layer:
//! nothing of it comes out later, as if the layer had protected it.
//!
//! Each buffer there is, with each way of turning to TLS.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use crate::support::plain_stream::Plain;
use crate::support::{Event, Log, Recorder, drive, until};
use deferred::Failure;
use deferred::testing::{failure_result_of, success_result_of};
use futures::FutureExt;
use reactor_compat::testing::{MemoryReactor, Pair};
use reactor_compat::tls::{
    ClientOptions, Identity, ServerOptions, TlsError, TlsOptions, TlsStream, TrustRoots,
};
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionEnded, ConnectionGone, ConnectionStream, Layer,
    LayerIo, Layered, Protocol, ProtocolSwitch, Reactor, StreamProtocol, Transport,
    UnprotectedData, async_factory,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server that is its own authority, and a client that knows it.
fn options() -> (ServerOptions, ClientOptions) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Identity::from_pem(&certificate, key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    (server, ClientOptions::new("localhost").unwrap().trust_roots(roots))
}

/// A way to turn to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Server,
    Client,
    /// By a stream of one's own making, which is TLS.
    Pushed,
}

const TURNS: [Turn; 3] = [Turn::Server, Turn::Client, Turn::Pushed];

fn turn(transport: &Transport, turn: Turn) {
    let (server, client) = options();
    match turn {
        Turn::Server => transport.start_tls(server).unwrap(),
        Turn::Client => transport.start_tls(client).unwrap(),
        Turn::Pushed => {
            let options = TlsOptions::from(server);
            transport.push_stream(|below| TlsStream::new(below, options).unwrap()).unwrap();
        }
    }
}

/// Two ends in memory; the second one is our own.
fn meet<P: Protocol>(protocol: P) -> Pair<Recorder, P> {
    MemoryReactor::new().connect(Recorder::default(), protocol)
}

fn send(pair: &Pair<Recorder, impl Protocol>, data: &[u8]) {
    pair.server().write(data);
    pair.flush().unwrap();
}

/// It has ended with so many bytes that came unprotected.
fn refused(pair: &Pair<Recorder, impl Protocol>, bytes: usize, what: impl std::fmt::Debug) {
    pair.flush().unwrap();
    let reason = pair.client().reason().unwrap_or_else(|| panic!("{what:?}: it lives"));
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes }), "{what:?}: {reason}");
}

fn read(stream: &mut ConnectionStream, room: usize) -> Option<std::io::Result<Vec<u8>>> {
    let mut buffer = vec![0; room];
    let read = stream.read(&mut buffer).now_or_never()?;
    Some(read.map(|count| buffer[..count].to_vec()))
}

/// The next thing that it reads is the error that says what there was.
fn reads_the_refusal(stream: &mut ConnectionStream, bytes: usize) {
    let error = read(stream, 64).expect("it does not wait").unwrap_err();
    let reason = ConnectionEnded::of(&error).unwrap().reason().clone();
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes }));
}

fn take(pair: &Pair<Recorder, StreamProtocol>) -> ConnectionStream {
    success_result_of(ConnectionStream::of(pair.client().connection().clone()))
}

// ----- a ConnectionStream -----

#[test]
fn what_a_stream_holds_never_comes_out() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        let mut stream = take(&pair);
        send(&pair, b"ready\r\nbehind");
        assert_eq!(read(&mut stream, 7).unwrap().unwrap(), b"ready\r\n");
        turn(stream.transport(), way);
        assert!(read(&mut stream, 64).is_none(), "{way:?}");
        refused(&pair, 6, way);
        reads_the_refusal(&mut stream, 6);
        assert!(stream.write(b"x").now_or_never().unwrap().is_err());
    }
}

#[test]
fn a_stream_that_holds_so_much_that_it_reads_no_more() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        let mut stream = take(&pair);
        send(&pair, &vec![b'x'; 300_000]);
        let held = 300_000 - pair.server().unsent();
        assert!(stream.transport().paused());
        turn(stream.transport(), way);
        pair.flush().unwrap();
        let reason = pair.client().reason().expect("it should have ended");
        let unprotected = reason.check::<UnprotectedData>().unwrap();
        assert!((64 * 1024..=held).contains(&unprotected.bytes), "{way:?}: {unprotected}");
        reads_the_refusal(&mut stream, unprotected.bytes);
    }
}

#[test]
fn a_stream_that_nobody_has_taken_yet() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        send(&pair, b"behind");
        turn(pair.client(), way);
        let mut stream = take(&pair);
        refused(&pair, 6, way);
        reads_the_refusal(&mut stream, 6);

        let pair = meet(StreamProtocol::new());
        send(&pair, b"behind");
        turn(pair.client(), way);
        refused(&pair, 6, way);
        let late = ConnectionStream::of(pair.client().connection().clone());
        assert!(failure_result_of(late).is::<ConnectionGone>());
    }
}

#[test]
fn a_read_that_waits_hears_of_the_end() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        let stream = take(&pair);
        let transport = stream.transport().clone();
        let (mut reader, _writer) = tokio::io::split(stream);
        let mut room = [0; 64];
        let mut reading = pin!(reader.read(&mut room));
        assert!(reading.as_mut().now_or_never().is_none());
        turn(&transport, way);
        // It is in the kernel, or comes while the handshake runs.
        send(&pair, b"this is no TLS, and never will be");
        let error = reading.now_or_never().expect("it does not wait").unwrap_err();
        let reason = ConnectionEnded::of(&error).unwrap().reason().clone();
        assert!(reason.is::<TlsError>(), "{way:?}: {reason}");
    }
}

#[test]
fn what_is_still_on_its_way_is_no_tls() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        let mut stream = take(&pair);
        // Written, and not come yet.
        pair.server().write("behind, and long enough to be a record");
        turn(stream.transport(), way);
        pair.flush().unwrap();
        let reason = pair.client().reason().expect("it should have ended");
        assert!(reason.is::<TlsError>(), "{way:?}: {reason}");
        assert!(read(&mut stream, 64).unwrap().is_err());
    }
}

#[test]
fn what_comes_while_all_is_not_sent_yet() {
    for way in TURNS {
        let pair = meet(StreamProtocol::new());
        let stream = take(&pair);
        send(&pair, b"behind");
        // The layer is put in when this has gone out.
        stream.transport().write(vec![b'x'; 1_000_000]);
        turn(stream.transport(), way);
        refused(&pair, 6, way);
    }
}

#[test]
fn a_stream_that_holds_nothing_turns_to_tls() {
    let pair = MemoryReactor::new().connect(StreamProtocol::new(), StreamProtocol::new());
    let [mut ours, mut theirs] = [pair.server().connection(), pair.client().connection()]
        .map(|connection| success_result_of(ConnectionStream::of(connection.clone())));
    assert!(ours.write_all(b"ready").now_or_never().unwrap().is_ok());
    pair.flush().unwrap();
    assert_eq!(read(&mut theirs, 64).unwrap().unwrap(), b"ready");
    let (server, client) = options();
    ours.transport().start_tls(server).unwrap();
    theirs.transport().start_tls(client).unwrap();
    assert!(ours.write_all(b"secret").now_or_never().unwrap().is_ok());
    pair.flush().unwrap();
    assert!(theirs.transport().is_secure());
    assert_eq!(read(&mut theirs, 64).unwrap().unwrap(), b"secret");
}

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

#[test]
fn a_layer_gets_what_a_stream_holds() {
    for count in [20, 200_000] {
        let pair = meet(StreamProtocol::new());
        let mut stream = take(&pair);
        send(&pair, &[&b"plain"[..], &vec![b'x'; count]].concat());
        assert_eq!(read(&mut stream, 5).unwrap().unwrap(), b"plain");
        stream.transport().push_layer(SwapCase).unwrap();
        let mut all = Vec::new();
        while all.len() < count {
            pair.flush().unwrap();
            all.extend(read(&mut stream, 9_999).expect("it stands still").unwrap());
        }
        assert!(all == vec![b'X'; count]);
    }
}

// ----- an AnyProtocol -----

#[test]
fn what_an_any_protocol_holds_while_it_is_paused() {
    for way in TURNS {
        let heard = Log::default();
        let any = AnyProtocol::new(Recorder::new(&heard).made(|transport, ()| {
            transport.pause_producing();
        }));
        let pair = meet(any.with_unread("behind"));
        turn(pair.client(), way);
        pair.client().resume_producing();
        refused(&pair, 6, way);
        assert_eq!(heard.data(), b"");
    }
}

#[test]
fn what_an_any_protocol_chooses_by() {
    for way in TURNS {
        // From outside, and from inside of the choice.
        let pair = meet(AnyProtocol::choose(|_, _| None));
        send(&pair, b"behind");
        turn(pair.client(), way);
        refused(&pair, 6, way);

        let heard = Log::default();
        let chosen = heard.clone();
        let pair = meet(AnyProtocol::choose(move |transport, _| {
            turn(transport, way);
            Some(AnyProtocol::new(Recorder::new(&chosen)))
        }));
        send(&pair, b"behind");
        refused(&pair, 6, way);
        assert_eq!(heard.data(), b"");
    }
}

/// Turns to TLS at the first data, and has another take over, before or after.
struct Upgrade {
    switch: ProtocolSwitch,
    heard: Log,
    way: Turn,
    first: First,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Tls,
    Switch,
    /// It is the other one that turns to TLS, as soon as it is there.
    Other,
}

impl Protocol for Upgrade {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let (way, first) = (self.way, self.first);
        if first == First::Tls {
            turn(transport, way);
        }
        let next = Recorder::new(&self.heard).made(move |transport, ()| {
            if first == First::Other {
                turn(transport, way);
            }
        });
        self.switch.switch_to(next, &data[2..]).unwrap();
        if first == First::Switch {
            turn(transport, way);
        }
    }
}

#[test]
fn what_a_protocol_is_to_take_over_with() {
    for way in TURNS {
        for first in [First::Tls, First::Switch, First::Other] {
            let heard = Log::default();
            let next = heard.clone();
            let pair = meet(AnyProtocol::with_switch(move |switch| Upgrade {
                switch,
                heard: next,
                way,
                first,
            }));
            send(&pair, b"GObehind");
            refused(&pair, 6, (way, first));
            assert_eq!(heard.data(), b"");
        }
    }
}

#[test]
fn a_layer_gets_what_was_held_in_its_order() {
    let heard = Log::default();
    let next = heard.clone();
    /// Pushes a layer, and gives it back what comes behind the command.
    struct Push(ProtocolSwitch, Log);
    impl Protocol for Push {
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            transport.push_layer(SwapCase).unwrap();
            self.0.switch_to(Recorder::new(&self.1), &data[2..]).unwrap();
        }
    }
    let pair = meet(AnyProtocol::with_switch(|switch| Push(switch, next)).with_unread("GOfirst"));
    send(&pair, b"second");
    assert_eq!(heard.data(), b"FIRSTSECOND");
}

// ----- what is below the protocol -----

/// Delivers what it gets only when more than `0` bytes have come, all at once.
struct Hoard(Vec<u8>);

impl Layer for Hoard {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        self.0.extend_from_slice(data);
        if self.0.len() >= 100_000 {
            io.deliver(&std::mem::take(&mut self.0));
        }
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

#[test]
fn what_a_layer_below_holds_is_no_tls() {
    for way in TURNS {
        let heard = Log::default();
        let ours = Recorder::new(&heard)
            .made(|transport, ()| transport.push_layer(Hoard(Vec::new())).unwrap())
            .data(move |transport, _| turn(transport, way));
        let pair = meet(ours);
        send(&pair, &vec![b'x'; 100_000]);
        let reason = pair.client().reason().expect("it should have ended");
        assert!(reason.is::<TlsError>(), "{way:?}: {reason}");
        let before = heard.data().len();
        assert!(before < 100_000, "what was given before is all that came out: {before}");
    }
}

#[test]
fn what_a_served_stream_holds_is_no_tls() {
    for way in TURNS {
        let reactor = MemoryReactor::new();
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let heard = Log::default();
        let ours = Recorder::new(&heard).data(move |transport, _| turn(transport, way));
        let stream = Layered::new(Plain(near), Hoard(Vec::new()));
        let connection = reactor.serve_stream(stream, ours);
        for _ in 0..2 {
            let written = far.write_all(&vec![b'x'; 50_000]).now_or_never();
            assert!(written.unwrap().is_ok());
            reactor.settle().unwrap();
        }
        assert!(connection.gone(), "{way:?}: it lives");
        let ended = heard.end();
        assert!(matches!(ended, Some(Event::Other(_))), "{way:?}: {ended:?}");
        assert!(heard.data().len() < 100_000);
    }
}

// ----- over sockets -----

/// A server reads a command, turns to TLS, and reads on; the client, a plain socket,
/// sends more behind the command.
#[test]
fn a_stream_over_a_socket() {
    type Ends = Rc<RefCell<Option<Failure>>>;
    async fn serve(mut stream: ConnectionStream, options: ServerOptions, end: Ends) {
        let mut command = [0; 4];
        stream.read_exact(&mut command).await.unwrap();
        assert_eq!(&command, b"TLS\n");
        stream.write_all(b"go\n").await.unwrap();
        stream.transport().start_tls(options).unwrap();
        let error = stream.read(&mut [0; 64]).await.unwrap_err();
        end.replace(ConnectionEnded::of(&error).map(|ended| ended.reason().clone()));
    }
    drive(|reactor: Reactor| async move {
        let (options, _) = options();
        let end = Ends::default();
        let place = end.clone();
        let port = reactor
            .listen_tcp(
                ("127.0.0.1", 0),
                async_factory(move |stream, _: Address| {
                    serve(stream, options.clone(), place.clone())
                }),
            )
            .unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"TLS\nMAIL FROM: <mallory>\n").await.unwrap();
        until(|| end.borrow().is_some()).await;
        assert_eq!(end.take().unwrap().check(), Some(&UnprotectedData { bytes: 21 }));
        let mut said = Vec::new();
        // It may be reset, for what it sent was not read.
        let _ = client.read_to_end(&mut said).await;
        assert!(b"go\n".starts_with(&said[..said.len().min(3)]) && said.len() <= 3);
    });
}

// ----- a protocol that keeps a part of a message -----

/// Keeps what comes, and gives it back to a layer.
#[derive(Default)]
struct Keeps {
    kept: Vec<u8>,
    pushed: usize,
    panics: bool,
}

impl Protocol for Keeps {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.kept.extend_from_slice(data);
    }

    fn layer_pushed(&mut self, transport: &Connection<Self>) {
        assert!(!self.panics, "as it was told");
        assert!(transport.switching());
        self.pushed += 1;
        transport.unread(&std::mem::take(&mut self.kept));
    }
}

/// Notes what it gets, and hands it on.
#[derive(Clone, Default)]
struct Note(Rc<RefCell<Vec<u8>>>);

impl Layer for Note {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        self.0.borrow_mut().extend_from_slice(data);
        io.deliver(&[data, b"!"].concat());
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

#[test]
fn a_protocol_hears_of_each_layer_and_gives_it_what_it_keeps() {
    let pair = meet(Keeps::default());
    send(&pair, b"part");
    let notes = [Note::default(), Note::default()];
    for note in &notes {
        pair.client().push_layer(note.clone()).unwrap();
    }
    send(&pair, b" of it");
    assert_eq!(*notes[0].0.borrow(), b"part of it");
    assert_eq!(*notes[1].0.borrow(), b"part! of it!");
    let heard = pair.client().inspect(|this| (this.pushed, this.kept.clone()));
    assert_eq!(heard, Some((2, b"part!! of it!!".to_vec())));
}

#[test]
fn what_a_protocol_keeps_is_refused_by_tls() {
    for way in TURNS {
        let pair = meet(Keeps::default());
        send(&pair, b"part");
        turn(pair.client(), way);
        refused(&pair, 4, way);
        // While it is closing as well.
        let pair = meet(Keeps::default());
        send(&pair, b"part");
        turn(pair.client(), way);
        pair.client().lose_connection();
        refused(&pair, 4, way);
    }
}

#[test]
fn a_protocol_that_panics_over_a_layer_ends_its_connection() {
    let errors = reactor_compat::log::LogCapture::start();
    let pair = meet(Keeps { panics: true, ..Keeps::default() });
    pair.client().push_layer(Note::default()).unwrap();
    pair.flush().unwrap();
    assert!(pair.client().reason().unwrap().is::<deferred::Panic>());
    assert_eq!(errors.flush_logged_errors::<deferred::Panic>().len(), 1);
}
