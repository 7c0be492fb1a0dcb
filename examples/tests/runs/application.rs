//! Runs the program of services, and stops it in each way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{connect, run};
use interop::Peer;

/// The program, and clients whom it has answered.
fn started(clients: usize) -> (Peer, Vec<TcpStream>) {
    let mut program = run("echo_service", ["tcp:0:interface=127.0.0.1"]);
    assert_eq!(program.line(), "0 connections");
    let address = program.address();
    let answered = || {
        let mut client = connect(address);
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        client
    };
    let clients = (0..clients).map(|_| answered()).collect();
    (program, clients)
}

fn farewell(client: &mut TcpStream) {
    let mut bye = [0; 4];
    client.read_exact(&mut bye).unwrap();
    assert_eq!(&bye, b"bye\n");
}

#[test]
fn clients_that_go_are_waited_for() {
    let (mut program, mut clients) = started(2);
    program.signal("TERM");
    assert_eq!(program.line(), "stopping");
    clients.iter_mut().for_each(farewell);
    drop(clients);
    assert_eq!(program.finish_quietly(), ["2 went, 0 were thrown out"]);
}

#[test]
fn a_second_signal_means_now() {
    let (mut program, mut clients) = started(2);
    program.signal("INT");
    assert_eq!(program.line(), "stopping");
    clients.iter_mut().for_each(farewell);
    program.signal("INT");
    assert_eq!(program.finish_quietly(), ["0 went, 2 were thrown out"]);
    drop(clients);
}

#[test]
fn a_port_that_is_taken_is_said_in_one_line() {
    let (mut program, clients) = started(1);
    let address = clients[0].peer_addr().unwrap();
    let text = format!("tcp:{}:interface=127.0.0.1", address.port());
    let complaint = run("echo_service", [text]).complain();
    assert!(complaint.contains("did not start"), "{complaint}");
    assert!(complaint.contains("couldn't listen on"), "{complaint}");
    drop(clients);
    program.signal("TERM");
    assert_eq!(program.line(), "stopping");
}
