//! [`get_process_output()`] and its kin: what comes of a program.
//!
//! Mirrors `twisted.internet.utils`. Tested in `tests/processes/output.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};

use super::{
    ChildFd, Process, ProcessCommand, ProcessOutputTooLong, ProcessProtocol, ProcessTerminated,
    TerminatedOutput, UnexpectedErrorOutput,
};
use crate::reactor::{Reactor, Signal};

/// What a process has written, and its exit code.
///
/// See the example of [`get_process_output_and_value`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessOutput {
    /// What it has written to its standard output.
    pub out: Vec<u8>,
    /// What it has written to its standard error.
    pub err: Vec<u8>,
    /// Its exit code.
    pub code: i32,
}

/// Runs a program; gives a Deferred of what it writes to its standard output,
/// whatever its exit code. Its standard input is that of the command, and ends.
///
/// It fails with an [`UnexpectedErrorOutput`] if the program writes to its
/// standard error, once it has ended; with a [`SpawnError`](super::SpawnError) if
/// it cannot be started; with a [`ProcessOutputTooLong`] if it writes too much.
///
/// # Cancellation
///
/// Cancelling ends the program, as [`Process::terminate`] does.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{ProcessCommand, UnexpectedErrorOutput, get_process_output};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     let command = ProcessCommand::new("/bin/sh").args(["-c", "cat; echo no >&2"]);
///     let output = get_process_output(&inner, &command.stdin("hello"));
///     drop(output.add_both(move |result| {
///         let failure = result.unwrap_err();
///         assert_eq!(failure.check::<UnexpectedErrorOutput>().unwrap().err, b"no\n");
///         Ok(inner.stop()?)
///     }));
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "getProcessOutput")]
pub fn get_process_output(reactor: &Reactor, command: &ProcessCommand) -> Deferred<Vec<u8>> {
    collect(reactor, command, |collected, _| match collected.err.is_empty() {
        true => Ok(collected.out),
        false => Err(UnexpectedErrorOutput { err: collected.err }.into()),
    })
}

/// Runs a program whose output is thrown away; gives a Deferred of its exit code,
/// which does not wait for children of its own.
///
/// It fails with a [`ProcessTerminated`] if a signal ends the program; otherwise
/// as [`get_process_output`], whose cancellation is also this one's.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{ProcessCommand, ProcessTerminated, get_process_value};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     let command = ProcessCommand::new("/bin/sh").args(["-c", "kill -9 $$"]);
///     drop(get_process_value(&inner, &command).add_both(move |result| {
///         let failure = result.unwrap_err();
///         assert_eq!(failure.check::<ProcessTerminated>().unwrap().signal(), Some(9));
///         Ok(inner.stop()?)
///     }));
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "getProcessValue")]
pub fn get_process_value(reactor: &Reactor, command: &ProcessCommand) -> Deferred<i32> {
    let command = command.clone().fd(1, ChildFd::Null).fd(2, ChildFd::Null);
    collect(reactor, &command, |_, code| Ok(code?))
}

/// Runs a program; gives a Deferred of all that it writes, and its exit code.
///
/// It fails with a [`TerminatedOutput`] if a signal ends the program; otherwise
/// as [`get_process_output`], whose cancellation is also this one's.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{ProcessCommand, get_process_output_and_value};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     let command = ProcessCommand::new("/bin/sh").args(["-c", "cat; echo oh >&2; exit 3"]);
///     let output = get_process_output_and_value(&inner, &command.stdin("hello"));
///     drop(output.add_callback(move |output| {
///         assert_eq!((&*output.out, &*output.err), (&b"hello"[..], &b"oh\n"[..]));
///         assert_eq!(output.code, 3);
///         Ok(inner.stop()?)
///     }));
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "getProcessOutputAndValue")]
pub fn get_process_output_and_value(
    reactor: &Reactor,
    command: &ProcessCommand,
) -> Deferred<ProcessOutput> {
    collect(reactor, command, |Collected { out, err }, code| match code {
        Ok(code) => Ok(ProcessOutput { out, err, code }),
        Err(reason) => Err(TerminatedOutput { out, err, reason }.into()),
    })
}

/// All that a process has written.
#[derive(Default)]
struct Collected {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// Gives what comes of a process: its exit code, unless a signal ended it.
type Finish<T> = Box<dyn FnOnce(Collected, Result<i32, ProcessTerminated>) -> Result<T, Failure>>;

/// Keeps what a process writes.
struct Collector<T> {
    stdin: Vec<u8>,
    limit: usize,
    collected: Collected,
    /// Until it is told, or cancelled.
    finish: Option<(Finish<T>, Trigger<T>)>,
}

impl<T: 'static> Collector<T> {
    fn received(&mut self, process: &Process<Self>, number: u32, data: &[u8]) {
        let limit = self.limit;
        let Collected { out, err } = &mut self.collected;
        let place = if number == 1 { out } else { err };
        if place.len().saturating_add(data.len()) <= limit {
            return place.extend_from_slice(data);
        }
        self.collected = Collected::default();
        if let Some((_, trigger)) = self.finish.take() {
            // Whoever cancelled it does not want to know.
            let _ = trigger.errback(ProcessOutputTooLong { limit });
        }
        // It has exited, or does now.
        let _ = process.signal_process(Signal::Number(9));
        process.lose_connection();
    }
}

impl<T: 'static> ProcessProtocol for Collector<T> {
    fn connection_made(&mut self, process: &Process<Self>) {
        process.write(std::mem::take(&mut self.stdin));
        process.close_stdin();
    }

    fn child_data_received(&mut self, process: &Process<Self>, number: u32, data: &[u8]) {
        self.received(process, number, data);
    }

    fn process_ended(&mut self, _: &Process<Self>, reason: Failure) {
        let Some((finish, trigger)) = self.finish.take() else { return };
        let code = match reason.check::<ProcessTerminated>() {
            None => Ok(0),
            Some(terminated) => terminated.exit_code().ok_or(*terminated),
        };
        let collected = std::mem::take(&mut self.collected);
        // Whoever cancelled it does not want to know.
        let _ = trigger.fire(finish(collected, code));
    }
}

/// Runs a program to its end, and gives what `finish` makes of that.
fn collect<T: 'static>(
    reactor: &Reactor,
    command: &ProcessCommand,
    finish: impl FnOnce(Collected, Result<i32, ProcessTerminated>) -> Result<T, Failure> + 'static,
) -> Deferred<T> {
    let process: Rc<RefCell<Option<Process<Collector<T>>>>> = Rc::default();
    let cancelled = process.clone();
    let (collected, trigger) = Deferred::with_canceller(move |_: &Trigger<T>| {
        let process = cancelled.take();
        if let Some(process) = process {
            drop(process.terminate());
        }
    });
    let collector = Collector {
        stdin: command.get_stdin().to_vec(),
        limit: command.get_max_output(),
        collected: Collected::default(),
        finish: Some((Box::new(finish), trigger)),
    };
    match reactor.spawn_process(collector, command) {
        Ok(started) => *process.borrow_mut() = Some(started),
        Err(error) => return Deferred::fail(error),
    }
    collected.add_both(move |result| {
        // What the canceller holds is not needed any more.
        drop(process.take());
        result
    })
}
