//! [`Turn`]: one round of a reactor's main loop.
//!
//! Mirrors `runUntilCurrent` and `mainLoop` of
//! `twisted.internet.base.ReactorBase`. Tested in `tests/runtime/reactor.rs`.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::remote::{RemoteCall, WHILE_CALLING};
use super::signals::Signal;
use super::{Core, Reactor};
use crate::guard;

/// How many calls from other threads are made in a turn: about as many tasks as
/// Tokio runs before it looks at its sockets.
const REMOTE_CALLS_PER_TURN: usize = 64;

/// The words in the log for a delayed call that fails.
pub(super) const WHILE_HANDLING: &str = "while handling timed call";

/// How many signals are handled in a turn.
const SIGNALS_PER_TURN: usize = 16;

/// The rounds of a run: one each time that it is woken.
pub(super) struct Turn<'a> {
    core: &'a Rc<Core>,
    alarm: Option<Alarm>,
    /// The calls from other threads that this turn makes; empty in between.
    batch: VecDeque<RemoteCall>,
}

/// Tokio's timer, for the delayed call that is due next.
struct Alarm {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(core: &'a Rc<Core>) -> Self {
        Self { core, alarm: None, batch: VecDeque::new() }
    }

    /// Takes a turn; ready when there are to be no more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match guard::catch(|| self.take(cx)) {
            Ok(over) => over,
            Err(failure) => {
                crate::log::err(failure, "Unexpected error in main loop");
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn take(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Nobody need wake it while it is at work.
        drop(self.core.waker.take());
        // Those that were started while nothing ran.
        deferred::adopt_coroutines();
        self.handle_signals(cx);
        self.run_remote_calls();
        self.run_due_calls();
        if self.core.just_stopped.take() {
            self.core.fire_shutdown();
        }
        if !self.core.phase.get().turns() {
            return Poll::Ready(());
        }
        self.set_alarm(cx);
        self.core.waker.set(Some(cx.waker().clone()));
        if self.core.mailbox.set_waker(cx.waker()) || self.core.just_stopped.get() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn handle_signals(&self, cx: &mut Context<'_>) {
        for _ in 0..SIGNALS_PER_TURN {
            let came = match &mut *self.core.signals.borrow_mut() {
                Some(streams) => streams.poll(cx),
                None => return,
            };
            let Poll::Ready(signal) = came else { return };
            if !self.core.handlers.handle(signal) {
                self.core.stop_on(signal);
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Makes calls that other threads have sent. Those that are left wait for
    /// the next turn, behind timers and sockets: threads that send without pause
    /// must not keep the reactor to themselves.
    fn run_remote_calls(&mut self) {
        self.core.mailbox.collect(&mut self.batch, REMOTE_CALLS_PER_TURN);
        while let Some(call) = self.batch.pop_front() {
            self.core.run_remote_call(call);
        }
    }

    /// Makes the calls that are due now: what they schedule for at once waits
    /// until others have had their turn.
    fn run_due_calls(&self) {
        if self.core.timers.is_empty() {
            return;
        }
        for call in self.core.timers.drain_due() {
            guard::run_logged(WHILE_HANDLING, call);
        }
    }

    fn set_alarm(&mut self, cx: &mut Context<'_>) {
        let Some(due) = self.core.timers.look_at() else { return };
        if self.core.epoch.has_come(due) {
            return cx.waker().wake_by_ref();
        }
        let Some(at) = self.core.epoch.moment(due) else { return };
        let alarm =
            self.alarm.get_or_insert_with(|| Alarm { at, sleep: Box::pin(sleep_until(at)) });
        if alarm.at != at {
            alarm.at = at;
            alarm.sleep.as_mut().reset(at);
        }
        if alarm.sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl Core {
    /// Makes calls that other threads have sent.
    pub(super) fn run_remote_calls(self: &Rc<Self>, mut calls: VecDeque<RemoteCall>) {
        while let Some(call) = calls.pop_front() {
            self.run_remote_call(call);
        }
    }

    fn run_remote_call(self: &Rc<Self>, call: RemoteCall) {
        match call {
            RemoteCall::Run(call) => {
                let reactor = Reactor { core: self.clone() };
                guard::run_logged(WHILE_CALLING, || call(&reactor));
            }
            RemoteCall::Complete(number, sent) => self.complete(number, Some(sent)),
            // Whoever stopped it before was faster.
            RemoteCall::Stop => drop(self.stop()),
        }
    }

    /// A signal came that has no handler.
    fn stop_on(&self, signal: Signal) {
        tracing::info!("Received {signal}, shutting down.");
        self.stop();
    }
}
