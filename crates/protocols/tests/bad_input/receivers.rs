//! Receivers that do nothing, want too much, or do what they are told.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use protocols::basic::{
    FramedTransport, LineConnection, LineReceiver, LineTransport, StringConnection, StringReceiver,
};
use protocols::stateful::{State, StatefulProtocol};
use reactor_compat::{Connection, Protocol, Transport};

/// Why a connection ended.
pub(crate) type Reason = Rc<RefCell<Option<Failure>>>;

/// Remembers only why it ended.
#[derive(Default)]
pub(crate) struct Silent {
    pub(crate) reason: Reason,
}

impl Protocol<LineTransport> for Silent {
    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl LineReceiver for Silent {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

impl Protocol<FramedTransport> for Silent {
    fn connection_lost(&mut self, _: &StringConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl StringReceiver for Silent {
    fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
}

/// Wants very many bytes.
pub(crate) struct Greedy {
    wants: usize,
    received: Option<usize>,
    pub(crate) reason: Reason,
}

impl Greedy {
    pub(crate) fn new(wants: usize) -> Self {
        Self { wants, received: None, reason: Reason::default() }
    }

    /// How many it got.
    pub(crate) fn received(&self) -> Option<usize> {
        self.received
    }
}

impl Protocol for Greedy {
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl StatefulProtocol for Greedy {
    const MAX_LENGTH: usize = (16 << 20) + 1;

    fn initial_state(&mut self) -> State<Self> {
        State::new(self.wants, |greedy, _, data| {
            greedy.received = Some(data.len());
            None
        })
    }
}

/// Says what it hears, and does what that says.
#[derive(Default)]
pub(crate) struct Orders {
    /// How many bytes are still raw.
    raw: usize,
}

/// What is said where much is to be said.
pub(crate) const FILLING: u8 = 0x7f;

fn obey(transport: &Transport, order: &[u8]) {
    transport.write([&b"<"[..], order, b">"].concat());
    match order.first() {
        Some(b'p') => transport.pause_producing(),
        Some(b'm') => transport.write([FILLING; 70_000]),
        Some(b'c') => transport.lose_connection(),
        _ => {}
    }
}

impl Protocol<LineTransport> for Orders {}

impl LineReceiver for Orders {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        obey(transport, line);
        if line.starts_with(b"raw") {
            self.raw = line.len();
            transport.set_raw_mode();
        }
    }

    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let (data, rest) = data.split_at(self.raw.min(data.len()));
        transport.write(data);
        self.raw -= data.len();
        if self.raw == 0 {
            transport.set_line_mode(rest);
        }
    }
}

impl Protocol<FramedTransport> for Orders {}

impl StringReceiver for Orders {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        obey(transport, string);
    }
}

impl Protocol for Orders {}

impl StatefulProtocol for Orders {
    fn initial_state(&mut self) -> State<Self> {
        State::new(1, |_, transport, order| {
            obey(transport, order);
            None
        })
    }
}
