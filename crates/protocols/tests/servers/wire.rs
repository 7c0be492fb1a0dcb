//! The small servers on real sockets.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use protocols::wire::{Chargen, Daytime, Discard, Echo, Qotd, Time, Who};
use reactor_compat::{Address, Connection, Protocol, reactor};

/// A client that says something, and keeps what it hears until it has enough
/// of it, or is hung up on.
struct Client {
    says: &'static [u8],
    enough: usize,
    heard: Rc<RefCell<Vec<u8>>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(self.says);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let mut heard = self.heard.borrow_mut();
        heard.extend_from_slice(data);
        if heard.len() >= self.enough {
            transport.abort_connection();
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        reactor().stop().unwrap();
    }
}

/// What a client hears from a server of such protocols.
fn converse<P: Protocol>(server: fn() -> P, says: &'static [u8], enough: usize) -> Vec<u8> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let port = reactor().listen_tcp(("127.0.0.1", 0), move |_: Address| server()).unwrap();
    let hears = Rc::clone(&heard);
    let client = move |_: Address| Client { says, enough, heard: Rc::clone(&hears) };
    let connecting = reactor().connect_tcp(port.get_host().socket_addr().unwrap(), client);
    reactor().run().unwrap();
    drop(connecting);
    heard.take()
}

#[test]
fn echo_says_what_it_is_told() {
    assert_eq!(converse(|| Echo, b"hello", 5), b"hello");
}

#[test]
fn discard_takes_and_says_nothing() {
    struct Polite;
    impl Protocol for Polite {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.write("goodbye");
            transport.lose_connection();
        }
        fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
            reactor().stop().unwrap();
        }
    }
    let port = reactor().listen_tcp(("127.0.0.1", 0), |_: Address| Discard).unwrap();
    let connecting =
        reactor().connect_tcp(port.get_host().socket_addr().unwrap(), |_: Address| Polite);
    reactor().run().unwrap();
    drop(connecting);
}

/// It goes on for as long as it is read, and its memory does not.
#[test]
fn chargen_does_not_stop() {
    let heard = converse(|| Chargen, b"", 1 << 20);
    assert!(heard.len() >= 1 << 20);
    let first = &heard[..71];
    assert!(heard.chunks_exact(71).all(|noise| noise == first));
}

#[test]
fn the_others_speak_once_and_hang_up() {
    let for_ever = usize::MAX;
    assert!(converse(Qotd::default, b"", for_ever).ends_with(b"doctor away.\r\n"));
    assert_eq!(converse(Who::default, b"", for_ever), b"root\r\n");
    assert_eq!(converse(Time::default, b"", for_ever).len(), 4);
    assert_eq!(converse(Daytime::default, b"", for_ever).len(), 26);
}
