//! A protocol that says how many bytes it wants next, and does what they say:
//! it pauses, wants nothing, wants too much and closes.
#![no_main]

use deferred::Failure;
use libfuzzer_sys::fuzz_target;
use protocols::stateful::{State, Stateful, StatefulProtocol};
use protocols_fuzz::{cut, plan, relieve};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Connection, ConnectionDone, Protocol};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug, PartialEq)]
enum Event {
    Received(Vec<u8>),
    Lost(String),
}

struct Obedient {
    events: Rc<RefCell<Vec<Event>>>,
}

impl Obedient {
    fn order(&mut self, transport: &Connection<Self>, order: &[u8]) -> Option<State<Self>> {
        self.events.borrow_mut().push(Event::Received(order.to_vec()));
        match order.first() {
            Some(b'p') => transport.pause_producing(),
            Some(b'l') => transport.lose_connection(),
            Some(b'm') => transport.write(vec![b'x'; 70_000]),
            Some(b's') => return None,
            _ => {}
        }
        order.get(1).map(|&count| State::new(count.into(), Self::body))
    }

    fn body(&mut self, _: &Connection<Self>, body: &[u8]) -> Option<State<Self>> {
        self.events.borrow_mut().push(Event::Received(body.to_vec()));
        // What stays in a state that wants nothing gets nothing more.
        (body.is_empty() || body[0] != b's').then(|| self.initial_state())
    }
}

impl Protocol for Obedient {
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.events.borrow_mut().push(Event::Lost(reason.to_string()));
    }
}

impl StatefulProtocol for Obedient {
    const MAX_LENGTH: usize = 200;

    fn initial_state(&mut self) -> State<Self> {
        State::new(2, Self::order)
    }
}

fn run(pieces: &[&[u8]]) -> Vec<Event> {
    let events = Rc::new(RefCell::new(Vec::new()));
    let transport = StringTransport::new(Stateful::new(Obedient { events: events.clone() }));
    for piece in pieces {
        transport.data_received(piece);
        relieve(&transport);
        if transport.disconnecting() {
            break;
        }
        let held = transport.inspect(Stateful::held).unwrap_or_default();
        assert!(held <= Obedient::MAX_LENGTH, "{held} bytes are held");
    }
    transport.connection_lost(ConnectionDone);
    events.take()
}

fuzz_target!(|data: &[u8]| {
    let Some((_, sizes, bytes)) = plan(data) else { return };
    assert_eq!(run(&[bytes]), run(&cut(bytes, sizes)));
});
