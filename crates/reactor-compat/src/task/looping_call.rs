//! [`LoopingCall`]: calls a function every so often.
//!
//! Mirrors `twisted.internet.task.LoopingCall`. Tested in
//! `tests/runtime/looping_call.rs`, and trace by trace against Twisted by the
//! conformance programs of family `clock`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{DelayedCall, ReactorTime};
use deferred::{CallbackResult, Deferred, Failure, Outcome, Trigger};

use super::error::{LoopAlreadyRunning, LoopNotRunning};
use super::intervals::Intervals;
use crate::clock_handle::ClockHandle;
use crate::guard;
use crate::reactor::reactor;

/// Calls a function every so often, until it is stopped or the function fails.
///
/// The calls are made on the beat: at the start, and whole intervals after it.
/// A beat that comes while a call is under way, or while nobody looks at the
/// clock, is left out, and the next call waits for the beat after it. If the
/// function returns a Deferred, the call is under way until that has its
/// result.
///
/// A `LoopingCall` is a handle; clones are of the same loop. A loop that runs
/// goes on when its handles are dropped; it and its clock keep each other until
/// it is stopped.
///
/// # Cancellation
///
/// Cancelling the Deferred that [`start`](Self::start) gives does not stop the
/// loop; [`stop`](Self::stop) does. A Deferred that the function returned is
/// not cancelled when the loop stops: it is waited for.
///
/// # Re-entrancy
///
/// All methods may be called from inside the function. If it stops its loop
/// and starts it again, to be called at once, that call is made when it has
/// returned; the run before ends with its own Deferred.
///
/// Mirrors `twisted.internet.task.LoopingCall`.
///
/// ```
/// use reactor_compat::task::{Clock, LoopingCall};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let clock = Clock::new();
/// let ticks = Rc::new(Cell::new(0));
/// let count = ticks.clone();
/// let looping = LoopingCall::new(move || count.set(count.get() + 1)).clock(&clock);
///
/// let stopped = looping.start(Duration::from_secs(1), true);
/// assert_eq!(ticks.get(), 1);
/// clock.pump([Duration::from_secs(1); 2]);
/// assert_eq!(ticks.get(), 3);
///
/// looping.stop()?;
/// assert!(stopped.has_result());
/// # Ok::<(), reactor_compat::task::LoopNotRunning>(())
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.LoopingCall")]
pub struct LoopingCall {
    inner: Rc<Inner>,
}

type Function = Box<dyn FnMut(u64) -> Outcome<()>>;

struct Inner {
    /// Out while it is being called.
    function: RefCell<Option<Function>>,
    /// Whether the function wants to know how many beats there were.
    counts: bool,
    /// When it was last told, which outlasts a run.
    counted: Cell<Option<Duration>>,
    clock: RefCell<ClockHandle>,
    /// The run under way; not one that was stopped in the middle of a call.
    run: RefCell<Option<Rc<Run>>>,
    /// Runs that are to make a call when the one being made has returned.
    queued: RefCell<VecDeque<Rc<Run>>>,
}

/// The state of a loop from one start to its stop.
struct Run {
    stopped: Trigger<LoopingCall>,
    beats: Cell<Intervals>,
    at_start: bool,
    state: Cell<State>,
}

/// The states of a run.
///
/// ```text
///            ┌───────────── returned ─────────────┐
///            ▼                                    │
/// start ─▶ Waiting ──────── its time ──────▶ Calling ──failed──▶ Ended
///            │                                    │               ▲
///            │                                  stop              │
///            │                                    ▼               │
///            │                                Stopping ──returned─┤
///            └──────────── stop ──────────────────────────────────┘
/// ```
#[derive(Default)]
enum State {
    /// For its next call.
    Waiting(DelayedCall),
    /// A call is under way.
    Calling,
    /// A call is under way, and is to be the last.
    Stopping,
    #[default]
    Ended,
}

impl LoopingCall {
    /// A loop that calls `function`, on the thread's reactor unless it is given
    /// another [`clock`](Self::clock).
    ///
    /// The function may return what a callback may: `()`, a `Result`, whose
    /// error ends the loop, or a `Deferred`; a value is ignored.
    ///
    /// ```
    /// use reactor_compat::task::LoopingCall;
    ///
    /// assert!(!LoopingCall::new(|| ()).running());
    /// ```
    pub fn new<R: CallbackResult>(mut function: impl FnMut() -> R + 'static) -> Self {
        Self::of(false, Box::new(move |_| ignore_value(function())))
    }

    /// A loop that tells its function how many beats there were since the call
    /// before, this one included.
    ///
    /// The count is one unless calls were left out; with an interval of zero it
    /// is always one. Where it would be zero, right after a
    /// [`reset`](Self::reset), there is no call.
    ///
    /// ```
    /// use reactor_compat::task::{Clock, LoopingCall};
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    ///
    /// let clock = Clock::new();
    /// let frames = Rc::new(Cell::new(0));
    /// let shown = frames.clone();
    /// let animation = LoopingCall::with_count(move |count| shown.set(count)).clock(&clock);
    /// let _stopped = animation.start(Duration::from_secs(1), true);
    /// assert_eq!(frames.get(), 1);
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(frames.get(), 5);
    /// ```
    #[doc(alias = "withCount")]
    pub fn with_count<R: CallbackResult>(mut function: impl FnMut(u64) -> R + 'static) -> Self {
        Self::of(true, Box::new(move |count| ignore_value(function(count))))
    }

