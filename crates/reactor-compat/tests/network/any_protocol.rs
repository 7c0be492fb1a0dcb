//! Protocols that are chosen when there is a connection, and those that take
//! over from one another.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::support::{Recorder, drive, listen};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionDone, ConnectionEvent, ConnectionGone, NotChosen,
    Protocol, ProtocolSwitch, ProtocolSwitched, Reactor, SwitchError,
};

type Log = Rc<RefCell<Vec<String>>>;
type Act = Box<dyn FnOnce(&mut Actor, &Connection<Actor>)>;

/// Notes all that it hears, and does something at an event.
struct Actor {
    name: &'static str,
    log: Log,
    /// The events at which something is to be done, and what.
    acts: Vec<(&'static str, Act)>,
    switch: Option<ProtocolSwitch>,
    /// To see that it is let go.
    _alive: Rc<()>,
}

/// What it hears, in a word or two.
fn word(event: &ConnectionEvent<'_>) -> String {
    match event {
        ConnectionEvent::ConnectionMade => "made".to_owned(),
        ConnectionEvent::DataReceived(data) => String::from_utf8_lossy(data).into_owned(),
        ConnectionEvent::HandshakeCompleted => "handshake".to_owned(),
        ConnectionEvent::Resumed => "resumed".to_owned(),
        ConnectionEvent::ReadConnectionLost => "read lost".to_owned(),
        ConnectionEvent::WriteConnectionLost => "write lost".to_owned(),
        ConnectionEvent::ConnectionLost(reason) if reason.is::<ProtocolSwitched>() => {
            "switched".to_owned()
        }
        ConnectionEvent::ConnectionLost(_) => "lost".to_owned(),
        _ => "descriptor".to_owned(),
    }
}

impl Actor {
    fn new(name: &'static str, log: &Log) -> Self {
        let (acts, switch) = (Vec::new(), None);
        Self { name, log: log.clone(), acts, switch, _alive: Rc::default() }
    }

    /// The same, which does something when it hears the word.
    fn at(
        mut self,
        word: &'static str,
        act: impl FnOnce(&mut Self, &Connection<Self>) + 'static,
    ) -> Self {
        self.acts.push((word, Box::new(act)));
        self
    }

    /// The same, which has another one take over when it hears the word.
    fn switch_at(self, word: &'static str, next: Self, unread: &'static str) -> Self {
        self.at(word, move |this, _| {
            let switch = this.switch.take().unwrap();
            let next = Self { switch: Some(switch.clone()), ..next };
            switch.switch_to(next, unread).unwrap();
        })
    }

    fn switchable(self) -> AnyProtocol {
        AnyProtocol::with_switch(|switch| Self { switch: Some(switch), ..self })
    }
}

impl Protocol for Actor {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        let word = word(&event);
        self.log.borrow_mut().push(format!("{} {word}", self.name));
        if let Some(at) = self.acts.iter().position(|(at, _)| *at == word) {
            let (_, act) = self.acts.remove(at);
            act(self, connection);
        }
    }
}

/// Checks what was heard since this was last called.
#[track_caller]
fn heard(log: &Log, expected: &[&str]) {
    assert_eq!(log.take(), expected);
}

// ----- chosen -----

#[test]
fn a_protocol_is_chosen_by_what_came_however_it_was_cut() {
    for size in [1, 3, 100] {
        let log = Log::default();
        let made = log.clone();
        let transport = StringTransport::new(AnyProtocol::choose(move |_, data| {
            let (word, _) = data.split_at_checked(4)?;
            let name = if word == b"long" { "long" } else { "other" };
            Some(AnyProtocol::new(Actor::new(name, &made)))
        }));
        b"longer".chunks(size).for_each(|piece| transport.data_received(piece));
        let heard = log.take();
        assert_eq!(heard[0], "long made");
        let data: String = heard[1..].iter().map(|it| it.trim_start_matches("long ")).collect();
        assert_eq!(data, "longer", "in pieces of {size}");
        assert!(transport.inspect(AnyProtocol::is::<Actor>).unwrap());
        transport.connection_lost(ConnectionDone);
        self::heard(&log, &["long lost"]);
    }
}

