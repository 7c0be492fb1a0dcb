//! [`ProcessMonitor`]: programs that are started again when they end.
//!
//! Mirrors `twisted.runner.procmon`. Tested in `tests/processes/monitor.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::DelayedCall;
use deferred::{Deferred, Failure, ensure_deferred};

use super::{Process, ProcessCommand, ProcessProtocol};
use crate::line_cutter::LineCutter;
use crate::reactor::Reactor;
use crate::service::Service;

/// When a [`ProcessMonitor`] starts a program again, and how it ends it.
///
/// ```
/// use reactor_compat::process::MonitorOptions;
/// use std::time::Duration;
///
/// let options = MonitorOptions { kill_time: Duration::from_secs(1), ..MonitorOptions::default() };
/// assert_eq!(options.threshold, Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorOptions {
    /// How long a program has to run so that its end is no failure; a second.
    pub threshold: Duration,
    /// How long one has to exit after TERM, before it is killed; five seconds.
    #[doc(alias = "killTime")]
    pub kill_time: Duration,
    /// How long it waits after the first failure in a row; a second. After each of the
    /// next it waits twice as long as before.
    #[doc(alias = "minRestartDelay")]
    pub min_restart_delay: Duration,
    /// How long it waits at most; an hour.
    #[doc(alias = "maxRestartDelay")]
    pub max_restart_delay: Duration,
}

impl Default for MonitorOptions {
    fn default() -> Self {
        Self {
            threshold: Duration::from_secs(1),
            kill_time: Duration::from_secs(5),
            min_restart_delay: Duration::from_secs(1),
            max_restart_delay: Duration::from_secs(3600),
        }
    }
}

/// Runs programs, and starts each again when it ends: at once if it had run for a while,
/// after a time that doubles if it had not. What they write is logged, line by line.
///
/// It is a service: started and stopped, by itself or in a
/// [`MultiService`](crate::service::MultiService). When it stops, all programs are told
/// TERM, and those that do not exit in time are killed. It is a handle, cheap to clone.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use deferred::testing::success_result_of;
/// use reactor_compat::process::{ProcessCommand, ProcessMonitor};
/// use reactor_compat::service::Service;
/// use reactor_compat::testing::MemoryReactor;
/// use std::time::Duration;
///
/// let reactor = MemoryReactor::new();
/// let monitor = ProcessMonitor::new(&reactor);
/// monitor.add_process("worker", ProcessCommand::new("worker"))?;
/// success_result_of(monitor.start_service());
/// assert_eq!(reactor.processes().len(), 1);
///
/// // It fails at once, and so is started again a second later.
/// reactor.processes()[0].exit(1);
/// reactor.flush()?;
/// assert_eq!(reactor.processes().len(), 1);
/// reactor.advance(Duration::from_secs(1))?;
/// assert_eq!(reactor.processes().len(), 2);
///
/// let stopping = monitor.stop_service();
/// assert_eq!(reactor.processes()[1].signals(), [15]);
/// reactor.processes()[1].kill(15);
/// reactor.flush()?;
/// success_result_of(stopping);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct ProcessMonitor {
    shared: Rc<Shared>,
}

/// A program of that name is there already.
///
/// See the example of [`ProcessMonitor::add_process`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a process `{0}` already")]
pub struct ProcessNameTaken(pub String);

struct Shared {
    reactor: Reactor,
    options: Cell<MonitorOptions>,
    running: Cell<bool>,
    programs: RefCell<BTreeMap<String, Rc<Program>>>,
}

/// One program.
struct Program {
    name: String,
    command: ProcessCommand,
    /// How long it waits after the next failure.
    delay: Cell<Duration>,
    state: RefCell<State>,
}

/// ```text
/// Idle ──start──▶ Running ──ended──▶ Waiting ──time over──▶ Running
/// ```
enum State {
    Idle,
    Running { process: Process<Output>, since: Duration },
    Waiting(DelayedCall),
}