    fn of(counts: bool, function: Function) -> Self {
        let inner = Inner {
            function: RefCell::new(Some(function)),
            counts,
            counted: Cell::new(None),
            clock: RefCell::new(ClockHandle::from(&reactor())),
            run: RefCell::default(),
            queued: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Goes by `clock` instead of the thread's reactor; set it before the
    /// [`start`](Self::start).
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, LoopingCall}};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let _stopped = LoopingCall::new(|| ()).clock(&clock).start(Duration::from_secs(1), true);
    /// assert_eq!(clock.get_delayed_calls().len(), 1);
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        let before = self.inner.clock.replace(clock.into());
        drop(before);
        self
    }

    /// Starts: calls the function now, or if not `now`, one `interval` from
    /// now, and so on. With an interval of zero it is called again as soon as
    /// its clock gets to it.
    ///
    /// The Deferred fires with the loop when that is stopped, and fails with
    /// the function's error when the function fails.
    ///
    /// # Errors
    ///
    /// The Deferred fails with [`LoopAlreadyRunning`] if it is running; the
    /// loop goes on as it was.
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// use reactor_compat::task::{Clock, LoopingCall};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let mut numbers = ["1", "2", "three"].into_iter().cycle();
    /// let parse = LoopingCall::new(move || Ok(numbers.next().unwrap_or("").parse::<i32>()?));
    /// let stopped = parse.clock(&clock).start(Duration::from_secs(60), false);
    /// clock.pump([Duration::from_secs(60); 3]);
    /// assert!(failure_result_of(stopped).is::<std::num::ParseIntError>());
    /// ```
    #[track_caller]
    pub fn start(&self, interval: Duration, now: bool) -> Deferred<Self> {
        if self.running() {
            return Deferred::fail(LoopAlreadyRunning);
        }
        let (deferred, stopped) = Deferred::new();
        let start = self.inner.now();
        let beats = Cell::new(Intervals { start, interval });
        let run = Run { stopped, beats, at_start: now, state: Cell::new(State::Calling) };
        let run = Rc::new(run);
        self.inner.run.replace(Some(run.clone()));
        if now {
            self.inner.call(run);
        } else {
            self.inner.schedule(run, start);
        }
        deferred
    }

    /// Stops: the Deferred from [`start`](Self::start) fires now, or if a call
    /// is under way, when that has ended.
    ///
    /// # Errors
    ///
    /// [`LoopNotRunning`] if it is not running.
    ///
    /// ```
    /// use reactor_compat::task::{Clock, LoopingCall};
    /// use std::time::Duration;
    ///
    /// let looping = LoopingCall::new(|| ()).clock(&Clock::new());
    /// let stopped = looping.start(Duration::from_secs(1), true);
    /// looping.stop()?;
    /// assert!(stopped.has_result() && !looping.running());
    /// # Ok::<(), reactor_compat::task::LoopNotRunning>(())
    /// ```
    pub fn stop(&self) -> Result<(), LoopNotRunning> {
        let run = self.inner.run.take().ok_or(LoopNotRunning)?;
        match run.state.take() {
            State::Waiting(call) => {
                // It is pending: otherwise a call would be under way.
                let _ = call.cancel();
                self.inner.end(&run, Ok(()));
            }
            State::Calling | State::Stopping | State::Ended => run.state.set(State::Stopping),
        }
        Ok(())
    }

    /// Leaves out the next beat: the next call is one interval from now, and
    /// the others follow that. Nothing happens while a call is under way.
    ///
    /// # Errors
    ///
    /// [`LoopNotRunning`] if it is not running.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, LoopingCall}};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let keep_alive = LoopingCall::new(|| ()).clock(&clock);
    /// let _stopped = keep_alive.start(Duration::from_secs(10), false);
    /// clock.advance(Duration::from_secs(4));
    /// keep_alive.reset()?;
    /// assert_eq!(clock.get_delayed_calls()[0].get_time(), Duration::from_secs(14));
    /// # Ok::<(), reactor_compat::task::LoopNotRunning>(())
    /// ```
    pub fn reset(&self) -> Result<(), LoopNotRunning> {
        let run = self.inner.run.borrow().clone().ok_or(LoopNotRunning)?;
        match run.state.take() {
            State::Waiting(call) => {
                // As in `stop`.
                let _ = call.cancel();
                let start = self.inner.now();
                run.beats.set(Intervals { start, ..run.beats.get() });
                self.inner.schedule(run, start);
            }
            under_way => run.state.set(under_way),
        }
        Ok(())
    }

    /// Sets the interval, while it is running. The call that is scheduled comes
    /// when it would have come; from then on calls are made whole new intervals
    /// after the start. To have the new interval begin now,
    /// [`reset`](Self::reset) it.
    ///
    /// # Errors
    ///
    /// [`LoopNotRunning`] if it is not running.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, LoopingCall}};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let poll = LoopingCall::new(|| ()).clock(&clock);
    /// let _stopped = poll.start(Duration::from_secs(10), false);
    /// poll.set_interval(Duration::from_secs(3))?;
    /// let next = || clock.get_delayed_calls()[0].get_time().as_secs();
    /// assert_eq!(next(), 10);
    /// clock.advance(Duration::from_secs(10));
    /// assert_eq!(next(), 12);
    /// # Ok::<(), reactor_compat::task::LoopNotRunning>(())
    /// ```
    pub fn set_interval(&self, interval: Duration) -> Result<(), LoopNotRunning> {
        let run = self.inner.run.borrow();
        let beats = &run.as_ref().ok_or(LoopNotRunning)?.beats;
        beats.set(Intervals { interval, ..beats.get() });
        Ok(())
    }

    /// Whether the function is being called, or going to be.
    ///
    /// It is not any more when the Deferred from [`start`](Self::start) fires,
    /// nor after a [`stop`](Self::stop), though a call may still be under way.
    ///
    /// ```
    /// use reactor_compat::task::{Clock, LoopingCall};
    /// use std::time::Duration;
    ///
    /// let looping = LoopingCall::new(|| ()).clock(&Clock::new());
    /// let _stopped = looping.start(Duration::from_secs(1), true);
    /// assert!(looping.running());
    /// ```
    pub fn running(&self) -> bool {
        self.inner.run.borrow().is_some()
    }

    /// The interval, while it is running.
    ///
    /// ```
    /// assert_eq!(reactor_compat::task::LoopingCall::new(|| ()).interval(), None);
    /// ```
    pub fn interval(&self) -> Option<Duration> {
        Some(self.inner.run.borrow().as_ref()?.beats.get().interval)
    }
}

