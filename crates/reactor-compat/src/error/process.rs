//! The errors of child processes.
//!
//! Mirrors `ProcessTerminated` and its kin of `twisted.internet.error`, and
//! `_UnexpectedErrorOutput` of `twisted.internet.utils`. Tested in
//! `tests/processes/`.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::io::Errno;

use crate::options::ProcessCommand;
use crate::shared_io_error::SharedIoError;

/// The cause of a program's not being started, and what to do about it.
///
/// See the example of [`SpawnError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnProblem {
    /// There is no such program, or not the interpreter that it names.
    #[error("there is no such program; give its full path, or a PATH to look in")]
    NotFound,
    /// The directory that it was to be run in is not there.
    #[error("the directory {0:?} is not there; make it, or give another")]
    NoDirectory(PathBuf),
    /// It is a file that may not be executed.
    #[error("it may not be executed; look at its permissions (chmod +x)")]
    NotExecutable,
    /// The arguments and the environment are longer than the system allows.
    #[error("its arguments and environment are too long; pass them by standard input or a file")]
    ArgumentsTooLong,
    /// This process, or the system, has no descriptor left.
    #[error("no descriptor is left; close some, or raise the limit (ulimit -n)")]
    NoDescriptors,
    /// There may be no more processes, or there is no memory for one.
    #[error("there may be no more processes; wait for some to end, or raise the limit (ulimit -u)")]
    NoProcesses,
    /// Anything else that the system says: the error's source.
    #[error("the system refuses")]
    Other,
}

/// A program could not be started.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{ProcessCommand, SpawnError, SpawnProblem, get_process_value};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     let value = get_process_value(&inner, &ProcessCommand::new("/no/such/program"));
///     drop(value.add_both(move |result| {
///         let failure = result.unwrap_err();
///         let error = failure.check::<SpawnError>().unwrap();
///         assert_eq!(*error.problem(), SpawnProblem::NotFound);
///         Ok(inner.stop()?)
///     }));
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    program: OsString,
    problem: SpawnProblem,
    source: SharedIoError,
}

impl SpawnError {
    /// The cause, and what to do about it.
    ///
    /// See the [type's example](Self).
    pub fn problem(&self) -> &SpawnProblem {
        &self.problem
    }

    /// The error of a [`Network`](crate::network::Network) that does not start a program.
    ///
    /// See the example of [`ChildProcess`](crate::network::ChildProcess).
    pub fn new(command: &ProcessCommand, source: io::Error) -> Self {
        let missing = command.get_directory().filter(|directory| !directory.is_dir());
        let problem = match (missing, Errno::from_io_error(&source)) {
            (Some(directory), _) => SpawnProblem::NoDirectory(directory.to_owned()),
            (_, Some(Errno::NOENT)) => SpawnProblem::NotFound,
            (_, Some(Errno::ACCESS | Errno::PERM)) => SpawnProblem::NotExecutable,
            (_, Some(Errno::TOOBIG)) => SpawnProblem::ArgumentsTooLong,
            (_, Some(Errno::MFILE | Errno::NFILE)) => SpawnProblem::NoDescriptors,
            (_, Some(Errno::AGAIN | Errno::NOMEM)) => SpawnProblem::NoProcesses,
            _ => SpawnProblem::Other,
        };
        Self { program: command.program().to_owned(), problem, source: source.into() }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {:?}: {}", self.program, self.problem)
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_source())
    }
}

/// A process has ended, with exit code 0.
///
/// ```
/// use reactor_compat::process::ProcessDone;
///
/// let said = "A process has ended without apparent errors: process finished with exit code 0.";
/// assert_eq!(ProcessDone.to_string(), said);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ProcessDone")]
#[error("A process has ended without apparent errors: process finished with exit code 0.")]
pub struct ProcessDone;

/// A process has ended, with an exit code other than 0, or by a signal.
///
/// ```
/// use reactor_compat::process::ProcessTerminated;
///
/// let said = "A process has ended with a probable error condition: process ended ";
/// let error = ProcessTerminated::by_signal(9);
/// assert_eq!((error.signal(), error.exit_code()), (Some(9), None));
/// assert_eq!(error.to_string(), format!("{said}by signal 9."));
/// let error = ProcessTerminated::with_exit_code(3);
/// assert_eq!((error.signal(), error.exit_code()), (None, Some(3)));
/// assert_eq!(error.to_string(), format!("{said}with exit code 3."));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ProcessTerminated")]
#[error("A process has ended with a probable error condition: process ended {0}.")]
pub struct ProcessTerminated(Ending);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Ending {
    #[error("with exit code {0}")]
    Code(i32),
    #[error("by signal {0}")]
    Signal(i32),
}

impl ProcessTerminated {
    /// By a signal, of that number.
    ///
    /// See the [type's example](Self).
    pub fn by_signal(number: i32) -> Self {
        Self(Ending::Signal(number))
    }

    /// With an exit code.
    ///
    /// See the [type's example](Self).
    pub fn with_exit_code(code: i32) -> Self {
        Self(Ending::Code(code))
    }

    /// The signal's number, if one ended it.
    ///
    /// See the [type's example](Self).
    pub fn signal(&self) -> Option<i32> {
        match self.0 {
            Ending::Signal(number) => Some(number),
            Ending::Code(_) => None,
        }
    }

    /// The exit code, unless a signal ended it.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "exitCode")]
    pub fn exit_code(&self) -> Option<i32> {
        match self.0 {
            Ending::Code(code) => Some(code),
            Ending::Signal(_) => None,
        }
    }

    /// How a process ended, if not with exit code 0.
    pub(crate) fn check(status: ExitStatus) -> Result<ProcessDone, Self> {
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(ProcessDone),
            (Some(code), _) => Err(Self::with_exit_code(code)),
            // One that has ended has one or the other.
            (None, signal) => Err(Self::by_signal(signal.unwrap_or_default())),
        }
    }
}

/// A process was told something, and has ended already.
///
/// ```
/// use reactor_compat::process::ProcessExitedAlready;
///
/// assert_eq!(ProcessExitedAlready.to_string(), "the process has ended already");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ProcessExitedAlready")]
#[error("the process has ended already")]
pub struct ProcessExitedAlready;

/// A process was ended by a signal, after some output.
///
/// See the example of
/// [`get_process_output_and_value`](crate::process::get_process_output_and_value()).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} It had written {} and {} bytes.", out.len(), err.len())]
pub struct TerminatedOutput {
    /// What it had written to its standard output.
    pub out: Vec<u8>,
    /// What it had written to its standard error.
    pub err: Vec<u8>,
    /// The signal.
    #[source]
    pub reason: ProcessTerminated,
}

/// A process wrote more than is kept, and was killed.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::process::{ProcessCommand, ProcessOutputTooLong, get_process_output};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     let command = ProcessCommand::new("/bin/sh").args(["-c", "while :; do echo y; done"]);
///     let output = get_process_output(&inner, &command.max_output(1024));
///     drop(output.add_both(move |result| {
///         assert!(result.unwrap_err().is::<ProcessOutputTooLong>());
///         Ok(inner.stop()?)
///     }));
/// });
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process wrote more than {limit} bytes; raise `max_output`, or have it write less")]
pub struct ProcessOutputTooLong {
    pub(crate) limit: usize,
}

/// A process wrote to its standard error, which was not expected of it.
///
/// See the example of [`get_process_output`](crate::process::get_process_output()).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "_UnexpectedErrorOutput")]
#[error("got stderr: {:?}", String::from_utf8_lossy(err))]
pub struct UnexpectedErrorOutput {
    /// What it wrote to its standard error.
    pub err: Vec<u8>,
}