#[test]
fn one_that_is_chosen_hears_what_happened_before() {
    let log = Log::default();
    let made = log.clone();
    let transport = StringTransport::new(AnyProtocol::choose(move |_, data| {
        (!data.is_empty()).then(|| AnyProtocol::new(Actor::new("it", &made)))
    }));
    transport.connection().call(|any, connection| {
        assert!(any.receives_descriptors());
        any.handle(connection, ConnectionEvent::HandshakeCompleted);
        #[cfg(unix)]
        for _ in 0..2 {
            let (reader, _) = std::io::pipe().unwrap();
            any.handle(connection, ConnectionEvent::FileDescriptorReceived(reader.into()));
        }
    });
    heard(&log, &[]);
    transport.data_received(b"hello");
    #[cfg(unix)]
    heard(&log, &["it made", "it handshake", "it descriptor", "it descriptor", "it hello"]);
}

/// One that is chosen may itself choose.
#[test]
fn a_choice_may_be_made_in_steps() {
    let log = Log::default();
    let made = log.clone();
    let transport = StringTransport::new(AnyProtocol::choose(move |_, data| {
        let made = made.clone();
        data.first()?;
        Some(AnyProtocol::choose(move |_, data| {
            data.get(2)?;
            Some(Actor::new("it", &made).switchable())
        }))
    }));
    transport.data_received(b"a");
    transport.data_received(b"b");
    transport.data_received(b"c");
    heard(&log, &["it made", "it abc"]);
}

/// What came before a pause comes before what comes after it, and as soon as
/// that is over.
#[test]
fn one_that_pauses_and_leaves_the_choice_to_another_loses_no_order() {
    let log = Log::default();
    let made = log.clone();
    let seen = Log::default();
    let sees = seen.clone();
    let transport = StringTransport::new(AnyProtocol::choose(move |transport, data| {
        data.first()?;
        transport.pause_producing();
        let (made, sees) = (made.clone(), sees.clone());
        Some(AnyProtocol::choose(move |_, data| {
            sees.borrow_mut().push(String::from_utf8_lossy(data).into_owned());
            data.get(3)?;
            Some(AnyProtocol::new(Actor::new("it", &made)))
        }))
    }));
    transport.data_received(b"one");
    heard(&seen, &[]);
    transport.resume_producing();
    heard(&seen, &["one"]);
    transport.data_received(b"two");
    heard(&seen, &["onetwo"]);
    heard(&log, &["it made", "it onetwo"]);
}

#[test]
fn a_peer_that_gives_no_reason_to_choose_is_cut_off() {
    let log = LogCapture::start();
    let transport = StringTransport::new(AnyProtocol::choose(|_, _| None));
    transport.data_received(&[0; AnyProtocol::MAX_UNREAD]);
    assert!(transport.connected());
    transport.data_received(&[0]);
    assert!(!transport.connected());
    let failures = log.flush_logged_errors::<NotChosen>();
    let bytes = AnyProtocol::MAX_UNREAD + 1;
    assert_eq!(failures[0].check(), Some(&NotChosen { bytes, descriptors: 0 }));
    transport.connection_lost(ConnectionDone);
}

#[cfg(unix)]
#[test]
fn so_is_one_that_sends_too_many_descriptors() {
    let log = LogCapture::start();
    let transport = StringTransport::new(AnyProtocol::choose(|_, _| None));
    transport.connection().call(|any, connection| {
        for _ in 0..257 {
            let descriptor = std::io::pipe().unwrap().0.into();
            any.handle(connection, ConnectionEvent::FileDescriptorReceived(descriptor));
        }
    });
    assert!(!transport.connected());
    let failures = log.flush_logged_errors::<NotChosen>();
    assert_eq!(failures[0].check(), Some(&NotChosen { bytes: 0, descriptors: 257 }));
}

#[test]
fn a_peer_that_ends_before_a_choice_is_done_with() {
    let transport = StringTransport::new(AnyProtocol::choose(|_, _| None));
    transport.read_connection_lost();
    assert!(transport.disconnecting());
}

