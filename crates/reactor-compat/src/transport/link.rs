//! [`Link`]: what a transport's handles and its driver have in common.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use deferred::Failure;

use super::Outbox;
use super::extras::Extras;
use crate::address::Address;
use crate::reactor::{Inventory, OpenConnection, Registered, Shared};
use crate::socket::SharedSocket;

/// What has been asked of the connection.
///
/// ```text
/// Open ──lose_connection──▶ Closing ──all sent──▶ Lost
///  │ └──────────┐              │                   ▲
///  │       abort_connection    │                   │
///  │            └──▶ Aborting ◀┴─ no progress      │
///  │                    └──── cut ─────────────────┤
///  └─reactor stops─▶ Stopping (also from Closing) ─┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing: data flows.
    Open,
    /// To be closed when all has been sent.
    Closing,
    /// To be cut.
    Aborting,
    /// To be cut, because the reactor stops.
    Stopping,
    /// It is gone.
    Lost,
}

/// Whether the peer's data is wanted by whoever paused and resumed.
///
/// ```text
/// Wanted ──pause──▶ Paused ──resume──▶ Resumed ──protocol told──▶ Wanted
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Wanted,
    Paused,
    /// It is wanted again, and the protocol has not been told.
    Resumed,
}

/// What we may still send.
///
/// ```text
/// Open ──lose_write_connection──▶ Ending ──all sent, shut down──▶ Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Open,
    /// What was written, and then the end.
    Ending,
    /// Nothing: the peer has been told.
    Ended,
}

/// Whether what is written is sent, or kept until somebody lets it go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Free,
    Held,
}

/// Whether the connection speaks TLS.
///
/// ```text
/// Bare ──start_tls──▶ Changing ──what was written before is sent──▶ Tls
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nothing speaks TLS then"))]
pub(crate) enum Cover {
    Bare,
    Changing {
        /// How many bytes are to be sent as they are before it.
        before: usize,
    },
    Tls,
}

/// Whether what is unsent passed the high-water mark and has not come down to
/// the low one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Free,
    Throttled,
}

/// What the driver, who sends what is written, is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// It waits to be woken.
    Waiting,
    /// It is at work, and looks at the link when user code has returned; or
    /// it has been woken, or has not begun.
    Awake,
}

/// What a transport's handles and its driver have in common.
pub(crate) struct Link {
    wish: Cell<Wish>,
    reading: Cell<Reading>,
    output: Cell<Output>,
    sending: Cell<Sending>,
    pub(super) flow: Cell<Flow>,
    cover: Cell<Cover>,
    outbox: RefCell<Outbox>,
    driver: Cell<Driver>,
    waker: RefCell<Option<Waker>>,
    written: Cell<u64>,
    /// Where the connection is a socket, and until it is lost.
    socket: RefCell<Option<SharedSocket>>,
    pub(super) extras: RefCell<Option<Box<Extras>>>,
    pub(crate) host: Address,
    pub(crate) peer: Address,
    pub(crate) shared: Rc<Shared>,
}

impl Link {
    pub(crate) fn new(shared: Rc<Shared>, host: Address, peer: Address) -> Self {
        Self {
            wish: Cell::new(Wish::Open),
            reading: Cell::new(Reading::Wanted),
            output: Cell::new(Output::Open),
            sending: Cell::new(Sending::Free),
            flow: Cell::new(Flow::Free),
            cover: Cell::new(Cover::Bare),
            outbox: RefCell::default(),
            driver: Cell::new(Driver::Awake),
            waker: RefCell::new(None),
            written: Cell::new(0),
            socket: RefCell::new(None),
            extras: RefCell::new(None),
            host,
            peer,
            shared,
        }
    }

    // ----- for the handles -----

    pub(crate) fn wish(&self) -> Wish {
        self.wish.get()
    }

    /// Adds to what is to be sent, if the connection still takes anything.
    pub(crate) fn write(&self, data: &[u8]) {
        if !self.accepts() || data.is_empty() {
            return;
        }
        self.written.set(self.written.get() + data.len() as u64);
        if let Some(tap) = self.tap() {
            tap(data);
        }
        let unsent = {
            let mut outbox = self.outbox.borrow_mut();
            outbox.push(data, &self.shared.buffers);
            outbox.len()
        };
        self.wake();
        self.wrote(unsent);
    }

    /// Adds several pieces at once.
    #[inline]
    pub(crate) fn write_sequence<D: AsRef<[u8]>>(&self, pieces: impl IntoIterator<Item = D>) {
        if self.tap().is_some() {
            return pieces.into_iter().for_each(|piece| self.write(piece.as_ref()));
        }
        if !self.accepts() {
            return;
        }
        let mut count = 0;
        for piece in pieces {
            // Nothing is borrowed while a piece, which may be a user's, comes.
            let data = piece.as_ref();
            count += data.len();
            self.outbox.borrow_mut().push(data, &self.shared.buffers);
        }
        if count > 0 {
            self.written.set(self.written.get() + count as u64);
            self.wake();
            self.wrote(self.unsent());
        }
    }

    /// Whether it still takes what is to be sent.
    #[inline]
    pub(super) fn accepts(&self) -> bool {
        match (self.wish.get(), self.output.get()) {
            (Wish::Open, Output::Open) => true,
            (Wish::Closing, Output::Open) | (Wish::Open, Output::Ending) => self.has_producer(),
            _ => false,
        }
    }

    pub(crate) fn lose(&self) {
        if self.wish.get() == Wish::Open {
            self.wish.set(Wish::Closing);
            self.wake();
        }
    }

