//! All that holds bytes, and all that may happen to a connection while it does: what
//! is behind a command that starts TLS is never taken for what TLS brought, a layer
//! and a protocol that takes over get exactly what is left.
//!
//! Each cell of the table in `docs/transports.md` is tried here, and only those.

#![cfg(all(
    feature = "amp",
    feature = "finger",
    feature = "ident",
    feature = "memcache",
    feature = "postfix",
    feature = "socks",
    feature = "stateful",
    feature = "stream",
    feature = "testing",
    feature = "tls"
))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use deferred::time::Clock;
use deferred::{Deferred, Failure};
use futures::FutureExt;
use futures::StreamExt;
use protocols::amp::{Amp, AmpBox, AmpConnection, Command, NoError, Responders};
use protocols::basic::{
    FramedTransport, Int8, Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver,
    LineStream, LineTransport, Lines, Netstrings, StringConnection, StringReceiver, StringStream,
};
use protocols::finger::{Finger, FingerHandler};
use protocols::ident::{IdentClient, IdentServer, Identity};
use protocols::memcache::MemCacheProtocol;
use protocols::postfix::PostfixTCPMapFactory;
use protocols::socks::SocksFactory;
use protocols::stateful::{State, Stateful, StatefulProtocol};
use reactor_compat::testing::{End, MemoryReactor, Pair, StringTransport};
use reactor_compat::tls::{ClientOptions, Identity as Certificate, ServerOptions, TrustRoots};
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionLost, Factory, Layer, LayerIo, Protocol,
    ProtocolSwitch, Reactor, Transport, UnprotectedData,
};
use serde::{Deserialize, Serialize};

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    /// TLS is started by the user's code that a message calls, and there is more
    /// behind that message.
    TlsInCallback,
    /// TLS is started from outside, when a part of a message has come.
    TlsFromOutside,
    /// Another layer is put in by the user's code that a message calls.
    Layer,
    /// Another layer is put in from outside, when a part of a message has come.
    LayerFromOutside,
    /// Another protocol takes over, by the user's code that a message calls.
    Switch,
}

const COLUMNS: [(&str, Upgrade); 5] = [
    ("TLS, by a message", Upgrade::TlsInCallback),
    ("TLS, from outside", Upgrade::TlsFromOutside),
    ("another layer, by a message", Upgrade::Layer),
    ("another layer, from outside", Upgrade::LayerFromOutside),
    ("another protocol", Upgrade::Switch),
];

/// How many messages the user's code was called with, and what it does at the first.
#[derive(Clone, Default)]
struct Hook {
    calls: Rc<Cell<usize>>,
    #[expect(clippy::type_complexity, reason = "a slot for a closure")]
    action: Rc<RefCell<Option<Box<dyn Fn()>>>>,
}

impl Hook {
    fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        let action = self.action.borrow_mut().take();
        if let Some(action) = action {
            action();
        }
    }
}