/// Both ends say which protocols they speak, and the handshake decides.
#[cfg(feature = "tls")]
#[test]
fn a_protocol_is_chosen_by_a_handshake() {
    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = Identity::from_pem(&certificate, &key).unwrap();
    let server = ServerOptions::new(identity).unwrap().protocols(["chat/2", "chat/1"]);
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    let client = ClientOptions::new("localhost").unwrap().trust_roots(roots);
    let client = client.protocols(["chat/1"]);

    let log = Log::default();
    let reactor = Reactor::new();
    let (notes, stop) = (log.clone(), reactor.clone());
    let choose = move |_: Address| {
        let (notes, stop) = (notes.clone(), stop.clone());
        AnyProtocol::choose(move |transport, _| {
            let name = match transport.negotiated_protocol().as_deref() {
                Some(b"chat/2") => "second",
                Some(b"chat/1") => "first",
                _ => "neither",
            };
            let stop = stop.clone();
            let actor = Actor::new(name, &notes).at("handshake", move |_, _| stop.stop().unwrap());
            Some(AnyProtocol::new(actor))
        })
    };
    let port = reactor.listen_ssl(("127.0.0.1", 0), choose, server).unwrap();
    let address = port.get_host().socket_addr().unwrap();
    let client = reactor.connect_ssl(address, |_: Address| Silent, client).unwrap();
    reactor.run().unwrap();
    drop(client);
    heard(&log, &["first made", "first handshake", "first lost"]);
}

struct Silent;

impl Protocol for Silent {}

// ----- switched -----

#[test]
fn a_switch_is_made_before_anything_else_comes() {
    let log = Log::default();
    let first = Actor::new("first", &log);
    let second = Actor::new("second", &log);
    let transport = StringTransport::new(first.switch_at("go", second, "rest").switchable());
    transport.data_received(b"go");
    heard(&log, &["first made", "first go", "first switched", "second made", "second rest"]);
    transport.data_received(b"more");
    transport.read_connection_lost();
    transport.connection_lost(ConnectionDone);
    heard(&log, &["second more", "second read lost", "second lost"]);
}

/// From every callback, whichever it is.
#[test]
fn a_switch_may_be_asked_for_in_any_callback() {
    let words = ["made", "data", "handshake", "resumed", "read lost", "write lost", "descriptor"];
    for word in words {
        let log = Log::default();
        let first = Actor::new("first", &log).switch_at(word, Actor::new("second", &log), "rest");
        let transport = StringTransport::new(first.switchable());
        transport.data_received(b"data");
        transport.connection().call(|any, connection| {
            any.handle(connection, ConnectionEvent::HandshakeCompleted);
            any.handle(connection, ConnectionEvent::Resumed);
            #[cfg(unix)]
            {
                let descriptor = std::io::pipe().unwrap().0.into();
                any.handle(connection, ConnectionEvent::FileDescriptorReceived(descriptor));
            }
            any.handle(connection, ConnectionEvent::ReadConnectionLost);
            any.handle(connection, ConnectionEvent::WriteConnectionLost);
        });
        transport.connection_lost(ConnectionDone);
        let log = log.take();
        let count = |what: &str| log.iter().filter(|heard| *heard == what).count();
        for once in ["first made", "first switched", "second made", "second rest", "second lost"] {
            assert_eq!(count(once), 1, "{once}, asked for at {word}: {log:?}");
        }
        let switched = log.iter().position(|heard| heard == "first switched").unwrap();
        assert_eq!(log[switched - 1], format!("first {word}"));
        assert!(log[switched + 1..].iter().all(|heard| heard.starts_with("second")));
    }
}

/// What the first has not given away goes behind what the second gives.
#[test]
fn a_switch_inside_a_switch_is_made_when_it_is_over() {
    let log = Log::default();
    let third = Actor::new("third", &log);
    let second = Actor::new("second", &log).switch_at("made", third, "from second, ");
    let first = Actor::new("first", &log).switch_at("go", second, "from first");
    let transport = StringTransport::new(first.switchable());
    transport.data_received(b"go");
    heard(
        &log,
        &[
            "first made",
            "first go",
            "first switched",
            "second made",
            "second switched",
            "third made",
            "third from second, from first",
        ],
    );
    transport.connection_lost(ConnectionDone);
    heard(&log, &["third lost"]);
}

