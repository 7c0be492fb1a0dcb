//! [`Tracker`]: the connections of a server, and their end when it stops.
//!
//! Tested in `tests/services/drain.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::ReactorTime;
use deferred::{Deferred, Failure, Trigger};

use crate::clock_handle::ClockHandle;
use crate::connection::{Connection, ConnectionObserver};
use crate::guard;
use crate::port::Observe;
use crate::protocol::Protocol;

/// What became of the connections of a server that was stopped.
///
/// See the example of [`drain`](super::StreamServerEndpointService::drain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many ended in time.
    pub finished: usize,
    /// How many had to be aborted.
    pub aborted: usize,
}

/// What is done with a connection when its server is to stop.
pub(super) type Tell<P> = Rc<dyn Fn(&Connection<P>)>;

/// The connections of a server.
pub(super) struct Tracker<P> {
    connections: RefCell<BTreeMap<u64, Connection<P>>>,
    next: Cell<u64>,
    /// Set while it drains.
    draining: RefCell<Option<Draining<P>>>,
}

/// A drain that is going on.
struct Draining<P> {
    tell: Tell<P>,
    /// How many there were.
    all: usize,
    aborted: usize,
    done: Trigger<Drained>,
}

impl<P: Protocol> Tracker<P> {
    pub(super) fn new() -> Rc<Self> {
        let connections = RefCell::default();
        Rc::new(Self { connections, next: Cell::new(0), draining: RefCell::new(None) })
    }

    /// Gives an observer for each connection of a port.
    pub(super) fn observe(self: &Rc<Self>) -> Observe<P> {
        let tracker = self.clone();
        Rc::new(move || {
            let number = tracker.next.get();
            tracker.next.set(number + 1);
            Rc::new(Tracked { tracker: tracker.clone(), number })
        })
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Tells each connection, and aborts those that are left after that time. The Deferred
    /// fires when none is left.
    pub(super) fn drain(
        self: &Rc<Self>,
        clock: &ClockHandle,
        time: Duration,
        tell: &Tell<P>,
    ) -> Deferred<Drained> {
        let open = self.all();
        if open.is_empty() {
            return Deferred::succeed(Drained::default());
        }
        let (drained, done) = Deferred::new();
        let draining = Draining { tell: tell.clone(), all: open.len(), aborted: 0, done };
        *self.draining.borrow_mut() = Some(draining);
        let tracker = self.clone();
        let deadline = clock.call_later(time, move || tracker.abort_all());
        for connection in &open {
            guard::run("what is told when a server stops", || tell(connection));
        }
        drained.add_both(move |drained| {
            // It may be over.
            let _ = deadline.cancel();
            drained
        })
    }

    /// Aborts all connections, if it drains.
    pub(super) fn abort_all(&self) {
        let open = self.all();
        {
            let mut draining = self.draining.borrow_mut();
            let Some(draining) = &mut *draining else { return };
            draining.aborted = open.len();
        }
        for connection in open {
            connection.abort_connection();
        }
    }

    fn all(&self) -> Vec<Connection<P>> {
        self.connections.borrow().values().cloned().collect()
    }

    fn made(&self, number: u64, connection: &Connection<P>) {
        self.connections.borrow_mut().insert(number, connection.clone());
        let tell = {
            let mut draining = self.draining.borrow_mut();
            draining.as_mut().map(|draining| {
                draining.all += 1;
                draining.tell.clone()
            })
        };
        // It was accepted before the port was closed.
        if let Some(tell) = tell {
            guard::run("what is told when a server stops", || tell(connection));
        }
    }

    fn lost(&self, number: u64) {
        let gone = self.connections.borrow_mut().remove(&number);
        drop(gone);
        if self.open() > 0 {
            return;
        }
        let Some(Draining { all, aborted, done, .. }) = self.draining.take() else { return };
        let finished = all.saturating_sub(aborted);
        // Whoever cancelled it does not want to know.
        let _ = done.callback(Drained { finished, aborted });
    }
}

/// One connection of a server.
struct Tracked<P> {
    tracker: Rc<Tracker<P>>,
    number: u64,
}

impl<P: Protocol> ConnectionObserver<P> for Tracked<P> {
    fn made(&self, connection: &Connection<P>) {
        self.tracker.made(self.number, connection);
    }

    fn lost(&self, _: Failure) {
        self.tracker.lost(self.number);
    }
}
