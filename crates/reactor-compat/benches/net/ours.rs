//! Our servers.

use std::io;
use std::rc::Rc;
use std::thread;

use reactor_compat::{Address, Connection, Producer, ProducerKind, Protocol, Transport, reactor};

use crate::server::{CALLERS, CHUNK, Role};

pub(crate) fn serve(role: Role) -> io::Result<()> {
    let listen = ("127.0.0.1", 0);
    let port = match role {
        Role::Echo => reactor().listen_tcp(listen, |_: Address| Echo),
        Role::Sink => reactor().listen_tcp(listen, |_: Address| Sink),
        Role::Source => reactor().listen_tcp(listen, |_: Address| Source),
        Role::Flooded => {
            reactor().call_when_running(flood);
            reactor().listen_tcp(listen, |_: Address| Echo)
        }
    }?;
    println!("{}", port.get_host().port().unwrap_or_default());
    reactor().run().map_err(io::Error::other)
}

/// Starts the threads that call without pause.
fn flood() {
    for _ in 0..CALLERS {
        let remote = reactor().remote();
        thread::spawn(move || while remote.call_from_thread(|| {}).is_ok() {});
    }
}

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        no_delay(transport);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

/// As the servers by hand have it.
fn no_delay(transport: &Transport) {
    let done = transport.set_tcp_no_delay(true);
    debug_assert!(done.is_ok(), "it is a TCP connection");
}

struct Sink;

impl Protocol for Sink {}

struct Source;

impl Protocol for Source {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        no_delay(transport);
        let tap = Tap { data: vec![b'x'; CHUNK].into(), transport: transport.transport().clone() };
        let registered = transport.register_producer(tap, ProducerKind::Pull);
        assert!(registered.is_ok(), "there is no other");
    }
}

struct Tap {
    data: Rc<[u8]>,
    transport: Transport,
}

impl Producer for Tap {
    fn pause_producing(&self) {}

    fn resume_producing(&self) {
        self.transport.write(&self.data);
    }

    fn stop_producing(&self) {}
}
