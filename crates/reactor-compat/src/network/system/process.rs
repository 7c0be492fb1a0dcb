//! [`SystemProcess`]: a process of the operating system's.
//!
//! Mirrors `Process` of `twisted.internet.process`. Tested in `tests/processes/`.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll};

use command_fds::{CommandFdExt, FdMapping, FdMappingCollision};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe;
use tokio::process::Command;

use crate::address::Address;
use crate::network::{ChildProcess, SharedStream, Stream};
use crate::options::{ChildFd, ProcessCommand};

/// The variables that tell a process which sockets it was started with.
const ACTIVATION: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_FDS_FIRST_FD"];

/// A process of the operating system's.
pub(super) struct SystemProcess {
    id: Pid,
    own_group: bool,
    pipes: Vec<(u32, SharedStream)>,
    exit: Pin<Box<dyn Future<Output = io::Result<ExitStatus>>>>,
}

impl SystemProcess {
    pub(super) fn spawn(command: &ProcessCommand) -> io::Result<Self> {
        let mut pipes = Vec::new();
        let mut tokio = to_tokio(command);
        let mut mappings = Vec::new();
        for (number, fd) in command.fds() {
            let theirs = open(number, fd, &mut pipes)?;
            give(&mut tokio, number, theirs, &mut mappings);
        }
        if !mappings.is_empty() {
            tokio.fd_mappings(mappings).map_err(twice)?;
        }
        let mut child = tokio.spawn()?;
        let number = child.id().and_then(|number| i32::try_from(number).ok());
        let id = number.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        let exit = Box::pin(async move { child.wait().await });
        Ok(Self { id, own_group: command.has_own_group(), pipes, exit })
    }
}

fn twice(_: FdMappingCollision) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a descriptor of the child is given twice")
}

/// The same for Tokio, but for the descriptors.
fn to_tokio(command: &ProcessCommand) -> Command {
    let mut tokio = Command::new(command.program());
    if command.inherits_env() {
        for name in ACTIVATION {
            tokio.env_remove(name);
        }
    } else {
        tokio.env_clear();
    }
    tokio.args(command.get_args());
    tokio.envs(command.get_env().iter().map(|(name, value)| (name, value)));
    if let Some(directory) = command.get_directory() {
        tokio.current_dir(directory);
    }
    if command.has_own_group() {
        tokio.process_group(0);
    }
    if let Some(group) = command.get_gid() {
        tokio.gid(group);
    }
    if let Some(user) = command.get_uid() {
        tokio.uid(user);
    }
    for standard in [Command::stdin, Command::stdout, Command::stderr] {
        standard(&mut tokio, Stdio::null());
    }
    tokio
}

/// Opens a descriptor for the child; keeps our end, if it has one.
fn open(
    number: u32,
    fd: &ChildFd,
    pipes: &mut Vec<(u32, SharedStream)>,
) -> io::Result<Option<OwnedFd>> {
    Ok(match fd {
        ChildFd::Write => {
            let (theirs, ours) = io::pipe()?;
            let ours = pipe::Sender::from_owned_fd(ours.into())?;
            pipes.push((number, SharedStream::unguarded(InputPipe(Some(ours)))));
            Some(theirs.into())
        }
        ChildFd::Read => {
            let (ours, theirs) = io::pipe()?;
            let ours = pipe::Receiver::from_owned_fd(ours.into())?;
            pipes.push((number, SharedStream::unguarded(OutputPipe(Some(ours)))));
            Some(theirs.into())
        }
        ChildFd::Inherit => match number {
            0 => Some(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?),
            1 => Some(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?),
            2 => Some(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?),
            _ => {
                let why = "only descriptors 0, 1 and 2 can be inherited by number";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
        },
        ChildFd::Null => {
            Some(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?.into())
        }
        ChildFd::Given(fd) => Some(fd.try_clone()?),
    })
}

/// Gives the child a descriptor.
fn give(tokio: &mut Command, number: u32, fd: Option<OwnedFd>, mappings: &mut Vec<FdMapping>) {
    let Some(fd) = fd else { return };
    match (number, i32::try_from(number)) {
        (0, _) => drop(tokio.stdin(fd)),
        (1, _) => drop(tokio.stdout(fd)),
        (2, _) => drop(tokio.stderr(fd)),
        (_, Ok(child_fd)) => mappings.push(FdMapping { parent_fd: fd, child_fd }),
        // No system has so many.
        (_, Err(_)) => {}
    }
}

impl ChildProcess for SystemProcess {
    fn id(&self) -> u32 {
        self.id.as_raw_nonzero().get().unsigned_abs()
    }

    fn take_pipes(&mut self) -> Vec<(u32, SharedStream)> {
        std::mem::take(&mut self.pipes)
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        self.exit.as_mut().poll(cx)
    }

    fn signal(&mut self, signal: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
        let sent = match self.own_group {
            true => kill_process_group(self.id, signal),
            false => kill_process(self.id, signal),
        };
        Ok(sent?)
    }
}

/// A pipe that the child reads from, until it is shut down. That the child has closed it
/// is seen when it is written to.
struct InputPipe(Option<pipe::Sender>);

impl AsyncRead for InputPipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_some() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for InputPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(pipe) => Pin::new(pipe).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(self.0.take());
        Poll::Ready(Ok(()))
    }
}

/// A pipe that the child writes to, until it is shut down.
struct OutputPipe(Option<pipe::Receiver>);

impl AsyncRead for OutputPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(pipe) => Pin::new(pipe).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for OutputPipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(self.0.take());
        Poll::Ready(Ok(()))
    }
}

impl Stream for InputPipe {
    fn get_host(&self) -> Address {
        Address::Pipe
    }

    fn get_peer(&self) -> Address {
        Address::Pipe
    }
}

impl Stream for OutputPipe {
    fn get_host(&self) -> Address {
        Address::Pipe
    }

    fn get_peer(&self) -> Address {
        Address::Pipe
    }
}