fn options() -> (ServerOptions, ClientOptions) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Certificate::from_pem(&certificate, key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    (server, ClientOptions::new("localhost").unwrap().trust_roots(roots))
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

/// Notes what it gets, and hands it on.
#[derive(Clone, Default)]
struct Note(Rc<RefCell<Vec<u8>>>);

impl Layer for Note {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        self.0.borrow_mut().extend_from_slice(data);
        io.deliver(data);
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

struct Silent;

impl Protocol for Silent {}

/// A message that calls the user's code, one that may come behind it, and a part of
/// one.
struct Messages<'a> {
    first: &'a [u8],
    second: &'a [u8],
    part: &'a [u8],
    /// How often the user's code is called by both.
    calls: usize,
}

/// Tries what may happen to the connection of a protocol, but for the switch.
fn try_upgrade<P: Protocol>(
    upgrade: Upgrade,
    make: impl Fn(Hook) -> P,
    start: impl Fn(&End<P>, &Hook),
    messages: &Messages<'_>,
) {
    let Messages { first, second, part, calls } = *messages;
    let meet = || -> (Hook, Pair<P, Silent>) {
        let hook = Hook::default();
        let pair = MemoryReactor::new().connect(make(hook.clone()), Silent);
        start(pair.server(), &hook);
        (hook, pair)
    };
    match upgrade {
        Upgrade::TlsInCallback => {
            for behind in [second, part] {
                let (hook, pair) = meet();
                let transport: Transport = pair.server().connection().transport().clone();
                let (server, _) = options();
                hook.action.replace(Some(Box::new(move || {
                    transport.start_tls(server.clone()).unwrap();
                })));
                pair.client().write([first, behind].concat());
                pair.flush().unwrap();
                let reason = pair.server().reason().expect("the connection should have ended");
                assert_eq!(reason.check(), Some(&UnprotectedData { bytes: behind.len() }));
                assert_eq!(hook.calls.get(), 1, "what is behind is not heard");
                reactor_lives(&pair);
            }
        }
        Upgrade::TlsFromOutside => {
            let (hook, pair) = meet();
            pair.client().write(part);
            pair.flush().unwrap();
            let (server, client) = options();
            pair.server().start_tls(server).unwrap();
            pair.client().start_tls(client).unwrap();
            pair.client().write(second);
            pair.flush().unwrap();
            let reason = pair.server().reason().expect("the connection should have ended");
            assert!(reason.is::<UnprotectedData>(), "{reason}");
            assert_eq!(hook.calls.get(), 0, "nothing is made of both");
            reactor_lives(&pair);
        }
        Upgrade::Layer => {
            for piece in [usize::MAX, 1, 3] {
                let (hook, pair) = meet();
                let transport: Transport = pair.server().connection().transport().clone();
                hook.action.replace(Some(Box::new(move || {
                    transport.push_layer(SwapCase).unwrap();
                })));
                pair.client().write([first, &swap(second)].concat());
                pair.flush_bytes(piece).unwrap();
                assert!(pair.server().connected());
                assert_eq!(hook.calls.get(), calls, "{piece} bytes at a time");
            }
        }
        Upgrade::LayerFromOutside => layer_from_outside(meet, messages),
        Upgrade::Switch => unreachable!("it is tried otherwise"),
    }
}

/// However much of a message has come when a layer is put in, it is the layer's.
fn layer_from_outside<P: Protocol>(
    meet: impl Fn() -> (Hook, Pair<P, Silent>),
    messages: &Messages<'_>,
) {
    let Messages { first, second, part, calls } = *messages;
    let (before, whole) =
        if second.starts_with(part) { (first, second) } else { (&b""[..], first) };
    for held in 0..=whole.len() {
        let (hook, pair) = meet();
        let (here, rest) = whole.split_at(held);
        pair.client().write([before, here].concat());
        pair.flush().unwrap();
        let note = Note::default();
        pair.server().push_layer(note.clone()).unwrap();
        pair.client().write(rest);
        pair.flush().unwrap();
        assert!(pair.server().connected());
        assert_eq!(hook.calls.get(), calls, "{held} bytes were held");
        // What was understood before is not of it.
        let noted = note.0.borrow();
        assert!(whole.ends_with(&noted) && noted.len() >= rest.len(), "{held}: {noted:?}");
        assert!(here != part || *noted == whole, "{held}: {noted:?}");
    }
}

fn reactor_lives<P: Protocol>(pair: &Pair<P, Silent>) {
    let other = pair.connect(Silent, Silent);
    other.client().write("x");
    other.flush().unwrap();
    assert!(other.server().connected());
}

// ----- who takes over -----

/// Notes all that it gets.
#[derive(Clone, Default)]
struct Next {
    heard: Rc<RefCell<Vec<u8>>>,
}

impl Protocol for Next {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.heard.borrow_mut().extend_from_slice(data);
    }
}

/// The protocol that takes over gets exactly what is left, however that was cut.
fn try_switch(make: impl Fn(Next) -> AnyProtocol, first: &[u8]) {
    let behind = b"this is\r\n\0no message: of the 1st\xff";
    for piece in [usize::MAX, 1, 2, 7] {
        let next = Next::default();
        let pair = MemoryReactor::new().connect(make(next.clone()), Silent);
        pair.client().write([first, behind].concat());
        pair.flush_bytes(piece).unwrap();
        assert_eq!(*next.heard.borrow(), behind, "{piece} bytes at a time");
        assert!(pair.server().connected());
    }
}

/// A handler that calls the hook, or has another protocol take over.
#[derive(Clone)]
enum Handler {
    Hook(Hook),
    Switch(ProtocolSwitch, Next),
}

impl Handler {
    fn hear(&self, rest: impl FnOnce() -> Deferred<Vec<u8>>) {
        match self {
            Self::Hook(hook) => hook.call(),
            Self::Switch(switch, next) => {
                let (switch, next) = (switch.clone(), next.clone());
                drop(rest().add_callback(move |rest| Ok(switch.switch_to(next, rest)?)));
            }
        }
    }
}

impl Protocol<LineTransport> for Handler {}

