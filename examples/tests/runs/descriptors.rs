//! Runs the examples that pass a descriptor, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::path::PathBuf;

use crate::support::{NONE, run, text};
use interop::Peer;
use tempfile::TempDir;

/// A folder, the path of a socket in it, and a file in it.
fn folder(content: &str) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, file) = (folder.path().join("socket"), folder.path().join("content"));
    fs::write(&file, content).unwrap();
    (folder, socket, file)
}

/// `sendfd`, listening.
fn sender(socket: &PathBuf, file: &PathBuf) -> Peer {
    let mut sender = run("sendfd", [socket, file]);
    assert_eq!(sender.line(), format!("listening on {}", socket.display()));
    sender
}

#[test]
fn a_file_that_only_the_sender_can_name_is_read_by_the_receiver() {
    let (_folder, socket, file) = folder(&"x".repeat(100));
    let _sender = sender(&socket, &file);
    // As often as anybody asks.
    for _ in 0..2 {
        assert_eq!(
            run("recvfd", [&socket]).finish_quietly(),
            [
                format!("connected to {}", socket.display()),
                format!("received {:?} from the server", text(&file)),
                "first 80 bytes are:".to_owned(),
                "x".repeat(80)
            ]
        );
    }
}

#[test]
fn a_file_that_is_gone_is_not_sent() {
    let (_folder, socket, file) = folder("x");
    let mut sender = sender(&socket, &file);
    fs::remove_file(&file).unwrap();
    let said = run("recvfd", [&socket]).finish_quietly();
    assert_eq!(said, [format!("connected to {}", socket.display())]);
    sender.signal("TERM");
    let (_, complaints) = sender.finish_with_complaints();
    let missing = fs::read(&file).unwrap_err();
    assert_eq!(complaints, format!("sendfd: {missing}"));
}

#[test]
fn what_cannot_be_is_said_so() {
    let (folder, socket, file) = folder("x");
    let missing = folder.path().join("missing");
    let says = |peer: Peer, what: &str| {
        let said = peer.complain();
        assert!(said.contains(what), "{said}");
    };
    says(run("sendfd", [&socket]), "usage: sendfd SOCKET FILE");
    says(run("sendfd", [&socket, &missing]), "has to be a file");
    says(run("sendfd", [folder.path(), &file]), "existing path");
    says(run("recvfd", NONE), "usage: recvfd SOCKET");
    says(run("recvfd", [&socket]), "could not connect");
}
