//! How what is written is sent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use reactor_compat::{ConnectionAborted, ConnectionGone, WaterMarks};

use crate::actor::{Actor, Reason};
use crate::medium::{Medium, Stage, large};

pub(crate) fn writes_keep_their_order<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let mut all = String::new();
    for n in 0..100 {
        let pieces = [n.to_string(), ", ".to_owned(), (n * n).to_string(), "\n".to_owned()];
        all.extend(pieces.iter().map(String::as_str));
        client.transport().write_sequence(&pieces);
        client.transport().write("and ");
        all.push_str("and ");
    }
    stage.until(|| server.received() == all.len());
    assert_eq!(server.data(), all.as_bytes());
}

pub(crate) fn what_a_callback_writes_comes_in_one_piece<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_data(|me, _| {
        for _ in 0..100 {
            me.write("0123456789");
        }
    });
    let (_server, client) = stage.connect(server, Actor::new());
    client.transport().write("x");
    stage.until(|| client.received() == 1000);
    assert_eq!(client.pieces(), if M::WHOLE { 1 } else { 1000 });
}

pub(crate) fn nothing_is_written_by_writing_nothing<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().write("");
    client.transport().write_sequence([""; 3]);
    client.transport().write("x");
    stage.until(|| server.received() == 1);
    assert_eq!(server.pieces(), 1);
    assert_eq!(client.transport().written(), 1);
}

pub(crate) fn a_large_write_arrives_whole<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().write(large::<M>());
    stage.until(|| server.received() == M::LARGE);
    assert!(server.data() == large::<M>());
    stage.until(|| client.transport().unsent() == 0);
}

pub(crate) fn large_writes_pass_each_other<M: Medium>() {
    let mut stage = Stage::<M>::new();
    // Else each would stop reading because of what it has to send.
    let free = || Actor::new().on_made(|me| me.set_water_marks(WaterMarks::UNBOUNDED));
    let (server, client) = stage.connect(free(), free());
    client.transport().write(large::<M>());
    server.transport().write(large::<M>());
    stage.until(|| server.received() == M::LARGE && client.received() == M::LARGE);
    assert!(server.data() == large::<M>() && client.data() == large::<M>());
}

pub(crate) fn who_has_too_much_unsent_does_not_read<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    client.transport().pause_producing();
    stage.clog(&server.transport());
    assert!(!server.transport().reading());
    client.transport().write("x");
    stage.a_while();
    assert_eq!(server.received(), 0);
    client.transport().resume_producing();
    stage.until(|| server.received() == 1);
    stage.until(|| client.received() == M::LARGE);
    assert!(server.transport().reading());
}

pub(crate) fn draining_is_waited_for<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    success_result_of(client.transport().drain());
    server.transport().pause_producing();
    stage.clog(&client.transport());
    let drained = client.transport().drain();
    assert_no_result(&drained);
    server.transport().resume_producing();
    stage.until(|| drained.has_result());
    success_result_of(drained);
    assert!(client.transport().unsent() <= client.transport().water_marks().low());
}

pub(crate) fn draining_fails_with_the_connection<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().pause_producing();
    stage.clog(&client.transport());
    let drained = client.transport().drain();
    client.transport().abort_connection();
    stage.until(|| drained.has_result());
    assert!(failure_result_of(drained).is::<ConnectionAborted>());
    assert!(failure_result_of(client.transport().drain()).is::<ConnectionGone>());
}

pub(crate) fn sending_can_be_held_up<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let transport = client.transport();
    transport.pause_sending();
    transport.write("hello");
    stage.a_while();
    assert_eq!((server.received(), transport.unsent()), (0, 5));
    transport.resume_sending();
    stage.until(|| server.received() == 5);
}

pub(crate) fn taps_see_what_is_written<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let tap = seen.clone();
    client.transport().tap_writes(move |data| tap.borrow_mut().extend_from_slice(data));
    client.transport().write("hello");
    client.transport().write_sequence([", ", "world"]);
    stage.until(|| server.received() == 12);
    assert_eq!(*seen.borrow(), b"hello, world");
    assert_eq!(client.transport().written(), 12);
}

pub(crate) fn writing_to_others_from_inside_callbacks<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (one, first) = stage.connect(Actor::new(), Actor::new());
    let to = one.transport();
    let relay = Actor::new().on_data(move |_, data| to.write(data));
    let (_relay, second) = stage.connect(relay, Actor::new());
    second.transport().write("pass it on");
    stage.until(|| first.received() == 10);
    assert_eq!(first.data(), b"pass it on");
}

pub(crate) fn what_is_written_after_the_end_is_let_go<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let tried = Rc::new(Cell::new(false));
    let noted = tried.clone();
    let client = Actor::new().on_lost(move |me| {
        me.write("from connection_lost");
        noted.set(true);
    });
    let (server, client) = stage.connect(Actor::new(), client);
    client.transport().write("last");
    client.transport().lose_connection();
    client.transport().write("too late");
    stage.until_over(&server, &client);
    assert!(tried.get());
    client.transport().write("much too late");
    assert_eq!(client.transport().unsent(), 0);
    stage.a_while();
    assert_eq!(server.data(), b"last");
    assert_eq!(server.end(), Some(Reason::Done));
}
