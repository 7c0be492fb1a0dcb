//! [`MemoryProcess`]: a process that a reactor in memory was asked to start.
//!
//! Mirrors `MockProcess` of Twisted's own tests. Tested in `tests/processes/double.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::peer::Peer;
use super::wire::MemoryStream;
use crate::network::{ChildProcess, SharedStream};
use crate::options::{ChildFd, ProcessCommand};

/// A process that a [`MemoryReactor`](super::MemoryReactor) was asked to start. Nothing
/// runs: the test says what it writes, and how it ends. Clones are the same process.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::process::{ProcessCommand, get_process_output};
/// use reactor_compat::testing::MemoryReactor;
///
/// let reactor = MemoryReactor::new();
/// let output = get_process_output(&reactor, &ProcessCommand::new("date").args(["+%Y"]));
/// reactor.settle()?;
///
/// let date = &reactor.processes()[0];
/// assert_eq!(date.command().get_args(), ["+%Y"]);
/// date.pipe(1).unwrap().write("2026\n")?;
/// date.exit(0);
/// reactor.flush()?;
/// assert_eq!(success_result_of(output), b"2026\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemoryProcess {
    shared: Rc<Shared>,
}

struct Shared {
    command: ProcessCommand,
    pipes: BTreeMap<u32, Rc<Peer>>,
    /// Until it has ended.
    end: RefCell<Option<oneshot::Sender<ExitStatus>>>,
    signals: RefCell<Vec<i32>>,
}

impl MemoryProcess {
    pub(super) fn new(
        id: u32,
        command: &ProcessCommand,
        wire: impl Fn() -> (MemoryStream, MemoryStream),
    ) -> (Self, Box<dyn ChildProcess>) {
        let (mut ours, mut theirs) = (Vec::new(), BTreeMap::new());
        for (number, fd) in command.fds() {
            if matches!(fd, ChildFd::Write | ChildFd::Read) {
                let (our_end, their_end) = wire();
                ours.push((number, SharedStream::new(our_end)));
                theirs.insert(number, Rc::new(Peer::new(their_end)));
            }
        }
        let (end, ended) = oneshot::channel();
        let shared = Rc::new(Shared {
            command: command.clone(),
            pipes: theirs,
            end: RefCell::new(Some(end)),
            signals: RefCell::default(),
        });
        let child = MemoryChild { id, pipes: ours, ended, shared: shared.clone() };
        (Self { shared }, Box::new(child))
    }

    /// What it was started with.
    ///
    /// See the [type's example](Self).
    pub fn command(&self) -> &ProcessCommand {
        &self.shared.command
    }

    /// The child's end of the pipe that has that number in it.
    ///
    /// See the [type's example](Self).
    pub fn pipe(&self, number: u32) -> Option<Rc<Peer>> {
        self.shared.pipes.get(&number).cloned()
    }

    /// The numbers of the signals that it was sent.
    ///
    /// ```
    /// use reactor_compat::Signal;
    /// use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// struct Silent;
    /// impl ProcessProtocol for Silent {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("cat"))?;
    /// process.signal_process(Signal::Terminate)?;
    /// assert_eq!(reactor.processes()[0].signals(), [15]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signals(&self) -> Vec<i32> {
        self.shared.signals.borrow().clone()
    }

    /// It exits with that code: its pipes end, all that it wrote before comes first.
    ///
    /// See the [type's example](Self).
    pub fn exit(&self, code: u8) {
        self.end_pipes();
        self.reaped(ExitStatus::from_raw(i32::from(code) << 8));
    }

    /// A signal of that number ends it, as [`exit`](Self::exit) does.
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// use reactor_compat::process::{ProcessCommand, ProcessTerminated, get_process_value};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// let reactor = MemoryReactor::new();
    /// let value = get_process_value(&reactor, &ProcessCommand::new("cat"));
    /// reactor.settle()?;
    /// reactor.processes()[0].kill(9);
    /// reactor.flush()?;
    /// let failure = failure_result_of(value);
    /// assert_eq!(failure.check(), Some(&ProcessTerminated::by_signal(9)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(&self, signal: u8) {
        self.end_pipes();
        self.reaped(ExitStatus::from_raw(i32::from(signal)));
    }

    /// It exits with that code, and children of its own keep its pipes.
    ///
    /// ```
    /// use reactor_compat::process::{ProcessCommand, ProcessProtocol};
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// struct Silent;
    /// impl ProcessProtocol for Silent {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let process = reactor.spawn_process(Silent, &ProcessCommand::new("daemon"))?;
    /// reactor.processes()[0].exit_leaving_pipes(0);
    /// reactor.flush()?;
    /// assert!(process.exited() && !process.ended());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit_leaving_pipes(&self, code: u8) {
        self.reaped(ExitStatus::from_raw(i32::from(code) << 8));
    }

    fn end_pipes(&self) {
        for pipe in self.shared.pipes.values() {
            // One that has ended has ended.
            let _ = pipe.end();
        }
    }

    fn reaped(&self, status: ExitStatus) {
        if let Some(end) = self.shared.end.take() {
            // Nobody may wait for it any more.
            let _ = end.send(status);
        }
    }
}

impl fmt::Debug for MemoryProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryProcess")
            .field("command", &self.shared.command)
            .field("signals", &self.signals())
            .finish_non_exhaustive()
    }
}

/// The process, as the reactor has it.
struct MemoryChild {
    id: u32,
    pipes: Vec<(u32, SharedStream)>,
    ended: oneshot::Receiver<ExitStatus>,
    shared: Rc<Shared>,
}

impl ChildProcess for MemoryChild {
    fn id(&self) -> u32 {
        self.id
    }

    fn take_pipes(&mut self) -> Vec<(u32, SharedStream)> {
        std::mem::take(&mut self.pipes)
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        Pin::new(&mut self.ended).poll(cx).map_err(io::Error::other)
    }

    fn signal(&mut self, signal: i32) -> io::Result<()> {
        self.shared.signals.borrow_mut().push(signal);
        Ok(())
    }
}
