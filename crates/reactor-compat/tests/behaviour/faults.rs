//! A callback that panics ends its own connection, and nothing else.

use reactor_compat::log::LogCapture;

use crate::actor::{Actor, Event, Reason, Witness};
use crate::medium::{Medium, Stage};

/// Connects one that panics, and another pair beside it; `provoke` has it panic.
/// Checks that it gets its panic as its reason, that it is logged once, and that
/// the others live.
fn panics<M: Medium>(
    server: Actor,
    client: Actor,
    provoke: impl FnOnce(&mut Stage<M>, &Witness, &Witness),
) -> (Witness, Witness) {
    let log = LogCapture::start();
    let mut stage = Stage::<M>::new();
    let (other, its_client) = stage.connect(Actor::echo(), Actor::new());
    let (server, client) = stage.join(server, client);
    provoke(&mut stage, &server, &client);
    stage.until(|| server.end().is_some());
    stage.a_while();
    let errors = log.flush_logged_errors::<deferred::Panic>();
    assert_eq!(errors.len(), 1, "{log:?}");
    its_client.transport().write("alive");
    stage.until(|| its_client.received() == 5);
    assert_eq!(other.end(), None);
    assert!(server.dropped());
    (server, client)
}

#[expect(clippy::panic, reason = "it is what is tested")]
fn oops() {
    panic!("part of the test");
}

pub(crate) fn in_connection_made<M: Medium>() {
    let server = Actor::new().on_made(|_| oops());
    let (server, _) = panics::<M>(server, Actor::new(), |_, _, _| ());
    assert_eq!(server.events(), [Event::Made, Event::Gone(Reason::Panicked)]);
}

pub(crate) fn in_data_received<M: Medium>() {
    let server = Actor::new().on_data(|_, _| oops());
    let (server, client) = panics::<M>(server, Actor::new(), |stage, _, client| {
        stage.until(|| client.made());
        client.transport().write("x");
    });
    assert_eq!(server.events(), [Event::Made, Event::Data, Event::Gone(Reason::Panicked)]);
    assert!(client.end().is_some(), "it is told");
}

pub(crate) fn in_resumed<M: Medium>() {
    let server = Actor::new().on_resumed(|_| oops());
    let (server, _) = panics::<M>(server, Actor::new(), |stage, server, _| {
        stage.until(|| server.made());
        server.transport().pause_producing();
        server.transport().resume_producing();
    });
    assert_eq!(server.end(), Some(Reason::Panicked));
}

pub(crate) fn in_read_connection_lost<M: Medium>() {
    let server = Actor::new().on_read_lost(|_| oops());
    let (server, _) = panics::<M>(server, Actor::new(), |stage, _, client| {
        stage.until(|| client.made());
        client.transport().lose_write_connection();
    });
    assert_eq!(server.end(), Some(Reason::Panicked));
}

pub(crate) fn in_write_connection_lost<M: Medium>() {
    let server = Actor::new().on_write_lost(|_| oops());
    let client = Actor::new().on_read_lost(|_| ());
    let (server, _) = panics::<M>(server, client, |stage, server, _| {
        stage.until(|| server.made());
        server.transport().lose_write_connection();
    });
    assert_eq!(server.end(), Some(Reason::Panicked));
}

pub(crate) fn in_connection_lost<M: Medium>() {
    let server = Actor::new().on_lost(|_| oops());
    let (server, _) = panics::<M>(server, Actor::new(), |stage, _, client| {
        stage.until(|| client.made());
        client.transport().lose_connection();
    });
    // It ended before that, and cannot end again.
    assert_eq!(server.end(), Some(Reason::Done));
}

pub(crate) fn in_a_call<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::echo(), Actor::new());
    let visit = server.connection().call(|_, _| -> Result<(), deferred::Failure> {
        oops();
        Ok(())
    });
    let failure = deferred::testing::failure_result_of(visit);
    assert!(failure.is::<deferred::Panic>());
    // It was not the protocol's own doing, and the connection goes on.
    client.transport().write("alive");
    stage.until(|| client.received() == 5);
}

pub(crate) fn what_was_written_before_a_panic_is_let_go<M: Medium>() {
    let server = Actor::new().on_data(|me, _| {
        me.write("never sent");
        oops();
    });
    let (_, client) = panics::<M>(server, Actor::new(), |stage, _, client| {
        stage.until(|| client.made());
        client.transport().write("x");
    });
    assert_eq!(client.data(), b"");
}
