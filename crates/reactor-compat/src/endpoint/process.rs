//! [`ProcessEndpoint`]: a child process, as what is connected to.
//!
//! Mirrors `ProcessEndpoint` of `twisted.internet.endpoints`. Tested in
//! `tests/network/process_endpoint.rs`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deferred::{Deferred, Failure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connect, StreamClientEndpoint};
use crate::connection::Connection;
use crate::error::ConnectionEnded;
use crate::error::process::{ProcessTerminated, SpawnError};
use crate::factory::Factory;
use crate::line_cutter::LineCutter;
use crate::network::{ChildProcess, PlainStream, SharedStream};
use crate::options::{ChildFd, ProcessCommand};
use crate::protocol::Protocol;
use crate::reactor::Reactor;

/// A child process, as what is connected to: each connection starts one, writes to its
/// standard input and reads its standard output.
///
/// The connection ends when the process closes its output and has exited: with
/// [`ConnectionDone`](crate::ConnectionDone) if its exit code is 0, else with a
/// [`ProcessTerminated`]. One that cannot be started
/// fails the attempt with a [`SpawnError`]. Closing the connection closes its pipes,
/// which is all that it hears.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::ProcessEndpoint;
/// use reactor_compat::process::ProcessCommand;
/// use reactor_compat::{Connection, Protocol, Reactor};
///
/// struct Hear(Reactor);
///
/// impl Protocol for Hear {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
///
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         assert_eq!(data, b"hello");
///         self.0.stop().unwrap();
///     }
/// }
///
/// let reactor = Reactor::new();
/// let endpoint = ProcessEndpoint::new(&reactor, ProcessCommand::new("cat"));
/// let stop = reactor.clone();
/// let connected = endpoint.connect(move |_| Hear(stop.clone()));
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProcessEndpoint {
    reactor: Reactor,
    command: ProcessCommand,
    standard_error: StandardError,
}

/// What is done with what a process writes to its standard error.
///
/// ```
/// use reactor_compat::endpoint::{ProcessEndpoint, StandardError};
/// use reactor_compat::{process::ProcessCommand, reactor};
///
/// let endpoint = ProcessEndpoint::new(&reactor(), ProcessCommand::new("cat"));
/// let silent = endpoint.standard_error(StandardError::Drop);
/// assert!(format!("{silent:?}").contains("Drop"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "StandardErrorBehavior")]
pub enum StandardError {
    /// It is logged, line by line.
    Log,
    /// It is thrown away.
    Drop,
}

impl ProcessEndpoint {
    /// A program that is started for each connection.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, command: ProcessCommand) -> Self {
        Self { reactor: reactor.clone(), command, standard_error: StandardError::Log }
    }

    /// What is done with what it writes to its standard error: logged, unless told
    /// otherwise.
    ///
    /// See the example of [`StandardError`].
    #[must_use]
    pub fn standard_error(mut self, standard_error: StandardError) -> Self {
        self.standard_error = standard_error;
        self
    }

    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }

    fn start(&self) -> Result<SharedStream, SpawnError> {
        let errors = match self.standard_error {
            StandardError::Log => ChildFd::Read,
            StandardError::Drop => ChildFd::Null,
        };
        let command = self.command.clone().fd(0, ChildFd::Write).fd(1, ChildFd::Read).fd(2, errors);
        let mut child = self.reactor.start_process(&command)?;
        let (mut input, mut output) = (None, None);
        for (number, pipe) in child.take_pipes() {
            match number {
                0 => input = Some(pipe),
                1 => output = Some(pipe),
                2 => drop(self.reactor.serve_stream(pipe, Errors::of(&command))),
                _ => {}
            }
        }
        let missing = || SpawnError::new(&command, io::Error::other("the network gave no pipes"));
        let (input, output) = (input.ok_or_else(missing)?, output.ok_or_else(missing)?);
        Ok(SharedStream::unguarded(PlainStream(ProcessStream {
            input,
            output,
            child: Some(child),
        })))
    }
}

impl StreamClientEndpoint for ProcessEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        self.start().map_or_else(Deferred::fail, Deferred::succeed)
    }

    fn description(&self) -> String {
        format!("the process {}", self.command.program().display())
    }
}

/// The standard input and output of a process.
struct ProcessStream {
    input: SharedStream,
    output: SharedStream,
    /// Until it is reaped.
    child: Option<Box<dyn ChildProcess>>,
}

impl AsyncRead for ProcessStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        // It has closed its output; how it exits says what end that is.
        let Some(child) = &mut this.child else { return Poll::Ready(Ok(())) };
        let status = ready!(child.poll_exit(cx))?;
        this.child = None;
        Poll::Ready(match ProcessTerminated::check(status) {
            Ok(_) => Ok(()),
            Err(terminated) => Err(ConnectionEnded::error(&Failure::new(terminated))),
        })
    }
}

impl AsyncWrite for ProcessStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}

/// Logs what a process writes to its standard error.
struct Errors {
    program: String,
    lines: LineCutter,
}

impl Errors {
    fn of(command: &ProcessCommand) -> Self {
        Self { program: command.program().display().to_string(), lines: LineCutter::default() }
    }
}

fn log(program: &str, line: &[u8]) {
    tracing::error!("[{program}] {}", String::from_utf8_lossy(line));
}

impl Protocol for Errors {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.lines.push(data, |line| log(&self.program, line));
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        std::mem::take(&mut self.lines).finish(|line| log(&self.program, line));
    }
}