impl LineReceiver for Handler {
    fn line_received(&mut self, transport: &LineConnection<Self>, _: &[u8]) {
        self.hear(|| transport.clear_line_buffer());
    }
}

impl Protocol<FramedTransport> for Handler {}

impl StringReceiver for Handler {
    fn string_received(&mut self, transport: &StringConnection<Self>, _: &[u8]) {
        self.hear(|| transport.clear_buffer());
    }
}

impl Protocol for Handler {}

impl StatefulProtocol for Handler {
    fn initial_state(&mut self) -> State<Self> {
        State::new(2, |this, _, _| {
            this.hear(|| unreachable!("it cannot be switched"));
            None
        })
    }
}

impl FingerHandler for Handler {
    fn get_user(&mut self, _: &Transport, _: bool, _: &[u8]) {
        self.hear(|| unreachable!("it cannot be switched"));
    }
}

/// Tries a receiver of which a handler hears.
fn receiver<P: Protocol>(
    upgrade: Upgrade,
    make: impl Fn(Handler) -> P,
    first: &[u8],
    second: &[u8],
    part: &[u8],
) {
    if upgrade == Upgrade::Switch {
        let make =
            |next: Next| AnyProtocol::with_switch(|switch| make(Handler::Switch(switch, next)));
        return try_switch(make, first);
    }
    let messages = Messages { first, second, part, calls: 2 };
    try_upgrade(upgrade, |hook| make(Handler::Hook(hook)), |_, _| (), &messages);
}

// ----- the rows -----

fn lines(upgrade: Upgrade) {
    receiver(upgrade, Lines::new, b"GO\r\n", b"more\r\n", b"mo");
    receiver(upgrade, Lines::only, b"GO\r\n", b"more\r\n", b"mo");
}

fn netstrings(upgrade: Upgrade) {
    receiver(upgrade, Netstrings::new, b"2:GO,", b"4:more,", b"4:mo");
}

fn int_strings(upgrade: Upgrade) {
    receiver(upgrade, Int8Strings::new, b"\x02GO", b"\x04more", b"\x04mo");
    receiver(upgrade, Int16Strings::new, b"\0\x02GO", b"\0\x04more", b"\0\x04mo");
    receiver(upgrade, Int32Strings::new, b"\0\0\0\x02GO", b"\0\0\0\x04more", b"\0\0");
}

fn stateful(upgrade: Upgrade) {
    receiver(upgrade, Stateful::new, b"GO", b"mo", b"m");
}

fn around(upgrade: Upgrade) {
    let lines = |handler| AnyProtocol::new(Lines::new(handler));
    receiver(upgrade, lines, b"GO\r\n", b"more\r\n", b"mo");
}

fn finger(upgrade: Upgrade) {
    receiver(upgrade, |handler| Lines::new(Finger::new(handler)), b"ada\r\n", b"bob\r\n", b"bo");
}

fn ident_server(upgrade: Upgrade) {
    let make = |hook: Hook| {
        Lines::new(IdentServer::new(move |_, _| {
            hook.call();
            Ok(Identity::new("UNIX", "ada"))
        }))
    };
    let messages = Messages { first: b"1, 2\r\n", second: b"3, 4\r\n", part: b"3,", calls: 2 };
    try_upgrade(upgrade, make, |_, _| (), &messages);
}

fn ident_client(upgrade: Upgrade) {
    let start = |end: &End<Lines<IdentClient>>, hook: &Hook| {
        let client = end.connection().project(Lines::handler_mut);
        for ports in [(1, 2), (3, 4)] {
            let hook = hook.clone();
            drop(
                client
                    .call(move |client, _| client.lookup(ports.0, ports.1))
                    .add_callback(move |_| hook.call())
                    .add_errback(|_| ()),
            );
        }
    };
    let messages = Messages {
        first: b"1, 2 : USERID : UNIX : ada\r\n",
        second: b"3, 4 : USERID : UNIX : bob\r\n",
        part: b"3, 4 : ",
        calls: 2,
    };
    try_upgrade(upgrade, |_| Lines::new(IdentClient::default()), start, &messages);
}

fn postfix(upgrade: Upgrade) {
    let make = |hook: Hook| {
        let mut factory = PostfixTCPMapFactory::new(&Clock::new(), move |_: &[u8]| {
            hook.call();
            Ok(None)
        });
        factory.build_protocol(Address::Pipe).unwrap()
    };
    let messages = Messages { first: b"get a\n", second: b"get b\n", part: b"get ", calls: 2 };
    try_upgrade(upgrade, make, |_, _| (), &messages);
}

