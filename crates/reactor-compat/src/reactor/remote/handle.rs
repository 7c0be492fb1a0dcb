//! [`Remote`]: a reactor, from other threads.
//!
//! Mirrors `IReactorFromThreads`. Tested in `tests/runtime/threads.rs`.

use std::fmt;
use std::sync::Arc;

use tracing::Span;

use super::mailbox::Mailbox;
use super::{CloseWatch, RemoteCall};
use crate::call_result::CallResult;
use crate::error::ReactorStopped;
use crate::guard;

/// The words in the log for a call that fails.
pub(in crate::reactor) const WHILE_CALLING: &str = "while calling from thread";

/// A reactor, from other threads: all that is safe to ask of it there.
///
/// A handle, cheap to clone, that any thread may keep; [`Reactor::remote`]
/// gives it. It does not keep the reactor alive.
///
/// All that is asked for before the reactor runs is done when it does. From the
/// end of a run on, and once the reactor is gone, all that is asked for is
/// refused, until it runs again. What was not refused is done, even if the
/// reactor is told to stop meanwhile; only if it goes away without ever
/// running is it dropped, and a warning logged.
///
/// # Re-entrancy
///
/// No method runs user code, but for
/// [`blocking_call_from_thread`](Self::blocking_call_from_thread), which has the
/// reactor's thread run it. They may be called from the reactor's thread, too.
///
/// ```
/// use reactor_compat::{Reactor, reactor};
/// use std::thread;
///
/// let remote = reactor().remote();
/// let worker = thread::spawn(move || {
///     remote.call_from_thread(|| println!("on the reactor's thread"))?;
///     remote.call_from_thread(|| reactor().stop())
/// });
/// reactor().run()?;
/// worker.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Reactor::remote`]: crate::Reactor::remote
#[derive(Clone)]
#[doc(alias = "IReactorFromThreads")]
pub struct Remote {
    mailbox: Arc<Mailbox<RemoteCall>>,
}

impl Remote {
    pub(in crate::reactor) fn new(mailbox: Arc<Mailbox<RemoteCall>>) -> Self {
        Self { mailbox }
    }

    /// Has the reactor call `call` on its own thread, soon, after all that was
    /// asked for before.
    ///
    /// If it fails or panics that is logged, and the reactor goes on. There may be as
    /// many calls waiting as memory holds; whoever asks for many faster than
    /// they are made should
    /// [wait](Self::blocking_call_from_thread) for one now and then.
    ///
    /// # Errors
    ///
    /// [`ReactorStopped`] if the reactor has stopped; then `call` is dropped.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "callFromThread")]
    pub fn call_from_thread<R: CallResult>(
        &self,
        call: impl FnOnce() -> R + Send + 'static,
    ) -> Result<(), ReactorStopped> {
        let span = Span::current();
        let call = move || guard::report(WHILE_CALLING, call());
        self.post(if span.is_none() {
            RemoteCall::Run(Box::new(|_| call()))
        } else {
            RemoteCall::Run(Box::new(move |_| span.in_scope(call)))
        })
    }

    /// Has the reactor [stop](crate::Reactor::stop), after all that was asked
    /// for before. If it is stopping anyway, that is fine.
    ///
    /// # Errors
    ///
    /// [`ReactorStopped`] if it has stopped.
    ///
    /// ```
    /// use reactor_compat::{Reactor, ReactorStopped};
    ///
    /// let reactor = Reactor::new();
    /// let remote = reactor.remote();
    /// remote.stop()?; // as soon as it runs
    /// reactor.run()?;
    /// assert_eq!(remote.stop(), Err(ReactorStopped));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) -> Result<(), ReactorStopped> {
        self.post(RemoteCall::Stop)
    }

    /// Whether what is asked for is refused.
    ///
    /// Another thread may have changed that by the time you look.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let remote = reactor.remote();
    /// assert!(!remote.has_stopped());
    /// drop(reactor);
    /// assert!(remote.has_stopped());
    /// ```
    pub fn has_stopped(&self) -> bool {
        !self.mailbox.is_open()
    }

    /// Whether the caller is on the reactor's own thread, which must not wait
    /// for the reactor.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let remote = Reactor::new().remote();
    /// assert!(remote.is_on_reactor_thread());
    /// std::thread::spawn(move || assert!(!remote.is_on_reactor_thread())).join().unwrap();
    /// ```
    #[doc(alias = "isInIOThread")]
    pub fn is_on_reactor_thread(&self) -> bool {
        self.mailbox.is_on_reactor_thread()
    }

    pub(super) fn post(&self, call: RemoteCall) -> Result<(), ReactorStopped> {
        self.mailbox.post(call).map_err(|_late| ReactorStopped)
    }

    /// Sends `result` to a pending result of the reactor's; gives it back if it
    /// comes too late.
    pub(crate) fn complete<T: Send + 'static>(
        &self,
        number: u64,
        result: T,
    ) -> Result<(), Option<T>> {
        match self.mailbox.post(RemoteCall::Complete(number, Box::new(result))) {
            Err(RemoteCall::Complete(_, late)) => Err(late.downcast().ok().map(|late| *late)),
            Ok(()) | Err(RemoteCall::Run(_) | RemoteCall::Stop) => Ok(()),
        }
    }

    /// Has `watcher` called, on the reactor's thread, when the reactor has
    /// stopped, or is gone. Dropping the `CloseWatch` takes it back. `watcher`
    /// does not panic.
    pub(crate) fn on_close(
        &self,
        watcher: impl FnOnce() + Send + 'static,
    ) -> Result<CloseWatch, ReactorStopped> {
        self.mailbox.on_close(watcher)
    }
}

/// Two are equal if they are of one reactor.
impl PartialEq for Remote {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mailbox, &other.mailbox)
    }
}

impl Eq for Remote {}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("stopped", &self.has_stopped()).finish_non_exhaustive()
    }
}
