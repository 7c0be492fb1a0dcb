//! What a lock and a semaphore have in common: tokens, and a line of waiters.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::waiting::Waiting;
use crate::callback::CallbackResult;
use crate::chain::{Core, Next, run};
use crate::deferred::{Deferred, maybe_deferred};
use crate::failure::Failure;
use crate::trigger::note_firing;

/// How many releases may be inside one another before a token is handed over
/// by the outermost of them.
///
/// A release runs the next waiter at once, and that may release in turn.
/// Twisted goes on so until Python's stack ends; with a hundred thousand
/// waiters ours would, too.
const MAX_DEPTH: usize = 24;

/// A number of tokens; `H` is the handle that a waiter gets.
pub(super) struct Primitive<H> {
    tokens: Cell<usize>,
    limit: usize,
    waiting: Waiting<H>,
    depth: Cell<usize>,
    /// Tokens that are to be handed over when the outermost release goes on.
    owed: Cell<usize>,
}

/// A release came without an acquire.
///
/// In Twisted this is a failed assertion.
///
/// ```
/// use deferred::{DeferredLock, ReleaseError};
///
/// assert_eq!(DeferredLock::new().release(), Err(ReleaseError));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseError;

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("released more often than acquired")
    }
}

impl Error for ReleaseError {}

/// A handle of a primitive.
pub(super) trait Handle: Clone + 'static {
    fn primitive(&self) -> &Rc<Primitive<Self>>;
}

impl<H: Handle> Primitive<H> {
    pub(super) fn new(tokens: usize) -> Rc<Self> {
        Rc::new(Self {
            tokens: Cell::new(tokens),
            limit: tokens,
            waiting: Waiting::new(),
            depth: Cell::new(0),
            owed: Cell::new(0),
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
                Deferred::succeed(handle.clone())
            }
            None => this.waiting.join(Rc::downgrade(this), |this| &this.waiting),
        }
    }

    /// Gives a token back, and runs the waiter that gets it.
    #[track_caller]
    pub(super) fn release(handle: &H) -> Result<(), ReleaseError> {
        let place = Location::caller();
        let this = handle.primitive();
        this.may_release()?;
        let depth = this.depth.get();
        if depth >= MAX_DEPTH {
            this.owed.set(this.owed.get() + 1);
            return Ok(());
        }
        this.depth.set(depth + 1);
        Self::run_next(handle, place);
        if depth == 0 {
            while let Some(owed) = this.owed.get().checked_sub(1) {
                this.owed.set(owed);
                Self::run_next(handle, place);
            }
        }
        this.depth.set(depth);
        Ok(())
    }

    fn may_release(&self) -> Result<(), ReleaseError> {
        if self.tokens.get() + self.owed.get() < self.limit { Ok(()) } else { Err(ReleaseError) }
    }

    fn run_next(handle: &H, place: &'static Location<'static>) {
        if let Some(core) = Self::hand_over(handle, place) {
            run(core);
        }
    }

    /// Gives a token to the first waiter, whose chain is to be run, or keeps
    /// it.
    fn hand_over(handle: &H, place: &'static Location<'static>) -> Option<Rc<Core>> {
        let this = handle.primitive();
        while let Some(first) = this.waiting.first() {
            if let Ok(Some(core)) = first.head().prepare(Ok(handle.clone())) {
                note_firing(first.head(), place);
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
        match Self::hand_over(handle, place) {
            Some(next) => Next::Feed(result, next),
            None => Next::Done(result),
        }
    }
}