fn memcache(upgrade: Upgrade) {
    let start = |end: &End<MemCacheProtocol>, hook: &Hook| {
        let client = end.inspect(MemCacheProtocol::client).unwrap();
        for key in ["a", "b"] {
            let hook = hook.clone();
            drop(client.get(key).add_callback(move |_| hook.call()).add_errback(|_| ()));
        }
    };
    let make = |_| MemCacheProtocol::new(&Clock::new());
    let (first, second) =
        (&b"VALUE a 0 2\r\nGO\r\nEND\r\n"[..], &b"VALUE b 0 4\r\nmore\r\nEND\r\n"[..]);
    for part in [&b"VALUE b 0 4\r\nmo"[..], b"VAL", b"VALUE b 0 4\r\n"] {
        let messages = Messages { first, second, part, calls: 2 };
        try_upgrade(upgrade, make, start, &messages);
    }
}

fn socks(upgrade: Upgrade) {
    let make = |hook: Hook| {
        let authorize = move |_: &protocols::socks::Query| {
            hook.call();
            // It takes its time.
            Deferred::<bool>::new().0
        };
        SocksFactory::new(&Reactor::new(), authorize).build_protocol(Address::Pipe).unwrap()
    };
    let (first, second) = (b"\x04\x01\0\x50\x01\x02\x03\x04ada\0", b"sent ahead");
    let messages = Messages { first, second, part: &first[..5], calls: 1 };
    try_upgrade(upgrade, make, |_, _| (), &messages);
}

#[derive(Serialize, Deserialize)]
struct Go;

impl Command for Go {
    const NAME: &str = "Go";
    type Response = ();
    type Error = NoError;
}

fn amp(upgrade: Upgrade) {
    let go = AmpBox::from([("_command", "Go")]).serialize().unwrap();
    if upgrade == Upgrade::Switch {
        let make = |next: Next| {
            let responders = Responders::new()
                .switch(move |_: &mut (), _: &AmpConnection<()>, Go| Ok(next.clone()));
            AnyProtocol::new(Amp::with_responders(&responders))
        };
        return try_switch(make, &go);
    }
    let make = |hook: Hook| {
        Amp::with_responders(&Responders::new().function(move |Go| {
            hook.call();
            Ok(())
        }))
    };
    let messages = Messages { first: &go, second: &go, part: &go[..7], calls: 2 };
    try_upgrade(upgrade, make, |_, _| (), &messages);
}

/// What a stream has not given yet when TLS begins ends the connection; a layer gets
/// it, and behind it the part of the next item.
fn streams(upgrade: Upgrade) {
    let items = [&b"GO\r\n"[..], b"ab\r\n", b"cde\r\n"];
    for part in 0..items[2].len() {
        let (lines, protocol) = LineStream::channel();
        stream(upgrade, lines, protocol, items, part);
    }
    let items = [&b"\x03GO!"[..], b"\x02ab", b"\x03cde"];
    for part in 0..items[2].len() {
        let (strings, protocol) = StringStream::channel::<Int8>();
        stream(upgrade, strings, protocol, items, part);
    }
}

fn stream<S, P: Protocol>(
    upgrade: Upgrade,
    mut items: S,
    protocol: P,
    [first, second, third]: [&[u8]; 3],
    part: usize,
) where
    S: futures::Stream<Item = Result<Bytes, Failure>> + Unpin + 'static,
{
    let pair = MemoryReactor::new().connect(protocol, Silent);
    let (part, rest) = third.split_at(part);
    let (server, client) = options();
    let ours: Transport = pair.server().connection().transport().clone();
    let note = Note::default();
    pair.client().write([first, second, part].concat());
    pair.flush().unwrap();
    assert!(items.next().now_or_never().unwrap().unwrap().is_ok());
    match upgrade {
        Upgrade::Layer | Upgrade::LayerFromOutside => ours.push_layer(note.clone()).unwrap(),
        Upgrade::TlsInCallback | Upgrade::TlsFromOutside => ours.start_tls(server).unwrap(),
        Upgrade::Switch => unreachable!("it cannot be switched"),
    }
    if upgrade != Upgrade::TlsFromOutside {
        assert!(items.next().now_or_never().is_none(), "what waits is not given");
    }
    if upgrade == Upgrade::TlsFromOutside {
        // Nobody looks at the stream until the handshake is over.
        pair.client().start_tls(client).unwrap();
    }
    pair.flush().unwrap();
    if matches!(upgrade, Upgrade::Layer | Upgrade::LayerFromOutside) {
        pair.client().write(rest);
        pair.flush().unwrap();
        assert_eq!(*note.0.borrow(), [second, third].concat());
        for item in ["ab", "cde"] {
            assert_eq!(items.next().now_or_never().unwrap().unwrap().unwrap(), item);
        }
        return;
    }
    let reason = pair.server().reason().expect("the connection should have ended");
    let bytes = second.len() + part.len();
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes }), "{reason}");
    let last = items.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert!(last.is::<UnprotectedData>(), "{last}");
    reactor_lives(&pair);
}

