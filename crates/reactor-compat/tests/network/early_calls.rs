//! Calls to a protocol that has not heard of its connection yet: they wait for
//! `connection_made`, whichever way they come, and in their order.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionDone, ConnectionGone, ConnectionLost,
    DatagramConnection, DatagramProtocol, Protocol, ProtocolCallbacks, ProtocolSwitch, Reactor,
};

type Log = Rc<RefCell<Vec<&'static str>>>;

/// A part of the protocol, which notes what happens.
#[derive(Default)]
struct Part {
    log: Log,
}

#[derive(Default)]
struct Notes {
    part: Part,
    close: bool,
    fail: bool,
}

impl Part {
    fn note(&self, what: &'static str) -> Result<()> {
        self.log.borrow_mut().push(what);
        Ok(())
    }
}

impl Notes {
    fn note(&self, what: &'static str) -> Result<()> {
        self.part.note(what)
    }
}

impl Protocol for Notes {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.part.log.borrow_mut().push("made");
        // One that comes now is behind those that came before.
        transport.call(|notes, _| notes.note("from inside"));
        if self.close {
            transport.lose_connection();
        }
        assert!(!self.fail, "on purpose");
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.part.log.borrow_mut().push("lost");
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// A way to call a protocol, and its name.
type Way = (&'static str, fn(&Connection<Notes>) -> Deferred<()>);

/// Each way in which a protocol is called; all note their name.
const WAYS: &[Way] = &[
    ("call", |connection| connection.call(|notes, _| notes.note("call"))),
    ("nested", |connection| connection.call(|_, me| me.call(|notes, _| notes.note("nested")))),
    ("project", |connection| {
        let part = connection.project(|notes| &mut notes.part);
        part.call(|part, _| part.note("project"))
    }),
    ("project_if", |connection| {
        let part = connection.project_if(|notes| Some(&mut notes.part));
        part.call(|part, _| part.note("project_if"))
    }),
    ("with_transport", |connection| {
        let other = connection.with_transport(());
        other.call(|notes, _| notes.note("with_transport"))
    }),
    ("wrap", |connection| {
        let wrapped = connection.wrap(|notes: &mut Notes, _, ()| notes.note("wrap"));
        Deferred::succeed(()).add_callback(wrapped)
    }),
    ("wrap_fn", |connection| connection.wrap_fn(|notes, _| notes.note("wrap_fn"))()),
    ("add_callback_at", |connection| {
        let done: Deferred<()> = Deferred::succeed(());
        done.add_callback_at(connection, |notes, _, ()| notes.note("add_callback_at"))
    }),
    ("add_errback_at", |connection| {
        let failed: Deferred<()> = Deferred::fail(std::fmt::Error);
        failed.add_errback_at(connection, |notes, _, _| notes.note("add_errback_at"))
    }),
    ("add_both_at", |connection| {
        let done: Deferred<()> = Deferred::succeed(());
        done.add_both_at(connection, |notes, _, _: Result<()>| notes.note("add_both_at"))
    }),
];

/// A connection whose protocol has not heard of it.
fn new_connection(reactor: &Reactor, notes: Notes) -> (Connection<Notes>, tokio::io::DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64);
    (reactor.serve(ours, notes), theirs)
}

fn call_all(connection: &Connection<Notes>) -> Vec<Deferred<()>> {
    let called: Vec<_> = WAYS.iter().map(|(_, call)| call(connection)).collect();
    called.iter().for_each(assert_no_result);
    called
}

#[test]
fn each_way_to_call_waits_for_connection_made() {
    for (name, call) in WAYS {
        let reactor = MemoryReactor::new();
        let log = Log::default();
        let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
        let (connection, _peer) = new_connection(&reactor, notes);
        let called = call(&connection);
        assert_no_result(&called);
        assert!(log.borrow().is_empty(), "{name}");
        assert!(!connection.gone());
        reactor.settle().unwrap();
        success_result_of(called);
        assert!(log.borrow().contains(name), "{name}: {log:?}");
        assert_eq!(log.borrow()[0], "made", "{name}");
    }
}

#[test]
fn they_are_made_in_their_order() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
    let (connection, _peer) = new_connection(&reactor, notes);
    let called = call_all(&connection);
    reactor.settle().unwrap();
    called.into_iter().for_each(success_result_of);
    let mut expected = vec!["made"];
    expected.extend(WAYS.iter().map(|way| way.0).filter(|name| *name != "nested"));
    // One of a call's own waits behind those that came before.
    expected.extend(["from inside", "nested"]);
    assert_eq!(*log.borrow(), expected);
}

/// As with calls that come while a callback is running: it is the connection that is
/// closed or broken, and the protocol is there until it hears of that.
#[test]
fn they_are_made_though_connection_made_closes_or_panics() {
    for (close, fail) in [(true, false), (false, true)] {
        let reactor = MemoryReactor::new();
        let log = Log::default();
        let notes = Notes { part: Part { log: log.clone() }, close, fail };
        let (connection, peer) = new_connection(&reactor, notes);
        let called = connection.call(|notes, _| notes.note("call"));
        drop(peer);
        reactor.settle().unwrap();
        success_result_of(called);
        assert_eq!(*log.borrow(), ["made", "call", "from inside", "lost"]);
    }
}