impl ProcessMonitor {
    /// One without programs.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor) -> Self {
        let shared = Shared {
            reactor: reactor.clone(),
            options: Cell::new(MonitorOptions::default()),
            running: Cell::new(false),
            programs: RefCell::default(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// Sets its times.
    ///
    /// ```
    /// use reactor_compat::process::{MonitorOptions, ProcessMonitor};
    /// use reactor_compat::reactor;
    ///
    /// let monitor = ProcessMonitor::new(&reactor()).options(MonitorOptions::default());
    /// assert!(monitor.names().is_empty());
    /// ```
    #[must_use]
    pub fn options(self, options: MonitorOptions) -> Self {
        self.shared.options.set(options);
        self
    }

    /// Adds a program; if it runs, that is started at once.
    ///
    /// # Errors
    ///
    /// [`ProcessNameTaken`] if there is one of that name.
    ///
    /// ```
    /// use reactor_compat::process::{ProcessCommand, ProcessMonitor};
    /// use reactor_compat::reactor;
    ///
    /// let monitor = ProcessMonitor::new(&reactor());
    /// monitor.add_process("worker", ProcessCommand::new("worker"))?;
    /// let twice = monitor.add_process("worker", ProcessCommand::new("worker"));
    /// assert_eq!(twice.unwrap_err().to_string(), "there is a process `worker` already");
    /// assert_eq!(monitor.names(), ["worker"]);
    /// # Ok::<(), reactor_compat::process::ProcessNameTaken>(())
    /// ```
    #[doc(alias = "addProcess")]
    pub fn add_process(&self, name: &str, command: ProcessCommand) -> Result<(), ProcessNameTaken> {
        if self.shared.programs.borrow().contains_key(name) {
            return Err(ProcessNameTaken(name.to_owned()));
        }
        let program = Rc::new(Program {
            name: name.to_owned(),
            command,
            delay: Cell::new(self.shared.options.get().min_restart_delay),
            state: RefCell::new(State::Idle),
        });
        self.shared.programs.borrow_mut().insert(name.to_owned(), program.clone());
        if self.shared.running.get() {
            self.shared.start(&program);
        }
        Ok(())
    }

    /// Takes a program out, and ends it. The Deferred fires when it has ended; at once if
    /// there is none of that name.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::process::{ProcessCommand, ProcessMonitor};
    /// use reactor_compat::reactor;
    ///
    /// let monitor = ProcessMonitor::new(&reactor());
    /// monitor.add_process("worker", ProcessCommand::new("worker"))?;
    /// success_result_of(monitor.remove_process("worker"));
    /// assert!(monitor.names().is_empty());
    /// # Ok::<(), reactor_compat::process::ProcessNameTaken>(())
    /// ```
    #[doc(alias = "removeProcess")]
    pub fn remove_process(&self, name: &str) -> Deferred<()> {
        let program = self.shared.programs.borrow_mut().remove(name);
        program.map_or_else(|| Deferred::succeed(()), |program| self.shared.end(&program))
    }

    /// Ends a program, which is started again; all of them if no name is given.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::process::{ProcessCommand, ProcessMonitor};
    /// use reactor_compat::service::Service;
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// let reactor = MemoryReactor::new();
    /// let monitor = ProcessMonitor::new(&reactor);
    /// monitor.add_process("worker", ProcessCommand::new("worker"))?;
    /// drop(monitor.start_service());
    /// monitor.restart(None);
    /// assert_eq!(reactor.processes()[0].signals(), [15]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "restartAll")]
    #[doc(alias = "stopProcess")]
    pub fn restart(&self, name: Option<&str>) {
        let time = self.shared.options.get().kill_time;
        for program in self.shared.all() {
            if name.is_none_or(|name| name == program.name)
                && let Some(process) = program.process()
            {
                drop(process.terminate_within(time));
            }
        }
    }

    /// The names of the programs, in order.
    ///
    /// See the example of [`add_process`](Self::add_process).
    pub fn names(&self) -> Vec<String> {
        self.shared.programs.borrow().keys().cloned().collect()
    }
}

impl Program {
    fn process(&self) -> Option<Process<Output>> {
        match &*self.state.borrow() {
            State::Running { process, .. } => Some(process.clone()),
            State::Idle | State::Waiting(_) => None,
        }
    }
}

impl Shared {
    fn all(&self) -> Vec<Rc<Program>> {
        self.programs.borrow().values().cloned().collect()
    }

    fn start(self: &Rc<Self>, program: &Rc<Program>) {
        let ended = {
            let (shared, program) = (Rc::downgrade(self), Rc::downgrade(program));
            move || {
                if let (Some(shared), Some(program)) = (shared.upgrade(), program.upgrade()) {
                    shared.ended(&program);
                }
            }
        };
        let protocol = Output {
            name: program.name.clone(),
            lines: BTreeMap::new(),
            ended: Some(Box::new(ended)),
        };
        let since = self.reactor.seconds();
        match self.reactor.spawn_process(protocol, &program.command) {
            Ok(process) => {
                process.close_stdin();
                *program.state.borrow_mut() = State::Running { process, since };
            }
            Err(error) => {
                crate::log::err(error, &format!("`{}` cannot be started", program.name));
                self.wait(program);
            }
        }
    }

    /// A program has ended: starts it again, if it is still wanted.
    fn ended(self: &Rc<Self>, program: &Rc<Program>) {
        let before = program.state.replace(State::Idle);
        let wanted = self
            .programs
            .borrow()
            .get(&program.name)
            .is_some_and(|there| Rc::ptr_eq(there, program));
        if !self.running.get() || !wanted {
            return;
        }
        let ran = match before {
            State::Running { since, .. } => self.reactor.seconds().saturating_sub(since),
            State::Idle | State::Waiting(_) => Duration::ZERO,
        };
        if ran < self.options.get().threshold {
            return self.wait(program);
        }
        program.delay.set(self.options.get().min_restart_delay);
        let (shared, program) = (self.clone(), program.clone());
        let now = self.reactor.call_later(Duration::ZERO, {
            let program = program.clone();
            move || shared.start(&program)
        });
        *program.state.borrow_mut() = State::Waiting(now);
    }

    /// Starts a program after its delay, which is doubled for the next time.
    fn wait(self: &Rc<Self>, program: &Rc<Program>) {
        let delay = program.delay.get();
        program.delay.set(delay.saturating_mul(2).min(self.options.get().max_restart_delay));
        let (shared, waiting) = (self.clone(), program.clone());
        let call = self.reactor.call_later(delay, move || shared.start(&waiting));
        *program.state.borrow_mut() = State::Waiting(call);
    }

    /// Ends a program for good.
    fn end(&self, program: &Program) -> Deferred<()> {
        if let Some(process) = program.process() {
            return process.terminate_within(self.options.get().kill_time);
        }
        if let State::Waiting(call) = program.state.replace(State::Idle) {
            // It may be running.
            let _ = call.cancel();
        }
        Deferred::succeed(())
    }
}

impl Service for ProcessMonitor {
    fn start_service(&self) -> Deferred<()> {
        if !self.shared.running.replace(true) {
            for program in self.shared.all() {
                program.delay.set(self.shared.options.get().min_restart_delay);
                self.shared.start(&program);
            }
        }
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        self.shared.running.set(false);
        let ending: Vec<_> =
            self.shared.all().iter().map(|program| self.shared.end(program)).collect();
        ensure_deferred(async move {
            for ended in ending {
                ended.await?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for ProcessMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessMonitor")
            .field("running", &self.shared.running.get())
            .field("names", &self.names())
            .finish()
    }
}

/// Logs what a program writes.
struct Output {
    name: String,
    /// By pipe.
    lines: BTreeMap<u32, LineCutter>,
    ended: Option<Box<dyn FnOnce()>>,
}

fn log(name: &str, line: &[u8]) {
    tracing::info!("[{name}] {}", String::from_utf8_lossy(line));
}

impl ProcessProtocol for Output {
    fn child_data_received(&mut self, _: &Process<Self>, number: u32, data: &[u8]) {
        let lines = self.lines.entry(number).or_default();
        lines.push(data, |line| log(&self.name, line));
    }

    fn process_ended(&mut self, _: &Process<Self>, reason: Failure) {
        for lines in std::mem::take(&mut self.lines).into_values() {
            lines.finish(|line| log(&self.name, line));
        }
        tracing::info!("[{}] {reason}", self.name);
        if let Some(ended) = self.ended.take() {
            ended();
        }
    }
}
