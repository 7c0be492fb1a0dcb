//! [`Core`]: a process, its pipes, and the order in which its protocol hears of them.
//!
//! Tested in `tests/processes/`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deferred::Failure;
use tokio::time::{Sleep, sleep};

use super::pipe::Pipe;
use super::{
    Process, ProcessCommand, ProcessExitedAlready, ProcessProtocol, ProcessTerminated, SpawnError,
};
use crate::connection::Connection;
use crate::guard;
use crate::network::ChildProcess;
use crate::options::ChildFd;
use crate::reactor::{Reactor, WeakReactor};
use crate::waiters::Waiters;

/// A process, and its protocol.
pub(super) struct Core<P: ProcessProtocol> {
    pub(super) id: u32,
    pub(super) reactor: WeakReactor,
    pub(super) grace: Duration,
    pub(super) protocol: RefCell<P>,
    /// Until it is reaped.
    child: RefCell<Option<Box<dyn ChildProcess>>>,
    /// Those that are open.
    pub(super) pipes: RefCell<BTreeMap<u32, Connection<Pipe<P>>>>,
    stage: Cell<Stage>,
    /// How it has exited.
    reason: RefCell<Option<Failure>>,
    /// Wakes the task when the last pipe is closed.
    waker: RefCell<Option<Waker>>,
    /// Those who wait for the end.
    pub(super) waiters: Waiters<()>,
}

/// How far the protocol is.
///
/// ```text
/// New ──connection_made──▶ Running ──process_exited──▶ Exited ──process_ended──▶ Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    New,
    Running,
    Exited,
    Ended,
}

impl Reactor {
    /// Starts a process, and has `protocol` hear of it. It may be started before the
    /// reactor runs; its callbacks come once that does.
    ///
    /// When the reactor stops the pipes are closed; the process is left alone, as in
    /// Twisted, and reaped when the next one is started.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] says why it cannot be started, and what to do.
    ///
    /// See the example of [`ProcessProtocol`].
    #[doc(alias = "spawnProcess")]
    #[doc(alias = "IReactorProcess")]
    pub fn spawn_process<P: ProcessProtocol>(
        &self,
        protocol: P,
        command: &ProcessCommand,
    ) -> Result<Process<P>, SpawnError> {
        let mut child = self.start_process(command)?;
        let pipes = child.take_pipes();
        let core = Rc::new(Core {
            id: child.id(),
            reactor: self.downgrade(),
            grace: command.get_grace(),
            protocol: RefCell::new(protocol),
            child: RefCell::new(Some(child)),
            pipes: RefCell::default(),
            stage: Cell::new(Stage::New),
            reason: RefCell::default(),
            waker: RefCell::default(),
            waiters: Waiters::default(),
        });
        let inputs = command.fds().filter(|(_, fd)| matches!(fd, ChildFd::Write));
        let driver = Driver {
            core: core.clone(),
            inputs: inputs.map(|(number, _)| number).collect(),
            pipe_grace: command.get_pipe_grace(),
            deadline: None,
        };
        self.spawn(driver);
        for (number, stream) in pipes {
            let connection = self.serve_stream(stream, Pipe::new(&core, number));
            core.pipes.borrow_mut().insert(number, connection);
        }
        Ok(Process::new(core))
    }
}

impl<P: ProcessProtocol> Core<P> {
    /// Calls the protocol; what it panics with is logged.
    fn tell(self: &Rc<Self>, call: impl FnOnce(&mut P, &Process<P>)) {
        let process = Process::new(self.clone());
        guard::run("a process's protocol", || call(&mut self.protocol.borrow_mut(), &process));
    }

    fn make(self: &Rc<Self>) {
        if self.stage.get() == Stage::New {
            self.stage.set(Stage::Running);
            self.tell(|protocol, process| protocol.connection_made(process));
        }
    }

    pub(super) fn data_received(self: &Rc<Self>, number: u32, data: &[u8]) {
        self.make();
        self.tell(|protocol, process| protocol.child_data_received(process, number, data));
    }

    pub(super) fn pipe_lost(self: &Rc<Self>, number: u32) {
        self.make();
        let gone = self.pipes.borrow_mut().remove(&number);
        drop(gone);
        self.tell(|protocol, process| protocol.child_connection_lost(process, number));
        self.end_if_over();
    }

    fn exited(self: &Rc<Self>, status: io::Result<ExitStatus>) {
        drop(self.child.take());
        let reason = match status.map(ProcessTerminated::check) {
            Ok(Ok(done)) => Failure::new(done),
            Ok(Err(terminated)) => Failure::new(terminated),
            Err(error) => Failure::new(error),
        };
        *self.reason.borrow_mut() = Some(reason.clone());
        self.stage.set(Stage::Exited);
        self.tell(|protocol, process| protocol.process_exited(process, reason));
        self.end_if_over();
    }

    fn end_if_over(self: &Rc<Self>) {
        if self.stage.get() != Stage::Exited || !self.pipes.borrow().is_empty() {
            return;
        }
        let Some(reason) = self.reason() else { return };
        self.stage.set(Stage::Ended);
        let told = reason.clone();
        self.tell(|protocol, process| protocol.process_ended(process, told));
        self.waiters.take().notify(&Ok(()));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn reason(&self) -> Option<Failure> {
        self.reason.borrow().clone()
    }

    pub(super) fn has_exited(&self) -> bool {
        self.stage.get() >= Stage::Exited
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage.get() == Stage::Ended
    }

    pub(super) fn signal(&self, number: i32) -> Result<(), ProcessExitedAlready> {
        let mut child = self.child.borrow_mut();
        let child = child.as_mut().ok_or(ProcessExitedAlready)?;
        // It fails only if there is nobody left who could be signalled.
        child.signal(number).map_err(|_| ProcessExitedAlready)
    }

    /// Closes all pipes at once.
    fn abort_pipes(&self) {
        let open: Vec<_> = self.pipes.borrow().values().cloned().collect();
        for pipe in open {
            pipe.abort_connection();
        }
    }
}

/// The task of a process: waits for its end.
struct Driver<P: ProcessProtocol> {
    core: Rc<Core<P>>,
    /// The pipes that nobody reads from when it has exited.
    inputs: Vec<u32>,
    pipe_grace: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<P: ProcessProtocol> Driver<P> {
    fn poll_exit(&self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let Some(mut child) = self.core.child.take() else { return Poll::Pending };
        let exit = guard::catch(|| child.poll_exit(cx));
        *self.core.child.borrow_mut() = Some(child);
        exit.unwrap_or_else(|failure| Poll::Ready(Err(io::Error::other(failure.to_string()))))
    }

    /// It has exited: what it cannot read any more need not be written.
    fn close_inputs(&mut self) {
        let pipes = self.core.pipes.borrow();
        let open: Vec<_> = self.inputs.iter().filter_map(|number| pipes.get(number)).collect();
        for pipe in open {
            pipe.abort_connection();
        }
        drop(pipes);
        self.deadline = self.pipe_grace.map(|grace| Box::pin(sleep(grace)));
    }
}

impl<P: ProcessProtocol> Unpin for Driver<P> {}

impl<P: ProcessProtocol> Future for Driver<P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.core.make();
        if !this.core.has_exited()
            && let Poll::Ready(status) = this.poll_exit(cx)
        {
            this.core.exited(status);
            this.close_inputs();
        }
        if this.core.has_ended() {
            return Poll::Ready(());
        }
        this.core.waker.replace(Some(cx.waker().clone()));
        if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            this.deadline = None;
            this.core.abort_pipes();
        }
        Poll::Pending
    }
}
