//! [`Link`]: the part of a connection that its handles and its driver share.
//!
//! Its state is a [`State`] and a [`Level`], two machines without I/O; here is
//! what they are about: the bytes, the waker, the rarely used rest.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use deferred::Failure;

use super::Outbox;
use super::extras::Extras;
use super::level::Level;
use super::state::{Close, Event, State, Switch};
use crate::address::Address;
use crate::network::SharedStream;
#[cfg(unix)]
use crate::network::Stream;
use crate::reactor::{Inventory, OpenConnection, Registered, Shared};

/// The driver, which sends what is written: does it have to be woken?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// It waits to be woken.
    Waiting,
    /// It is at work, and looks at the link when user code has returned; or
    /// it has been woken, or has not begun.
    Awake,
}

/// The part of a connection that its handles and its driver share.
pub(crate) struct Link {
    state: Cell<State>,
    pub(super) level: Cell<Level>,
    driver: Cell<Driver>,
    outbox: RefCell<Outbox>,
    waker: RefCell<Option<Waker>>,
    written: Cell<u64>,
    /// Where the connection is a socket, and until it is lost.
    socket: RefCell<Option<SharedStream>>,
    /// Why it was lost, once the protocol has heard of it.
    pub(super) lost_for: OnceCell<Failure>,
    pub(super) extras: RefCell<Option<Box<Extras>>>,
    pub(crate) host: Address,
    pub(crate) peer: Address,
    pub(crate) shared: Rc<Shared>,
}

impl Link {
    pub(crate) fn new(shared: Rc<Shared>, host: Address, peer: Address) -> Self {
        Self {
            state: Cell::new(State::NEW),
            level: Cell::new(Level::Low),
            driver: Cell::new(Driver::Awake),
            outbox: RefCell::default(),
            waker: RefCell::new(None),
            written: Cell::new(0),
            socket: RefCell::new(None),
            lost_for: OnceCell::new(),
            extras: RefCell::new(None),
            host,
            peer,
            shared,
        }
    }

    /// The state that the connection is in.
    #[inline]
    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    /// Goes into the state that follows from `event`; whether that is another
    /// one.
    #[inline]
    pub(crate) fn apply(&self, event: Event) -> bool {
        let state = self.state.get();
        let after = state.after(event);
        self.state.set(after);
        after != state
    }

    /// The same for what a handle asks for: wakes the driver if that changes
    /// anything.
    pub(crate) fn request(&self, event: Event) {
        if self.apply(event) {
            self.wake();
        }
    }

    // ----- for the handles -----

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
        self.state.get().accepts(|| self.has_producer())
    }

    /// Ends the connection without regard to what is unsent, for a reason that
    /// the protocol will hear.
    pub(crate) fn fail(&self, reason: Failure) {
        if self.apply(Event::Abort) {
            self.extras().failure = Some(reason);
            self.wake();
        }
    }

    /// Whether the peer's data is read. Who is told that it is not will hear
    /// when it goes on.
    #[inline]
    pub(crate) fn reading(&self) -> bool {
        let reads = self.reads();
        if !reads {
            self.apply(Event::Refused);
        }
        reads
    }

    pub(crate) fn socket(&self) -> Option<SharedStream> {
        self.socket.borrow().clone()
    }

    pub(crate) fn set_socket(&self, socket: SharedStream) {
        self.socket.replace(Some(socket));
    }

    /// How many bytes were accepted.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    #[inline]
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

    /// Takes the unsent bytes out, so that nothing is borrowed while the
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

    /// Whether the peer's data is to be read, and given to the protocol.
    #[inline]
    pub(crate) fn reads(&self) -> bool {
        self.state.get().reads() && (self.level.get() == Level::Low || self.level_permits())
    }

    /// How much may be sent as things are.
    #[inline]
    pub(crate) fn sendable(&self) -> usize {
        match self.state.get().switch {
            Switch::None => usize::MAX,
            Switch::Draining => self.before_layer(),
            Switch::Opening => 0,
        }
    }

    /// Whether the peer is to be told that nothing more is sent to it, once
    /// all is.
    pub(crate) fn output_ends(&self) -> bool {
        self.state.get().output == super::state::Output::Ending && !self.has_producer()
    }

    /// It is gone: lets go of everything, and tells the producer, and those
    /// who wait for it to drain.
    pub(crate) fn lost(&self, reason: &Failure) {
        self.apply(Event::Lost);
        let socket = self.socket.take();
        #[cfg(unix)]
        if let Some(socket) = &socket {
            socket.clone().close_descriptors();
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
            unsent: self.unsent_in_all(),
        });
    }

    fn shut_down(&self) {
        if self.state.get().close != Close::Lost {
            self.request(Event::Stop);
        }
    }
}
