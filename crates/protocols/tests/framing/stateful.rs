//! Protocols that say how many bytes they want next.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::Failure;
use proptest::prelude::*;
use protocols::stateful::{State, Stateful, StatefulProtocol, TooManyWanted};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Connection, ConnectionDone, Protocol};

/// Strings behind their length in two bytes, as Twisted's own test has them.
#[derive(Default)]
struct Int16 {
    heard: Rc<RefCell<Vec<Vec<u8>>>>,
    reason: Rc<RefCell<Option<Failure>>>,
}

impl Int16 {
    fn length(&mut self, _: &Connection<Self>, length: &[u8]) -> Option<State<Self>> {
        let length = u16::from_be_bytes([length[0], length[1]]);
        Some(State::new(length.into(), Self::string))
    }

    fn string(&mut self, transport: &Connection<Self>, string: &[u8]) -> Option<State<Self>> {
        self.heard.borrow_mut().push(string.to_vec());
        match string {
            b"lose" => transport.lose_connection(),
            b"pause" => transport.pause_producing(),
            b"much" => transport.write(vec![0; 100_000]),
            _ => {}
        }
        Some(self.initial_state())
    }
}

impl Protocol for Int16 {
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl StatefulProtocol for Int16 {
    const MAX_LENGTH: usize = 60_000;

    fn initial_state(&mut self) -> State<Self> {
        State::new(2, Self::length)
    }
}

fn encode(strings: &[&[u8]]) -> Vec<u8> {
    strings.iter().flat_map(|s| [&(s.len() as u16).to_be_bytes()[..], s].concat()).collect()
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same(
        strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
        size in 1_usize..100,
    ) {
        let slices: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
        let handler = Int16::default();
        let heard = Rc::clone(&handler.heard);
        let transport = StringTransport::new(Stateful::new(handler));
        for piece in encode(&slices).chunks(size) {
            transport.data_received(piece);
        }
        prop_assert_eq!(heard.take(), strings);
    }
}

#[test]
fn what_has_come_waits_or_is_let_go() {
    let handler = Int16::default();
    let heard = Rc::clone(&handler.heard);
    let transport = StringTransport::new(Stateful::new(handler));
    transport.data_received(&encode(&[b"pause", b"one", b"much", b"two", b"lose", b"three"]));
    assert_eq!(heard.take(), [b"pause"]);
    transport.resume_producing();
    assert_eq!(heard.take(), [&b"one"[..], b"much"]);
    transport.take_value();
    assert_eq!(heard.take(), [b"two", &b"lose"[..]]);
    assert!(transport.disconnecting());
}

#[test]
fn wanting_too_much_is_the_reason() {
    let handler = Int16::default();
    let reason = Rc::clone(&handler.reason);
    let transport = StringTransport::new(Stateful::new(handler));
    transport.data_received(b"\xff\xff");
    assert!(transport.disconnecting());
    transport.connection_lost(ConnectionDone);
    let expected = TooManyWanted { wanted: 65_535, max_length: 60_000 };
    assert_eq!(reason.take().unwrap().check(), Some(&expected));
}

/// A state that wants nothing and stays gets it once for each read, where
/// Twisted never comes back.
#[test]
fn wanting_nothing_does_not_hang() {
    struct Idle(Rc<Cell<usize>>);
    impl Protocol for Idle {}

    impl StatefulProtocol for Idle {
        fn initial_state(&mut self) -> State<Self> {
            State::new(0, |this, _, _| {
                this.0.set(this.0.get() + 1);
                None
            })
        }
    }
    let calls = Rc::new(Cell::new(0));
    let transport = StringTransport::new(Stateful::new(Idle(Rc::clone(&calls))));
    transport.data_received(b"one");
    transport.data_received(b"two");
    assert_eq!(calls.get(), 2);
}
