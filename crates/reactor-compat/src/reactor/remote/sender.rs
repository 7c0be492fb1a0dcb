//! [`ResultSender`]: makes a call on the reactor's thread, and sends its result.
//!
//! Tested in `tests/runtime/threads.rs` and `tests/runtime/remote.rs`.

use std::sync::{Arc, Weak};

use deferred::{CallbackResult, CancelledError, Deferred, Failure, Outcome};

use super::slot::ResultSlot;
use super::{CloseWatch, Remote, operations};
use crate::error::ReactorStopped;
use crate::guard;

/// Sends the result of a call to another thread. If there will be none, its drop
/// says so.
pub(super) struct ResultSender<T> {
    /// Gone when nobody waits any more.
    slot: Weak<ResultSlot<T>>,
    /// The operation, if it can be cancelled while it goes on.
    number: Option<u64>,
    state: State,
}

/// The states of a sender.
///
/// ```text
/// Waiting ──the reactor makes the call──▶ Called ──▶ Sent
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Called,
    Sent,
}

impl<T: Send + 'static> ResultSender<T> {
    pub(super) fn new(slot: &Arc<ResultSlot<T>>, number: Option<u64>) -> Self {
        Self { slot: Arc::downgrade(slot), number, state: State::Waiting }
    }

    /// Makes the call, and sends its result when that is there.
    pub(super) fn call<R>(mut self, reactor: &Remote, call: impl FnOnce() -> R)
    where
        R: CallbackResult<Value = T>,
    {
        self.state = State::Called;
        let result = match guard::catch(|| call().into_outcome()) {
            Ok(Outcome::Done(result)) => result,
            Ok(Outcome::Wait(deferred)) => match deferred.take_result() {
                Ok(result) => result,
                Err(deferred) => return self.send_later(reactor, deferred),
            },
            Err(failure) => Err(failure),
        };
        if let Err(failure) = self.send(result) {
            guard::log("a remote call", &failure);
        }
    }

    /// Sends a result that is not there yet.
    fn send_later(self, reactor: &Remote, deferred: Deferred<T>) {
        // Only who has to wait need hear of the reactor's end.
        let watch = self.watch(reactor);
        if self.slot.strong_count() > 0
            && let Some(number) = self.number
        {
            operations::insert(number, deferred.cancel_handle());
        }
        // If nobody waits any more a failure is left here, and reported.
        drop(deferred.add_both(move |result| {
            drop(watch);
            self.send(result)
        }));
    }

    /// Has the end of the reactor said, if it comes first.
    fn watch(&self, reactor: &Remote) -> Option<CloseWatch> {
        let (slot, number) = (self.slot.clone(), self.number);
        let stopped = move || {
            if let Some(slot) = slot.upgrade() {
                let _ = slot.fill(Err(ReactorStopped.into()));
            }
            // Last: the operation may come to its end with it.
            number.into_iter().for_each(operations::remove);
        };
        let late = self.slot.clone();
        let watch = reactor.on_close(stopped);
        if let (Err(stopped), Some(slot)) = (&watch, late.upgrade()) {
            let _ = slot.fill(Err((*stopped).into()));
        }
        watch.ok()
    }

    /// Gives back a failure that comes too late.
    fn send(mut self, result: Result<T, Failure>) -> Result<(), Failure> {
        self.state = State::Sent;
        self.number.into_iter().for_each(operations::remove);
        let too_late = match self.slot.upgrade() {
            Some(slot) => slot.fill(result),
            None => Err(result),
        };
        too_late.or_else(|result| result.map(drop))
    }
}

impl<T> Drop for ResultSender<T> {
    fn drop(&mut self) {
        let why: Failure = match self.state {
            State::Sent => return,
            State::Waiting => ReactorStopped.into(),
            State::Called => CancelledError.into(),
        };
        if let Some(slot) = self.slot.upgrade() {
            let _ = slot.fill(Err(why));
        }
    }
}
