//! Two protocols that talk to each other, after Twisted's `test_loopback`.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::cell::RefCell;
use std::rc::Rc;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use protocols::loopback::{loopback_async, loopback_tcp};
use protocols::wire::Echo;
use reactor_compat::{Connection, ConnectionDone, Protocol, Reactor, WaterMarks};

#[derive(Default)]
struct Heard {
    data: Vec<u8>,
    clean: Option<bool>,
}

/// Says something, and closes when it has heard as much.
struct Client {
    says: Vec<u8>,
    heard: Rc<RefCell<Heard>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        // It writes much more than it is asked for.
        transport.set_water_marks(WaterMarks::UNBOUNDED);
        transport.write(&self.says);
    }
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let mut heard = self.heard.borrow_mut();
        heard.data.extend_from_slice(data);
        if heard.data.len() == self.says.len() {
            transport.lose_connection();
        }
    }
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.heard.borrow_mut().clean = Some(reason.is::<ConnectionDone>());
    }
}

/// Runs the reactor until the conversation is over.
fn run(reactor: &Reactor, over: Deferred<()>) {
    let stop = reactor.clone();
    let over = over.add_callback(move |()| Ok(stop.stop()?));
    reactor.run().unwrap();
    success_result_of(over);
}

fn converse(says: Vec<u8>, loopback: impl FnOnce(&Reactor, Echo, Client) -> Deferred<()>) -> Heard {
    let (reactor, heard) = (Reactor::new(), Rc::new(RefCell::new(Heard::default())));
    let client = Client { says, heard: heard.clone() };
    run(&reactor, loopback(&reactor, Echo, client));
    heard.take()
}

/// More than the pipe and the transports hold.
fn much() -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn they_talk_in_memory() {
    let heard = converse(much(), loopback_async);
    assert!(heard.data == much());
    assert_eq!(heard.clean, Some(true));
}

#[test]
fn they_talk_over_tcp() {
    let heard =
        converse(much(), |reactor, server, client| loopback_tcp(reactor, server, client).unwrap());
    assert!(heard.data == much());
    assert_eq!(heard.clean, Some(true));
}

/// Both have heard that the connection is lost by the time it is over.
#[test]
fn it_is_over_when_both_have_heard() {
    struct Close(Rc<RefCell<Vec<&'static str>>>, &'static str);
    impl Protocol for Close {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.lose_connection();
        }
        fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let (reactor, order) = (Reactor::new(), Rc::<RefCell<Vec<_>>>::default());
    let (server, client) = (Close(order.clone(), "lost"), Close(order.clone(), "lost"));
    let last = order.clone();
    let over = loopback_async(&reactor, server, client)
        .add_callback(move |()| last.borrow_mut().push("over"));
    run(&reactor, over);
    assert_eq!(*order.borrow(), ["lost", "lost", "over"]);
}

#[test]
fn a_connection_that_is_not_made_is_a_failure() {
    let reactor = Reactor::new();
    let client = Client { says: Vec::new(), heard: Rc::default() };
    let over = loopback_tcp(&reactor, Echo, client).unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    failure_result_of(over);
}
