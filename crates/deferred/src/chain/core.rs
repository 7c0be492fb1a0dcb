//! The control block of a chain: all that belongs to it as a whole.
//!
//! Mirrors the attributes of `twisted.internet.defer.Deferred`. Tested in
//! `tests/chains/deferred.rs` and `tests/memory`.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::Waker;

use super::liveness::is_unwanted;
use super::pipeline::PipelineCell;
use super::{Part, drop_later, leave_line, lost_holder};
use crate::cancel_handle::CancelHandle;
use crate::coroutine::Task;
use crate::debug::DebugInfo;
use crate::error::AlreadyCalledError;
use crate::{stderr, unfired, unhandled};

/// State of a chain.
///
/// ```text
///             fire            run a callback
///   Unfired ────────▶ Idle ─────────────────▶ Running
///                      ▲ ▲    it returned         │
///                      │ └────────────────────────┤
///                      │                          │ it returned a Deferred
///                      │  which has its result    ▼ without a result
///                      └────────────────────── Waiting
/// ```
///
/// A pause is no phase: it holds a chain in `Idle`, and can begin in any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Neither called nor cancelled.
    Unfired,
    /// Has a result, and runs no callback now.
    Idle,
    /// A callback is on the stack, or a chain that the callback fed.
    Running,
    /// The result is what `upstream` will give.
    Waiting,
}

/// Target of a cancellation.
#[derive(Default)]
pub(crate) enum Upstream {
    /// None: cancelling fires the chain with a `CancelledError`.
    #[default]
    Nobody,
    /// The canceller that the maker of the Deferred gave.
    Canceller(Box<dyn FnOnce()>),
    /// A canceller that is running.
    Cancelling,
    /// The Deferreds that a list or a race looks at.
    Members(Members),
    /// The coroutine whose result this is; it passes it to what it awaits.
    Task(Weak<Task>),
    /// The chain that a callback returned; in phase `Waiting`.
    Chain(Rc<Core>),
    /// The line that the chain stands in, and leaves when it is cancelled or when
    /// nobody can take its result any more; in phase `Unfired`.
    Line { line: Weak<dyn Line>, number: u32 },
    /// The place that the result goes back to; with [`IfUnread::Returned`].
    Origin { origin: Weak<dyn Origin>, number: u32 },
}

/// A line of chains that wait to be fired, each under a number of its own.
pub(crate) trait Line {
    /// Takes one out, without firing it.
    fn leave(&self, number: u32);

    /// Takes one out and calls its canceller, if it has one.
    fn cancel(&self, number: u32);
}

/// The place that a result goes back to if nobody takes it: a lock, a queue.
pub(crate) trait Origin {
    /// Takes back what it gave out under `number`; `value` is an `Option` of
    /// its type.
    fn take_back(self: Rc<Self>, number: u32, value: &mut dyn Any);
}

/// The members of a list or a race, to be cancelled with it.
#[derive(Clone)]
pub(crate) struct Members {
    pub(crate) handles: Rc<[CancelHandle]>,
    /// Whether the chain then fails by itself, or waits for what its members
    /// make of it.
    pub(crate) fails: bool,
}

/// Receiver of the result when the last callback has run.
#[derive(Default)]
pub(crate) enum Waiter {
    /// None yet: the result stays until a callback is added.
    #[default]
    Nobody,
    /// A chain one of whose callbacks returned this one.
    Chain(Rc<Core>),
    /// A coroutine that awaits it: resumed at once.
    Task(Rc<Task>),
    /// A future of another executor.
    Waker(Waker),
}

/// Treatment of a result that nobody takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfUnread {
    /// It is dropped; or there is none.
    Dropped,
    /// It is a failure, and is reported as unhandled.
    Reported,
    /// It goes back to the chain's [`Origin`].
    Returned,
}

/// Place of the one handle through which callbacks are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    /// With the user.
    Held,
    /// Inside a suspended future, which is the chain's waiter.
    Suspended,
    /// Dropped, or taken by a chain that waits for this one.
    Gone,
}