fn ignore_value<R: CallbackResult>(returned: R) -> Outcome<()> {
    match returned.into_outcome() {
        Outcome::Done(result) => Outcome::Done(result.map(drop)),
        Outcome::Wait(deferred) => Outcome::Wait(deferred.add_callback(drop)),
    }
}

impl Inner {
    fn now(&self) -> Duration {
        let clock = self.clock.borrow().clone();
        clock.seconds()
    }

    /// Has `run` make its next call on the first beat after `now`.
    fn schedule(self: &Rc<Self>, run: Rc<Run>, now: Duration) {
        let delay = run.beats.get().until_next(now);
        let (inner, its) = (self.clone(), run.clone());
        let clock = self.clock.borrow().clone();
        let call = clock.call_later_boxed(delay, Box::new(move || inner.call(its)));
        run.state.set(State::Waiting(call));
    }

    /// Has `run` make a call, now or when the one being made has returned.
    fn call(self: &Rc<Self>, run: Rc<Run>) {
        run.state.set(State::Calling);
        let mut next = Some(run);
        while let Some(run) = next {
            let Some(function) = self.function.take() else {
                return self.queued.borrow_mut().push_back(run);
            };
            self.call_function(function, run);
            next = self.queued.borrow_mut().pop_front();
        }
    }

    fn call_function(self: &Rc<Self>, mut function: Function, run: Rc<Run>) {
        let outcome = match self.count(&run) {
            0 => Outcome::Done(Ok(())),
            count => guard::catch(|| function(count))
                .unwrap_or_else(|panicked| Outcome::Done(Err(panicked))),
        };
        self.function.replace(Some(function));
        match outcome {
            Outcome::Done(result) => self.returned(run, result),
            Outcome::Wait(deferred) => {
                let inner = self.clone();
                drop(deferred.add_both(move |result| inner.returned(run, result)));
            }
        }
    }

    /// How many beats the call is for; none, if it is not to be made.
    fn count(&self, run: &Run) -> u64 {
        let state = run.state.take();
        let stopped = !matches!(state, State::Calling);
        run.state.set(state);
        if stopped {
            return 0; // while it was queued
        }
        if !self.counts {
            return 1;
        }
        let now = self.now();
        let count = run.beats.get().since(self.counted.get(), run.at_start, now);
        if count > 0 {
            self.counted.set(Some(now));
        }
        count
    }

    /// A call has ended.
    fn returned(self: &Rc<Self>, run: Rc<Run>, result: Result<(), Failure>) {
        match (run.state.take(), result) {
            (State::Calling, Ok(())) => {
                let now = self.now();
                self.schedule(run, now);
            }
            (State::Calling, failed) => {
                drop(self.run.take());
                self.end(&run, failed);
            }
            (State::Stopping | State::Waiting(_) | State::Ended, result) => self.end(&run, result),
        }
    }

    fn end(self: &Rc<Self>, run: &Run, result: Result<(), Failure>) {
        // Nobody else fires it, though it may have been cancelled.
        let _ = run.stopped.fire(result.map(|()| LoopingCall { inner: self.clone() }));
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopingCall").field("interval", &self.interval()).finish_non_exhaustive()
    }
}
