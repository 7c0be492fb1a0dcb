//! [`Cooperator`]: long work, a step at a time, beside everything else.
//!
//! Mirrors `twisted.internet.task.Cooperator`, `cooperate` and `coiterate`.
//! Tested in `tests/runtime/cooperate.rs`, and trace by trace against Twisted by the
//! conformance programs of family `clock`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::iter;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::time::{Call, DelayedCall, ReactorTime};
use deferred::{CallbackResult, Deferred};

use super::cooperative_task::{CooperativeTask, Task, work_of, work_that_returns_iterator};
use super::error::SchedulerStopped;
use super::slice::{self, IsOver};
use crate::clock_handle::ClockHandle;
use crate::guard;
use crate::reactor::{Extension, reactor};

/// How long it is from one slice to the next: long enough for a clock to tell
/// them apart.
const PAUSE: Duration = Duration::from_nanos(10);

/// Runs long work in small steps, so that nothing else has to wait for it.
///
/// The work is an iterator, and a step of it is one call of `next`. What it
/// yields is what a callback may return: after `()` or `Ok` it goes on when its
/// turn comes, after an `Err` it has failed, and after a Deferred it goes on
/// when that has its result. Of several tasks each makes a step in turn. After
/// a hundredth of a second, or 1024 steps, a `Cooperator` lets others have the
/// thread and goes on with the next turn of the reactor.
///
/// Most programs use the thread's own, through [`cooperate`] and [`coiterate`].
/// A `Cooperator` is a handle; clones are the same. Its options are set before
/// it has tasks.
///
/// # Re-entrancy
///
/// A task may add, pause, resume and stop tasks, itself included, and stop the
/// cooperator, from inside a step.
///
/// Mirrors `twisted.internet.task.Cooperator`.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::task::{Clock, Cooperator};
/// use std::{cell::RefCell, rc::Rc, time::Duration};
///
/// let clock = Clock::new();
/// let cooperator = Cooperator::new().clock(&clock);
/// let steps = Rc::new(RefCell::new(Vec::new()));
/// let count = |name: &'static str| {
///     let steps = steps.clone();
///     (1..=2).map(move |n| steps.borrow_mut().push(format!("{name}{n}")))
/// };
/// let (a, b) = (cooperator.cooperate(count("a")), cooperator.cooperate(count("b")));
///
/// clock.advance(Duration::from_secs(1));
/// success_result_of(a.when_done());
/// success_result_of(b.when_done());
/// assert_eq!(*steps.borrow(), ["a1", "b1", "a2", "b2"]);
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.Cooperator")]
pub struct Cooperator {
    inner: Rc<Inner>,
}

type Scheduler = Rc<dyn Fn(Call) -> DelayedCall>;
type Slices = Rc<dyn Fn() -> IsOver>;

pub(super) struct Inner {
    scheduler: RefCell<Scheduler>,
    slices: RefCell<Slices>,
    phase: Cell<Phase>,
    /// Those that are neither paused nor finished.
    tasks: RefCell<Vec<Rc<Task>>>,
    /// The next task to run: an index, which may be behind the last.
    turn: Cell<usize>,
    /// The next slice, if it was scheduled.
    next_slice: RefCell<Option<DelayedCall>>,
}

/// ```text
/// Waiting ──start──▶ Running ──stop──▶ Stopped ──start──▶ Running
///    └─────────────────stop──────────────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It takes tasks, and leaves them until it is started.
    Waiting,
    /// It runs them.
    Running,
    /// Tasks that are added are stopped at once.
    Stopped,
}

impl Cooperator {
    /// A cooperator on the thread's reactor.
    ///
    /// ```
    /// assert!(reactor_compat::task::Cooperator::new().running());
    /// ```
    pub fn new() -> Self {
        Self::on(ClockHandle::from(&reactor()))
    }

