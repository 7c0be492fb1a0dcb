//! [`EventLoop`]: a reactor for threads that block.
//!
//! Mirrors `crochet._eventloop.EventLoop`. Tested in `tests/runtime/blocking.rs`.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use deferred::{CallbackResult, Failure};

use super::error::{AlreadySetUp, NotSetUp, RetrieveError, SetupError, WaitTimeout};
use super::eventual_result::EventualResult;
use super::registry::Registry;
use super::slot::Slot;
use super::store::{ResultId, Store};
use crate::error::ReactorThreadError;
use crate::guard;
use crate::reactor::{Reactor, reactor};
use crate::threads::ReactorThread;

/// The states of an event loop.
///
/// ```text
///           ┌──setup──▶ Owned ──shutdown──▶ ShutDown ──setup──▶ Owned
/// NotSetUp ─┤
///           └─no_setup─▶ External
/// ```
#[derive(Default)]
enum State {
    #[default]
    NotSetUp,
    /// It runs on a thread that was started for it.
    Owned(ReactorThread, Arc<Registry>),
    /// The program runs it.
    External(Arc<Registry>),
    /// It ran, and was shut down.
    ShutDown(Arc<Registry>),
}

/// The state that an event loop and its results share.
pub(super) struct Inner {
    state: Mutex<State>,
    store: Mutex<Store>,
}

impl Inner {
    fn new() -> Self {
        Self { state: Mutex::default(), store: Mutex::new(Store::new()) }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> Option<Arc<Registry>> {
        match &*self.state() {
            State::NotSetUp => None,
            State::Owned(_, registry) | State::External(registry) | State::ShutDown(registry) => {
                Some(registry.clone())
            }
        }
    }
}

/// A reactor for threads that block, and what they wait for.
///
/// The functions of [this module](super) are methods of the one that each
/// process has. Others are for tests, and for programs with more than one
/// reactor. Dropping one stops its reactor, when no result of it is left.
///
/// ```
/// use reactor_compat::blocking::EventLoop;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new();
/// event_loop.setup()?;
/// assert_eq!(event_loop.wait_for(Duration::from_secs(10), || Ok(1 + 1))?, 2);
/// event_loop.shutdown();
/// # Ok::<(), deferred::Failure>(())
/// ```
#[derive(Default)]
pub struct EventLoop {
    inner: OnceLock<Arc<Inner>>,
}

impl EventLoop {
    /// One that is not set up.
    ///
    /// ```
    /// use reactor_compat::blocking::EventLoop;
    ///
    /// static BACKGROUND: EventLoop = EventLoop::new();
    /// ```
    pub const fn new() -> Self {
        Self { inner: OnceLock::new() }
    }

    fn inner(&self) -> &Arc<Inner> {
        self.inner.get_or_init(|| Arc::new(Inner::new()))
    }

    /// See [`setup`](super::setup).
    ///
    /// # Errors
    ///
    /// [`SetupError`] if there is no thread to be had.
    ///
    /// ```
    /// use reactor_compat::blocking::EventLoop;
    ///
    /// let background = EventLoop::new();
    /// background.setup()?;
    /// background.setup()?; // it is
    /// background.shutdown();
    /// # Ok::<(), reactor_compat::blocking::SetupError>(())
    /// ```
    pub fn setup(&self) -> Result<(), SetupError> {
        let mut state = self.inner().state();
        match &*state {
            State::External(_) => return Ok(()),
            State::Owned(_, registry) if !registry.remote().has_stopped() => return Ok(()),
            State::NotSetUp | State::Owned(..) | State::ShutDown(_) => {}
        }
        let thread = Reactor::spawn_thread().map_err(SetupError::from)?;
        let registry = Registry::new(thread.remote());
        *state = State::Owned(thread, registry);
        Ok(())
    }

