//! [`Mailbox`]: the calls that other threads have sent to a reactor.
//!
//! Mirrors `threadCallQueue` of `twisted.internet.base.ReactorBase`. Tested in
//! `tests/runtime/threads.rs`, and in all orders of the threads' steps in
//! the package `models`.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};

use crate::error::ReactorStopped;
use crate::sync::{Mutex, MutexGuard};

type Watcher = Box<dyn FnOnce() + Send>;

/// The phase of a mailbox: are calls taken?
///
/// ```text
/// Open ──the run ends, the reactor is gone──▶ Closed ──it runs again──▶ Open
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closed,
}

struct State<C> {
    phase: Phase,
    calls: VecDeque<C>,
    waker: Option<Waker>,
    watchers: BTreeMap<u64, Watcher>,
    /// The number of the next watcher; none is used twice.
    next: u64,
}

/// The calls that other threads have sent to a reactor, whatever they are.
pub(crate) struct Mailbox<C> {
    thread: ThreadId,
    state: Mutex<State<C>>,
}

impl<C> Mailbox<C> {
    /// That of a reactor of this thread. Calls wait until it runs.
    pub(crate) fn new() -> Self {
        let state = State {
            phase: Phase::Open,
            calls: VecDeque::new(),
            waker: None,
            watchers: BTreeMap::new(),
            next: 0,
        };
        Self { thread: thread::current().id(), state: Mutex::new(state) }
    }

    /// Whether the caller is on the reactor's own thread.
    pub(crate) fn is_on_reactor_thread(&self) -> bool {
        thread::current().id() == self.thread
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Gives the call back if it comes too late.
    pub(crate) fn post(&self, call: C) -> Result<(), C> {
        let mut state = self.state();
        if state.phase == Phase::Closed {
            return Err(call);
        }
        state.calls.push_back(call);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Has `watcher` called when it is closed.
    pub(crate) fn on_close(
        self: &Arc<Self>,
        watcher: impl FnOnce() + Send + 'static,
    ) -> Result<CloseWatch<C>, ReactorStopped> {
        let watcher: Watcher = Box::new(watcher);
        let mut state = self.state();
        if state.phase == Phase::Closed {
            drop(state);
            return Err(ReactorStopped);
        }
        let number = state.next;
        state.next += 1;
        state.watchers.insert(number, watcher);
        Ok(CloseWatch { mailbox: self.clone(), number })
    }

    // ----- for the reactor -----

    /// Takes calls again.
    pub(crate) fn open(&self) {
        self.state().phase = Phase::Open;
    }

    /// Moves calls that have come to `batch`, no more than `limit`.
    pub(crate) fn collect(&self, batch: &mut VecDeque<C>, limit: usize) {
        let mut state = self.state();
        let count = state.calls.len().min(limit.saturating_sub(batch.len()));
        batch.extend(state.calls.drain(..count));
    }

    /// Has `waker` woken by the next call; whether there is one already.
    pub(crate) fn set_waker(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        !state.calls.is_empty()
    }

    /// Takes no more calls, and gives those that are left.
    pub(crate) fn close(&self) -> VecDeque<C> {
        let mut state = self.state();
        state.phase = Phase::Closed;
        let waker = state.waker.take();
        let calls = mem::take(&mut state.calls);
        drop(state);
        drop(waker);
        calls
    }

    /// Tells those who watch that it is closed.
    pub(crate) fn notify_closed(&self) {
        let watchers = mem::take(&mut self.state().watchers);
        for watcher in watchers.into_values() {
            watcher();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches for a mailbox to be closed; dropping it takes the watcher back.
#[must_use = "dropping it takes the watcher back"]
pub(crate) struct CloseWatch<C> {
    mailbox: Arc<Mailbox<C>>,
    number: u64,
}

impl<C> Drop for CloseWatch<C> {
    fn drop(&mut self) {
        let watcher = self.mailbox.state().watchers.remove(&self.number);
        drop(watcher);
    }
}