    fn on(clock: ClockHandle) -> Self {
        let slices = clock.clone();
        let inner = Inner {
            scheduler: RefCell::new(Rc::new(move |tick| clock.call_later_boxed(PAUSE, tick))),
            slices: RefCell::new(Rc::new(move || slice::begin(&slices))),
            phase: Cell::new(Phase::Running),
            tasks: RefCell::default(),
            turn: Cell::new(0),
            next_slice: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Goes by `clock` instead of the thread's reactor.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, Cooperator}};
    ///
    /// let clock = Clock::new();
    /// Cooperator::new().clock(&clock).cooperate(std::iter::repeat(()));
    /// assert_eq!(clock.get_delayed_calls().len(), 1);
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        let clock = clock.into();
        let slices = clock.clone();
        self.scheduler(move |tick| clock.call_later_boxed(PAUSE, tick))
            .with_slices(Rc::new(move || slice::begin(&slices)))
    }

    /// Has `scheduler` say when the next slice is: it is given what runs it.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, Cooperator}};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let when = clock.clone();
    /// let slow = Cooperator::new()
    ///     .scheduler(move |tick| when.call_later(Duration::from_secs(5), tick));
    /// slow.cooperate(std::iter::repeat(()));
    /// assert_eq!(clock.get_delayed_calls()[0].get_time(), Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn scheduler(self, scheduler: impl Fn(Call) -> DelayedCall + 'static) -> Self {
        let before = self.inner.scheduler.replace(Rc::new(scheduler));
        drop(before);
        self
    }

