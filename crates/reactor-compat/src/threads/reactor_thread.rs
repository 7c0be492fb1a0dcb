//! [`ReactorThread`]: a reactor on a thread of its own.
//!
//! Mirrors what `crochet.setup` does to Twisted's reactor. Tested in
//! `tests/runtime/reactor_thread.rs`.

use std::fmt;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use crate::error::{ReactorThreadError, RunError};
use crate::reactor::{Reactor, Remote, RunOptions, reactor};

/// A reactor on a thread of its own, for programs that block, and for those
/// that have a multi-thread runtime of Tokio's.
///
/// It is that thread's [`reactor()`]. [`remote`](Self::remote) reaches it.
///
/// Dropping this stops the reactor, and does not wait for that; see
/// [`detach`](Self::detach) and [`join`](Self::join).
///
/// ```
/// use reactor_compat::{Reactor, reactor, task::defer_later};
/// use std::time::Duration;
///
/// let thread = Reactor::spawn_thread()?;
/// let answer = thread.remote().blocking_call_from_thread(|| {
///     defer_later(&reactor(), Duration::from_millis(1), || Ok(42))
/// });
/// assert_eq!(answer.unwrap(), 42);
/// thread.stop_and_join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it stops the reactor"]
#[doc(alias = "crochet.setup")]
pub struct ReactorThread {
    remote: Remote,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Reactor {
    /// Runs the reactor of a thread that is made for it. Signals keep their
    /// meaning; [`spawn_thread_with`](Self::spawn_thread_with) is for another
    /// choice.
    ///
    /// # Errors
    ///
    /// An error of the operating system's, if it gives no thread.
    ///
    /// See the example of [`ReactorThread`].
    pub fn spawn_thread() -> io::Result<ReactorThread> {
        Self::spawn_thread_with(RunOptions::new().install_signal_handlers(false), |_| ())
    }

    /// Runs the reactor of a thread that is made for it, as `options` say.
    ///
    /// `set_up` is called there before it runs, to open ports and the like; it
    /// has returned when this does. If it panics the thread ends, which
    /// [`join`](ReactorThread::join) will say.
    ///
    /// # Errors
    ///
    /// An error of the operating system's, if it gives no thread.
    ///
    /// ```
    /// use reactor_compat::{Reactor, RunOptions};
    ///
    /// let thread = Reactor::spawn_thread_with(RunOptions::new(), |reactor| {
    ///     let stop = reactor.clone();
    ///     reactor.call_when_running(move || stop.stop().unwrap());
    /// })?;
    /// thread.join()?; // it stops by itself
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_thread_with(
        options: RunOptions,
        set_up: impl FnOnce(&Self) + Send + 'static,
    ) -> io::Result<ReactorThread> {
        let (sender, receiver) = mpsc::channel();
        let run = move || {
            let reactor = reactor();
            set_up(&reactor);
            let _ = sender.send(reactor.remote());
            drop(sender);
            reactor.run_with(options)
        };
        let thread = thread::Builder::new().name("reactor".to_owned()).spawn(run)?;
        // Without a remote there has been a panic: any that has stopped will do.
        let remote = receiver.recv().unwrap_or_else(|_panicked| Self::new().remote());
        Ok(ReactorThread { remote, thread: Some(thread) })
    }
}

impl ReactorThread {
    /// A handle to the reactor.
    ///
    /// See the [type's example](Self).
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Waits for the reactor to stop, and its thread to end.
    ///
    /// # Errors
    ///
    /// [`ReactorThreadError`] if it could not run or panicked, or if this is
    /// its own thread.
    ///
    /// See the example of [`Reactor::spawn_thread_with`].
    pub fn join(mut self) -> Result<(), ReactorThreadError> {
        let here = thread::current().id();
        if self.thread.as_ref().is_some_and(|thread| thread.thread().id() == here) {
            return Err(ReactorThreadError::WouldDeadlock);
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => Err(ReactorThreadError::NotRun(Arc::new(error))),
            Some(Err(_panic)) => Err(ReactorThreadError::Panicked),
            Some(Ok(Ok(()))) | None => Ok(()),
        }
    }

    /// Stops the reactor, and waits for its thread to end. If it has stopped
    /// before, that is fine.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); on its own thread it is stopped all the same.
    ///
    /// See the [type's example](Self).
    pub fn stop_and_join(self) -> Result<(), ReactorThreadError> {
        let _ = self.remote.stop();
        self.join()
    }

    /// Lets the reactor run until it is stopped by a [`Remote`], or the program
    /// ends.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let thread = Reactor::spawn_thread()?;
    /// let remote = thread.remote();
    /// thread.detach();
    /// assert_eq!(remote.blocking_call_from_thread(|| Ok(1)).unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn detach(mut self) {
        drop(self.thread.take());
    }
}

impl Drop for ReactorThread {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.remote.stop();
        }
    }
}

impl fmt::Debug for ReactorThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorThread").field("remote", &self.remote).finish_non_exhaustive()
    }
}
