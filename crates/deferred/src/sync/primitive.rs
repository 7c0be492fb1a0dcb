//! The common part of a lock and a semaphore: tokens, and a line of waiters.
//!
//! Mirrors `twisted.internet.defer._ConcurrencyPrimitive`. Tested in
//! `tests/chains/sync.rs` and `tests/chains/unread.rs`.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};

use thiserror::Error;

use crate::callback::CallbackResult;
use crate::chain::{Core, Next, Origin, run};
use crate::deferred::{Deferred, maybe_deferred};
use crate::failure::Failure;
use crate::trigger::note_firing;
use crate::waiters::Waiters;

/// Number of releases, or returns of a queue's values, that may be inside one
/// another before the outermost of them hands over in their place.
///
/// A release runs the next waiter at once, and that may release in turn.
/// Twisted goes on so until Python's stack ends; with a hundred thousand
/// waiters ours would, too.
pub(super) const MAX_DEPTH: usize = 24;

/// The place of a release or a `put`; `None` where something comes back by
/// itself.
pub(super) type Place = Option<&'static Location<'static>>;

/// A number of tokens; `H` is the handle that a waiter gets.
pub(super) struct Primitive<H> {
    tokens: Cell<usize>,
    limit: usize,
    waiting: Waiters<H>,
    depth: Cell<usize>,
    /// Tokens that are to be handed over when the outermost release goes on.
    postponed: Cell<usize>,
}

/// The error of a release without an acquire.
///
/// In Twisted this is a failed assertion.
///
/// ```
/// use deferred::{DeferredLock, ReleaseError};
///
/// assert_eq!(DeferredLock::new().release(), Err(ReleaseError));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("released more often than acquired")]
pub struct ReleaseError;

/// A handle of a primitive.
pub(super) trait Handle: Clone + 'static {
    fn primitive(&self) -> &Rc<Primitive<Self>>;
}

impl<H: Handle> Primitive<H> {
    pub(super) fn new(tokens: usize) -> Rc<Self> {
        Rc::new(Self {
            tokens: Cell::new(tokens),
            limit: tokens,
            waiting: Waiters::new(),
            depth: Cell::new(0),
            postponed: Cell::new(0),
        })
    }

    pub(super) fn tokens(&self) -> usize {
        self.tokens.get()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[track_caller]
    pub(super) fn acquire(handle: &H) -> Deferred<H> {
        let this = handle.primitive();
        match this.tokens.get().checked_sub(1) {
            Some(left) => {
                this.tokens.set(left);
                Deferred::succeed_returnable(handle.clone(), Self::origin(handle), 0)
            }
            None => this.waiting.wait(),
        }
    }

    fn origin(handle: &H) -> Weak<dyn Origin> {
        let this: Weak<Self> = Rc::downgrade(handle.primitive());
        this
    }

    /// Gives a token back, and runs the waiter that gets it.
    #[track_caller]
    pub(super) fn release(handle: &H) -> Result<(), ReleaseError> {
        Self::release_at(handle, Some(Location::caller()))
    }

    fn release_at(handle: &H, place: Place) -> Result<(), ReleaseError> {
        let this = handle.primitive();
        this.may_release()?;
        let depth = this.depth.get();
        if depth >= MAX_DEPTH {
            this.postponed.set(this.postponed.get() + 1);
            return Ok(());
        }
        this.depth.set(depth + 1);
        Self::run_next(handle, place);
        if depth == 0 {
            while let Some(postponed) = this.postponed.get().checked_sub(1) {
                this.postponed.set(postponed);
                Self::run_next(handle, place);
            }
        }
        this.depth.set(depth);
        Ok(())
    }

    fn may_release(&self) -> Result<(), ReleaseError> {
        if self.tokens.get() + self.postponed.get() < self.limit {
            Ok(())
        } else {
            Err(ReleaseError)
        }
    }

    fn run_next(handle: &H, place: Place) {
        if let Some(core) = Self::hand_over(handle, place) {
            run(core);
        }
    }

    /// Gives a token to the first waiter, whose chain is to be run, or keeps
    /// it.
    fn hand_over(handle: &H, place: Place) -> Option<Rc<Core>> {
        let this = handle.primitive();
        while let Some(first) = this.waiting.pop_first() {
            let head = first.head();
            if let Ok(Some(core)) = head.prepare_returnable(handle.clone(), Self::origin(handle), 0)
            {
                if let Some(place) = place {
                    note_firing(head, place);
                }
                return Some(core);
            }
        }
        this.tokens.set(this.tokens.get() + 1);
        None
    }

    /// Acquires, runs, and releases when that is done.
    #[track_caller]
    pub(super) fn run<R: CallbackResult>(
        handle: &H,
        work: impl FnOnce() -> R + 'static,
    ) -> Deferred<R::Value> {
        let place = Location::caller();
        Self::acquire(handle).add(place, move |acquired| {
            let handle = match acquired {
                Ok(handle) => handle,
                Err(failure) => return Next::Done(Err(failure)),
            };
            // Work that is done at once is released by the loop that runs us,
            // not on top of it: the next in line may be done at once, too.
            match maybe_deferred(work).take_result() {
                Ok(result) => Self::release_after(&handle, result, place),
                Err(pending) => {
                    let released = pending
                        .add(place, move |result| Self::release_after(&handle, result, place));
                    Next::Wait(released.into_tail())
                }
            }
        })
    }

    /// Gives the token back at the end of the work; the waiter that gets it
    /// runs before the chain of the work goes on.
    fn release_after<T>(
        handle: &H,
        result: Result<T, Failure>,
        place: &'static Location<'static>,
    ) -> Next<T> {
        if let Err(error) = handle.primitive().may_release() {
            return Next::Done(Err(error.into()));
        }
        match Self::hand_over(handle, Some(place)) {
            Some(next) => Next::Feed(result, next),
            None => Next::Done(result),
        }
    }
}

/// Return of a token that nobody has taken, as if it had been released.
impl<H: Handle> Origin for Primitive<H> {
    fn take_back(self: Rc<Self>, _number: u32, value: &mut dyn Any) {
        if let Some(handle) = value.downcast_mut::<Option<H>>().and_then(Option::take) {
            // Unless it was released by hand.
            let _ = Self::release_at(&handle, None);
        }
    }
}
