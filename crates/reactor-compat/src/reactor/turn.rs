//! [`Turn`]: one round of a reactor's main loop.
//!
//! Mirrors `runUntilCurrent` and `mainLoop` of
//! `twisted.internet.base.ReactorBase`. Tested in `tests/runtime/reactor.rs`.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Core;
use super::remote::RemoteCall;
use super::signals::Signal;
use crate::guard;

/// The rounds of a run: one each time that it is woken.
pub(super) struct Turn<'a> {
    core: &'a Rc<Core>,
    alarm: Option<Alarm>,
    /// An empty queue, to be given for a full one.
    spare: VecDeque<RemoteCall>,
}

/// Tokio's timer, for the delayed call that is due next.
struct Alarm {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(core: &'a Rc<Core>) -> Self {
        Self { core, alarm: None, spare: VecDeque::new() }
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
        loop {
            let came = match &mut *self.core.signals.borrow_mut() {
                Some(streams) => streams.poll(cx),
                None => return,
            };
            let Poll::Ready(signal) = came else { return };
            if !self.core.handlers.handle(signal) {
                self.core.stop_on(signal);
            }
        }
    }

    /// Makes the calls that other threads have sent until now.
    fn run_remote_calls(&mut self) {
        let calls = self.core.mailbox.collect(mem::take(&mut self.spare));
        self.spare = self.core.run_remote_calls(calls);
    }

    /// Makes the calls that are due now: what they schedule for at once waits
    /// until others have had their turn.
    fn run_due_calls(&self) {
        if self.core.timers.is_empty() {
            return;
        }
        for call in self.core.timers.drain_due() {
            guard::run_logged("while handling timed call", call);
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
    /// Makes the calls that other threads have sent; gives the queue back,
    /// empty.
    pub(super) fn run_remote_calls(&self, mut calls: VecDeque<RemoteCall>) -> VecDeque<RemoteCall> {
        for call in calls.drain(..) {
            match call {
                RemoteCall::Run(call) => guard::run_logged("while calling from thread", call),
                RemoteCall::Complete(number, sent) => self.complete(number, Some(sent)),
                // Whoever stopped it before was faster.
                RemoteCall::Stop => drop(self.stop()),
            }
        }
        calls
    }

    /// A signal came that has no handler.
    fn stop_on(&self, signal: Signal) {
        tracing::info!("Received {signal}, shutting down.");
        self.stop();
    }
}
