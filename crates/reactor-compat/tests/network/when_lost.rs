//! The end of a connection, as a Deferred.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::rc::Rc;

use crate::support::{Event, Log, Recorder, drive, listen, reason};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure};
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    Address, AnyProtocol, Connection, ConnectionAborted, ConnectionDone, Protocol, ProtocolSwitch,
};

#[test]
fn each_that_is_asked_for_fires_once_with_the_reason() {
    let transport = StringTransport::new(Recorder::default());
    let waiting = [(); 3].map(|()| transport.when_lost());
    waiting.iter().for_each(assert_no_result);
    transport.connection_lost(ConnectionDone);
    let late = [(); 2].map(|()| transport.when_lost());
    for lost in waiting.into_iter().chain(late) {
        assert!(success_result_of(lost).is::<ConnectionDone>());
    }
}

#[test]
fn it_fires_when_the_protocol_has_heard() {
    let log = Log::default();
    let inner = Rc::new(RefCell::new(None));
    let place = inner.clone();
    let recorder = Recorder::new(&log).lost(move |transport, ()| {
        let lost = transport.when_lost();
        assert_no_result(&lost);
        place.replace(Some(lost));
    });
    let transport = StringTransport::new(recorder);
    let seen = log.clone();
    let outer = transport.when_lost().add_callback(move |_| Ok(seen.events()));
    transport.connection_lost(ConnectionAborted::default());
    assert_eq!(success_result_of(outer), [Event::Made, Event::Aborted(None)]);
    assert!(success_result_of(inner.take().unwrap()).is::<ConnectionAborted>());
}

#[test]
fn one_that_is_cancelled_ends_alone() {
    let transport = StringTransport::new(Recorder::default());
    let [first, second] = [(); 2].map(|()| transport.when_lost());
    first.cancel();
    assert!(failure_result_of(first).is::<CancelledError>());
    assert!(transport.connected());
    transport.connection_lost(ConnectionDone);
    assert!(success_result_of(second).is::<ConnectionDone>());
}

/// Hands its connection on when it is told anything.
struct First(ProtocolSwitch, Rc<RefCell<Vec<Deferred<Failure>>>>);

impl Protocol for First {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.1.borrow_mut().push(transport.when_lost());
    }

    fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
        let lost = self.1.clone();
        let next = Recorder::default().made(move |transport, ()| {
            lost.borrow_mut().push(transport.when_lost());
        });
        self.0.switch_to(next, "").unwrap();
    }
}

#[test]
fn one_that_is_replaced_waits_for_the_connection() {
    let lost = Rc::<RefCell<Vec<Deferred<Failure>>>>::default();
    let place = lost.clone();
    let transport = StringTransport::new(AnyProtocol::with_switch(|switch| First(switch, place)));
    transport.data_received(b"go");
    assert_eq!(lost.borrow().len(), 2);
    lost.borrow().iter().for_each(assert_no_result);
    transport.connection_lost(ConnectionDone);
    for lost in lost.take() {
        assert!(success_result_of(lost).is::<ConnectionDone>());
    }
}

#[test]
fn a_part_of_a_protocol_has_the_same() {
    let transport = StringTransport::new(Recorder::default());
    let part = transport.connection().project(|recorder| &mut recorder.log);
    let lost = part.when_lost();
    transport.connection_lost(ConnectionDone);
    assert!(success_result_of(lost).is::<ConnectionDone>());
    assert!(success_result_of(part.when_lost()).is::<ConnectionDone>());
}

#[test]
fn it_is_awaited_over_sockets() {
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::default());
        let connect = || reactor.connect_tcp(address, |_: Address| Recorder::default());
        let connection = connect().when_connected().await.unwrap();
        let (close, abort) = (connection.when_lost(), connect().when_connected().await.unwrap());
        connection.lose_connection();
        assert_eq!(reason(&close.await.unwrap()), Event::Done);
        abort.abort_connection();
        assert!(matches!(reason(&abort.when_lost().await.unwrap()), Event::Aborted(_)));
    });
}

#[test]
fn a_reactor_that_stops_loses_its_connections() {
    let lost = Rc::new(RefCell::new(None));
    let place = lost.clone();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::default());
        let connector = reactor.connect_tcp(address, |_: Address| Recorder::default());
        let connection = connector.when_connected().await.unwrap();
        place.replace(Some(connection.when_lost()));
    });
    assert_eq!(reason(&success_result_of(lost.take().unwrap())), Event::Lost);
}