    /// See [`no_setup`](super::no_setup).
    ///
    /// # Errors
    ///
    /// [`AlreadySetUp`] if it, or [`setup`](Self::setup), was called before.
    ///
    /// ```
    /// use reactor_compat::blocking::{AlreadySetUp, EventLoop};
    ///
    /// let background = EventLoop::new();
    /// background.no_setup()?;
    /// assert_eq!(background.no_setup(), Err(AlreadySetUp));
    /// # Ok::<(), AlreadySetUp>(())
    /// ```
    pub fn no_setup(&self) -> Result<(), AlreadySetUp> {
        let mut state = self.inner().state();
        if !matches!(*state, State::NotSetUp) {
            return Err(AlreadySetUp);
        }
        *state = State::External(Registry::new(reactor().remote()));
        Ok(())
    }

    /// See [`shutdown`](super::shutdown).
    ///
    /// ```
    /// use reactor_compat::ReactorStopped;
    /// use reactor_compat::blocking::EventLoop;
    /// use std::time::Duration;
    ///
    /// let background = EventLoop::new();
    /// background.setup()?;
    /// background.shutdown();
    /// let late = background.wait_for(Duration::from_secs(1), || Ok(1)).unwrap_err();
    /// assert!(late.is::<ReactorStopped>());
    /// # Ok::<(), reactor_compat::blocking::SetupError>(())
    /// ```
    pub fn shutdown(&self) {
        let mut state = self.inner().state();
        let State::Owned(_, registry) = &*state else { return };
        let shut_down = State::ShutDown(registry.clone());
        let owned = mem::replace(&mut *state, shut_down);
        drop(state);
        if let State::Owned(thread, _) = owned {
            match thread.stop_and_join() {
                // It has been told, and ends when we have returned.
                Ok(()) | Err(ReactorThreadError::WouldDeadlock) => {}
                Err(error) => tracing::error!(%error, "the reactor's thread did not end well"),
            }
        }
        let failures = self.inner().store().unobserved_failures();
        for failure in failures {
            guard::log("stashed EventualResult", &failure);
        }
    }

    /// See [`run_in_reactor`](super::run_in_reactor).
    ///
    /// ```
    /// use reactor_compat::blocking::EventLoop;
    /// use std::time::Duration;
    ///
    /// let background = EventLoop::new();
    /// background.setup()?;
    /// let sum = background.run_in_reactor(|| Ok(1 + 1));
    /// assert_eq!(sum.wait(Duration::from_secs(10))?, 2);
    /// background.shutdown();
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    pub fn run_in_reactor<R>(
        &self,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> EventualResult<R::Value>
    where
        R: CallbackResult<Value: Send>,
    {
        let slot = match self.inner().registry() {
            Some(registry) => registry.run(function),
            None => {
                let slot = Slot::new(None);
                slot.fill(Err(NotSetUp.into()));
                slot
            }
        };
        EventualResult::new(slot, self.inner().clone())
    }

    /// See [`wait_for`](super::wait_for).
    ///
    /// # Errors
    ///
    /// As [`EventualResult::wait`].
    ///
    /// ```
    /// use reactor_compat::blocking::EventLoop;
    /// use std::time::Duration;
    ///
    /// let background = EventLoop::new();
    /// background.setup()?;
    /// assert_eq!(background.wait_for(Duration::from_secs(10), || Ok(1 + 1))?, 2);
    /// background.shutdown();
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    pub fn wait_for<R>(
        &self,
        timeout: Duration,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R::Value, Failure>
    where
        R: CallbackResult<Value: Send>,
    {
        let eventual = self.run_in_reactor(function);
        let result = eventual.wait(timeout);
        if let Err(failure) = &result
            && failure.is::<WaitTimeout>()
        {
            eventual.give_up();
        }
        result
    }

    /// See [`retrieve_result`](super::retrieve_result).
    ///
    /// # Errors
    ///
    /// [`RetrieveError`] if there is none of that id and type.
    ///
    /// See the example of [`RetrieveError`].
    pub fn retrieve_result<T: Send + 'static>(
        &self,
        id: ResultId,
    ) -> Result<EventualResult<T>, RetrieveError> {
        self.inner().store().retrieve(id)
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.inner.get().map(|inner| inner.state()).as_deref() {
            None | Some(State::NotSetUp) => "not set up",
            Some(State::Owned(..)) => "set up",
            Some(State::External(_)) => "run by the program",
            Some(State::ShutDown(_)) => "shut down",
        };
        f.debug_struct("EventLoop").field("state", &state).finish_non_exhaustive()
    }
}
