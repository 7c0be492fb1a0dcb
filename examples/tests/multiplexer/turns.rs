//! Channels take turns where the connection takes little.

use examples::multiplexer::{Limits, MOST_DATA};

use reactor_compat::log::LogCapture;

use crate::actor::{Actor, Reason, Witness};
use crate::media::OverMemory;
use crate::medium::Medium;

/// Channels whose peers keep up, over a connection that does not.
fn narrow(channels: usize) -> (OverMemory, Vec<Witness>, Vec<Witness>) {
    let mut over = OverMemory::with(Limits::default());
    over.pair.wire().set_capacity(1000);
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..channels {
        let (server, client) = (Actor::new(), Actor::new());
        servers.push(server.witness());
        clients.push(client.witness());
        over.connect(server, client);
    }
    over.pair.flush().expect("rest");
    assert!(servers.iter().all(Witness::made));
    (over, servers, clients)
}

#[test]
fn one_that_has_little_to_say_need_not_wait_for_one_that_has_much() {
    let (over, servers, clients) = narrow(2);
    clients[0].transport().write(vec![0; 1 << 20]);
    over.pair.pump().expect("rest");
    clients[1].transport().write("in between");
    while servers[1].received() == 0 {
        assert!(over.pair.pump().expect("rest"));
    }
    // What the connection had taken, and one turn.
    assert!(servers[0].received() < 8 * MOST_DATA, "{}", servers[0].received());
}

#[test]
fn those_that_have_much_to_say_get_as_much_as_each_other() {
    let (over, servers, clients) = narrow(5);
    for client in &clients {
        client.transport().write(vec![0; 1 << 20]);
    }
    while servers.iter().any(|server| server.received() < 1 << 19) {
        assert!(over.pair.pump().expect("rest"));
        let received = || servers.iter().map(Witness::received);
        let ahead = received().max().unwrap_or(0) - received().min().unwrap_or(0);
        // The first one begins before there is anybody to take turns with.
        assert!(ahead <= 8 * MOST_DATA, "{ahead}");
    }
}

#[test]
fn one_that_is_aborted_or_held_up_loses_its_turn_to_the_others() {
    let (over, servers, clients) = narrow(4);
    for client in &clients {
        client.transport().write(vec![0; 1 << 18]);
    }
    over.pair.pump().expect("rest");
    clients[0].transport().abort_connection();
    clients[1].transport().pause_sending();
    servers[2].transport().abort_connection();
    over.pair.flush().expect("rest");
    assert_eq!(servers[3].received(), 1 << 18);
    clients[1].transport().resume_sending();
    over.pair.flush().expect("rest");
    assert_eq!(servers[1].received(), 1 << 18);
}

#[test]
fn what_waits_for_its_turn_goes_before_a_panic_is_told() {
    let log = LogCapture::start();
    let mut over = OverMemory::with(Limits::default());
    over.pair.wire().set_capacity(1000);
    let client = Actor::new().on_data(|_, _| panic!("part of the test"));
    let server = Actor::new();
    let (server_witness, client_witness) = (server.witness(), client.witness());
    over.connect(Actor::new(), Actor::new().on_made(|me| me.write(vec![0; 1 << 18])));
    over.connect(server, client);
    while !server_witness.made() {
        assert!(over.pair.pump().expect("rest"));
    }
    client_witness.transport().write([1; 5000]);
    server_witness.transport().write("x");
    while client_witness.end().is_none() {
        assert!(over.pair.pump().expect("rest"));
    }
    assert_eq!(client_witness.end(), Some(Reason::Panicked));
    over.pair.flush().expect("rest");
    assert_eq!(server_witness.received(), 5000);
    assert_eq!(server_witness.end(), Some(Reason::Done));
    assert_eq!(log.flush_logged_errors::<deferred::Panic>().len(), 1);
}

#[test]
fn what_waits_for_its_turn_goes_before_the_end() {
    let (over, servers, clients) = narrow(3);
    for client in &clients {
        client.transport().write(vec![0; 1 << 17]);
        client.transport().lose_connection();
    }
    over.pair.flush().expect("rest");
    for server in &servers {
        assert_eq!(server.received(), 1 << 17);
        assert_eq!(server.end(), Some(Reason::Done));
    }
    assert_eq!(over.two.client.channels.count(), 0);
}
