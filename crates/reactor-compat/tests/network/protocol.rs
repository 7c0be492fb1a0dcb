//! Protocols and the way back to them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{Log, Recorder};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Panic, Trigger};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Connection, ConnectionDone, ConnectionGone, Protocol, ProtocolCallbacks};

/// Counts its drops.
#[derive(Default)]
struct Drops(Rc<Cell<usize>>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

type Act = Box<dyn FnOnce(&mut Told, &Connection<Told>)>;

/// Does as it is told when data comes.
#[derive(Default)]
struct Told {
    names: Vec<&'static str>,
    act: Option<Act>,
    own: Option<Connection<Self>>,
    _drops: Drops,
}

impl Told {
    fn acting(act: impl FnOnce(&mut Self, &Connection<Self>) + 'static) -> Self {
        Self { act: Some(Box::new(act)), ..Self::default() }
    }

    fn name(&mut self, _: &Connection<Self>, name: &'static str) {
        self.names.push(name);
    }
}

impl Protocol for Told {
    fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
        if let Some(act) = self.act.take() {
            act(self, transport);
        }
    }
}

fn names(transport: &StringTransport<Told>) -> Vec<&'static str> {
    transport.inspect(|told| told.names.clone()).unwrap()
}

#[test]
fn a_free_protocol_is_visited_at_once() {
    let transport = StringTransport::new(Told::default());
    let (d, trigger) = Deferred::new();
    let done = d.add_callback(transport.connection().wrap(Told::name));
    trigger.callback("now").unwrap();
    assert_eq!(names(&transport), ["now"]);
    success_result_of(done);
}

#[test]
fn a_busy_protocol_is_visited_when_its_callback_returns() {
    let transport = StringTransport::new(Told::acting(|this, me| {
        for name in ["second", "third"] {
            let done = Deferred::succeed(name).add_callback(me.wrap(Told::name)).add_callback_at(
                me,
                |this, transport, ()| {
                    this.names.push("and then");
                    transport.write("x");
                },
            );
            drop(done);
        }
        this.names.push("first");
    }));
    transport.data_received(b"go");
    assert_eq!(names(&transport), ["first", "second", "third", "and then", "and then"]);
    assert_eq!(transport.take_value(), b"xx");
}

type Kept = Rc<RefCell<Option<Trigger<&'static str>>>>;

#[test]
fn a_protocol_that_is_gone_is_not_visited() {
    let transport = StringTransport::new(Told::default());
    let me = transport.connection().me();
    let kept: Kept = Rc::default();
    let (d, trigger) = Deferred::new();
    kept.replace(Some(trigger));
    let silent = d.add_callback(me.wrap(Told::name));
    transport.connection_lost(ConnectionDone);
    kept.take().unwrap().callback("too late").unwrap();
    // Nothing was owed: nothing is missed.
    success_result_of(silent);
    let owed = failure_result_of(me.call(|this, _| Ok(this.names.len())));
    assert!(owed.is::<ConnectionGone>());
    let owed = failure_result_of(me.call(|_, _| Deferred::succeed(1)));
    assert!(owed.is::<ConnectionGone>());
    assert!(me.gone());
}

#[test]
fn what_waits_for_a_protocol_that_goes_hears_of_it() {
    let asked = Rc::new(RefCell::new(None));
    let place = asked.clone();
    let recorder = Recorder::new(&Log::default()).lost(move |me, ()| {
        place.replace(Some(me.call(|_, _| Ok(1))));
    });
    let transport = StringTransport::new(recorder);
    transport.connection_lost(ConnectionDone);
    // It was asked for while the last callback was running, and came first.
    assert_eq!(success_result_of(asked.take().unwrap()), 1);
}

#[test]
fn a_visit_may_return_a_deferred() {
    let transport = StringTransport::new(Told::default());
    let (inner, trigger) = Deferred::new();
    let outer = transport.connection().call(move |_, _| inner);
    trigger.callback(9).unwrap();
    assert_eq!(success_result_of(outer), 9);
}

#[test]
fn a_busy_protocols_visit_may_return_a_deferred() {
    let (inner, trigger) = Deferred::new();
    let outer = Rc::new(RefCell::new(None));
    let place = outer.clone();
    let transport = StringTransport::new(Told::acting(move |_, me| {
        place.replace(Some(me.call(move |_, _| inner)));
    }));
    transport.data_received(b"go");
    trigger.callback(9).unwrap();
    assert_eq!(success_result_of(outer.take().unwrap()), 9);
}

