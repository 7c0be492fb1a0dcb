//! Runs the examples that serve another program's protocol, as that would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::support::{NONE, connect, run, server, text};
use interop::{PATIENCE, Peer};

#[test]
fn a_memcached_counts_the_runs_of_its_client() {
    // What the client sends at once, and what memcached answers to it.
    let script: [(&[&str], &str); 4] = [
        (&["version"], "VERSION 1.6\r\n"),
        (&["add runs 0 3600 1", "0"], "NOT_STORED\r\n"),
        (&["incr runs 1"], "42\r\n"),
        (
            &["set greeting 0 0 5", "hello", "get greeting"],
            "STORED\r\nVALUE greeting 0 5\r\nhello\r\nEND\r\n",
        ),
    ];
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp:{}", port.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let client = port.accept().unwrap().0;
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = BufReader::new(&client).lines();
        for (asked, answer) in script {
            for line in asked {
                assert_eq!(lines.next().unwrap().unwrap(), *line);
            }
            (&client).write_all(answer.as_bytes()).unwrap();
        }
    });
    let said = run("memcache_client", [endpoint]).finish_quietly();
    assert_eq!(said, ["memcached 1.6", "run number 42", "hello"]);
    serving.join().unwrap();
}

#[test]
fn a_memcached_that_is_not_there_is_said_so() {
    // Taken, and not listening.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let said = run("memcache_client", [format!("tcp:{}", taken.local_addr().unwrap())]).complain();
    assert_eq!(said, "memcache_client: connection was refused by other side");
}

#[test]
fn postfix_is_told_what_a_key_stands_for() {
    let (_server, address) = server("postfix");
    let mut postfix = BufReader::new(connect(address));
    for (asked, answer) in [
        ("get foo", "200 bar"),
        ("get ada@example.org", "200 ada%40mail.example.org"),
        ("get nobody", "500"),
        ("put foo baz", "500 put is not implemented yet."),
    ] {
        postfix.get_mut().write_all(format!("{asked}\n").as_bytes()).unwrap();
        let mut line = String::new();
        postfix.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), answer, "{asked}");
    }
}

/// What the filter answers to Courier about a message.
fn verdict(message: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, file) = (folder.path().join("socket"), folder.path().join("message"));
    fs::write(&file, message).unwrap();
    let mut filter = run("courier", [&socket]);
    assert_eq!(filter.says("listening on"), text(&socket));
    let mut courier = UnixStream::connect(&socket).unwrap();
    courier.set_read_timeout(Some(PATIENCE)).unwrap();
    let control = folder.path().join("control");
    write!(courier, "{}\n{}\n\n", file.display(), control.display()).unwrap();
    let mut answer = String::new();
    courier.read_to_string(&mut answer).unwrap();
    (answer, filter.line())
}

#[test]
fn courier_is_told_what_mail_to_take() {
    let said = |answer: &str| (format!("{answer}\n"), answer.to_owned());
    assert_eq!(verdict("Subject: dinner\n\nIt is free.\n"), said("200 Ok"));
    assert_eq!(verdict("Subject: Get it FREE\n\n"), said("554 Nothing is free."));
}

/// Asks a SOCKS server for an address, after Twisted's documentation, and gives
/// its answer and the connection.
fn socks(server: SocketAddr, to: SocketAddr) -> (u8, impl Read + Write) {
    let SocketAddr::V4(to) = to else { unreachable!("it is one of 127.0.0.1") };
    let mut stream = connect(server);
    let mut asked = vec![4, 1];
    asked.extend(to.port().to_be_bytes());
    asked.extend(to.ip().octets());
    asked.extend(b"ada\0");
    stream.write_all(&asked).unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    (answer[1], stream)
}

/// An echo server, and a SOCKS server that connects to it, if to any at all.
fn behind_socks(allowed: bool) -> (Peer, SocketAddr, Peer, SocketAddr) {
    let (echo, to) = server("echoserv");
    let port = if allowed { to.port() } else { 80 };
    let mut socks = run("socks", ["tcp:0:interface=127.0.0.1".to_owned(), port.to_string()]);
    let address = socks.address();
    (echo, to, socks, address)
}

#[test]
fn a_socks_server_connects_to_a_port_that_is_named() {
    let (_echo, to, mut server, address) = behind_socks(true);
    let (answer, mut stream) = socks(address, to);
    assert_eq!(answer, 90);
    stream.write_all(b"over there").unwrap();
    let mut echo = [0; 10];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"over there");
    assert_eq!(server.line(), format!("ada asks for 127.0.0.1:{}: true", to.port()));
}

#[test]
fn conversations_share_a_connection() {
    let mut server = run("multiplexer", ["listen", "tcp:0:interface=127.0.0.1"]);
    let endpoint = format!("tcp:{}", server.address());
    for _ in 0..2 {
        let mut said = run("multiplexer", ["connect", &endpoint]).finish_quietly();
        said[..2].sort_unstable();
        assert_eq!(
            said,
            [
                "chat: Hello, world!",
                "chat: What a fine day it is.",
                "bulk: 200000 bytes",
                "connection lost: connection was closed cleanly"
            ]
        );
    }
    assert_eq!(run("multiplexer", NONE).complain(), "Error: \"listen, or connect?\"");
}

#[test]
fn a_socks_server_connects_to_no_other_port() {
    let (_echo, to, mut server, address) = behind_socks(false);
    let (answer, mut stream) = socks(address, to);
    assert_eq!(answer, 91);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it should be closed");
    assert_eq!(server.line(), format!("ada asks for 127.0.0.1:{}: false", to.port()));
}