    pub(crate) fn abort(&self) {
        if matches!(self.wish.get(), Wish::Open | Wish::Closing) {
            self.wish.set(Wish::Aborting);
            self.wake();
        }
    }

    pub(crate) fn pause_reading(&self) {
        self.reading.set(Reading::Paused);
    }

    pub(crate) fn paused(&self) -> bool {
        self.reading.get() == Reading::Paused
    }

    pub(crate) fn resume_reading(&self) {
        if self.reading.get() == Reading::Paused {
            self.reading.set(Reading::Resumed);
            self.wake();
        }
    }

    pub(crate) fn set_sending(&self, sending: Sending) {
        if self.sending.replace(sending) != sending {
            self.wake();
        }
    }

    pub(crate) fn end_output(&self) {
        if self.wish.get() == Wish::Open && self.output.get() == Output::Open {
            self.output.set(Output::Ending);
            self.wake();
        }
    }

    pub(crate) fn socket(&self) -> Option<SharedSocket> {
        self.socket.borrow().clone()
    }

    pub(crate) fn set_socket(&self, socket: SharedSocket) {
        self.socket.replace(Some(socket));
    }

    /// How many bytes were accepted.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.outbox.borrow().len()
    }

    // ----- for the driver -----

    #[inline]
    pub(super) fn wake(&self) {
        if self.driver.replace(Driver::Awake) == Driver::Waiting {
            self.wake_driver();
        }
    }

    fn wake_driver(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The driver is at work from here on.
    pub(crate) fn begin(&self) {
        self.driver.set(Driver::Awake);
    }

    /// The driver waits from here on.
    pub(crate) fn wait(&self, waker: &Waker) {
        self.driver.set(Driver::Waiting);
        let known = self.waker.borrow().as_ref().is_some_and(|known| known.will_wake(waker));
        if !known {
            self.waker.replace(Some(waker.clone()));
        }
    }

    /// What is to be sent, taken out, so that nothing is borrowed while the
    /// stream is at work on it.
    pub(crate) fn take_outbox(&self) -> Outbox {
        self.outbox.take()
    }

    /// Puts back what is left of it.
    pub(crate) fn put_outbox(&self, mut outbox: Outbox) {
        let mut place = self.outbox.borrow_mut();
        if !place.is_empty() {
            outbox.append(&mut place, &self.shared.buffers);
        }
        if outbox.is_empty() {
            outbox.clear(&self.shared.buffers);
        } else {
            *place = outbox;
        }
    }

    /// Whether the peer's data is to be read. What a producer writes is held up
    /// at the producer: two peers that each stopped reading because of it
    /// would wait for each other.
    pub(crate) fn wants_data(&self) -> bool {
        self.wish.get() == Wish::Open
            && self.reading.get() != Reading::Paused
            && !self.changing()
            && (self.flow.get() == Flow::Free || self.has_producer())
    }

    #[cfg(feature = "tls")]
    pub(crate) fn cover(&self) -> Cover {
        self.cover.get()
    }

    #[cfg(feature = "tls")]
    pub(crate) fn set_cover(&self, cover: Cover) {
        self.cover.set(cover);
    }

    /// Whether what the peer sends now may not be what it would be read as.
    fn changing(&self) -> bool {
        matches!(self.cover.get(), Cover::Changing { .. })
    }

    /// How much may be sent as things are.
    pub(crate) fn sendable(&self) -> usize {
        match self.cover.get() {
            Cover::Changing { before } => before,
            Cover::Bare | Cover::Tls => usize::MAX,
        }
    }

    /// So much of it was sent.
    pub(crate) fn sent(&self, count: usize) {
        if let Cover::Changing { before } = self.cover.get() {
            self.cover.set(Cover::Changing { before: before.saturating_sub(count) });
        }
    }

    /// Whether reading was resumed, of which the protocol is to hear: once.
    pub(crate) fn take_resumed(&self) -> bool {
        let resumed = self.wish.get() == Wish::Open && self.reading.get() == Reading::Resumed;
        if resumed {
            self.reading.set(Reading::Wanted);
        }
        resumed
    }

    /// Whether what is written is to be sent.
    pub(crate) fn sends(&self) -> bool {
        self.sending.get() == Sending::Free
    }

    /// Whether the peer is to be told that nothing more is sent to it, once
    /// all is.
    pub(crate) fn output_ends(&self) -> bool {
        self.output.get() == Output::Ending && !self.has_producer()
    }

    /// The peer has been told.
    pub(crate) fn output_ended(&self) {
        self.output.set(Output::Ended);
    }

    /// Whether the time has come to close.
    pub(crate) fn closes(&self) -> bool {
        self.wish.get() == Wish::Closing && !self.has_producer()
    }

    /// It is gone: lets go of everything, and tells the producer, and those
    /// who wait for it to drain.
    pub(crate) fn lost(&self, reason: &Failure) {
        self.wish.set(Wish::Lost);
        let socket = self.socket.take();
        #[cfg(unix)]
        if let Some(socket) = &socket {
            socket.forget_descriptors();
        }
        drop(socket);
        let mut outbox = self.outbox.take();
        outbox.clear(&self.shared.buffers);
        self.let_go(reason);
    }
}

impl Registered for Link {
    fn describe(&self, inventory: &mut Inventory) {
        inventory.connections.push(OpenConnection {
            host: self.host.clone(),
            peer: self.peer.clone(),
            unsent: self.unsent(),
        });
    }

    fn shut_down(&self) {
        if self.wish.get() != Wish::Lost {
            self.wish.set(Wish::Stopping);
            self.wake();
        }
    }
}