#[test]
fn a_panicking_visit_is_a_failure_and_the_protocol_lives() {
    let transport = StringTransport::new(Told::default());
    let me = transport.connection();
    let failure = failure_result_of(me.call(|_, _| -> Result<(), Failure> { panic!("oh") }));
    assert_eq!(failure.check::<Panic>().unwrap().message(), "oh");
    success_result_of(me.call(|this, transport| this.name(transport, "alive")));
    assert_eq!(names(&transport), ["alive"]);
}

#[test]
fn errbacks_are_called_at_it_too() {
    let transport = StringTransport::new(Told::default());
    let me = transport.connection();
    let failed: Deferred<u8> = Deferred::fail(std::fmt::Error);
    let mended = failed.add_errback_at(me, |this, _, failure| {
        this.names.push("failed");
        failure.trap::<std::fmt::Error>()?;
        Ok(3)
    });
    assert_eq!(success_result_of(mended), 3);
    let both = Deferred::succeed(2).add_both_at(me, |_, _, result| Ok(result? * 2));
    assert_eq!(success_result_of(both), 4);
    assert_eq!(names(&transport), ["failed"]);
}

#[test]
fn a_wrapped_function_calls_each_time() {
    let transport = StringTransport::new(Told::default());
    let tick = transport.connection().wrap_fn(|this, _| this.names.push("tick"));
    success_result_of(tick());
    success_result_of(tick());
    assert_eq!(names(&transport), ["tick", "tick"]);
}

struct Whole {
    part: Part,
    own: Option<Connection<Part>>,
}

#[derive(Default)]
struct Part {
    heard: Vec<u8>,
}

impl Part {
    fn hear(&mut self, me: &Connection<Self>, byte: u8) {
        self.heard.push(byte);
        // The whole is busy: this is called later.
        drop(me.call(move |this, transport| {
            this.heard.push(byte + 1);
            transport.write([byte]);
        }));
    }
}

impl Protocol for Whole {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.own = Some(transport.project(|this| &mut this.part));
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        let Self { part, own } = self;
        for (byte, own) in data.iter().zip(own.iter().cycle()) {
            part.hear(own, *byte);
        }
    }
}

#[test]
fn a_part_of_a_protocol_is_called_by_its_own_connection() {
    let transport = StringTransport::new(Whole { part: Part::default(), own: None });
    transport.data_received(&[10, 20]);
    let heard = transport.inspect(|whole| whole.part.heard.clone()).unwrap();
    assert_eq!(heard, [10, 20, 11, 21]);
    assert_eq!(transport.take_value(), [10, 20]);
    let part = transport.connection().project(|whole| &mut whole.part);
    transport.connection_lost(ConnectionDone);
    assert!(part.gone());
}

#[test]
fn a_protocol_that_keeps_its_own_connection_does_not_leak() {
    let drops = Rc::new(Cell::new(0));
    let told = Told { _drops: Drops(drops.clone()), ..Told::default() };
    let transport = StringTransport::new(told);
    let kept = transport.connection().me();
    success_result_of(kept.call(|this, me| this.own = Some(me.me())));
    assert_eq!(drops.get(), 0);
    transport.connection_lost(ConnectionDone);
    assert_eq!(drops.get(), 1, "a kept connection does not keep the protocol");
    drop(transport);
    assert!(kept.gone());
}

#[test]
fn two_protocols_may_visit_each_other() {
    let a = StringTransport::new(Told::default());
    let (mine, theirs) = (a.connection().me(), a.connection().me());
    let b = StringTransport::new(Told::acting(move |this, me| {
        let me = me.me();
        // `a` is free and visited at once; we are busy, and are visited later.
        drop(mine.call(move |a, _| {
            a.names.push("from b");
            drop(me.call(|b, _| b.names.push("from a")));
        }));
        this.names.push("first");
    }));
    b.data_received(b"go");
    assert_eq!(names(&a), ["from b"]);
    assert_eq!(names(&b), ["first", "from a"]);
    assert!(!theirs.gone());
}
