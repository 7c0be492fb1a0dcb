//! Each half of a connection has an end of its own.

use crate::actor::{Actor, Event, Reason};
use crate::medium::{Medium, Stage, large};

/// One that stays when its peer ends its half.
fn patient() -> Actor {
    Actor::new().on_read_lost(|_| ())
}

pub(crate) fn the_peer_may_go_on<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(patient(), patient());
    client.transport().write("that is all");
    client.transport().lose_write_connection();
    stage.until(|| server.has(&Event::ReadLost) && client.has(&Event::WriteLost));
    assert_eq!(server.data(), b"that is all");
    server.transport().write("not from me");
    stage.until(|| client.received() == 11);
    assert!(server.transport().connected() && client.transport().connected());
    server.transport().lose_connection();
    stage.until(|| server.end().is_some() && client.has(&Event::ReadLost));
    client.transport().lose_connection();
    stage.until_over(&server, &client);
    assert_eq!(
        server.events(),
        [Event::Made, Event::Data, Event::ReadLost, Event::Gone(Reason::Done)]
    );
    assert_eq!(
        client.events(),
        [Event::Made, Event::WriteLost, Event::Data, Event::ReadLost, Event::Gone(Reason::Done)]
    );
}

pub(crate) fn both_halves_may_end_one_by_one<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(patient(), patient());
    client.transport().lose_write_connection();
    stage.until(|| server.has(&Event::ReadLost));
    server.transport().lose_write_connection();
    stage.until(|| client.has(&Event::ReadLost) && server.has(&Event::WriteLost));
    stage.a_while();
    assert_eq!([server.end(), client.end()], [None, None], "nobody has closed it");
    server.transport().lose_connection();
    client.transport().lose_connection();
    stage.until_over(&server, &client);
    assert_eq!([server.end(), client.end()], [Some(Reason::Done), Some(Reason::Done)]);
}

pub(crate) fn it_sends_all_first<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(patient(), Actor::new());
    client.transport().write(large::<M>());
    client.transport().lose_write_connection();
    stage.until(|| server.has(&Event::ReadLost));
    assert!(server.data() == large::<M>());
}

pub(crate) fn nothing_can_be_written_after_it<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(patient(), patient());
    client.transport().write("last");
    client.transport().lose_write_connection();
    client.transport().write("too late");
    stage.until(|| server.has(&Event::ReadLost) && client.has(&Event::WriteLost));
    client.transport().write("much too late");
    assert_eq!(client.transport().unsent(), 0);
    stage.a_while();
    assert_eq!(server.data(), b"last");
}

pub(crate) fn it_is_said_once_however_often_it_is_asked_for<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(patient(), patient());
    for _ in 0..3 {
        client.transport().lose_write_connection();
    }
    stage.until(|| client.has(&Event::WriteLost) && server.has(&Event::ReadLost));
    client.transport().lose_write_connection();
    stage.a_while();
    assert_eq!(client.events(), [Event::Made, Event::WriteLost]);
    assert_eq!(server.events(), [Event::Made, Event::ReadLost]);
}

pub(crate) fn who_says_nothing_else_closes<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_data(|me, _| me.write("an answer"));
    let (server, client) = stage.connect(server, Actor::new());
    client.transport().write("?");
    client.transport().lose_write_connection();
    stage.until_over(&server, &client);
    // A byte by itself is not more than a question.
    assert_eq!(client.data(), b"an answer");
    assert_eq!([server.end(), client.end()], [Some(Reason::Done), Some(Reason::Done)]);
}

pub(crate) fn an_answer_can_be_given_when_all_has_come<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_read_lost(|me| {
        me.write(vec![b'!'; 1000]);
        me.lose_connection();
    });
    let (server, client) = stage.connect(server, Actor::new());
    client.transport().write("a question");
    client.transport().lose_write_connection();
    stage.until_over(&server, &client);
    assert_eq!(server.data(), b"a question");
    assert_eq!(client.data(), vec![b'!'; 1000]);
}