/// One chain: the state that in Twisted is the Deferred object.
pub(crate) struct Core {
    pub(crate) phase: Cell<Phase>,
    /// Whether the next firing is swallowed: the chain was cancelled, without a
    /// canceller that could have kept the trigger's owner from firing.
    pub(crate) swallow: Cell<bool>,
    pub(crate) paused: Cell<u32>,
    /// Whether a cancellation is on its way through the chain's coroutine; until it
    /// is done the chain stays where it is.
    pub(crate) held: Cell<bool>,
    /// Whether a coroutine was cancelled while its chain was paused: as in Twisted
    /// the cancellation is passed on when the pause ends.
    pub(crate) cancel_later: Cell<bool>,
    pub(crate) upstream: Cell<Upstream>,
    pub(crate) waiter: Cell<Waiter>,
    pub(crate) consumer: Cell<Consumer>,
    /// Number of `Head`s.
    pub(crate) heads: Cell<u32>,
    /// Number of `CancelHandle`s.
    pub(crate) cancel_handles: Cell<u32>,
    /// Whether no handle downstream can cancel this any more; see `liveness`.
    pub(crate) abandoned: Cell<bool>,
    /// Fate of the current result, from its being there until a
    /// callback or a reader takes it.
    pub(crate) if_unread: Cell<IfUnread>,
    pub(crate) debug: Cell<Option<Box<DebugInfo>>>,
    pub(crate) pipeline: PipelineCell,
}

impl Core {
    pub(super) fn new(phase: Phase, heads: u32, pipeline: PipelineCell) -> Self {
        Self {
            phase: Cell::new(phase),
            swallow: Cell::new(false),
            paused: Cell::new(0),
            held: Cell::new(false),
            cancel_later: Cell::new(false),
            upstream: Cell::new(Upstream::Nobody),
            waiter: Cell::new(Waiter::Nobody),
            consumer: Cell::new(Consumer::Held),
            heads: Cell::new(heads),
            cancel_handles: Cell::new(0),
            abandoned: Cell::new(false),
            if_unread: Cell::new(IfUnread::Dropped),
            debug: Cell::new(None),
            pipeline,
        }
    }

    /// Whether the next callback may run now.
    #[inline]
    pub(crate) fn may_run(&self) -> bool {
        self.phase.get() == Phase::Idle && self.paused.get() == 0 && !self.held.get()
    }

    /// Whether the chain has come to its end and holds what it ended with.
    #[inline]
    pub(crate) fn has_result(&self) -> bool {
        self.may_run() && !self.pipeline.has_stages()
    }

    /// Marks the end of the chain: a failure is unhandled from here on, and is
    /// reported if nobody is left who could handle it.
    pub(crate) fn settle(&self) {
        if self.pipeline.holds_failure() {
            self.if_unread.set(IfUnread::Reported);
        }
        if self.consumer.get() == Consumer::Gone {
            self.discard_result();
        }
    }

    /// Gets rid of a result that nobody is left to take: a failure is reported, a
    /// value returned or dropped, even while someone still has a trigger.
    #[cold]
    fn discard_result(&self) {
        self.discard_unread();
        if self.pipeline.may_hold_chains() {
            drop_later(Part::Pipeline(self.pipeline.take_stages()));
        }
    }

    /// Reports or returns the result that nobody takes, once.
    #[cold]
    pub(super) fn discard_unread(&self) {
        match self.if_unread.replace(IfUnread::Dropped) {
            IfUnread::Dropped => {}
            IfUnread::Reported => {
                if let Some(failure) = self.pipeline.take_failure() {
                    unhandled::report(failure, self.debug.take().map(|info| *info));
                }
            }
            IfUnread::Returned => {
                if let Upstream::Origin { origin, number } = self.upstream.take()
                    && let Some(origin) = origin.upgrade()
                {
                    self.pipeline.give_back(origin, number);
                }
            }
        }
    }

    /// Has the result go back to `origin` if nobody takes it.
    pub(crate) fn return_to(&self, origin: Weak<dyn Origin>, number: u32) {
        self.upstream.set(Upstream::Origin { origin, number });
        self.if_unread.set(IfUnread::Returned);
    }

    /// Moves what is to become of an unread result to `next`, as the result
    /// itself moves.
    #[inline]
    pub(super) fn pass_origin(&self, next: &Self) {
        if self.if_unread.replace(IfUnread::Dropped) == IfUnread::Returned {
            next.upstream.set(self.upstream.take());
            next.if_unread.set(IfUnread::Returned);
        }
    }

    /// Ends the wait of the future that waited for the chain, if one did.
    #[inline]
    pub(crate) fn end_wait(self: &Rc<Self>) {
        if self.consumer.get() == Consumer::Suspended {
            self.forget_waiter();
        }
    }

    #[cold]
    fn forget_waiter(self: &Rc<Self>) {
        self.consumer.set(Consumer::Held);
        if let Waiter::Task(task) = self.waiter.take() {
            task.forget(self);
        }
    }

