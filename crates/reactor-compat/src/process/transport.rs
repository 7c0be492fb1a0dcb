//! [`Process`]: the handle to a process.
//!
//! Mirrors `IProcessTransport`. Tested in `tests/processes/`.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};

use super::driver::Core;
use super::{ProcessExitedAlready, ProcessProtocol};
use crate::reactor::Signal;
use crate::transport::Transport;

/// The handle to a process: cheap to clone. Dropping all of them leaves it running.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use reactor_compat::process::{ProcessCommand, ProcessProtocol};
/// use reactor_compat::testing::MemoryReactor;
///
/// struct Silent;
/// impl ProcessProtocol for Silent {}
///
/// let reactor = MemoryReactor::new();
/// let process = reactor.spawn_process(Silent, &ProcessCommand::new("cat"))?;
/// process.write("hello");
/// reactor.flush()?;
/// assert_eq!(reactor.processes()[0].pipe(0).unwrap().read(), b"hello");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[doc(alias = "IProcessTransport")]
pub struct Process<P: ProcessProtocol> {
    core: Rc<Core<P>>,
}

impl<P: ProcessProtocol> Process<P> {
    pub(super) fn new(core: Rc<Core<P>>) -> Self {
        Self { core }
    }

    /// Its number.
    ///
    /// See the example of [`signal_process`](Self::signal_process).
    pub fn pid(&self) -> u32 {
        self.core.id
    }

