//! [`Lifecycle`]: the starts and the stops of one service, each against each.
//!
//! Tested in `tests/services/model.rs`, which goes through all orders of events.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use deferred::time::{DelayedCall, ReactorTime};
use deferred::{CancelHandle, Deferred, Failure, Trigger, ensure_deferred, maybe_deferred};

use super::{Service, ServiceError};
use crate::clock_handle::ClockHandle;
use crate::waiters::Waiters;

/// How far a service is.
///
/// ```text
/// Down ──privileged start──▶ Bound ──start──▶ Up
///  ▲────────────stop───────────┴───────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Down,
    Bound,
    Up,
}

/// A service, how far it is, and how far it is to be.
pub(super) struct Lifecycle {
    service: Rc<dyn Service>,
    name: String,
    clock: ClockHandle,
    /// After how long it is said that it is slow.
    slow: Duration,
    level: Cell<Level>,
    wish: Cell<Level>,
    /// It has to go down first: it was told to stop, or did not start.
    falling: Cell<bool>,
    /// Something was started, so it has to be stopped.
    touched: Cell<bool>,
    /// Whether the task that sees to all this is there.
    busy: Cell<bool>,
    /// The start that is going on, to be given up.
    starting: RefCell<Option<CancelHandle>>,
    failure: RefCell<Option<Failure>>,
    /// Those who wait for it to be up.
    up: RefCell<Vec<(Level, Trigger<()>)>>,
    /// Those who waited in vain, and hear of it when it is down.
    doomed: RefCell<Vec<Trigger<()>>>,
    /// Those who wait for it to be down.
    down: Waiters<()>,
}

impl Lifecycle {
    pub(super) fn new(
        service: Rc<dyn Service>,
        name: String,
        clock: ClockHandle,
        slow: Duration,
    ) -> Rc<Self> {
        Rc::new(Self {
            service,
            name,
            clock,
            slow,
            level: Cell::new(Level::Down),
            wish: Cell::new(Level::Down),
            falling: Cell::new(false),
            touched: Cell::new(false),
            busy: Cell::new(false),
            starting: RefCell::default(),
            failure: RefCell::default(),
            up: RefCell::default(),
            doomed: RefCell::default(),
            down: Waiters::default(),
        })
    }

