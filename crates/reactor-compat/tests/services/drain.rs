//! A server that stops, and its connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::time::Duration;

use crate::support::{Log, Recorder};
use deferred::testing::success_result_of;
use reactor_compat::log::LogCapture;
use reactor_compat::service::{
    Drained, MultiService, Service, StreamServerEndpointService, strports,
};
use reactor_compat::testing::{MemoryReactor, Peer};
use reactor_compat::{Address, Connection};

const TIME: Duration = Duration::from_secs(5);

type Server = StreamServerEndpointService<Box<dyn FnMut(Address) -> Recorder>>;

fn server(reactor: &MemoryReactor, log: &Log) -> Server {
    let seen = log.clone();
    let factory: Box<dyn FnMut(Address) -> Recorder> = Box::new(move |_| Recorder::new(&seen));
    strports(reactor, "tcp:80", factory).unwrap()
}

fn clients(reactor: &MemoryReactor, count: usize) -> Vec<Peer> {
    let server = reactor.tcp_servers().last().unwrap().clone();
    let clients = (0..count).map(|_| server.connect().unwrap()).collect();
    reactor.flush().unwrap();
    clients
}

#[test]
fn connections_are_closed_once_what_was_written_is_sent() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let service = server(&reactor, &log).drain(TIME);
    success_result_of(service.start_service());
    let clients = clients(&reactor, 3);
    assert_eq!(service.connections(), 3);
    let capture = LogCapture::start();
    let stopping = service.stop_service();
    reactor.flush().unwrap();
    success_result_of(stopping);
    assert!(clients.iter().all(Peer::ended));
    assert_eq!(service.last_drain(), Some(Drained { finished: 3, aborted: 0 }));
    let said = "0.0.0.0:80 is drained: 3 ended, 0 were aborted";
    assert!(capture.messages().iter().any(|message| message == said));
    assert!(reactor.tcp_servers().iter().all(|server| !server.listening()));
}

/// A server whose connections are told, and stay.
fn lingering(reactor: &MemoryReactor, log: &Log) -> Server {
    server(reactor, log).drain_with(TIME, |connection: &Connection<Recorder>| {
        connection.write("bye");
    })
}

#[test]
fn those_that_are_left_are_aborted_when_the_time_is_over() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let service = lingering(&reactor, &log);
    success_result_of(service.start_service());
    let clients = clients(&reactor, 3);
    let stopping = service.stop_service();
    reactor.flush().unwrap();
    assert!(clients.iter().all(|client| client.read() == b"bye"));
    clients[0].end().unwrap();
    reactor.flush().unwrap();
    reactor.advance(TIME - Duration::from_millis(1)).unwrap();
    assert_eq!(service.connections(), 2);
    reactor.advance(Duration::from_millis(1)).unwrap();
    success_result_of(stopping);
    assert_eq!(service.last_drain(), Some(Drained { finished: 1, aborted: 2 }));
}

#[test]
fn now_means_now() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let service = lingering(&reactor, &log);
    let services = MultiService::new(&*reactor);
    services.add_service(service.clone());
    // It stops nothing that is not stopping.
    services.stop_now();
    success_result_of(services.start_service());
    let _clients = clients(&reactor, 2);
    services.stop_now();
    reactor.flush().unwrap();
    assert_eq!(service.connections(), 2);
    let stopping = services.stop_service();
    reactor.flush().unwrap();
    services.stop_now();
    reactor.flush().unwrap();
    success_result_of(stopping);
    assert_eq!(service.last_drain(), Some(Drained { finished: 0, aborted: 2 }));
}

#[test]
fn a_server_without_connections_is_drained_at_once_and_can_start_again() {
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let service = lingering(&reactor, &log);
    for _ in 0..2 {
        success_result_of(service.start_service());
        let stopping = service.stop_service();
        reactor.flush().unwrap();
        success_result_of(stopping);
        assert_eq!(service.last_drain(), Some(Drained::default()));
    }
    success_result_of(service.start_service());
    let clients = clients(&reactor, 1);
    assert_eq!(clients.len(), service.connections());
}

#[test]
fn one_whose_callback_panics_is_waited_for_like_the_others() {
    let capture = LogCapture::start();
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let service = server(&reactor, &log).drain_with(TIME, |_| std::panic::panic_any("boo"));
    success_result_of(service.start_service());
    let _clients = clients(&reactor, 2);
    let stopping = service.stop_service();
    reactor.advance(TIME).unwrap();
    success_result_of(stopping);
    assert_eq!(service.last_drain(), Some(Drained { finished: 0, aborted: 2 }));
    assert_eq!(capture.flush_logged_errors::<deferred::Panic>().len(), 2);
}
