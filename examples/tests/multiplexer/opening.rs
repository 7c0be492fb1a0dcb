//! How channels come to be, and how many there are.

use examples::multiplexer::{ChannelRefused, Channels, Limits, OpenError};
use interop::Certificate;
use reactor_compat::testing::MemoryReactor;

use crate::actor::{Actor, Event, Reason, Witness};
use crate::media::{OverMemory, OverTls, Place};
use crate::medium::{Medium, Stage};

fn with_most(channels: usize) -> OverMemory {
    OverMemory::with(Limits::default().with_most_channels(channels))
}

fn flush(over: &OverMemory) {
    over.pair.flush().expect("rest");
}

/// Opens a channel, whether or not somebody waits at the other end.
fn open(channels: &Channels) -> Witness {
    let actor = Actor::new();
    let witness = actor.witness();
    channels.connect(actor).expect("a channel");
    witness
}

/// The reason of one that was refused.
fn refused() -> Option<Reason> {
    Some(Reason::Other(ChannelRefused.to_string()))
}

#[test]
fn either_end_opens_and_their_numbers_do_not_collide() {
    let over = OverMemory::open();
    let (server, client) = (&over.two.server, &over.two.client);
    let mut pairs = Vec::new();
    for n in 0..10 {
        let actor = Actor::echo();
        let (place, peer) = if n % 2 == 0 { (server, client) } else { (client, server) };
        peer.waiting.add(actor);
        pairs.push((open(&place.channels), n));
    }
    flush(&over);
    for (witness, n) in &pairs {
        witness.transport().write([*n; 10]);
    }
    flush(&over);
    for (witness, n) in &pairs {
        assert_eq!(witness.data(), [*n; 10]);
    }
    assert_eq!((server.channels.count(), client.channels.count()), (10, 10));
}

#[test]
fn a_channel_that_nobody_wants_is_refused_and_the_others_live() {
    let mut over = OverMemory::open();
    let (echo, other) = (Actor::echo(), Actor::new());
    let witness = other.witness();
    over.connect(echo, other);
    let unwanted = open(&over.two.client.channels);
    unwanted.transport_when_made(&over).write("is anybody there?");
    flush(&over);
    assert_eq!(unwanted.end(), refused());
    witness.transport().write("still there");
    flush(&over);
    assert_eq!(witness.data(), b"still there");
    assert_eq!(over.two.client.channels.count(), 1);
}

trait WhenMade {
    fn transport_when_made(&self, over: &OverMemory) -> reactor_compat::Transport;
}

impl WhenMade for Witness {
    /// Its transport, once it is made, which needs nothing of the peer.
    fn transport_when_made(&self, over: &OverMemory) -> reactor_compat::Transport {
        over.pair.settle().expect("rest");
        self.transport()
    }
}

#[test]
fn what_is_written_before_the_peer_accepts_follows() {
    let over = OverMemory::open();
    let actor = Actor::new().on_made(|me| me.write("first"));
    let server = Actor::new();
    let (server_witness, witness) = (server.witness(), actor.witness());
    over.two.client.channels.connect(actor).expect("a channel");
    over.pair.settle().expect("rest");
    assert!(witness.made(), "at once");
    witness.transport().write(", second");
    assert_eq!(witness.transport().unsent(), 13);
    over.two.server.waiting.add(server);
    flush(&over);
    assert_eq!(server_witness.data(), b"first, second");
    assert_eq!(witness.transport().unsent(), 0);
}

#[test]
fn one_that_is_not_accepted_yet_can_be_closed_and_aborted() {
    for (aborts, reasons) in [
        (false, [Some(Reason::Done), Some(Reason::Done)]),
        (true, [Some(Reason::Aborted), Some(Reason::Lost)]),
    ] {
        let over = OverMemory::open();
        let server = Actor::new();
        let server_witness = server.witness();
        over.two.server.waiting.add(server);
        let witness = open(&over.two.client.channels);
        let transport = witness.transport_when_made(&over);
        if aborts {
            transport.abort_connection();
        } else {
            transport.lose_connection();
        }
        flush(&over);
        assert_eq!([witness.end(), server_witness.end()], reasons);
        assert_eq!(over.two.server.channels.count(), 0);
    }
}

