//! [`Registry`]: a reactor, and the results that are waited for.
//!
//! Mirrors `crochet._eventloop.ResultRegistry`. Tested in `tests/runtime/blocking.rs`.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use deferred::{CallbackResult, maybe_deferred};

use super::slot::{Delivery, Slot, Waiting};
use crate::error::ReactorStopped;
use crate::event::EventPhase;
use crate::reactor::{Remote, operations, reactor};

/// The trigger that tells us of the shutdown, if there is one.
///
/// ```text
/// None ──an operation begins──▶ Set ──the reactor stops──▶ Called ──▶ None
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Trigger {
    #[default]
    None,
    Set,
    /// It is stopping: there will be no results any more.
    Called,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<u64, Weak<dyn Waiting>>,
    trigger: Trigger,
    /// Tells us of the end of the run, however it comes; dropping it takes
    /// that back.
    watch: Option<Box<dyn Send>>,
}

/// A reactor, and the results that are waited for.
///
/// A thread that waits is told [`ReactorStopped`] as soon as the reactor is told to
/// stop; a reactor that runs again takes more.
pub(super) struct Registry {
    remote: Remote,
    state: Mutex<State>,
}

impl Registry {
    pub(super) fn new(remote: Remote) -> Arc<Self> {
        Arc::new(Self { remote, state: Mutex::default() })
    }

    pub(super) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Has the reactor call `function`; its result will be in the slot.
    pub(super) fn run<R>(
        self: &Arc<Self>,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> Arc<Slot<R::Value>>
    where
        R: CallbackResult<Value: Send>,
    {
        let number = operations::next_number();
        let slot = Slot::new(Some((number, self.clone())));
        let delivery = Delivery::to(&slot);
        let here = Arc::downgrade(self);
        let begun = self.register(number, &slot).and_then(|()| {
            self.remote.call_from_thread(move || begin(number, here, delivery, function))
        });
        if begun.is_err() {
            slot.fill(Err(ReactorStopped.into()));
        }
        slot
    }

    /// Cancels an operation.
    pub(super) fn cancel(&self, number: u64) {
        // One whose reactor has stopped has come to its end.
        let _ = self.remote.call_from_thread(move || operations::cancel(number));
    }

    /// Nobody waits for an operation any more, nor can cancel it.
    pub(super) fn release(&self, number: u64) {
        self.forget(number);
        let _ = self.remote.call_from_thread(move || operations::remove(number));
    }

    fn register<T: Send + 'static>(
        self: &Arc<Self>,
        number: u64,
        slot: &Arc<Slot<T>>,
    ) -> Result<(), ReactorStopped> {
        let waiting: Weak<dyn Waiting> = Arc::<Slot<T>>::downgrade(slot);
        let mut state = self.state();
        if state.trigger == Trigger::Called {
            return Err(ReactorStopped);
        }
        if state.watch.is_none() {
            let here = Arc::downgrade(self);
            let watch = self.remote.on_close(move || {
                if let Some(registry) = here.upgrade() {
                    registry.ended();
                }
            })?;
            state.watch = Some(Box::new(watch));
        }
        state.waiting.insert(number, waiting);
        Ok(())
    }

    fn forget(&self, number: u64) {
        let forgotten = self.state().waiting.remove(&number);
        drop(forgotten);
    }

    /// Has the reactor of this thread, which is ours, tell us when it stops.
    fn set_trigger(self: &Arc<Self>) {
        if self.state().trigger != Trigger::None {
            return;
        }
        self.state().trigger = Trigger::Set;
        let here = Arc::downgrade(self);
        reactor().add_system_event_trigger(EventPhase::Before, "shutdown", move || {
            if let Some(registry) = here.upgrade() {
                registry.state().trigger = Trigger::Called;
                registry.fail_waiting();
            }
        });
    }

    /// The run has ended.
    fn ended(&self) {
        let mut state = self.state();
        if state.trigger == Trigger::Called {
            state.trigger = Trigger::None;
        }
        let watch = state.watch.take();
        drop(state);
        drop(watch);
        for number in self.fail_waiting() {
            operations::remove(number);
        }
    }

    /// Tells the waiting that there is nothing to wait for.
    fn fail_waiting(&self) -> Vec<u64> {
        let waiting = mem::take(&mut self.state().waiting);
        for one in waiting.values().filter_map(Weak::upgrade) {
            one.reactor_stopped();
        }
        waiting.into_keys().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls `function`, on the reactor's thread.
fn begin<R>(
    number: u64,
    registry: Weak<Registry>,
    mut delivery: Delivery<R::Value>,
    function: impl FnOnce() -> R,
) where
    R: CallbackResult<Value: Send>,
{
    if let Some(registry) = registry.upgrade() {
        registry.set_trigger();
    }
    delivery.set_called();
    let result = maybe_deferred(|| function().into_outcome());
    if !result.has_result() && delivery.is_wanted() {
        operations::insert(number, result.cancel_handle());
    }
    drop(result.add_both(move |result| {
        operations::remove(number);
        if let Some(registry) = registry.upgrade() {
            registry.forget(number);
        }
        delivery.deliver(result);
    }));
}