/// The reactor goes before it has run: nothing was made, and nothing is lost.
#[test]
fn they_fail_if_the_connection_is_lost_before() {
    let log = Log::default();
    let reactor = Reactor::new();
    let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
    let (connection, _peer) = new_connection(&reactor, notes);
    let called = call_all(&connection);
    let left_out = connection.call(|notes, _| notes.part.log.borrow_mut().push("left out"));
    let lost = connection.when_lost();
    drop(reactor);
    for called in called {
        assert!(failure_result_of(called).is::<ConnectionGone>());
    }
    success_result_of(left_out);
    assert!(success_result_of(lost).is::<ConnectionLost>());
    assert!(connection.gone());
    let late = connection.call(|notes, _| notes.note("late"));
    assert!(failure_result_of(late).is::<ConnectionGone>());
    assert!(log.borrow().is_empty());
}

#[test]
fn when_lost_may_be_asked_before_connection_made() {
    let reactor = MemoryReactor::new();
    let (connection, peer) = new_connection(&reactor, Notes { close: true, ..Notes::default() });
    let lost = connection.when_lost();
    assert_no_result(&lost);
    drop(peer);
    reactor.settle().unwrap();
    assert!(success_result_of(lost).is::<ConnectionDone>());
}

/// One that is cancelled is made even so, as with a busy protocol.
#[test]
fn a_cancelled_call_lets_its_result_go() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
    let (connection, _peer) = new_connection(&reactor, notes);
    let called = connection.call(|notes, _| notes.note("call"));
    called.cancel();
    drop(called.add_both(|_| Ok(())));
    reactor.settle().unwrap();
    assert_eq!(*log.borrow(), ["made", "call", "from inside"]);
}

/// A connection in memory, as the tests have it; the protocol can be looked at before.
#[test]
fn an_end_in_memory_waits_too() {
    let reactor = MemoryReactor::new();
    reactor.listen_tcp(80, |_: Address| Notes::default()).unwrap();
    let peer = reactor.tcp_servers()[0].connect().unwrap();
    let log = Log::default();
    let end = reactor.give(peer, Notes { part: Part { log: log.clone() }, ..Notes::default() });
    end.write("kept");
    let called = call_all(end.connection());
    assert_eq!(end.inspect(|notes| notes.close), Some(false));
    called.iter().for_each(assert_no_result);
    reactor.settle().unwrap();
    called.into_iter().for_each(success_result_of);
    assert_eq!(log.borrow()[..2], ["made", "call"]);
}

/// A protocol that is chosen or switched: what is asked before has the one that is
/// there when the connection is made.
#[test]
fn a_protocol_of_any_type_waits_too() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let (ours, _theirs) = tokio::io::duplex(64);
    let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
    let connection = reactor.serve(ours, AnyProtocol::new(notes));
    let inner = connection.project_if(AnyProtocol::downcast_mut::<Notes>);
    let called = inner.call(|notes, _| notes.note("call"));
    assert_no_result(&called);
    reactor.settle().unwrap();
    success_result_of(called);
    assert_eq!(*log.borrow(), ["made", "call", "from inside"]);
}

#[test]
fn an_early_switch_is_made_when_the_connection_is() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let (ours, _theirs) = tokio::io::duplex(64);
    let mut switch: Option<ProtocolSwitch> = None;
    let any = AnyProtocol::with_switch(|its| {
        switch = Some(its);
        Notes { fail: true, ..Notes::default() }
    });
    let connection = reactor.serve(ours, any);
    let notes = Notes { part: Part { log: log.clone() }, ..Notes::default() };
    switch.unwrap().switch_to(notes, "").unwrap();
    let inner = connection.project_if(AnyProtocol::downcast_mut::<Notes>);
    let called = inner.call(|notes, _| notes.note("call"));
    reactor.settle().unwrap();
    success_result_of(called);
    assert_eq!(*log.borrow(), ["made", "call", "from inside"]);
}

/// The same for datagrams: `start_protocol` comes first.
#[test]
fn a_call_to_a_datagram_protocol_waits_for_its_start() {
    struct Starts(Part);

    impl DatagramProtocol for Starts {
        fn start_protocol(&mut self, _: &DatagramConnection<Self>) {
            self.0.log.borrow_mut().push("started");
        }
    }

    let reactor = MemoryReactor::new();
    let log = Log::default();
    let port = reactor.listen_udp(("127.0.0.1", 0), Starts(Part { log: log.clone() })).unwrap();
    let called = port.call(|starts, _| starts.0.note("call"));
    assert_no_result(&called);
    reactor.settle().unwrap();
    success_result_of(called);
    assert_eq!(*log.borrow(), ["started", "call"]);
    port.stop_listening();
}