    pub(super) fn level(&self) -> Level {
        self.level.get()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn service(&self) -> &Rc<dyn Service> {
        &self.service
    }

    /// Whether it stands still.
    pub(super) fn settled(&self) -> bool {
        !self.busy.get()
    }

    /// Starts it as far as that. Cancelling the Deferred gives the start up.
    pub(super) fn raise(self: &Rc<Self>, level: Level) -> Deferred<()> {
        if self.level.get() >= level && !self.falling.get() && self.starts_or_rests() {
            return Deferred::succeed(());
        }
        let giving_up = Rc::downgrade(self);
        let (raised, trigger) = Deferred::with_canceller(move |_: &Trigger<()>| {
            if let Some(lifecycle) = giving_up.upgrade() {
                lifecycle.give_up();
                lifecycle.work();
            }
        });
        self.up.borrow_mut().push((level, trigger));
        self.wish.set(self.wish.get().max(level));
        self.work();
        raised
    }

    /// Whether it is not being stopped just now.
    fn starts_or_rests(&self) -> bool {
        self.settled() || self.starting.borrow().is_some()
    }

    /// Stops it. Cancelling the Deferred ends the waiting alone.
    pub(super) fn lower(self: &Rc<Self>) -> Deferred<()> {
        if self.settled() && self.level.get() == Level::Down {
            return Deferred::succeed(());
        }
        let waiting = Rc::downgrade(self);
        let lowered = self.down.add(move |number, _| {
            drop(waiting.upgrade().and_then(|lifecycle| lifecycle.down.remove(number)));
        });
        self.give_up();
        self.work();
        lowered
    }

    /// It is to go down; what is being started is given up.
    fn give_up(&self) {
        self.fall();
        let starting = self.starting.borrow().clone();
        if let Some(starting) = starting {
            starting.cancel();
        }
    }

    fn fall(&self) {
        self.wish.set(Level::Down);
        self.falling.set(true);
        let waiting = self.up.take();
        self.doomed.borrow_mut().extend(waiting.into_iter().map(|(_, trigger)| trigger));
    }

    /// Has a task see to it.
    fn work(self: &Rc<Self>) {
        if self.busy.replace(true) {
            return;
        }
        let task = Task(self.clone());
        // It ends by itself, and does not fail.
        drop(ensure_deferred(async move {
            while task.0.step().await {}
            Ok(())
        }));
    }

    /// What it gave when it was stopped can never be fired any more: that has failed. (A
    /// start can still be cancelled, so it is waited for.)
    #[cold]
    fn forgotten(self: &Rc<Self>) {
        self.busy.set(false);
        if self.starting.take().is_some() {
            self.fall();
        } else {
            self.tell_of_end(Err(Failure::new(ServiceError::Forgotten)));
        }
        self.work();
    }

    /// Whether what it starts is to be given up.
    pub(super) fn falls(&self) -> bool {
        self.falling.get()
    }

    /// One step; whether there may be another.
    async fn step(self: &Rc<Self>) -> bool {
        if self.falling.replace(false) {
            self.level.set(Level::Down);
            let stopped = if self.touched.replace(false) { self.stop().await } else { Ok(()) };
            self.tell_of_end(stopped);
            return true;
        }
        if self.level.get() < self.wish.get() {
            self.start(self.level.get()).await;
            return true;
        }
        self.busy.set(false);
        false
    }

    async fn start(self: &Rc<Self>, level: Level) {
        self.touched.set(true);
        let service = self.service.clone();
        let (starting, reached) = match level {
            Level::Down => (maybe_deferred(|| service.privileged_start_service()), Level::Bound),
            _ => (maybe_deferred(|| service.start_service()), Level::Up),
        };
        *self.starting.borrow_mut() = Some(starting.cancel_handle());
        // It may have been told to stop while it was called.
        if self.falling.get() {
            starting.cancel();
        }
        let started = self.watched(starting, "start").await;
        self.starting.borrow_mut().take();
        match started {
            Ok(()) => {
                self.level.set(reached);
                self.tell_of_level(reached);
            }
            // One that was given up fails for that.
            Err(_) if self.falling.get() => {}
            Err(failure) => {
                *self.failure.borrow_mut() = Some(failure);
                self.fall();
            }
        }
    }

    async fn stop(self: &Rc<Self>) -> Result<(), Failure> {
        let service = self.service.clone();
        let stopping = maybe_deferred(|| service.stop_service());
        self.watched(stopping, "stop").await
    }

    /// Tells those who waited for no more than that.
    fn tell_of_level(&self, level: Level) {
        let (done, rest): (Vec<_>, _) =
            self.up.take().into_iter().partition(|(wanted, _)| *wanted <= level);
        self.up.borrow_mut().extend::<Vec<_>>(rest);
        tell(done.into_iter().map(|(_, trigger)| trigger).collect(), &Ok(()));
    }

    /// It is down: tells those who wanted that, and those who wanted it up.
    fn tell_of_end(&self, stopped: Result<(), Failure>) {
        let failure = self.failure.take();
        let failure = failure.unwrap_or_else(|| Failure::new(ServiceError::GivenUp));
        let unheard = self.down.is_empty();
        let (doomed, down) = (self.doomed.take(), self.down.take());
        if let (Err(failure), true) = (&stopped, unheard) {
            crate::log::err(failure.clone(), &format!("`{}` did not stop", self.name));
        }
        tell(doomed, &Err(failure));
        down.notify(&stopped);
    }

    /// Waits for it, and says so in the log, again and again, while it is slow.
    async fn watched(
        self: &Rc<Self>,
        waiting: Deferred<()>,
        what: &'static str,
    ) -> Result<(), Failure> {
        let mut waiting = waiting;
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut waiting).poll(cx))).await;
        if let Poll::Ready(result) = first {
            return result;
        }
        let watch = self.watch(what);
        let result = waiting.await;
        drop(watch);
        result
    }

    /// Says so in the log, again and again, while the service is slow.
    fn watch(self: &Rc<Self>, what: &'static str) -> Watch {
        let call = Rc::new(RefCell::new(None));
        remind(self, what, Duration::ZERO, &call);
        Watch(call)
    }
}

/// The task that sees to a service. It is let go before its end when it waits for what can
/// never be fired.
struct Task(Rc<Lifecycle>);

impl Drop for Task {
    fn drop(&mut self) {
        if !self.0.settled() {
            self.0.forgotten();
        }
    }
}

/// The reminder of a service that is slow, until it is dropped.
struct Watch(Rc<RefCell<Option<DelayedCall>>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            // It may be running.
            let _ = call.cancel();
        }
    }
}

fn remind(
    lifecycle: &Rc<Lifecycle>,
    what: &'static str,
    passed: Duration,
    call: &Rc<RefCell<Option<DelayedCall>>>,
) {
    let (lifecycle, again) = (lifecycle.clone(), Rc::downgrade(call));
    let (clock, slow) = (lifecycle.clock.clone(), lifecycle.slow);
    let reminder = clock.call_later(slow, move || {
        let passed = passed.saturating_add(slow);
        tracing::warn!("`{}` takes its time to {what}: {passed:?} by now", lifecycle.name);
        if let Some(call) = again.upgrade() {
            remind(&lifecycle, what, passed, &call);
        }
    });
    *call.borrow_mut() = Some(reminder);
}

/// Gives all of them a result; those that were cancelled do not want it.
fn tell(waiting: Vec<Trigger<()>>, result: &Result<(), Failure>) {
    for trigger in waiting {
        let _ = match result {
            Ok(()) => trigger.callback(()),
            Err(failure) => trigger.errback(failure.clone()),
        };
    }
}
