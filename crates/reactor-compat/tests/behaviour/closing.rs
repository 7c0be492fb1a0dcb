//! How a connection ends.

use std::time::Duration;

use crate::actor::{Actor, Event, Reason};
use crate::medium::{Medium, Stage, large};

pub(crate) fn a_close_sends_all_first<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().write(large::<M>());
    client.transport().lose_connection();
    assert!(client.transport().disconnecting());
    stage.until_over(&server, &client);
    assert!(server.data() == large::<M>());
    assert_eq!([server.end(), client.end()], [Some(Reason::Done), Some(Reason::Done)]);
}

pub(crate) fn a_close_by_both_at_once_is_clean<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().lose_connection();
    client.transport().lose_connection();
    stage.until_over(&server, &client);
    assert_eq!([server.end(), client.end()], [Some(Reason::Done), Some(Reason::Done)]);
}

pub(crate) fn closing_while_the_connection_is_made<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_made(|me| {
        me.write("bye");
        me.lose_connection();
        me.write("too late");
    });
    let (server, client) = stage.join(server, Actor::new());
    stage.until_over(&server, &client);
    assert_eq!(server.events(), [Event::Made, Event::Gone(Reason::Done)]);
    assert_eq!(client.data(), b"bye");
    assert_eq!(client.end(), Some(Reason::Done));
}

pub(crate) fn aborting_while_the_connection_is_made<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_made(|me| {
        me.write("never mind");
        me.abort_connection();
    });
    let (server, client) = stage.join(server, Actor::new());
    stage.until(|| server.end().is_some());
    assert_eq!(server.events(), [Event::Made, Event::Gone(Reason::Aborted)]);
    // A client may not come so far as to be made.
    stage.a_while();
    assert_eq!(client.data(), b"");
    assert!(!client.made() || client.end().is_some());
}

pub(crate) fn an_abort_is_at_once<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().pause_producing();
    stage.clog(&client.transport());
    client.transport().abort_connection();
    stage.until(|| client.end().is_some());
    assert_eq!(client.end(), Some(Reason::Aborted));
    assert_eq!(client.transport().unsent(), 0);
    server.transport().resume_producing();
    stage.until(|| server.end().is_some());
    assert!(server.received() < M::LARGE);
    assert_eq!(server.end(), Some(M::ABORTED));
}

pub(crate) fn the_peer_of_an_abort_hears_of_it<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().abort_connection();
    stage.until_over(&server, &client);
    assert_eq!([client.end(), server.end()], [Some(Reason::Aborted), Some(M::ABORTED)]);
}

pub(crate) fn the_end_comes_once_however_often_it_is_asked_for<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let client = Actor::new().on_lost(|me| {
        me.lose_connection();
        me.abort_connection();
        me.lose_write_connection();
        me.resume_producing();
    });
    let (server, client) = stage.connect(Actor::new(), client);
    for _ in 0..3 {
        client.transport().lose_connection();
        client.transport().abort_connection();
    }
    stage.until_over(&server, &client);
    client.transport().lose_connection();
    client.transport().abort_connection();
    stage.a_while();
    assert_eq!(client.events(), [Event::Made, Event::Gone(Reason::Aborted)]);
}

pub(crate) fn an_abort_cuts_a_close_short<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().pause_producing();
    stage.clog(&client.transport());
    client.transport().lose_connection();
    stage.a_while();
    assert_eq!(client.end(), None, "it waits for what is unsent");
    client.transport().abort_connection();
    stage.until(|| client.end().is_some());
    assert_eq!(client.end(), Some(Reason::Aborted));
}

pub(crate) fn a_close_waits_no_longer_than_its_grace<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().pause_producing();
    stage.clog(&client.transport());
    let grace = Duration::from_millis(20);
    client.transport().set_close_grace(grace);
    client.transport().lose_connection();
    stage.in_time(grace, || client.end().is_some());
    assert_eq!(client.end(), Some(Reason::GraceOver));
}

pub(crate) fn a_close_reads_nothing_more<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let client = Actor::new().on_data(|me, _| me.lose_connection());
    let (server, client) = stage.connect(Actor::new(), client);
    server.transport().write("x");
    stage.until(|| client.received() == 1);
    server.transport().write("y");
    stage.until_over(&server, &client);
    stage.a_while();
    assert_eq!(client.data(), b"x");
    assert_eq!(server.end(), Some(Reason::Done));
}

pub(crate) fn closing_each_other_from_inside_callbacks<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (other, its_client) = stage.connect(Actor::new(), Actor::new());
    let others = other.transport();
    let server = Actor::new().on_data(move |me, _| {
        others.write("you go first");
        others.lose_connection();
        me.write("and then I");
        me.lose_connection();
    });
    let (server, client) = stage.connect(server, Actor::new());
    client.transport().write("x");
    stage.until_over(&server, &client);
    stage.until_over(&other, &its_client);
    assert_eq!(
        (its_client.data(), client.data()),
        (b"you go first".to_vec(), b"and then I".to_vec())
    );
    for witness in [server, client, other, its_client] {
        assert_eq!(witness.end(), Some(Reason::Done));
    }
}

pub(crate) fn aborting_each_other_from_inside_callbacks<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (other, its_client) = stage.connect(Actor::new(), Actor::new());
    let others = other.transport();
    let server = Actor::new().on_data(move |me, _| {
        others.abort_connection();
        me.abort_connection();
    });
    let (server, client) = stage.connect(server, Actor::new());
    client.transport().write("x");
    stage.until_over(&server, &client);
    stage.until_over(&other, &its_client);
    assert_eq!([server.end(), other.end()], [Some(Reason::Aborted), Some(Reason::Aborted)]);
    assert_eq!([client.end(), its_client.end()], [Some(M::ABORTED), Some(M::ABORTED)]);
}

pub(crate) fn closing_another_from_inside_connection_lost<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (other, its_client) = stage.connect(Actor::new(), Actor::new());
    let others = other.transport();
    let server = Actor::new().on_lost(move |_| {
        others.write("it is gone");
        others.lose_connection();
    });
    let (_server, client) = stage.connect(server, Actor::new());
    client.transport().lose_connection();
    stage.until_over(&other, &its_client);
    assert_eq!(its_client.data(), b"it is gone");
}

pub(crate) fn one_that_is_paused_can_be_closed_and_aborted<M: Medium>() {
    let mut stage = Stage::<M>::new();
    for (aborts, reason) in [(false, Reason::Done), (true, Reason::Aborted)] {
        let client = Actor::new().on_made(|me| me.pause_producing());
        let (server, client) = stage.connect(Actor::new(), client);
        server.transport().write("unread");
        stage.a_while();
        if aborts {
            client.transport().abort_connection();
        } else {
            client.transport().lose_connection();
        }
        stage.until_over(&server, &client);
        assert_eq!(client.end(), Some(reason));
        assert_eq!(client.received(), 0);
    }
}