#[test]
fn a_switch_at_the_first_data_of_the_next_is_made_as_well() {
    let log = Log::default();
    let third = Actor::new("third", &log);
    let second = Actor::new("second", &log).switch_at("two", third, "three");
    let first = Actor::new("first", &log).switch_at("one", second, "two");
    let transport = StringTransport::new(first.switchable());
    transport.data_received(b"one");
    let log = log.take();
    assert_eq!(
        log[3..],
        ["second made", "second two", "second switched", "third made", "third three"]
    );
}

#[test]
fn one_that_ends_cannot_ask_for_a_switch() {
    let log = Log::default();
    let errors = Rc::new(RefCell::new(Vec::new()));
    let (kept, notes) = (errors.clone(), log.clone());
    let asks = move |word, name| {
        let (kept, notes) = (kept.clone(), notes.clone());
        Actor::new(name, &notes.clone()).at(word, move |this, _| {
            let switch = this.switch.as_ref().unwrap();
            let refused = switch.switch_to(Actor::new("nobody", &notes), "");
            kept.borrow_mut().push(refused.unwrap_err());
        })
    };
    let first = asks("switched", "first").at("go", {
        let second = asks("lost", "second");
        move |this, _| {
            let switch = this.switch.clone().unwrap();
            let next = Actor { switch: Some(switch.clone()), ..second };
            switch.switch_to(next, "").unwrap();
            let again = switch.switch_to(Silent, "");
            assert_eq!(again, Err(SwitchError::Pending));
        }
    });
    let transport = StringTransport::new(first.switchable());
    transport.data_received(b"go");
    transport.connection_lost(ConnectionDone);
    assert_eq!(*errors.borrow(), [SwitchError::Replacing, SwitchError::Lost]);
    assert!(log.borrow().iter().all(|heard| !heard.starts_with("nobody")));
}

#[test]
fn from_outside_a_switch_is_made_at_once() {
    let log = Log::default();
    let switch = Rc::new(RefCell::new(None));
    let keep = switch.clone();
    let first = Actor::new("first", &log);
    let transport = StringTransport::new(AnyProtocol::with_switch(|switch| {
        keep.replace(Some(switch));
        first
    }));
    let switch = switch.take().unwrap();
    switch.switch_to(Actor::new("second", &log), "rest").unwrap();
    heard(&log, &["first made", "first switched", "second made", "second rest"]);
    transport.connection_lost(ConnectionDone);
    assert_eq!(switch.switch_to(Silent, ""), Err(SwitchError::Lost));
}

/// Before there is a connection, one that is replaced has never been there.
#[test]
fn a_switch_before_the_connection_leaves_no_trace() {
    let log = Log::default();
    let notes = log.clone();
    let any = AnyProtocol::with_switch(move |switch| {
        switch.switch_to(Actor::new("second", &notes), "rest").unwrap();
        Actor::new("first", &notes)
    });
    let transport = StringTransport::new(any);
    transport.data_received(b"more");
    heard(&log, &["second made", "second rest", "second more"]);
}

/// A call to a protocol makes switches as well: when it has returned.
#[test]
fn a_switch_from_a_call_is_made_when_the_protocol_is_free() {
    let log = Log::default();
    let notes = log.clone();
    let actor: Rc<RefCell<Option<Connection<Actor>>>> = Rc::default();
    let keep = actor.clone();
    let first =
        Actor::new("first", &log).at("made", move |_, me| drop(keep.replace(Some(me.me()))));
    let transport = StringTransport::new(first.switchable());
    let actor = actor.take().unwrap();
    actor.call(move |this, _| {
        let switch = this.switch.clone().unwrap();
        switch.switch_to(Actor::new("second", &notes), "rest").unwrap();
        this.log.borrow_mut().push("still first".to_owned());
    });
    heard(&log, &["first made", "still first", "first switched", "second made", "second rest"]);
    drop(transport);
}

/// Even if the next one is of the same type.
#[test]
fn no_call_reaches_one_that_was_replaced() {
    let log = Log::default();
    let actor: Rc<RefCell<Option<Connection<Actor>>>> = Rc::default();
    let keep = actor.clone();
    let first = Actor::new("first", &log)
        .at("made", move |_, me| drop(keep.replace(Some(me.me()))))
        .switch_at("go", Actor::new("second", &log), "");
    let alive = Rc::downgrade(&first._alive);
    let transport = StringTransport::new(first.switchable());
    transport.data_received(b"go");
    assert_eq!(alive.strong_count(), 0, "it was let go");
    let actor = actor.take().unwrap();
    actor.call(|this, _| this.log.borrow_mut().push("nobody".to_owned()));
    assert!(failure_result_of(actor.call(|_, _| Ok(()))).is::<ConnectionGone>());
    let second = transport.connection().project_if(AnyProtocol::downcast_mut::<Actor>);
    assert_eq!(success_result_of(second.call(|this, _| Ok(this.name))), "second");
    heard(&log, &["first made", "first go", "first switched", "second made"]);
}

