//! What a receiver holds when TLS, or another layer, is put under it.
//!
//! Plaintext behind the command that starts TLS may be anybody's: it ends the
//! connection by name, and the reactor goes on.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::basic::{
    Int8, Int8Strings, Int16Strings, LineConnection, LineReceiver, LineTransport, Lines,
    Netstrings, StringConnection, StringReceiver, Strings,
};
use protocols::stateful::{State, Stateful, StatefulProtocol};
use reactor_compat::testing::{MemoryReactor, Pair};
use reactor_compat::tls::{Identity, ServerOptions};
use reactor_compat::{Layer, LayerIo, Protocol, Transport, UnprotectedData};

/// Notes all that came; turns to TLS, or another layer, at a command.
#[derive(Clone)]
struct Server {
    heard: Rc<RefCell<Vec<Vec<u8>>>>,
    turn: fn(&Transport),
}

impl Server {
    fn new(turn: fn(&Transport)) -> Self {
        Self { heard: Rc::default(), turn }
    }

    fn hear(&self, transport: &Transport, message: &[u8]) {
        self.heard.borrow_mut().push(message.to_vec());
        if message == b"GO" {
            (self.turn)(transport);
        }
    }
}

fn start_tls(transport: &Transport) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
    transport.start_tls(ServerOptions::new(identity).unwrap()).unwrap();
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

fn push(transport: &Transport) {
    transport.push_layer(SwapCase).unwrap();
}

impl Protocol<LineTransport> for Server {}

impl LineReceiver for Server {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.hear(transport, line);
    }
}

impl Protocol<protocols::basic::FramedTransport> for Server {}

impl StringReceiver for Server {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        self.hear(transport, string);
    }
}

impl Protocol for Server {}

impl StatefulProtocol for Server {
    fn initial_state(&mut self) -> State<Self> {
        State::new(2, |this, transport, word| {
            this.hear(transport, word);
            Some(this.initial_state())
        })
    }
}

struct Silent;

impl Protocol for Silent {}

fn meet<P: Protocol>(server: P) -> Pair<P, Silent> {
    MemoryReactor::new().connect(server, Silent)
}

/// Sends a command and more behind it, in one piece and in several.
fn refuses<P: Protocol>(protocol: impl Fn(Server) -> P, command: &[u8], behind: &[u8]) {
    for piece in [usize::MAX, command.len(), command.len() + 1] {
        let server = Server::new(start_tls);
        let pair = meet(protocol(server.clone()));
        pair.client().write([command, behind].concat());
        pair.flush_bytes(piece).unwrap();
        assert_eq!(*server.heard.borrow(), [b"GO"], "what is behind is not heard");
        let reason = pair.server().reason().expect("the connection should have ended");
        if piece == command.len() {
            // What comes by itself is read as TLS, which it is not.
            assert!(reason.is::<reactor_compat::tls::TlsError>(), "{reason}");
        } else {
            let held = piece.min(command.len() + behind.len()) - command.len();
            assert_eq!(reason.check(), Some(&UnprotectedData { bytes: held }));
        }
        // The reactor lives.
        let other = pair.connect(Silent, Silent);
        other.client().write("x");
        other.flush().unwrap();
        assert!(other.server().connected());
    }
}

#[test]
fn plaintext_behind_the_command_is_refused_by_each_receiver() {
    refuses(Lines::new, b"GO\r\n", b"X\r\n");
    refuses(Lines::only, b"GO\r\n", b"X\r\n");
    refuses(Netstrings::new, b"2:GO,", b"1:X,");
    refuses(Int8Strings::new, b"\x02GO", b"\x01X");
    refuses(Int16Strings::new, b"\x00\x02GO", b"\x00\x01X");
    refuses(Stateful::new, b"GO", b"XX");
}

/// An unfinished message is no better than a whole one.
#[test]
fn an_unfinished_message_behind_the_command_is_refused() {
    refuses(Lines::new, b"GO\r\n", b"X");
    refuses(Netstrings::new, b"2:GO,", b"9:X");
    refuses(Stateful::new, b"GO", b"X");
}

fn hands_over<P: Protocol>(protocol: impl Fn(Server) -> P, sent: &[u8]) {
    for piece in [usize::MAX, 1, 2, 3, 5] {
        let server = Server::new(push);
        let pair = meet(protocol(server.clone()));
        pair.client().write(sent);
        pair.flush_bytes(piece).unwrap();
        assert_eq!(*server.heard.borrow(), [&b"GO"[..], b"XY"], "{piece} bytes at a time");
        assert!(pair.server().connected());
    }
}

#[test]
fn a_layer_gets_what_came_behind_the_command() {
    hands_over(Lines::new, b"GO\r\nxy\r\n");
    hands_over(Netstrings::new, b"2:GO,2:xy,");
    hands_over(Strings::<Int8, _>::new, b"\x02GO\x02xy");
    hands_over(Stateful::new, b"GOxy");
}

