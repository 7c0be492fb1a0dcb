//! [`Wire`]: the bytes that two ends in memory send each other, and what becomes
//! of them on the way.
//!
//! Mirrors the buffers of `FakeTransport` in `twisted.test.iosim`. Tested in
//! `tests/testing/memory_pair.rs`.

mod state;
mod stream;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::task::Waker;

use state::{Plug, Reads};
pub(super) use state::{Side, State, Tail, reset};
pub(super) use stream::MemoryStream;

use crate::address::Address;

/// How much fits on the way in one direction, unless a test says otherwise.
const CAPACITY: usize = 64 * 1024;

/// The wire between two ends in memory: what they send each other stays on it
/// until the test has it delivered.
///
/// It carries 64 KiB each way before it takes no more, which what has been
/// delivered and not been read counts against, as it does in a kernel.
///
/// Clones are the same wire.
///
/// ```
/// use reactor_compat::testing::connect;
/// use reactor_compat::{ConnectionLost, Protocol};
/// use std::io::ErrorKind;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let pair = connect(Silent, Silent);
/// pair.client().write("hello");
/// pair.pump()?;
/// pair.wire().lose(ErrorKind::TimedOut);
/// pair.flush()?;
/// let reason = pair.server().reason().unwrap();
/// assert_eq!(reason.check::<ConnectionLost>().unwrap().kind(), Some(ErrorKind::TimedOut));
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IOPump")]
pub struct Wire {
    state: Rc<RefCell<State>>,
    /// Delivers what is on it, if a test does not.
    carrier: Option<Rc<dyn Carrier>>,
}

/// The one who delivers what is on a wire.
pub(super) trait Carrier {
    /// `side` has written, read, ended or closed, or waits for room.
    fn changed(&self, side: Side);
}

impl Wire {
    pub(super) fn new() -> Self {
        let state = State::new(CAPACITY, Reads::Seen);
        Self { state: Rc::new(RefCell::new(state)), carrier: None }
    }

    /// A wire that takes so much each way, and on which nothing moves by
    /// itself, reads included.
    pub(super) fn carried(capacity: usize) -> Self {
        let state = State::new(capacity, Reads::Told);
        Self { state: Rc::new(RefCell::new(state)), carrier: None }
    }

    /// The same wire, with somebody who hears what its ends do.
    pub(super) fn with_carrier(&self, carrier: Rc<dyn Carrier>) -> Self {
        Self { state: self.state.clone(), carrier: Some(carrier) }
    }

    /// Has one of the ends do something to the wire.
    fn act<R>(&self, side: Side, act: impl FnOnce(&mut State) -> R) -> R {
        let result = self.change(act);
        if let Some(carrier) = &self.carrier {
            carrier.changed(side);
        }
        result
    }

    /// Does something to the wire, and then wakes whom it concerns.
    pub(super) fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let (result, woken) = {
            let mut state = self.state.borrow_mut();
            (act(&mut state), std::mem::take(&mut state.woken))
        };
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// The stream of one of its ends, which is at `host`.
    pub(super) fn stream(&self, side: Side, host: Address, peer: Address) -> MemoryStream {
        MemoryStream::new(self.clone(), side, host, peer)
    }

    /// Delivers up to `most` bytes each way; whether there were any.
    pub(super) fn deliver(&self, most: usize) -> bool {
        // The client's first: it is the one who asks.
        self.change(|state| {
            let asked = state.deliver(Side::Client, most);
            let answered = state.deliver(Side::Server, most);
            asked || answered
        })
    }

    /// Whether both ends are closed, so that nothing can happen to it.
    pub(super) fn over(&self) -> bool {
        self.state.borrow().ends.iter().all(|end| end.closed)
    }

    /// How many bytes are on it, sent and not delivered, both ways.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.client().write("four");
    /// pair.settle()?;
    /// assert_eq!(pair.wire().in_flight(), 4);
    /// pair.flush()?;
    /// assert_eq!(pair.wire().in_flight(), 0);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn in_flight(&self) -> usize {
        self.state.borrow().ways.iter().map(|way| way.flying.len()).sum()
    }

    /// Sets how many bytes it carries each way before it takes no more. What it
    /// carries already stays.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.wire().set_capacity(3);
    /// pair.client().write("four");
    /// pair.settle()?;
    /// assert_eq!((pair.wire().in_flight(), pair.client().unsent()), (3, 1));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn set_capacity(&self, bytes: usize) {
        self.change(|state| {
            state.capacity = bytes;
            state.wake_writer_of(Side::Server);
            state.wake_writer_of(Side::Client);
        });
    }

    /// Breaks it: what is on it is lost, and both ends get the error when they
    /// next look, which they do at once.
    ///
    /// See the [type's example](Self).
    pub fn lose(&self, error: impl Into<io::Error>) {
        let error: io::Error = error.into();
        let why = (error.kind(), error.to_string());
        self.change(|state| {
            for side in [Side::Server, Side::Client] {
                state.break_end(side, why.clone());
                state.from(side).tail = Tail::Ended;
            }
        });
    }

    /// Has it deliver nothing until it is [plugged in](Self::plug_in) again,
    /// without a word to either end: a cable that is out, a host that is gone.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.wire().unplug();
    /// pair.client().abort_connection();
    /// pair.flush()?;
    /// assert!(pair.client().reason().is_some());
    /// assert!(pair.server().connected(), "it has not heard of that");
    /// pair.wire().plug_in();
    /// pair.flush()?;
    /// assert!(!pair.server().connected());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn unplug(&self) {
        self.change(|state| state.plug = Plug::Out);
    }

    /// Has it deliver again.
    ///
    /// See the example of [`unplug`](Self::unplug).
    pub fn plug_in(&self) {
        self.change(|state| state.plug = Plug::In);
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        let [server, client] = &state.ways;
        f.debug_struct("Wire")
            .field("from_server", &server.flying.len())
            .field("from_client", &client.flying.len())
            .field("capacity", &state.capacity)
            .field("plug", &state.plug)
            .finish_non_exhaustive()
    }
}
