//! Child processes, on UNIX.
//!
//! Mirrors `IReactorProcess`, `ProcessProtocol`, `twisted.internet.utils` and
//! `twisted.runner.procmon`. Tested in `tests/processes/`.
//!
//! # Layout
//!
//! - [`ProcessCommand`]: a program, its arguments, and how it is run.
//! - [`Reactor::spawn_process`](crate::Reactor::spawn_process), [`ProcessProtocol`],
//!   [`Process`]: a process, what hears of it, and the handle to it.
//! - [`get_process_output()`] and its kin: what comes of a program.
//! - [`ProcessMonitor`]: programs that are started again when they end.

mod driver;
mod monitor;
mod output;
mod pipe;
mod protocol;
mod transport;

pub use monitor::{MonitorOptions, ProcessMonitor, ProcessNameTaken};
pub use output::{
    ProcessOutput, get_process_output, get_process_output_and_value, get_process_value,
};
pub use protocol::ProcessProtocol;
pub use transport::Process;

pub use crate::error::process::{
    ProcessDone, ProcessExitedAlready, ProcessOutputTooLong, ProcessTerminated, SpawnError,
    SpawnProblem, TerminatedOutput, UnexpectedErrorOutput,
};
pub use crate::options::{ChildFd, ProcessCommand};