#[test]
fn no_more_are_opened_than_there_may_be() {
    let over = with_most(3);
    let channels = &over.two.client.channels;
    for _ in 0..3 {
        over.two.server.waiting.add(Actor::echo());
    }
    let witnesses = [open(channels), open(channels), open(channels)];
    let error = channels.connect(Actor::new()).expect_err("there are three");
    assert_eq!(error, OpenError::TooMany { limit: 3 });
    flush(&over);
    // When one is gone, another may come.
    witnesses[0].transport().lose_connection();
    flush(&over);
    over.two.server.waiting.add(Actor::echo());
    let fourth = open(channels);
    flush(&over);
    for witness in [&witnesses[1], &witnesses[2], &fourth] {
        witness.transport().write("x");
    }
    flush(&over);
    for witness in [&witnesses[1], &witnesses[2], &fourth] {
        assert_eq!((witness.received(), witness.end()), (1, None));
    }
}

#[test]
fn a_peer_that_opens_too_many_has_them_refused_and_the_others_live() {
    let reactor = MemoryReactor::new();
    let (server, servers) = Place::new(&reactor, Limits::default().with_most_channels(2));
    let (client, clients) = Place::new(&reactor, Limits::default());
    let pair = reactor.connect(servers, clients);
    for _ in 0..5 {
        server.waiting.add(Actor::echo());
    }
    let witnesses: Vec<_> = (0..5).map(|_| open(&client.channels)).collect();
    pair.flush().expect("rest");
    for witness in &witnesses[..2] {
        witness.transport().write("x");
    }
    pair.flush().expect("rest");
    for witness in &witnesses[..2] {
        assert_eq!((witness.received(), witness.end()), (1, None));
    }
    for witness in &witnesses[2..] {
        assert_eq!(witness.end(), refused());
    }
    assert_eq!((server.channels.count(), client.channels.count()), (2, 2));
}

#[test]
fn those_that_have_ended_make_room_at_once() {
    // All end, and as many are opened, before anything is heard of either.
    let over = with_most(4);
    let mut before: Vec<Witness> = Vec::new();
    for _ in 0..20 {
        for witness in before.drain(..) {
            witness.transport().lose_connection();
        }
        over.pair.flush_bytes(50).expect("rest");
        for _ in 0..4 {
            over.two.server.waiting.add(Actor::new());
            before.push(open(&over.two.client.channels));
        }
        flush(&over);
        assert!(before.iter().all(|witness| witness.end().is_none()));
    }
}

#[test]
fn one_that_is_ending_makes_room_before_its_protocol_is_gone() {
    let reactor = MemoryReactor::new();
    let (server, servers) = Place::new(&reactor, Limits::default().with_most_channels(1));
    let (client, clients) = Place::new(&reactor, Limits::default());
    let pair = reactor.connect(servers, clients);
    let first = Actor::new();
    let first_witness = first.witness();
    server.waiting.add(first);
    open(&client.channels);
    pair.flush().expect("rest");
    // It has ended, and waits for the client's end, which comes together with
    // another channel.
    first_witness.transport().lose_connection();
    pair.pump().expect("rest");
    assert_eq!((server.channels.count(), client.channels.count()), (1, 0));
    server.waiting.add(Actor::new());
    let second = open(&client.channels);
    pair.flush().expect("rest");
    assert_eq!((second.made(), second.end()), (true, None));
    assert_eq!(server.channels.count(), 1);
}

