//! How a connection ends, and what its channels hear of it.

use std::io::ErrorKind;
use std::time::Duration;

use deferred::Failure;
use examples::multiplexer::{Limits, OpenError};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{ConnectionAborted, ConnectionDone, ConnectionLost, WaterMarks};

use crate::actor::{Actor, Event, Reason, Witness};
use crate::media::{OverMemory, Place};
use crate::medium::Medium;

fn flush(over: &OverMemory) {
    over.pair.flush().expect("rest");
}

/// Channels that are open: those of the server, and of the client.
fn some(over: &mut OverMemory, count: usize) -> (Vec<Witness>, Vec<Witness>) {
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (server, client) = (Actor::new(), Actor::new());
        servers.push(server.witness());
        clients.push(client.witness());
        over.connect(server, client);
    }
    flush(over);
    (servers, clients)
}

fn kind(failure: Option<Failure>) -> Option<ErrorKind> {
    failure?.check::<ConnectionLost>()?.kind()
}

#[test]
fn a_connection_that_breaks_is_heard_of_in_every_channel() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 4);
    clients[0].transport().write(vec![0; 1 << 20]);
    // One is not read, and one sends nothing.
    servers[1].transport().pause_producing();
    clients[2].transport().pause_sending();
    over.pair.pump().expect("rest");
    over.pair.wire().lose(ErrorKind::TimedOut);
    flush(&over);
    for witness in servers.iter().chain(&clients) {
        assert_eq!(witness.end(), Some(Reason::Lost));
    }
    for place in [&over.two.server, &over.two.client] {
        assert_eq!(kind(place.waiting.lost()), Some(ErrorKind::TimedOut));
        assert_eq!(place.channels.count(), 0);
    }
}

#[test]
fn the_reason_is_that_of_the_connection() {
    let mut over = OverMemory::open();
    let (server, client) = (Actor::new(), Actor::new());
    let witness = server.witness();
    over.connect(server, client);
    flush(&over);
    let drained = {
        let transport = witness.transport();
        transport.set_water_marks(WaterMarks::new(0, 1));
        transport.pause_sending();
        transport.write("never sent");
        transport.drain()
    };
    over.pair.wire().lose(ErrorKind::HostUnreachable);
    flush(&over);
    let failure = deferred::testing::failure_result_of(drained);
    assert_eq!(kind(Some(failure)), Some(ErrorKind::HostUnreachable));
}

#[test]
fn what_came_before_the_loss_is_read_first() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 2);
    servers[0].transport().pause_producing();
    servers[1].transport().pause_producing();
    clients[0].transport().write("unread");
    clients[1].transport().write("unread, and all");
    clients[1].transport().lose_write_connection();
    flush(&over);
    over.pair.wire().lose(ErrorKind::TimedOut);
    flush(&over);
    for (server, all) in [(&servers[0], &b"unread"[..]), (&servers[1], b"unread, and all")] {
        assert_eq!(server.end(), None, "there is something to be read");
        server.transport().resume_producing();
        flush(&over);
        assert_eq!(server.data(), all);
    }
    assert_eq!(servers[0].end(), Some(Reason::Lost));
    // Its peer had ended: it has lost nothing.
    assert_eq!(servers[1].end(), Some(Reason::Done));
}

#[test]
fn one_that_reads_a_little_at_a_time_hears_of_a_loss_when_it_has_read_all() {
    let mut over = OverMemory::open();
    let server = Actor::new().on_data(|me, _| me.pause_producing());
    let (server_witness, client) = (server.witness(), Actor::new());
    let client_witness = client.witness();
    over.connect(server, client);
    flush(&over);
    server_witness.transport().pause_producing();
    client_witness.transport().write("unread");
    flush(&over);
    over.pair.wire().lose(ErrorKind::TimedOut);
    flush(&over);
    server_witness.transport().resume_producing();
    flush(&over);
    assert_eq!((server_witness.received(), server_witness.end()), (6, Some(Reason::Lost)));
}

#[test]
fn one_that_reads_to_the_end_and_stays_hears_of_a_loss_then() {
    let mut over = OverMemory::open();
    let server = Actor::new().on_read_lost(|_| ());
    let (server_witness, client) = (server.witness(), Actor::new().on_read_lost(|_| ()));
    let client_witness = client.witness();
    over.connect(server, client);
    flush(&over);
    server_witness.transport().pause_producing();
    client_witness.transport().lose_write_connection();
    flush(&over);
    over.pair.wire().lose(ErrorKind::TimedOut);
    flush(&over);
    assert_eq!((client_witness.end(), server_witness.end()), (Some(Reason::Lost), None));
    server_witness.transport().resume_producing();
    flush(&over);
    assert!(server_witness.has(&Event::ReadLost));
    assert_eq!(server_witness.end(), Some(Reason::Lost));
}

