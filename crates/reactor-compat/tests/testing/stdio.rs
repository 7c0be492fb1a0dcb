//! Standard input and output, in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io;

use crate::support::{Event, Log, Recorder};
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::Address;
use reactor_compat::endpoint::{StandardIoEndpoint, server_from_string};
use reactor_compat::testing::MemoryReactor;

#[test]
fn a_protocol_reads_what_comes_and_writes() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let connection = reactor.standard_io(Recorder::echo(&log)).unwrap();
    assert_eq!((connection.get_host(), connection.get_peer()), (&Address::Pipe, &Address::Pipe));
    let user = reactor.take_standard_peer().unwrap();
    user.write("hello").unwrap();
    reactor.flush().unwrap();
    assert_eq!((log.data(), user.read()), (b"hello".to_vec(), b"hello".to_vec()));
    user.end().unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.end(), Some(Event::Done));
    assert!(user.ended());
}

#[test]
fn an_endpoint_has_one_client() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let seen = log.clone();
    let endpoint = server_from_string(&reactor, "stdio:").unwrap();
    let port = success_result_of(endpoint.listen(move |peer| {
        assert_eq!(peer, Address::Pipe);
        Recorder::echo(&seen)
    }));
    assert_eq!(*port.get_host(), Address::Pipe);
    let user = reactor.take_standard_peer().unwrap();
    user.write("hello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"hello");
    success_result_of({
        let stopped = port.stop_listening();
        reactor.flush().unwrap();
        stopped
    });
    user.write("!").unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"hello!");
}

#[test]
fn an_endpoint_that_cannot_have_them_says_so() {
    let reactor = MemoryReactor::new();
    reactor.refuse_to_listen(io::ErrorKind::ResourceBusy);
    let failure =
        failure_result_of(StandardIoEndpoint::new(&reactor).listen(|_| Recorder::default()));
    assert_eq!(failure.check::<io::Error>().unwrap().kind(), io::ErrorKind::ResourceBusy);
}