/// A line that was not whole when TLS is started from elsewhere.
#[test]
fn what_is_held_when_the_handshake_is_over_is_refused() {
    use reactor_compat::tls::{ClientOptions, TrustRoots};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let options = ServerOptions::new(Identity::from_pem(&certificate, key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    let server = Server::new(push);
    let pair = meet(Lines::new(server.clone()));
    pair.client().write("half a line");
    pair.flush().unwrap();
    pair.server().start_tls(options).unwrap();
    let client = ClientOptions::new("localhost").unwrap().trust_roots(roots);
    pair.client().start_tls(client).unwrap();
    pair.client().write(" and the rest\r\n");
    pair.flush().unwrap();
    let reason = pair.server().reason().expect("the connection should have ended");
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes: 11 }));
    assert!(server.heard.borrow().is_empty());
}

/// What a stream of lines or strings has fetched ahead.
#[cfg(feature = "stream")]
mod streams {
    use futures::{FutureExt, Stream, StreamExt};
    use protocols::basic::{LineStream, StringStream};

    use super::*;

    fn meet_stream<P: Protocol>(protocol: P, sent: &[u8]) -> Pair<P, Silent> {
        let pair = meet(protocol);
        pair.client().write(sent);
        pair.flush().unwrap();
        pair
    }

    fn refuses_what_it_holds<P: Protocol, E: std::fmt::Debug>(
        mut stream: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
        pair: &Pair<P, Silent>,
        held: usize,
    ) {
        assert_eq!(stream.next().now_or_never().unwrap().unwrap().unwrap(), "GO");
        start_tls(pair.server());
        assert!(stream.next().now_or_never().is_none(), "nothing comes out any more");
        pair.flush().unwrap();
        let reason = pair.server().reason().expect("the connection should have ended");
        assert_eq!(reason.check(), Some(&UnprotectedData { bytes: held }));
        assert!(stream.next().now_or_never().unwrap().unwrap().is_err());
        assert!(stream.next().now_or_never().unwrap().is_none());
    }

    #[test]
    fn what_a_stream_has_fetched_ahead_is_refused() {
        let (lines, protocol) = LineStream::channel();
        let pair = meet_stream(protocol, b"GO\r\nMAIL\r\nRCPT\r\n");
        refuses_what_it_holds(lines, &pair, 12);
        let (strings, protocol) = StringStream::channel::<Int8>();
        let pair = meet_stream(protocol, b"\x02GO\x04MAIL\x00");
        refuses_what_it_holds(strings, &pair, 6);
    }

    #[test]
    fn so_much_that_reading_is_paused_is_refused() {
        let (lines, protocol) = LineStream::channel();
        let pair = meet_stream(protocol, &b"GO\r\n".repeat(100_000));
        start_tls(pair.server());
        pair.flush().unwrap();
        let reason = pair.server().reason().expect("the connection should have ended");
        assert!(reason.is::<UnprotectedData>(), "{reason}");
        drop(lines);
    }

    #[test]
    fn a_layer_gets_what_a_stream_has_fetched_ahead() {
        let (mut lines, protocol) = LineStream::channel();
        let pair = meet_stream(protocol, b"GO\r\none\r\ntwo\r\n");
        assert_eq!(lines.next().now_or_never().unwrap().unwrap().unwrap(), "GO");
        push(pair.server());
        pair.flush().unwrap();
        for line in ["ONE", "TWO"] {
            assert_eq!(lines.next().now_or_never().unwrap().unwrap().unwrap(), line);
        }
    }
}

#[test]
fn plaintext_behind_the_command_is_refused_though_the_server_closes() {
    fn start_and_close(transport: &Transport) {
        start_tls(transport);
        transport.lose_connection();
    }
    fn closes<P: Protocol>(protocol: impl Fn(Server) -> P, command: &[u8], behind: &[u8]) {
        let server = Server::new(start_and_close);
        let pair = meet(protocol(server.clone()));
        pair.client().write([command, behind].concat());
        pair.flush().unwrap();
        assert_eq!(*server.heard.borrow(), [b"GO"]);
        assert!(pair.server().reason().unwrap().is::<UnprotectedData>());
    }
    closes(Lines::new, b"GO\r\n", b"X\r\n");
    closes(Lines::only, b"GO\r\n", b"X\r\n");
    closes(Netstrings::new, b"2:GO,", b"1:X,");
    closes(Int8Strings::new, b"\x02GO", b"\x01X");
    closes(Int16Strings::new, b"\x00\x02GO", b"\x00\x01X");
    closes(Stateful::new, b"GO", b"XX");
}