#[test]
fn one_that_neither_reads_nor_sends_hears_of_an_abort() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 1);
    servers[0].transport().pause_producing();
    servers[0].transport().pause_sending();
    servers[0].transport().write("kept");
    clients[0].transport().write("unread");
    flush(&over);
    clients[0].transport().abort_connection();
    flush(&over);
    assert_eq!(servers[0].end(), Some(Reason::Lost));
}

#[test]
fn a_peer_that_just_goes_has_lost_its_channels() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 2);
    // Not with its channels: they are not asked.
    over.pair.client().unregister_producer();
    over.pair.client().lose_connection();
    flush(&over);
    for witness in servers.iter().chain(&clients) {
        assert_eq!(witness.end(), Some(Reason::Lost));
    }
    assert!(over.two.server.waiting.lost().expect("it is lost").is::<ConnectionDone>());
}

#[test]
fn one_that_has_ended_by_half_hears_of_a_loss_too() {
    let mut over = OverMemory::open();
    let patient = || Actor::new().on_read_lost(|_| ());
    let (server, client) = (patient(), patient());
    let (server_witness, client_witness) = (server.witness(), client.witness());
    over.connect(server, client);
    flush(&over);
    client_witness.transport().lose_write_connection();
    flush(&over);
    assert!(server_witness.has(&Event::ReadLost));
    over.pair.wire().lose(ErrorKind::TimedOut);
    flush(&over);
    assert_eq!(server_witness.end(), Some(Reason::Lost));
    assert_eq!(client_witness.end(), Some(Reason::Lost));
}

#[test]
fn an_abort_of_the_connection_is_one_of_its_channels() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 2);
    over.pair.client().abort_connection();
    flush(&over);
    for (server, client) in servers.iter().zip(&clients) {
        assert_eq!([client.end(), server.end()], [Some(Reason::Aborted), Some(Reason::Lost)]);
    }
    let lost = over.two.client.waiting.lost().expect("it is lost");
    assert!(lost.is::<ConnectionAborted>());
}

#[test]
fn closing_ends_each_channel_and_then_the_connection() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 5);
    for client in &clients {
        client.transport().write(vec![3; 1 << 19]);
    }
    over.two.client.channels.close();
    over.two.client.channels.close();
    let error = over.two.client.channels.connect(Actor::new()).expect_err("it is closing");
    assert_eq!(error, OpenError::Closing);
    flush(&over);
    for (server, client) in servers.iter().zip(&clients) {
        assert_eq!(server.received(), 1 << 19, "all is sent first");
        assert_eq!([client.end(), server.end()], [Some(Reason::Done), Some(Reason::Done)]);
    }
    for place in [&over.two.server, &over.two.client] {
        assert!(place.waiting.lost().expect("it is lost").is::<ConnectionDone>());
    }
}

#[test]
fn closing_by_both_at_once_is_clean() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 2);
    over.two.client.channels.close();
    over.two.server.channels.close();
    flush(&over);
    for witness in servers.iter().chain(&clients) {
        assert_eq!(witness.end(), Some(Reason::Done));
    }
    for place in [&over.two.server, &over.two.client] {
        assert!(place.waiting.lost().expect("it is lost").is::<ConnectionDone>());
    }
}

#[test]
fn nothing_is_opened_to_a_peer_that_closes() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 1);
    // It is not read, and so the close takes its time.
    servers[0].transport().pause_producing();
    clients[0].transport().write(vec![0; 1 << 20]);
    over.two.client.channels.close();
    // On its way when the other end closed: refused.
    let early = Actor::new();
    let early_witness = early.witness();
    over.two.client.waiting.add(Actor::new());
    over.two.server.channels.connect(early).expect("it has not heard of it");
    flush(&over);
    assert!(matches!(early_witness.end(), Some(Reason::Other(_))), "{:?}", early_witness.end());
    let error = over.two.server.channels.connect(Actor::new()).expect_err("it has now");
    assert_eq!(error, OpenError::Closing);
    assert!(!over.two.server.channels.connected());
    servers[0].transport().resume_producing();
    flush(&over);
    assert_eq!(servers[0].end(), Some(Reason::Done));
    assert!(over.two.server.waiting.lost().is_some());
}