#[test]
fn what_is_handed_over_during_a_pause_waits_for_its_end() {
    let log = Log::default();
    let second = Actor::new("second", &log);
    let first = Actor::new("first", &log).at("go", move |this, transport| {
        transport.pause_producing();
        this.switch.take().unwrap().switch_to(second, "one, ").unwrap();
    });
    let transport = StringTransport::new(first.switchable());
    transport.data_received(b"go");
    heard(&log, &["first made", "first go", "first switched", "second made"]);
    // It comes all the same, and waits behind it.
    transport.data_received(b"two");
    heard(&log, &[]);
    transport.resume_producing();
    heard(&log, &["second resumed", "second one, two"]);
    transport.data_received(b"three");
    heard(&log, &["second three"]);
}

/// A protocol that runs several may be one of them.
#[test]
fn it_runs_inside_of_itself() {
    let log = Log::default();
    let inner =
        Actor::new("first", &log).switch_at("go", Actor::new("second", &log), "rest").switchable();
    let transport = StringTransport::new(AnyProtocol::new(inner));
    transport.data_received(b"go");
    transport.connection_lost(ConnectionDone);
    let expected =
        ["first made", "first go", "first switched", "second made", "second rest", "second lost"];
    heard(&log, &expected);
}

// ----- panics -----

/// A panic on a connection of memory is the test's; then the connection ends,
/// as a real one would.
fn panics<P: Protocol>(transport: &StringTransport<P>, data: &[u8]) {
    let received = AssertUnwindSafe(|| transport.data_received(data));
    assert!(catch_unwind(received).is_err());
    transport.connection_lost(ConnectionDone);
}

#[test]
fn one_that_panics_after_it_asked_is_not_replaced() {
    let log = Log::default();
    let second = Actor::new("second", &log);
    let first = Actor::new("first", &log).at("go", move |this, _| {
        this.switch.take().unwrap().switch_to(second, "").unwrap();
        panic!("as it is told");
    });
    let transport = StringTransport::new(first.switchable());
    panics(&transport, b"go");
    heard(&log, &["first made", "first go", "first lost"]);
}

#[test]
fn one_that_panics_when_it_is_replaced_has_an_heir_all_the_same() {
    let log = Log::default();
    let first = Actor::new("first", &log)
        .switch_at("go", Actor::new("second", &log), "rest")
        .at("switched", |_, _| panic!("as it is told"));
    let transport = StringTransport::new(first.switchable());
    panics(&transport, b"go");
    let expected =
        ["first made", "first go", "first switched", "second made", "second rest", "second lost"];
    heard(&log, &expected);
}

#[test]
fn one_that_panics_when_it_takes_over_hears_the_end() {
    let log = Log::default();
    let second = Actor::new("second", &log).at("made", |_, _| panic!("as it is told"));
    let transport =
        StringTransport::new(Actor::new("first", &log).switch_at("go", second, "x").switchable());
    panics(&transport, b"go");
    let expected = ["first made", "first go", "first switched", "second made", "second lost"];
    heard(&log, &expected);
}

/// From outside, too, a panic is the end of the connection.
#[test]
fn a_panic_in_a_switch_from_outside_ends_the_connection() {
    let log = Log::default();
    let switch = Rc::new(Cell::new(None));
    let keep = switch.clone();
    let transport = StringTransport::new(AnyProtocol::with_switch(|switch| {
        keep.set(Some(switch));
        Silent
    }));
    let second = Actor::new("second", &log).at("made", |_, _| panic!("as it is told"));
    switch.take().unwrap().switch_to(second, "").unwrap();
    assert!(!transport.connected());
    transport.connection_lost(ConnectionDone);
    heard(&log, &["second made", "second lost"]);
}