type Row = (&'static str, fn(Upgrade));

const ROWS: [Row; 13] = [
    ("`Lines`", lines),
    ("`Netstrings`", netstrings),
    ("`Int8Strings`, `Int16Strings`, `Int32Strings`", int_strings),
    ("`Stateful`", stateful),
    ("`LineStream`, `StringStream`", streams),
    ("`AnyProtocol` around `Lines`", around),
    ("`Amp`", amp),
    ("`MemCacheProtocol`", memcache),
    ("`PostfixTCPMapServer`", postfix),
    ("`Socks`", socks),
    ("`IdentServer`", ident_server),
    ("`IdentClient`", ident_client),
    ("`Finger`", finger),
];

/// The table in the documentation: a row's name, and what is in its cells.
fn table() -> Vec<(String, Vec<String>)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/transports.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split("<!-- upgrades -->").nth(1).expect("there is the table");
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        (cells.next().unwrap(), cells.collect())
    };
    table.trim().lines().filter(|line| !line.contains("---")).map(row).collect()
}

/// Has each cell be what the table says: one that says "—" cannot be.
fn try_column(upgrade: Upgrade) {
    let table = table();
    let (head, rows) = table.split_first().unwrap();
    assert_eq!(head.1, COLUMNS.map(|(name, _)| name));
    let names: Vec<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ROWS.map(|(name, _)| name));
    let column = COLUMNS.iter().position(|(_, column)| *column == upgrade).unwrap();
    for ((name, cells), (_, attempt)) in rows.iter().zip(ROWS) {
        let cell = &cells[column];
        println!("{name}, {}: {cell}", COLUMNS[column].0);
        if cell != "—" {
            attempt(upgrade);
        }
    }
}

#[test]
fn plaintext_behind_a_message_that_starts_tls_is_refused() {
    try_column(Upgrade::TlsInCallback);
}

#[test]
fn a_part_of_a_message_before_tls_is_refused() {
    try_column(Upgrade::TlsFromOutside);
}

#[test]
fn a_layer_gets_what_is_behind_the_message() {
    try_column(Upgrade::Layer);
}

#[test]
fn a_layer_gets_a_part_of_a_message_that_came_before_it() {
    try_column(Upgrade::LayerFromOutside);
}

#[test]
fn a_protocol_that_takes_over_gets_what_is_behind_the_message() {
    try_column(Upgrade::Switch);
}

#[test]
fn a_line_goes_to_the_layer_with_the_delimiter_that_it_had() {
    let (mut lines, protocol) = LineStream::channel();
    let pair = MemoryReactor::new().connect(protocol.delimiter("\n"), Silent);
    pair.client().write("upgrade\nab\ncd\r\nef");
    pair.flush().unwrap();
    assert_eq!(lines.next().now_or_never().unwrap().unwrap().unwrap(), "upgrade");
    lines.transport().unwrap().set_delimiter("\r\n");
    let note = Note::default();
    pair.server().push_layer(note.clone()).unwrap();
    pair.client().write("gh\r\n");
    pair.flush().unwrap();
    assert_eq!(*note.0.borrow(), b"ab\ncd\r\nefgh\r\n");
    for line in ["ab\ncd", "efgh"] {
        assert_eq!(lines.next().now_or_never().unwrap().unwrap().unwrap(), line);
    }
}

#[test]
fn what_waits_for_a_layer_is_not_given_when_the_connection_is_lost_first() {
    let (mut lines, protocol) = LineStream::channel();
    let transport = StringTransport::new(protocol);
    transport.data_received(b"one\r\ntwo\r\n");
    transport.start_tls(options().0).unwrap();
    assert!(lines.next().now_or_never().is_none());
    transport.connection_lost(ConnectionLost::default());
    let last = lines.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert!(last.is::<ConnectionLost>(), "{last}");
    assert!(lines.next().now_or_never().unwrap().is_none());
}