    /// Has `factory` say how long a slice is: it is called at the beginning of
    /// each, and what it gives is asked after every step whether that was the
    /// last.
    ///
    /// ```
    /// use reactor_compat::task::{Clock, Cooperator};
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    ///
    /// let clock = Clock::new();
    /// let cooperator = Cooperator::new().clock(&clock).termination_predicate(|| || true);
    /// let steps = Rc::new(Cell::new(0));
    /// let count = steps.clone();
    /// cooperator.cooperate(std::iter::repeat_with(move || count.set(count.get() + 1)));
    /// clock.pump([Duration::from_secs(1); 3]);
    /// assert_eq!(steps.get(), 3);
    /// ```
    #[must_use]
    #[doc(alias = "terminationPredicateFactory")]
    pub fn termination_predicate<P>(self, factory: impl Fn() -> P + 'static) -> Self
    where
        P: FnMut() -> bool + 'static,
    {
        self.with_slices(Rc::new(move || Box::new(factory())))
    }

    fn with_slices(self, slices: Slices) -> Self {
        let before = self.inner.slices.replace(slices);
        drop(before);
        self
    }

    /// Sets whether tasks are run from the beginning (they are, unless this says
    /// otherwise) or wait for a [`start`](Self::start).
    ///
    /// ```
    /// let cooperator = reactor_compat::task::Cooperator::new().started(false);
    /// assert!(!cooperator.running());
    /// cooperator.start();
    /// assert!(cooperator.running());
    /// ```
    #[must_use]
    pub fn started(self, started: bool) -> Self {
        self.inner.phase.set(if started { Phase::Running } else { Phase::Waiting });
        self
    }

    /// Runs an iterator, a step at a time.
    ///
    /// ```
    /// use deferred::{Deferred, testing::{assert_no_result, success_result_of}};
    /// use reactor_compat::task::{Clock, Cooperator};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let (answer, trigger) = Deferred::new();
    /// let task = Cooperator::new().clock(&clock).cooperate([answer].into_iter());
    /// clock.advance(Duration::from_secs(1));
    /// assert_no_result(&task.when_done());
    /// trigger.callback("it goes on")?;
    /// clock.advance(Duration::from_secs(1));
    /// success_result_of(task.when_done());
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn cooperate<I>(&self, iterator: I) -> CooperativeTask
    where
        I: Iterator<Item: CallbackResult> + 'static,
    {
        CooperativeTask::new(&self.inner, work_of(iterator))
    }

    /// Runs an iterator, a step at a time, and gives it back when it has come
    /// to its end.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred does not stop the task; for that use
    /// [`cooperate`](Self::cooperate).
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::task::{Clock, Cooperator};
    /// use std::time::Duration;
    ///
    /// struct Sum { terms: std::ops::Range<u32>, sum: u32 }
    ///
    /// impl Iterator for Sum {
    ///     type Item = ();
    ///
    ///     fn next(&mut self) -> Option<()> {
    ///         self.sum += self.terms.next()?;
    ///         Some(())
    ///     }
    /// }
    ///
    /// let clock = Clock::new();
    /// let done = Cooperator::new().clock(&clock).coiterate(Sum { terms: 1..101, sum: 0 });
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(success_result_of(done).sum, 5050);
    /// ```
    #[track_caller]
    pub fn coiterate<I>(&self, iterator: I) -> Deferred<I>
    where
        I: Iterator<Item: CallbackResult> + 'static,
    {
        let (work, end) = work_that_returns_iterator(iterator);
        let task = CooperativeTask::new(&self.inner, work);
        task.when_done().add_callback(move |()| end.take())
    }

    /// Gets in line, and fires when its turn has come: what a coroutine awaits
    /// between two steps of long work.
    ///
    /// # Errors
    ///
    /// It fails with [`SchedulerStopped`] if the cooperator is stopped.
    ///
    /// ```
    /// use deferred::{ensure_deferred, testing::success_result_of};
    /// use reactor_compat::task::{Clock, Cooperator};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let cooperator = Cooperator::new().clock(&clock);
    /// let sum = ensure_deferred(async move {
    ///     let mut sum = 0;
    ///     for n in 1..=100 {
    ///         sum += n;
    ///         cooperator.turn().await?;
    ///     }
    ///     Ok(sum)
    /// });
    /// clock.pump([Duration::from_secs(1); 100]);
    /// assert_eq!(success_result_of(sum), 5050);
    /// ```
    #[track_caller]
    pub fn turn(&self) -> Deferred<()> {
        self.cooperate(iter::empty::<()>()).when_done()
    }

    /// Starts one that was made with [`started(false)`](Self::started), or was
    /// stopped.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, Cooperator}};
    ///
    /// let clock = Clock::new();
    /// let cooperator = Cooperator::new().clock(&clock).started(false);
    /// cooperator.cooperate(std::iter::repeat(()));
    /// assert!(clock.get_delayed_calls().is_empty());
    /// cooperator.start();
    /// assert_eq!(clock.get_delayed_calls().len(), 1);
    /// ```
    pub fn start(&self) {
        self.inner.phase.set(Phase::Running);
        self.inner.schedule_slice();
    }

    /// Stops all tasks: what waits for them fails with a
    /// [`SchedulerStopped`]. One that is paused is stopped when it is resumed.
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// use reactor_compat::task::{Cooperator, SchedulerStopped};
    ///
    /// let cooperator = Cooperator::new();
    /// let done = cooperator.coiterate(std::iter::repeat(()));
    /// cooperator.stop();
    /// assert!(failure_result_of(done).is::<SchedulerStopped>());
    /// ```
    pub fn stop(&self) {
        self.inner.phase.set(Phase::Stopped);
        let tasks = self.inner.tasks.take();
        self.inner.turn.set(0);
        self.inner.cancel_slice();
        for task in tasks {
            task.stop_with(SchedulerStopped);
        }
    }

    /// Whether it runs tasks, if it has any.
    ///
    /// ```
    /// let cooperator = reactor_compat::task::Cooperator::new();
    /// cooperator.stop();
    /// assert!(!cooperator.running());
    /// ```
    pub fn running(&self) -> bool {
        self.inner.phase.get() == Phase::Running
    }
}

impl Inner {
    /// Takes a task in; it is the last in line.
    pub(super) fn add(self: &Rc<Self>, task: &Rc<Task>) {
        if self.phase.get() == Phase::Stopped {
            return task.stop_with(SchedulerStopped);
        }
        self.tasks.borrow_mut().push(task.clone());
        self.schedule_slice();
    }