#[test]
fn what_is_said_while_something_is_written_follows_it() {
    let over = OverMemory::open();
    let channels = over.two.client.channels.clone();
    let waiting = over.two.server.waiting.clone();
    let left = std::cell::Cell::new(5);
    let opened = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let all = opened.clone();
    over.pair.client().tap_writes(move |_| {
        if left.get() > 0 {
            left.set(left.get() - 1);
            waiting.add(Actor::echo());
            let nested = open(&channels);
            all.borrow_mut().push(nested);
        }
    });
    over.two.server.waiting.add(Actor::echo());
    let first = open(&over.two.client.channels);
    opened.borrow_mut().push(first);
    flush(&over);
    assert_eq!(opened.borrow().len(), 6);
    for witness in opened.borrow().iter() {
        assert_eq!((witness.made(), witness.end()), (true, None));
    }
    assert!(over.two.server.waiting.lost().is_none());
}

#[test]
fn many_that_come_and_go_leave_nothing_behind() {
    let over = OverMemory::open();
    let live = || {
        let inventory = over.pair.inventory();
        (inventory.connections.len(), inventory.delayed_calls.len())
    };
    let before = live();
    for n in 0..1000_u32 {
        let (place, peer) = match n % 2 {
            0 => (&over.two.server, &over.two.client),
            _ => (&over.two.client, &over.two.server),
        };
        peer.waiting.add(Actor::echo());
        let witness = open(&place.channels);
        witness.transport_when_made(&over).write("hello");
        flush(&over);
        assert_eq!(witness.received(), 5);
        match n % 3 {
            0 => witness.transport().lose_connection(),
            1 => witness.transport().abort_connection(),
            _ => witness.transport().lose_write_connection(),
        }
        flush(&over);
        assert!(witness.dropped());
        assert_eq!((place.channels.count(), peer.channels.count()), (0, 0));
    }
    assert_eq!(live(), before);
}

#[test]
fn nothing_is_opened_without_a_connection() {
    let reactor = MemoryReactor::new();
    let (place, plexer) = Place::new(&reactor, Limits::default());
    let error = |place: &Place| place.channels.connect(Actor::new()).expect_err("it cannot be");
    assert_eq!(error(&place), OpenError::NotConnected);
    let (_peer, peers) = Place::new(&reactor, Limits::default());
    let pair = reactor.connect(peers, plexer);
    open(&place.channels);
    pair.client().abort_connection();
    pair.flush().expect("rest");
    assert_eq!(error(&place), OpenError::NotConnected);
}

#[test]
fn a_channel_is_where_its_connection_is() {
    let mut over = OverMemory::open();
    let (server, client) = (Actor::new(), Actor::new());
    let witnesses = (server.witness(), client.witness());
    over.connect(server, client);
    flush(&over);
    let (server, client) = (witnesses.0.transport(), witnesses.1.transport());
    assert_eq!(server.get_peer(), over.pair.server().get_peer());
    assert_eq!(client.get_peer(), over.pair.client().get_peer());
    assert!(client.get_peer().port().is_some());
    assert!(!client.is_secure());
}

#[test]
fn a_channel_can_have_a_protection_of_its_own() {
    let certificate = Certificate::new();
    let mut stage = Stage::<OverMemory>::new();
    let (server, client) = stage.connect(Actor::echo(), Actor::new());
    let (plain, its_client) = stage.connect(Actor::echo(), Actor::new());
    server.transport().start_tls(certificate.server_options()).expect("it speaks none");
    client.transport().start_tls(certificate.client_options()).expect("it speaks none");
    client.transport().write("secret");
    its_client.transport().write("for all to see");
    stage.until(|| client.received() == 6 && its_client.received() == 14);
    assert!(client.transport().is_secure() && !its_client.transport().is_secure());
    client.transport().lose_connection();
    stage.until_over(&server, &client);
    assert_eq!([server.end(), client.end()], [Some(Reason::Done), Some(Reason::Done)]);
    assert_eq!(plain.end(), None);
}

#[test]
fn what_protects_the_connection_protects_its_channels() {
    let mut stage = Stage::<OverTls>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    stage.until(|| server.transport().is_secure() && client.transport().is_secure());
    assert!(client.transport().peer_certificate().is_some());
    assert_eq!(server.transport().server_name().as_deref(), Some("localhost"));
    assert!(server.made() && !server.has(&Event::ReadLost));
}
