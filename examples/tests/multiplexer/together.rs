//! Channels that share a connection, and nothing else.

use reactor_compat::WaterMarks;

use crate::actor::{Actor, Event, Reason};
use crate::medium::{Medium, Stage, large};

/// As much as tells a connection that moves from one that does not: 5 MB, where it
/// is not a byte at a time.
fn much<M: Medium>() -> Vec<u8> {
    let length = if M::LARGE < 1 << 20 { 3 * M::LARGE } else { 5 << 20 };
    (0..length).map(|n| (n % 241) as u8).collect()
}

/// One that reads on, however much it has to send.
fn free() -> Actor {
    Actor::new().on_made(|me| me.set_water_marks(WaterMarks::UNBOUNDED))
}

/// One that stays when its peer ends its half.
fn patient() -> Actor {
    Actor::new().on_read_lost(|_| ())
}

pub(crate) fn two_move_at_once<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (one, first) = stage.connect(Actor::echo(), Actor::new());
    let (two, second) = stage.connect(Actor::echo(), Actor::new());
    for round in 1..=50 {
        first.transport().write("one and ");
        second.transport().write("two and ");
        stage.until(|| first.received() == 8 * round && second.received() == 8 * round);
    }
    assert_eq!((one.data(), two.data()), (b"one and ".repeat(50), b"two and ".repeat(50)));
    assert_eq!((first.data(), second.data()), (one.data(), two.data()));
    first.transport().lose_connection();
    stage.until_over(&one, &first);
    second.transport().write("still there");
    stage.until(|| second.received() == 411);
}

pub(crate) fn one_that_is_not_read_holds_up_no_other<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (unread, writer) = stage.connect(Actor::new(), Actor::new());
    unread.transport().pause_producing();
    stage.clog(&writer.transport());
    assert_eq!(unread.received(), 0);

    let (other, client) = stage.connect(Actor::new(), Actor::new());
    let all = much::<M>();
    client.transport().write(&all);
    stage.until(|| other.received() == all.len());
    assert!(other.data() == all);
    assert_eq!(unread.received(), 0);

    unread.transport().resume_producing();
    stage.until(|| unread.received() == M::LARGE);
    assert!(unread.data() == large::<M>());
}

pub(crate) fn each_half_ends_beside_others<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (one, first) = stage.connect(patient(), patient());
    let (two, second) = stage.connect(patient(), patient());
    let (echo, third) = stage.connect(Actor::echo(), Actor::new());
    // The client's half of one, the server's of the other.
    first.transport().write("from here on I only read");
    first.transport().lose_write_connection();
    two.transport().write("and so do I");
    two.transport().lose_write_connection();
    stage.until(|| one.has(&Event::ReadLost) && second.has(&Event::ReadLost));
    assert_eq!((one.received(), second.received()), (24, 11));
    one.transport().write(large::<M>());
    second.transport().write(large::<M>());
    stage.until(|| first.received() == M::LARGE && two.received() == M::LARGE);
    third.transport().write("as before");
    stage.until(|| third.received() == 9);
    assert_eq!(echo.end(), None);
    one.transport().lose_connection();
    second.transport().lose_connection();
    stage.until(|| first.has(&Event::ReadLost) && two.has(&Event::ReadLost));
    first.transport().lose_connection();
    two.transport().lose_connection();
    stage.until_over(&one, &first);
    stage.until_over(&two, &second);
    for witness in [one, first, two, second] {
        assert_eq!(witness.end(), Some(Reason::Done));
    }
}

pub(crate) fn an_abort_of_one_leaves_the_others<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (one, first) = stage.connect(Actor::new(), Actor::new());
    let (two, second) = stage.connect(Actor::echo(), free());
    one.transport().pause_producing();
    stage.clog(&first.transport());
    second.transport().write(large::<M>());
    stage.until(|| two.received() > 0);
    first.transport().abort_connection();
    // Though it does not read.
    stage.until_over(&one, &first);
    assert_eq!([first.end(), one.end()], [Some(Reason::Aborted), Some(Reason::Lost)]);
    assert_eq!(one.received(), 0);
    stage.until(|| second.received() == M::LARGE);
    assert!(second.data() == large::<M>());
    // And at the other end.
    two.transport().abort_connection();
    stage.until_over(&two, &second);
    assert_eq!([two.end(), second.end()], [Some(Reason::Aborted), Some(Reason::Lost)]);
}

pub(crate) fn echoes_of_much_do_not_stand_still<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let pairs: Vec<_> = (0..4).map(|_| stage.connect(Actor::echo(), free())).collect();
    for (_, client) in &pairs {
        client.transport().write(large::<M>());
    }
    stage.until(|| pairs.iter().all(|(_, client)| client.received() == M::LARGE));
    assert!(pairs.iter().all(|(_, client)| client.data() == large::<M>()));
}
