//! What comes, in which order, and from whom.

use std::cell::Cell;
use std::rc::Rc;

use crate::actor::{Actor, Event, Reason};
use crate::medium::{Medium, Stage};

pub(crate) fn callbacks_come_in_order<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().write("hello");
    stage.until(|| server.received() == 5);
    client.transport().lose_connection();
    stage.until_over(&server, &client);
    stage.a_while();
    assert_eq!(
        server.events(),
        [Event::Made, Event::Data, Event::ReadLost, Event::Gone(Reason::Done)]
    );
    assert_eq!(client.events(), [Event::Made, Event::Gone(Reason::Done)]);
}

pub(crate) fn each_end_knows_the_other<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let (server, client) = (server.transport(), client.transport());
    assert_eq!(client.get_peer(), server.get_host());
    assert_eq!(server.get_peer(), client.get_host());
}

pub(crate) fn data_goes_both_ways<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::echo(), Actor::new());
    for round in 1..=100 {
        client.transport().write("hello, world");
        stage.until(|| client.received() == 12 * round);
    }
    assert_eq!(server.data(), b"hello, world".repeat(100));
    assert_eq!(client.data(), server.data());
}

pub(crate) fn what_is_written_while_the_connection_is_made_arrives<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let greet = |greeting: &'static str| Actor::new().on_made(move |me| me.write(greeting));
    let (server, client) = stage.connect(greet("hello"), greet("good day"));
    stage.until(|| server.received() == 8 && client.received() == 5);
    assert_eq!(server.data(), b"good day");
    assert_eq!(client.data(), b"hello");
}

pub(crate) fn a_protocol_is_dropped_once_it_knows_its_end<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    assert!(!server.dropped() && !client.dropped());
    server.transport().lose_connection();
    stage.until(|| server.dropped() && client.dropped());
    assert!(server.connection().gone());
    assert!(!server.transport().connected());
}

pub(crate) fn a_call_to_a_busy_protocol_waits<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let order = Rc::new(Cell::new(0));
    let seen = order.clone();
    let server = Actor::new().on_data(move |me, _| {
        let later = seen.clone();
        me.call(move |_, me| {
            assert_eq!(later.replace(2), 1);
            me.write("back");
        });
        assert_eq!(seen.replace(1), 0);
    });
    let (_server, client) = stage.connect(server, Actor::new());
    client.transport().write("x");
    stage.until(|| client.received() == 4);
    assert_eq!(order.get(), 2);
}

pub(crate) fn no_call_reaches_one_that_is_gone<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().abort_connection();
    stage.until_over(&server, &client);
    let visit = client.connection().call(|_, _| Ok(()));
    let failure = deferred::testing::failure_result_of(visit);
    assert!(failure.is::<reactor_compat::ConnectionGone>());
}

pub(crate) fn the_reactors_end_ends_it<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    stage.stop();
    stage.until_over(&server, &client);
    assert_eq!([server.end(), client.end()], [Some(Reason::Lost), Some(Reason::Lost)]);
}