    /// Writes to its standard input. What is written when that is closed goes nowhere.
    ///
    /// See the [type's example](Self).
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.write_to_child(0, data);
    }

    /// Writes to its descriptor of that number.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::process::{ChildFd, Process, ProcessCommand, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// #[derive(Default)]
    /// struct Keys(Vec<u8>);
    ///
    /// impl ProcessProtocol for Keys {
    ///     fn child_data_received(&mut self, _: &Process<Self>, number: u32, data: &[u8]) {
    ///         assert_eq!(number, 4);
    ///         self.0.extend_from_slice(data);
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// let command = ProcessCommand::new("gpg").fd(3, ChildFd::Write).fd(4, ChildFd::Read);
    /// let process = reactor.spawn_process(Keys::default(), &command)?;
    /// process.write_to_child(3, "secret");
    /// let gpg = &reactor.processes()[0];
    /// gpg.pipe(4).unwrap().write("status")?;
    /// reactor.flush()?;
    /// assert_eq!(gpg.pipe(3).unwrap().read(), b"secret");
    /// assert_eq!(process.with(|keys| keys.0.clone()), Some(b"status".to_vec()));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "writeToChild")]
    pub fn write_to_child(&self, number: u32, data: impl AsRef<[u8]>) {
        if let Some(pipe) = self.pipe(number) {
            pipe.write(data);
        }
    }

    /// The pipe to or from its descriptor of that number, while it is open: to register a
    /// producer, to pause it, to set its marks.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// # use reactor_compat::testing::MemoryReactor;
    /// # struct Silent;
    /// # impl ProcessProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("cat"))?;
    /// process.pipe(1).unwrap().pause_producing();
    /// assert!(process.pipe(3).is_none());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn pipe(&self, number: u32) -> Option<Transport> {
        let pipes = self.core.pipes.borrow();
        pipes.get(&number).map(|pipe| pipe.transport().clone())
    }

    /// Closes its standard input, once what was written is sent.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::process::{Process, ProcessCommand, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// #[derive(Default)]
    /// struct Ends(Vec<&'static str>);
    ///
    /// impl ProcessProtocol for Ends {
    ///     fn in_connection_lost(&mut self, _: &Process<Self>) {
    ///         self.0.push("in");
    ///     }
    ///     fn out_connection_lost(&mut self, _: &Process<Self>) {
    ///         self.0.push("out");
    ///     }
    ///     fn err_connection_lost(&mut self, _: &Process<Self>) {
    ///         self.0.push("err");
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Ends::default(), &ProcessCommand::new("cat"))?;
    /// process.close_stdin();
    /// reactor.flush()?;
    /// process.close_stdout();
    /// reactor.flush()?;
    /// process.close_stderr();
    /// reactor.flush()?;
    /// assert_eq!(process.with(|ends| ends.0.clone()).unwrap(), ["in", "out", "err"]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "closeStdin")]
    pub fn close_stdin(&self) {
        self.close_child_fd(0);
    }

    /// Closes our end of its standard output.
    ///
    /// See the example of [`close_stdin`](Self::close_stdin).
    #[doc(alias = "closeStdout")]
    pub fn close_stdout(&self) {
        self.close_child_fd(1);
    }

    /// Closes our end of its standard error.
    ///
    /// See the example of [`close_stdin`](Self::close_stdin).
    #[doc(alias = "closeStderr")]
    pub fn close_stderr(&self) {
        self.close_child_fd(2);
    }

    /// Closes our end of the pipe of that number, once what was written is sent.
    ///
    /// See the example of [`close_stdin`](Self::close_stdin).
    #[doc(alias = "closeChildFD")]
    pub fn close_child_fd(&self, number: u32) {
        if let Some(pipe) = self.pipe(number) {
            pipe.lose_connection();
        }
    }

    /// Closes the three standard ones: programs that read or write them end of that.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// # use reactor_compat::testing::MemoryReactor;
    /// # struct Silent;
    /// # impl ProcessProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("cat"))?;
    /// process.lose_connection();
    /// reactor.flush()?;
    /// assert!(reactor.processes()[0].pipe(0).unwrap().ended());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        (0..3).for_each(|number| self.close_child_fd(number));
    }

    /// Sends it a signal; its whole group, if it has one of its own.
    ///
    /// # Errors
    ///
    /// [`ProcessExitedAlready`] if it has exited.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::Signal;
    /// use reactor_compat::process::{ProcessCommand, ProcessExitedAlready, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// struct Silent;
    /// impl ProcessProtocol for Silent {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("cat"))?;
    /// assert_eq!(process.pid(), 1);
    /// process.signal_process(Signal::Hangup)?;
    /// assert_eq!(reactor.processes()[0].signals(), [1]);
    /// reactor.processes()[0].exit(0);
    /// reactor.flush()?;
    /// assert_eq!(process.signal_process(Signal::Hangup), Err(ProcessExitedAlready));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "signalProcess")]
    pub fn signal_process(&self, signal: Signal) -> Result<(), ProcessExitedAlready> {
        match signal.number() {
            Some(number) => self.core.signal(number),
            // There is none such here.
            None => Ok(()),
        }
    }

    /// Ends it: TERM, and KILL if it has not exited after its
    /// [grace](super::ProcessCommand::grace). The Deferred fires when it has exited and its
    /// pipes are closed.
    ///
    /// # Cancellation
    ///
    /// Cancelling ends the waiting, not the ending.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// # use reactor_compat::testing::MemoryReactor;
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl ProcessProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let command = ProcessCommand::new("stubborn").grace(Duration::from_secs(2));
    /// let process = reactor.spawn_process(Silent, &command)?;
    /// let ending = process.terminate();
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert_eq!(reactor.processes()[0].signals(), [15, 9]);
    /// reactor.processes()[0].kill(9);
    /// reactor.flush()?;
    /// deferred::testing::success_result_of(ending);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn terminate(&self) -> Deferred<()> {
        self.terminate_within(self.core.grace)
    }

    pub(super) fn terminate_within(&self, grace: Duration) -> Deferred<()> {
        const KILL: Signal = Signal::Number(9);
        if self.signal_process(Signal::Terminate).is_ok()
            && let Some(reactor) = self.core.reactor.upgrade()
        {
            let process = self.clone();
            let kill = reactor.call_later(grace, move || {
                // It may have exited.
                let _ = process.signal_process(KILL);
            });
            drop(self.when_ended().add_both(move |_| {
                // It may have been called.
                let _ = kill.cancel();
                Ok(())
            }));
        }
        self.when_ended()
    }

    /// Waits until it has exited and its pipes are closed.
    ///
    /// See the example of [`terminate`](Self::terminate).
    pub fn when_ended(&self) -> Deferred<()> {
        if self.ended() {
            return Deferred::succeed(());
        }
        let core = Rc::downgrade(&self.core);
        self.core.waiters.add(move |number, _| {
            drop(core.upgrade().and_then(|core| core.waiters.remove(number)));
        })
    }

    /// Whether it has exited.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// # use reactor_compat::testing::MemoryReactor;
    /// # struct Silent;
    /// # impl ProcessProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("daemon"))?;
    /// // Children of its own hold its pipes.
    /// reactor.processes()[0].exit_leaving_pipes(0);
    /// reactor.flush()?;
    /// assert!(process.exited() && !process.ended());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn exited(&self) -> bool {
        self.core.has_exited()
    }

    /// Whether it has exited and all of its pipes are closed.
    ///
    /// See the example of [`exited`](Self::exited).
    pub fn ended(&self) -> bool {
        self.core.has_ended()
    }

    /// How it has exited, if it has: a [`ProcessDone`](super::ProcessDone) or a
    /// [`ProcessTerminated`](super::ProcessTerminated).
    ///
    /// See the example of [`with`](Self::with).
    pub fn reason(&self) -> Option<Failure> {
        self.core.reason()
    }

    /// Lends the protocol; `None` while it is in one of its callbacks.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::process::{Process, ProcessCommand, ProcessDone, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// #[derive(Default)]
    /// struct Collect(Vec<u8>);
    ///
    /// impl ProcessProtocol for Collect {
    ///     fn err_received(&mut self, _: &Process<Self>, data: &[u8]) {
    ///         self.0.extend_from_slice(data);
    ///     }
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Collect::default(), &ProcessCommand::new("cc"))?;
    /// reactor.processes()[0].pipe(2).unwrap().write("warning")?;
    /// reactor.processes()[0].exit(0);
    /// reactor.flush()?;
    /// assert_eq!(process.with(|collect| collect.0.len()), Some(7));
    /// assert!(process.reason().unwrap().is::<ProcessDone>());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn with<R>(&self, look: impl FnOnce(&mut P) -> R) -> Option<R> {
        let mut protocol = self.core.protocol.try_borrow_mut().ok()?;
        Some(look(&mut protocol))
    }
}

impl<P: ProcessProtocol> Clone for Process<P> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<P: ProcessProtocol> fmt::Debug for Process<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid())
            .field("exited", &self.exited())
            .finish_non_exhaustive()
    }
}