#[test]
fn a_close_takes_no_longer_than_the_grace_of_its_channels() {
    let mut over = OverMemory::open();
    let (servers, clients) = some(&mut over, 2);
    servers[0].transport().pause_producing();
    clients[0].transport().write(vec![0; 1 << 20]);
    over.two.client.channels.close();
    flush(&over);
    assert_eq!([clients[0].end(), clients[1].end()], [None, Some(Reason::Done)]);
    assert!(over.two.client.waiting.lost().is_none());
    over.pair.advance(Duration::from_secs(30)).expect("rest");
    flush(&over);
    assert_eq!([clients[0].end(), servers[0].end()], [Some(Reason::GraceOver), Some(Reason::Lost)]);
    assert!(over.two.client.waiting.lost().expect("it is lost").is::<ConnectionDone>());
}

#[test]
fn a_close_waits_for_a_peer_that_goes_on_no_longer_than_a_linger() {
    let mut over = OverMemory::open();
    let server = Actor::new().on_read_lost(|me| me.write("not so fast"));
    let client = Actor::new();
    let (server_witness, client_witness) = (server.witness(), client.witness());
    over.connect(server, client);
    flush(&over);
    over.two.client.channels.close();
    flush(&over);
    assert_eq!(client_witness.end(), Some(Reason::Done));
    assert!(over.two.client.waiting.lost().is_none(), "the peer may still end in good order");
    over.pair.advance(Duration::from_secs(5)).expect("rest");
    flush(&over);
    assert!(over.two.client.waiting.lost().expect("it is lost").is::<ConnectionDone>());
    assert_eq!(server_witness.end(), Some(Reason::Lost));
}

#[test]
fn one_that_nobody_reads_any_more_cannot_be_written_to() {
    let mut over = OverMemory::open();
    let server = Actor::new().on_read_lost(|_| ());
    let client = Actor::new();
    let (server_witness, client_witness) = (server.witness(), client.witness());
    over.connect(server, client);
    flush(&over);
    client_witness.transport().lose_connection();
    flush(&over);
    server_witness.transport().write("within the linger");
    flush(&over);
    assert_eq!(server_witness.end(), None);
    over.pair.advance(Duration::from_secs(5)).expect("rest");
    flush(&over);
    assert_eq!(over.two.client.channels.count(), 0);
    assert_eq!(server_witness.end(), None, "as with TCP");
    server_witness.transport().write("too late");
    flush(&over);
    assert_eq!(server_witness.end(), Some(Reason::Lost));
    assert_eq!(over.two.server.channels.count(), 0);
}

#[test]
fn one_that_is_closed_before_it_is_made_opens_nothing() {
    let reactor = MemoryReactor::new();
    let (client, clients) = Place::new(&reactor, Limits::default());
    let (server, servers) = Place::new(&reactor, Limits::default());
    client.channels.close();
    let pair = reactor.connect(servers, clients);
    pair.flush().expect("rest");
    for place in [&server, &client] {
        assert!(place.waiting.lost().expect("it is lost").is::<ConnectionDone>());
    }
}

#[test]
fn a_handler_may_do_anything_from_inside() {
    // One channel's protocol closes the connection, another opens a channel, and
    // each does so from inside a callback.
    let mut over = OverMemory::open();
    let channels = over.two.server.channels.clone();
    let opened = Actor::new();
    let opened_witness = opened.witness();
    let mut opened = Some(opened);
    let server = Actor::new().on_data(move |me, data| match (data, opened.take()) {
        (b"open", Some(actor)) => drop(channels.connect(actor).expect("a channel")),
        _ => {
            me.write("bye");
            channels.close();
        }
    });
    let (client, back) = (Actor::new(), Actor::new());
    let (client_witness, back_witness) = (client.witness(), back.witness());
    over.two.client.waiting.add(back);
    over.connect(server, client);
    flush(&over);
    client_witness.transport().write("open");
    flush(&over);
    assert!(back_witness.made() && opened_witness.made());
    client_witness.transport().write("close");
    flush(&over);
    assert_eq!(client_witness.data(), b"bye");
    for witness in [client_witness, back_witness, opened_witness] {
        assert_eq!(witness.end(), Some(Reason::Done));
    }
    assert!(over.two.server.waiting.lost().expect("it is lost").is::<ConnectionDone>());
}
