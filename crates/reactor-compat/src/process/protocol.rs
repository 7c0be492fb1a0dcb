//! [`ProcessProtocol`]: what hears of a process.

use deferred::Failure;

use super::Process;

/// Hears what a process writes, and how it ends.
///
/// `connection_made` comes first, `process_ended` last and once. Between them comes what
/// the process writes, to each of its pipes in order; the end of each pipe, behind all
/// that was written to it; and `process_exited`, at any time. A callback that panics is
/// logged.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{Process, ProcessCommand, ProcessDone, ProcessProtocol};
///
/// /// Has `wc` count words.
/// struct WordCount {
///     reactor: Reactor,
///     answer: Vec<u8>,
/// }
///
/// impl ProcessProtocol for WordCount {
///     fn connection_made(&mut self, process: &Process<Self>) {
///         process.write("as many as five words\n");
///         process.close_stdin();
///     }
///
///     fn out_received(&mut self, _: &Process<Self>, data: &[u8]) {
///         self.answer.extend_from_slice(data);
///     }
///
///     fn process_ended(&mut self, _: &Process<Self>, reason: Failure) {
///         assert!(reason.is::<ProcessDone>());
///         assert_eq!(self.answer.trim_ascii(), b"5");
///         self.reactor.stop().unwrap();
///     }
/// }
///
/// let reactor = Reactor::new();
/// let count = reactor.clone();
/// reactor.call_when_running(move || {
///     let protocol = WordCount { reactor: count.clone(), answer: Vec::new() };
///     count.spawn_process(protocol, &ProcessCommand::new("wc").args(["-w"])).unwrap();
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "IProcessProtocol")]
pub trait ProcessProtocol: Sized + 'static {
    /// The process runs.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "connectionMade")]
    #[doc(alias = "makeConnection")]
    fn connection_made(&mut self, process: &Process<Self>) {
        let _ = process;
    }

    /// It has written something to its descriptor of that number. Unless a protocol says
    /// otherwise, that goes to `out_received` and `err_received`.
    ///
    /// See the example of [`Process::write_to_child`].
    #[doc(alias = "childDataReceived")]
    fn child_data_received(&mut self, process: &Process<Self>, number: u32, data: &[u8]) {
        match number {
            1 => self.out_received(process, data),
            2 => self.err_received(process, data),
            _ => {}
        }
    }

    /// It has written something to its standard output.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "outReceived")]
    fn out_received(&mut self, process: &Process<Self>, data: &[u8]) {
        let _ = (process, data);
    }

    /// It has written something to its standard error.
    ///
    /// See the [trait's example](Self) for `out_received`, which is the same.
    #[doc(alias = "errReceived")]
    fn err_received(&mut self, process: &Process<Self>, data: &[u8]) {
        let _ = (process, data);
    }

    /// The pipe of that number is closed, on one side or the other. Unless a protocol says
    /// otherwise, that goes to the three that follow.
    ///
    /// See the example of [`Process::write_to_child`].
    #[doc(alias = "childConnectionLost")]
    fn child_connection_lost(&mut self, process: &Process<Self>, number: u32) {
        match number {
            0 => self.in_connection_lost(process),
            1 => self.out_connection_lost(process),
            2 => self.err_connection_lost(process),
            _ => {}
        }
    }

    /// The pipe to its standard input is closed. That the process has closed it is
    /// noticed when something is written, or when it exits.
    ///
    /// See the example of [`Process::close_stdin`].
    #[doc(alias = "inConnectionLost")]
    fn in_connection_lost(&mut self, process: &Process<Self>) {
        let _ = process;
    }

    /// The pipe from its standard output is closed.
    ///
    /// See the example of [`Process::close_stdin`].
    #[doc(alias = "outConnectionLost")]
    fn out_connection_lost(&mut self, process: &Process<Self>) {
        let _ = process;
    }

    /// The pipe from its standard error is closed.
    ///
    /// See the example of [`Process::close_stdin`].
    #[doc(alias = "errConnectionLost")]
    fn err_connection_lost(&mut self, process: &Process<Self>) {
        let _ = process;
    }

    /// The process has exited, and is reaped; others may still hold its pipes. The reason
    /// is a [`ProcessDone`](super::ProcessDone) or a
    /// [`ProcessTerminated`](super::ProcessTerminated).
    ///
    /// See the example of [`ProcessCommand::pipe_grace`](super::ProcessCommand::pipe_grace).
    #[doc(alias = "processExited")]
    fn process_exited(&mut self, process: &Process<Self>, reason: Failure) {
        let _ = (process, reason);
    }

    /// The process has exited, and all of its pipes are closed: the end.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "processEnded")]
    fn process_ended(&mut self, process: &Process<Self>, reason: Failure) {
        let _ = (process, reason);
    }
}
