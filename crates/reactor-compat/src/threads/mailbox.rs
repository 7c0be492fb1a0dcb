//! [`Mailbox`]: what other threads have asked of a reactor.
//!
//! Mirrors `threadCallQueue` of `twisted.internet.base.ReactorBase`. Tested in
//! `tests/runtime/threads.rs`.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};

use crate::error::ReactorStopped;

/// Something that another thread wants done.
pub(crate) enum Order {
    /// Call this.
    Call(Box<dyn FnOnce() + Send>),
    /// Give this to the claim of that number.
    Deliver(u64, Box<dyn Any + Send>),
    /// Stop.
    Stop,
}

type Watcher = Box<dyn FnOnce() + Send>;

/// Whether orders are taken.
///
/// ```text
/// Open ──the run ends, the reactor is gone──▶ Shut ──it runs again──▶ Open
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Shut,
}

#[derive(Default)]
struct State {
    gate: Gate,
    orders: VecDeque<Order>,
    waker: Option<Waker>,
    watchers: BTreeMap<u64, Watcher>,
    /// The number of the next watcher; none is used twice.
    next: u64,
}

/// What other threads have asked of a reactor.
pub(crate) struct Mailbox {
    thread: ThreadId,
    state: Mutex<State>,
}

impl Mailbox {
    /// That of a reactor of this thread. Orders wait until it runs.
    pub(crate) fn new() -> Self {
        Self { thread: thread::current().id(), state: Mutex::default() }
    }

    /// Whether the caller is on the reactor's own thread.
    pub(crate) fn is_at_home(&self) -> bool {
        thread::current().id() == self.thread
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().gate == Gate::Open
    }

    /// Gives the order back if it comes too late.
    pub(crate) fn post(&self, order: Order) -> Result<(), Order> {
        let mut state = self.state();
        if state.gate == Gate::Shut {
            return Err(order);
        }
        state.orders.push_back(order);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Has `watcher` called when the gate is shut.
    pub(crate) fn watch(
        self: &Arc<Self>,
        watcher: impl FnOnce() + Send + 'static,
    ) -> Result<Watch, ReactorStopped> {
        let watcher: Watcher = Box::new(watcher);
        let mut state = self.state();
        if state.gate == Gate::Shut {
            drop(state);
            return Err(ReactorStopped);
        }
        let number = state.next;
        state.next += 1;
        state.watchers.insert(number, watcher);
        Ok(Watch { mailbox: self.clone(), number })
    }

    // ----- for the reactor -----

    /// Takes orders again.
    pub(crate) fn open(&self) {
        self.state().gate = Gate::Open;
    }

    /// The orders that have come, in exchange for `empty`.
    pub(crate) fn collect(&self, empty: VecDeque<Order>) -> VecDeque<Order> {
        mem::replace(&mut self.state().orders, empty)
    }

    /// Has `waker` woken by the next order; whether there is one already.
    pub(crate) fn listen(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        !state.orders.is_empty()
    }

    /// Takes no more orders, and gives what is left.
    pub(crate) fn shut(&self) -> VecDeque<Order> {
        let mut state = self.state();
        state.gate = Gate::Shut;
        let waker = state.waker.take();
        let orders = mem::take(&mut state.orders);
        drop(state);
        drop(waker);
        orders
    }

    /// Tells those who watch that it is shut.
    pub(crate) fn tell(&self) {
        let watchers = mem::take(&mut self.state().watchers);
        for watcher in watchers.into_values() {
            watcher();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watcher's place; dropping it takes the watcher back.
#[must_use = "dropping it takes the watcher back"]
pub(crate) struct Watch {
    mailbox: Arc<Mailbox>,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let watcher = self.mailbox.state().watchers.remove(&self.number);
        drop(watcher);
    }
}
