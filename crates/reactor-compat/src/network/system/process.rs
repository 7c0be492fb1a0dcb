//! [`SystemProcess`]: a process of the operating system's.
//!
//! Mirrors `Process` of `twisted.internet.process`. Tested in `tests/processes/`.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use command_fds::{CommandFdExt, FdMapping, FdMappingCollision};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use crate::io_driver::need_io;
use crate::network::{ChildProcess, PlainStream, SharedStream};
use crate::options::{ChildFd, ProcessCommand};

/// The variables that tell a process which sockets it was started with.
const ACTIVATION: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_FDS_FIRST_FD"];

/// A process of the operating system's.
pub(super) struct SystemProcess {
    /// Until it is reaped.
    child: Option<Child>,
    id: Pid,
    own_group: bool,
    pipes: Vec<(u32, SharedStream)>,
    ends: Ends,
}

/// How we hear of ends. A process may be started before there is a runtime.
enum Ends {
    /// Not yet.
    Unheard,
    /// By its own descriptor.
    #[cfg(target_os = "linux")]
    Descriptor(AsyncFd<OwnedFd>),
    /// By a signal that tells of the end of any child.
    Signal(tokio::signal::unix::Signal),
}

/// Children that run on though nobody waits for them; they are reaped when the next are
/// started.
static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

fn orphans() -> MutexGuard<'static, Vec<Child>> {
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SystemProcess {
    pub(super) fn spawn(command: &ProcessCommand) -> io::Result<Self> {
        orphans().retain_mut(|orphan| matches!(orphan.try_wait(), Ok(None)));
        let mut pipes = Vec::new();
        let mut system = to_system(command);
        let mut mappings = Vec::new();
        for (number, fd) in command.fds() {
            let theirs = open(number, fd, &mut pipes)?;
            give(&mut system, number, theirs, &mut mappings);
        }
        if !mappings.is_empty() {
            system.fd_mappings(mappings).map_err(twice)?;
        }
        let child = system.spawn()?;
        let number = i32::try_from(child.id()).ok();
        let id = number.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        let own_group = command.has_own_group();
        Ok(Self { child: Some(child), id, own_group, pipes, ends: Ends::Unheard })
    }
}

impl Ends {
    /// Has the runtime around tell of the end of a process.
    fn of(id: Pid) -> io::Result<Self> {
        need_io()?;
        #[cfg(target_os = "linux")]
        if let Ok(descriptor) = pidfd_open(id, PidfdFlags::empty()) {
            return Ok(Self::Descriptor(watch(descriptor)?));
        }
        let _ = id;
        Ok(Self::Signal(signal(SignalKind::child())?))
    }

    /// Waits until the process may have ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Unheard => Poll::Ready(Ok(())),
            #[cfg(target_os = "linux")]
            Self::Descriptor(descriptor) => {
                // It stays readable.
                descriptor.poll_read_ready(cx).map_ok(|mut ready| ready.clear_ready())
            }
            Self::Signal(ends) => ends.poll_recv(cx).map(|_| Ok(())),
        }
    }
}

/// Has the runtime watch a process's descriptor.
#[cfg(target_os = "linux")]
fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[allow(deprecated, reason = "the other is unsafe; an `OwnedFd` does not change")]
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// One that runs on is reaped later.
impl Drop for SystemProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            orphans().push(child);
        }
    }
}

fn twice(_: FdMappingCollision) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a descriptor of the child is given twice")
}

/// The same for the system, but for the descriptors.
fn to_system(command: &ProcessCommand) -> Command {
    let mut system = Command::new(command.program());
    if command.inherits_env() {
        for name in ACTIVATION {
            system.env_remove(name);
        }
    } else {
        system.env_clear();
    }
    system.args(command.get_args());
    system.envs(command.get_env().iter().map(|(name, value)| (name, value)));
    if let Some(directory) = command.get_directory() {
        system.current_dir(directory);
    }
    if command.has_own_group() {
        system.process_group(0);
    }
    if let Some(group) = command.get_gid() {
        system.gid(group);
    }
    if let Some(user) = command.get_uid() {
        system.uid(user);
    }
    for standard in [Command::stdin, Command::stdout, Command::stderr] {
        standard(&mut system, Stdio::null());
    }
    system
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
            let ours = InputPipe(End::Bound(ours.into()));
            pipes.push((number, SharedStream::unguarded(PlainStream(ours))));
            Some(theirs.into())
        }
        ChildFd::Read => {
            let (ours, theirs) = io::pipe()?;
            let ours = OutputPipe(End::Bound(ours.into()));
            pipes.push((number, SharedStream::unguarded(PlainStream(ours))));
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
fn give(system: &mut Command, number: u32, fd: Option<OwnedFd>, mappings: &mut Vec<FdMapping>) {
    let Some(fd) = fd else { return };
    match (number, i32::try_from(number)) {
        (0, _) => drop(system.stdin(fd)),
        (1, _) => drop(system.stdout(fd)),
        (2, _) => drop(system.stderr(fd)),
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
        if matches!(self.ends, Ends::Unheard) {
            self.ends = Ends::of(self.id)?;
        }
        loop {
            // Asked first: it may have ended before we listened.
            let Some(child) = &mut self.child else { return Poll::Pending };
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Poll::Ready(Ok(status));
            }
            ready!(self.ends.poll(cx))?;
        }
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

/// Our end of a pipe, until it is shut down.
enum End<T> {
    /// The runtime does not know it yet.
    Bound(OwnedFd),
    Ready(T),
    Closed,
}

impl<T> End<T> {
    /// The pipe, made known to the runtime; `None` if it is shut down.
    fn get(
        &mut self,
        register: impl FnOnce(OwnedFd) -> io::Result<T>,
    ) -> io::Result<Option<&mut T>> {
        if matches!(self, Self::Bound(_))
            && let Self::Bound(fd) = std::mem::replace(self, Self::Closed)
        {
            *self = Self::Ready(register(fd)?);
        }
        Ok(match self {
            Self::Ready(pipe) => Some(pipe),
            Self::Bound(_) | Self::Closed => None,
        })
    }
}

/// A pipe that the child reads from. That the child has closed it is seen when it is
/// written to.
struct InputPipe(End<pipe::Sender>);

impl AsyncRead for InputPipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.0, End::Closed) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl AsyncWrite for InputPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.0.get(pipe::Sender::from_owned_fd)? {
            Some(pipe) => Pin::new(pipe).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0 = End::Closed;
        Poll::Ready(Ok(()))
    }
}

/// A pipe that the child writes to.
struct OutputPipe(End<pipe::Receiver>);

impl AsyncRead for OutputPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.get(pipe::Receiver::from_owned_fd)? {
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
        self.0 = End::Closed;
        Poll::Ready(Ok(()))
    }
}