/// Connects to a port that makes such protocols, sends this, and gives the reason
/// for which the connection there ends.
fn reason_of_end(
    mut make: impl FnMut(&Rc<Cell<Option<ProtocolSwitch>>>) -> AnyProtocol + 'static,
    data: &'static [u8],
    act: impl FnOnce(&ProtocolSwitch, &Connection<AnyProtocol>) + 'static,
) -> Failure {
    drive(move |reactor| async move {
        let address = listen(&reactor, move |_: Address| {
            Recorder::default().made(move |transport, ()| transport.write(data))
        });
        let switch = Rc::new(Cell::new(None));
        let keep = switch.clone();
        let connector = reactor.connect_tcp(address, move |_: Address| make(&keep));
        let connection = connector.when_connected().await.unwrap();
        if let Some(switch) = switch.take() {
            act(&switch, &connection);
        }
        connection.when_lost().await.unwrap()
    })
}

fn switchable(keep: &Rc<Cell<Option<ProtocolSwitch>>>) -> AnyProtocol {
    AnyProtocol::with_switch(|switch| {
        keep.set(Some(switch));
        Silent
    })
}

#[test]
fn a_panic_in_a_switch_from_outside_is_the_reason_of_the_end() {
    for by_call in [false, true] {
        let capture = LogCapture::start();
        let log = Log::default();
        let second = Actor::new("second", &log).at("made", |_, _| panic!("as it is told"));
        let reason = reason_of_end(switchable, b"", move |switch, connection| {
            if by_call {
                let called = connection.call(|any, connection| {
                    any.switch_to(connection, second, "").map_err(Failure::new)
                });
                assert!(failure_result_of(called).is::<Panic>());
            } else {
                switch.switch_to(second, "").unwrap();
            }
        });
        assert_eq!(reason.check::<Panic>().unwrap().message(), "as it is told");
        heard(&log, &["second made", "second lost"]);
        let logged = capture.flush_logged_errors::<Panic>();
        assert_eq!(logged.len(), usize::from(!by_call), "it is the caller's to log");
    }
}

#[test]
fn that_nothing_was_chosen_is_the_reason_of_the_end() {
    let capture = LogCapture::start();
    let bytes = &[b'x'; AnyProtocol::MAX_UNREAD + 1];
    let reason = reason_of_end(|_| AnyProtocol::choose(|_, _| None), bytes, |_, _| ());
    assert!(reason.check::<NotChosen>().unwrap().bytes > AnyProtocol::MAX_UNREAD);
    assert_eq!(capture.flush_logged_errors::<NotChosen>().len(), 1);
}

// ----- over a real socket -----

/// Chunk by chunk, whatever the kernel makes of them.
#[test]
fn nothing_is_lost_over_a_real_socket() {
    const BYTES: usize = 300_000;

    /// Reads a line, and hands the rest on.
    struct Line(ProtocolSwitch, Rc<Cell<usize>>, Reactor, Vec<u8>);

    impl Protocol for Line {
        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            self.3.extend_from_slice(data);
            if let Some(end) = self.3.iter().position(|byte| *byte == b'\n') {
                let rest = self.3.split_off(end + 1);
                self.0.switch_to(Count(self.1.clone(), self.2.clone()), rest).unwrap();
            }
        }
    }

    struct Count(Rc<Cell<usize>>, Reactor);

    impl Protocol for Count {
        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            assert!(data.iter().all(|byte| *byte == b'x'));
            self.0.set(self.0.get() + data.len());
            if self.0.get() == BYTES {
                self.1.stop().unwrap();
            }
        }
    }

    struct Sends;

    impl Protocol for Sends {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.write("a line\n");
            transport.write([b'x'; BYTES]);
        }
    }

    let reactor = Reactor::new();
    let count = Rc::new(Cell::new(0));
    let (counted, stop) = (count.clone(), reactor.clone());
    let factory = move |_: Address| {
        AnyProtocol::with_switch(|switch| Line(switch, counted.clone(), stop.clone(), Vec::new()))
    };
    let port = reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap();
    let client = reactor.connect_tcp(port.get_host().socket_addr().unwrap(), |_: Address| Sends);
    reactor.run().unwrap();
    drop(client);
    assert_eq!(count.get(), BYTES);
}