    /// Lets go of all that only the tail, which was dropped, was there for.
    pub(crate) fn lost_consumer(self: &Rc<Self>) {
        self.end_wait();
        self.consumer.set(Consumer::Gone);
        if self.has_result() {
            if self.if_unread.get() != IfUnread::Dropped || self.pipeline.may_hold_chains() {
                self.discard_result();
            }
            return;
        }
        if self.paused.get() > 0 {
            // Only its consumer could have ended the pause.
            self.discard_unread();
        }
        leave_line(self);
        lost_holder(self);
    }

    /// Warns of a chain whose last head was dropped before it was fired, with
    /// debugging on.
    pub(crate) fn lost_last_head(self: &Rc<Self>) {
        if crate::debug::get_debugging() && !is_unwanted(self) {
            const WARNING: &str = "a Deferred will never be fired: its last trigger is gone";
            let info = self.debug_info();
            if stderr::has_no_subscriber() {
                return stderr::write(format_args!("{WARNING} ({info})"));
            }
            let created = info.created().map(tracing::field::display);
            tracing::warn!(target: "deferred", created, "{WARNING}");
        }
    }

    /// Looks at `cell` without keeping it; `look` must not get back to it.
    pub(crate) fn peek<T: Default, R>(cell: &Cell<T>, look: impl FnOnce(&T) -> R) -> R {
        let content = cell.take();
        let seen = look(&content);
        cell.set(content);
        seen
    }

    /// The chain that this one waits for.
    pub(crate) fn waits_for(&self) -> Option<Rc<Self>> {
        Self::peek(&self.upstream, |upstream| match upstream {
            Upstream::Chain(core) => Some(Rc::clone(core)),
            _ => None,
        })
    }

    /// Whether it waits in a line to be fired.
    pub(super) fn stands_in_line(&self) -> bool {
        Self::peek(&self.upstream, |upstream| matches!(upstream, Upstream::Line { .. }))
    }

    /// Leaves the line in which it waits, if it does.
    pub(super) fn leave_line(&self) {
        if self.stands_in_line()
            && let Upstream::Line { line, number } = self.upstream.take()
            && let Some(line) = line.upgrade()
        {
            line.leave(number);
        }
    }

    /// The coroutine whose result this is, if it is still under way.
    pub(crate) fn task(&self) -> Option<Rc<Task>> {
        Self::peek(&self.upstream, |upstream| match upstream {
            Upstream::Task(task) => task.upgrade(),
            _ => None,
        })
    }

    pub(crate) fn already_called(&self) -> AlreadyCalledError {
        Self::peek(&self.debug, |info| {
            info.as_ref().map_or_else(AlreadyCalledError::default, |info| info.already_called())
        })
    }

    /// The places that were noted.
    pub(crate) fn debug_info(&self) -> DebugInfo {
        Self::peek(&self.debug, |info| info.as_deref().cloned().unwrap_or_default())
    }

    /// Notes where the chain was made, and that it is there, with debugging on.
    #[inline]
    pub(crate) fn note_creation(self: &Rc<Self>, place: &'static Location<'static>) {
        if crate::debug::get_debugging() {
            self.note(|info, place| info.created = Some(place), place);
            if self.phase.get() == Phase::Unfired {
                unfired::note(self);
            }
        }
    }

    /// Notes a place, with debugging on.
    #[inline]
    pub(crate) fn note(
        &self,
        what: impl FnOnce(&mut DebugInfo, &'static Location<'static>),
        place: &'static Location<'static>,
    ) {
        if crate::debug::get_debugging() {
            let mut info = self.debug.take().unwrap_or_default();
            what(&mut info, place);
            self.debug.set(Some(info));
        }
    }
}

/// Drops the parts of a chain: those that may hold another, and so on, by deferred
/// drop.
impl Drop for Core {
    #[inline]
    fn drop(&mut self) {
        if *self.if_unread.get_mut() != IfUnread::Dropped {
            self.discard_unread();
        }
        // An origin and a line are not held.
        let holds_upstream = !matches!(
            self.upstream.get_mut(),
            Upstream::Nobody | Upstream::Origin { .. } | Upstream::Line { .. }
        );
        let plain = !self.pipeline.may_hold_chains()
            && !holds_upstream
            && matches!(self.waiter.get_mut(), Waiter::Nobody);
        if !plain {
            self.drop_parts();
        }
    }
}

impl Core {
    #[cold]
    fn drop_parts(&mut self) {
        drop_later(Part::Pipeline(self.pipeline.take_stages()));
        drop_later(Part::Upstream(self.upstream.take()));
        drop_later(Part::Waiter(self.waiter.take()));
    }
}