    /// Lets a task go, if it is here.
    ///
    /// The next one to run stays an index, as in Twisted: if one from before it
    /// goes, the next one is passed over this time.
    pub(super) fn remove(&self, task: &Rc<Task>) {
        let mut tasks = self.tasks.borrow_mut();
        let place = tasks.iter().position(|other| Rc::ptr_eq(other, task));
        let removed = place.map(|place| tasks.remove(place));
        let none_left = tasks.is_empty();
        drop(tasks);
        if removed.is_some() && none_left {
            self.cancel_slice();
        }
    }

    fn next(&self) -> Option<Rc<Task>> {
        let tasks = self.tasks.borrow();
        let turn = if self.turn.get() < tasks.len() { self.turn.get() } else { 0 };
        let task = tasks.get(turn)?;
        self.turn.set(turn + 1);
        Some(task.clone())
    }

    fn schedule_slice(self: &Rc<Self>) {
        let is_scheduled = self.next_slice.borrow().is_some();
        let has_work = !self.tasks.borrow().is_empty();
        if self.phase.get() == Phase::Running && has_work && !is_scheduled {
            let inner = self.clone();
            let scheduler = self.scheduler.borrow().clone();
            let call = scheduler(Box::new(move || inner.run_slice()));
            self.next_slice.replace(Some(call));
        }
    }

    fn cancel_slice(&self) {
        if let Some(call) = self.next_slice.take() {
            // It is pending: otherwise it would have been taken away.
            let _ = call.cancel();
        }
    }

    fn run_slice(self: &Rc<Self>) {
        drop(self.next_slice.take());
        let slices = self.slices.borrow().clone();
        let mut over = slices();
        while let Some(task) = self.next() {
            task.step();
            let is_over = guard::catch(&mut over);
            if is_over.unwrap_or_else(|panicked| {
                guard::log("a termination predicate", &panicked);
                true
            }) {
                break;
            }
        }
        self.schedule_slice();
    }
}

impl Default for Cooperator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cooperator")
            .field("phase", &self.inner.phase.get())
            .field("tasks", &self.inner.tasks.borrow().len())
            .finish_non_exhaustive()
    }
}

/// The cooperator of a reactor. What it has to do keeps it; one that has nothing
/// to do is as good as a new one.
#[derive(Default)]
struct ReactorsOwn(RefCell<Weak<Inner>>);

impl Extension for ReactorsOwn {}

/// The cooperator of the thread's reactor.
fn own() -> Cooperator {
    let own = reactor().extension::<ReactorsOwn>();
    let known = own.0.borrow().upgrade();
    known.map_or_else(
        || {
            let made = Cooperator::new();
            own.0.replace(Rc::downgrade(&made.inner));
            made
        },
        |inner| Cooperator { inner },
    )
}

/// [`Cooperator::cooperate`] of the thread's own cooperator, which runs on the
/// thread's reactor.
///
/// ```
/// use reactor_compat::{reactor, task::cooperate};
///
/// let count = cooperate((0..1_000).map(|n| drop(n * n)));
/// let _stopped = count.when_done().add_callback(|()| Ok(reactor().stop()?));
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
pub fn cooperate<I>(iterator: I) -> CooperativeTask
where
    I: Iterator<Item: CallbackResult> + 'static,
{
    own().cooperate(iterator)
}

/// [`Cooperator::coiterate`] of the thread's own cooperator, which runs on the
/// thread's reactor.
///
/// ```
/// use reactor_compat::{reactor, task::coiterate};
///
/// let done = coiterate((0..1_000).map(|n| drop(n * n)));
/// let _stopped = done.add_callback(|_iterator| Ok(reactor().stop()?));
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[track_caller]
pub fn coiterate<I>(iterator: I) -> Deferred<I>
where
    I: Iterator<Item: CallbackResult> + 'static,
{
    own().coiterate(iterator)
}
