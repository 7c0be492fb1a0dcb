//! The callbacks of a chain and its current result, of any types, in one
//! buffer. The only module with `unsafe`.
//!
//! Mirrors `Deferred.callbacks` and `Deferred.result`. Tested in `tests/memory`,
//! also under AddressSanitizer and valgrind.
//!
//! A chain is `T0 → f1 → T1 → f2 → T2 …`: each callback takes the type that the
//! one before gives. A `Vec` of boxed closures would cost an allocation each;
//! here they lie one behind the other in one growing buffer of words, and so
//! does the result:
//!
//! ```text
//!   words: │ result of T0 │ ops │ f1, later T1 │ ops │ f2, later T2 │ …
//!            ▲ result        ▲ next
//! ```
//!
//! A stage is one word, a pointer to functions for its types, and an area
//! large enough for its closure and, when that has run, for its result. So
//! adding a callback writes a few words, and firing allocates nothing.
//!
//! # Why it is sound
//!
//! The types are gone from the buffer, and kept by the two ends that are
//! handed out:
//!
//! 1. **[`Head<T>`]**: the first area has the size of, and only ever holds, a
//!    `Result<T, Failure>`. It is written at most once: only in phase
//!    `Unfired`, which the writing ends. A head is invariant in `T`: a value of
//!    a subtype's supertype must not get in.
//! 2. **[`Tail<T>`]**: there is one for each chain, not `Clone`, and `T` is what
//!    the last stage gives. Pushing a stage consumes the `Tail<T>` and makes a
//!    `Tail<U>`, so the stages always fit together.
//! 3. An area holds a live value only while `full` is set and `result` points
//!    at it, or while it is the closure of a stage at or behind `next`. Values
//!    are moved out (and the mark taken back) *before* any code of the user's
//!    runs, drops included; no reference to the pipeline lives while it does
//!    ([`PipelineCell::with`]). So such code may do what it likes with the
//!    chain, growing the buffer too.
//! 4. What is left of a chain that can never run is taken out of it
//!    ([`PipelineCell::take_stages`]) only when its tail is gone, so that no
//!    tail speaks of a type that the pipeline no longer has.
//! 5. A result moves from chain to chain ([`hand_over`]) only where the second
//!    is in phase `Waiting` for the first, which [`wait_for`] alone brings
//!    about, where the types are still known and equal.
//!
//! 6. `ops` are always those of the type that the area at `result` is for. What
//!    treats a result without knowing its type (dropping it, giving it back to
//!    where it came from, looking for a failure) does so through them.
//!
//! Values whose alignment is larger than a word's are boxed. The words are
//! `MaybeUninit`, so padding and pointers inside values survive the buffer's
//! growth.
//!
//! What it buys: ten callbacks added and fired take less than two thirds of what
//! ten boxed closures in a `Vec` take; `docs/benchmarks.md` has the figures.

#![allow(unsafe_code, reason = "the one module that has any; why it is sound is said above")]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::rc::{Rc, Weak};

use smallvec::SmallVec;

use super::core::{Consumer, Core, IfUnread, Origin, Phase, Upstream, Waiter};
use super::deferred_drop::drop_catching;
use super::{Part, drop_later, leave_line, liveness, lost_holder, lost_source};
use crate::error::{AlreadyCalledError, ChainCycleError, ResultTakenError};
use crate::failure::Failure;

type Word = MaybeUninit<usize>;

/// Permit for a small result and two small callbacks.
const INLINE_WORDS: usize = 8;

/// Outcome of a callback, for its chain.
pub(crate) enum Next<T> {
    /// The result.
    Done(Result<T, Failure>),
    /// The result is what this chain will give.
    Wait(Tail<T>),
    /// The result, once the chain that the callback has fired was run.
    Feed(Result<T, Failure>, Rc<Core>),
    /// The result that came in, which the callback let pass, untaken.
    Pass(Result<T, Failure>),
}

/// Outcome of a callback without its type, for the loop.
pub(super) enum Step {
    Done,
    Waiting,
    Fed(Rc<Core>),
}

// ===== values in words =====

/// Whether a `V` can lie in words as it is.
const fn fits<V>() -> bool {
    align_of::<V>() <= align_of::<Word>()
}

/// Number of words that a `V` takes, or its box.
const fn words_for<V>() -> usize {
    let bytes = if fits::<V>() { size_of::<V>() } else { size_of::<Box<V>>() };
    bytes.div_ceil(size_of::<Word>())
}

/// # Safety
///
/// `at` points at `words_for::<V>()` words that hold nothing.
unsafe fn write<V>(at: *mut Word, value: V) {
    if fits::<V>() {
        // SAFETY: there is room, and the alignment fits.
        unsafe { at.cast::<V>().write(value) }
    } else {
        // SAFETY: there is room for a box, which is aligned as a word is.
        unsafe { at.cast::<Box<V>>().write(Box::new(value)) }
    }
}

/// # Safety
///
/// `at` points at a live value that `write::<V>` put there; it is moved out.
unsafe fn read<V>(at: *const Word) -> V {
    if fits::<V>() {
        // SAFETY: as the caller says.
        unsafe { at.cast::<V>().read() }
    } else {
        // SAFETY: as the caller says; such a value is in a box.
        *unsafe { at.cast::<Box<V>>().read() }
    }
}

/// # Safety
///
/// `at` points at a live value that `write::<V>` put there, and stays so for
/// as long as the reference is used.
unsafe fn look<'a, V>(at: *const Word) -> &'a V {
    if fits::<V>() {
        // SAFETY: as the caller says.
        unsafe { &*at.cast::<V>() }
    } else {
        // SAFETY: as the caller says; such a value is in a box.
        unsafe { &*at.cast::<Box<V>>() }
    }
}

// ===== functions for types that are gone =====

type Outcome<T> = Result<T, Failure>;

/// Functions for the result of a stage.
struct ResultOps {
    words: usize,
    /// Whether a value (a failure apart, which is never of this thread alone)
    /// may hold other chains.
    holds: bool,
    drop: unsafe fn(*mut Word),
    failure: unsafe fn(*const Word) -> Option<Failure>,
    write_failure: unsafe fn(*mut Word, Failure),
    give_back: unsafe fn(&PipelineCell, Rc<dyn Origin>, u32),
}

impl ResultOps {
    fn of<T: 'static>() -> &'static Self {
        const {
            &Self {
                words: words_for::<Outcome<T>>(),
                holds: mem::needs_drop::<T>(),
                drop: drop_result::<T>,
                failure: failure_in::<T>,
                write_failure: write_failure::<T>,
                give_back: give_back::<T>,
            }
        }
    }
}

/// # Safety
///
/// The area is full, with a result of this type; it is empty afterwards.
unsafe fn drop_result<T>(area: *mut Word) {
    // SAFETY: as the caller says.
    drop(unsafe { read::<Outcome<T>>(area) });
}

/// # Safety
///
/// The area is full, with a result of this type.
unsafe fn failure_in<T>(area: *const Word) -> Option<Failure> {
    // SAFETY: as the caller says; the reference goes no further.
    unsafe { look::<Outcome<T>>(area) }.as_ref().err().cloned()
}

/// # Safety
///
/// The area is for a result of this type, and empty.
unsafe fn write_failure<T>(area: *mut Word, failure: Failure) {
    // SAFETY: as the caller says.
    unsafe { write::<Outcome<T>>(area, Err(failure)) };
}

/// # Safety
///
/// The current result is a `T`, if there is one; there is none afterwards.
unsafe fn give_back<T: 'static>(cell: &PipelineCell, origin: Rc<dyn Origin>, number: u32) {
    // SAFETY: as the caller says; only moves.
    let result = unsafe { cell.with(|pipeline| pipeline.take::<T>()) };
    if let Some(Ok(value)) = result {
        origin.take_back(number, &mut Some(value));
    }
}

/// # Safety
///
/// The area holds a closure of this type, which is gone afterwards.
unsafe fn drop_closure<F>(area: *mut Word) {
    // SAFETY: as the caller says.
    drop(unsafe { read::<F>(area) });
}

/// Number of words that a stage takes: its header, and an area for its closure or
/// its result.
const fn stage_words<U, F>() -> usize {
    let closure = words_for::<F>();
    let result = words_for::<Outcome<U>>();
    1 + if closure > result { closure } else { result }
}

/// Functions for a stage.
struct StageOps {
    words: usize,
    /// Whether it wants a result, rather than to look after those that do.
    wants: bool,
    run: unsafe fn(&Rc<Core>) -> Step,
    drop: unsafe fn(*mut Word),
}

impl StageOps {
    fn of<T: 'static, U: 'static, F, const WANTS: bool>() -> &'static Self
    where
        F: FnOnce(Outcome<T>) -> Next<U> + 'static,
    {
        const {
            &Self {
                words: stage_words::<U, F>(),
                wants: WANTS,
                run: run_stage::<T, U, F>,
                drop: drop_closure::<F>,
            }
        }
    }
}

// ===== the buffer =====

/// The callbacks and the current result of one chain.
pub(crate) struct Pipeline {
    words: SmallVec<[Word; INLINE_WORDS]>,
    /// Index of the word where the next stage begins; the end of `words` when
    /// there is none.
    next: usize,
    /// The area where the current result lies, or will lie.
    result: usize,
    /// Functions for what the area at `result` is for.
    ops: &'static ResultOps,
    /// Whether it holds one.
    full: bool,
    /// Whether the one that it holds, or held last, is a failure.
    failed: bool,
}

impl Pipeline {
    /// A pipeline whose first result will be a `T`.
    #[inline]
    fn new<T: 'static>() -> Self {
        let mut pipeline = Self {
            words: SmallVec::new(),
            next: words_for::<Outcome<T>>(),
            result: 0,
            ops: ResultOps::of::<T>(),
            full: false,
            failed: false,
        };
        pipeline.extend(words_for::<Outcome<T>>());
        pipeline
    }

    /// Makes room for `count` more words at the end; returns the first of
    /// them.
    #[inline]
    fn extend(&mut self, count: usize) -> *mut Word {
        let start = self.words.len();
        let end = start + count;
        if end > self.words.capacity() {
            self.grow(end);
        }
        // SAFETY: there is capacity, and a `Word` needs no initialisation.
        unsafe { self.words.set_len(end) };
        // SAFETY: `start` is in the buffer, or one past it.
        unsafe { self.words.as_mut_ptr().add(start) }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        // Fourfold while it is small: ten callbacks grow it once.
        let room = self.words.capacity();
        let factor = if room < 128 { 4 } else { 2 };
        self.words.grow(end.max(room * factor));
    }

    fn area(&mut self, at: usize) -> *mut Word {
        debug_assert!(at <= self.words.len());
        // SAFETY: `at` is in the buffer, or one past it.
        unsafe { self.words.as_mut_ptr().add(at) }
    }

    /// # Safety
    ///
    /// The current result, or the one that the last stage will give, is a `T`.
    #[inline]
    unsafe fn push<T: 'static, U: 'static, F, const WANTS: bool>(&mut self, closure: F)
    where
        F: FnOnce(Outcome<T>) -> Next<U> + 'static,
    {
        self.compact();
        let header = self.extend(stage_words::<U, F>());
        // SAFETY: the word was just made.
        unsafe { header.cast::<&'static StageOps>().write(StageOps::of::<T, U, F, WANTS>()) };
        // SAFETY: so were those behind it, enough for an F.
        let area = unsafe { header.add(1) };
        // SAFETY: the same.
        unsafe { write(area, closure) };
    }

    /// Moves the result to the front where everything has run, so that a chain
    /// that is added to for ever does not grow for ever.
    #[inline]
    fn compact(&mut self) {
        if self.full && self.result > 0 && !self.has_stages() {
            // Both from one borrow of the buffer: a second would end the first.
            let to = self.area(0);
            // SAFETY: `result` is in the buffer.
            let from = unsafe { to.add(self.result) };
            // SAFETY: both areas are in the buffer; the value is moved.
            unsafe { ptr::copy(from, to, self.ops.words) };
            self.result = 0;
            self.next = self.ops.words;
            self.words.truncate(self.next);
        }
    }

    /// The stage that is to run next.
    #[inline]
    fn next_stage(&mut self) -> Option<&'static StageOps> {
        if !self.has_stages() {
            return None;
        }
        let header = self.area(self.next);
        // SAFETY: a stage begins at `next`, with its ops.
        Some(unsafe { header.cast::<&'static StageOps>().read() })
    }

    /// Whether one of the stages wants a result.
    fn wants_result(&mut self) -> bool {
        let mut at = self.next;
        while at < self.words.len() {
            let header = self.area(at);
            // SAFETY: stages lie one behind the other from `next` to the end.
            let ops = unsafe { header.cast::<&'static StageOps>().read() };
            if ops.wants {
                return true;
            }
            at += ops.words;
        }
        false
    }

    /// # Safety
    ///
    /// The current result is a `T`.
    #[inline]
    unsafe fn take<T>(&mut self) -> Option<Outcome<T>> {
        // SAFETY: the area holds a `T`, and is marked empty.
        mem::take(&mut self.full).then(|| unsafe { read(self.area(self.result)) })
    }

    /// # Safety
    ///
    /// The area at `result` is for a `T`, and empty.
    #[inline]
    unsafe fn put<T>(&mut self, result: Outcome<T>) {
        self.failed = result.is_err();
        // SAFETY: there is room for it, and nothing in it.
        unsafe { write(self.area(self.result), result) };
        self.full = true;
    }

    fn put_failure(&mut self, failure: Failure) {
        if !self.full {
            // SAFETY: the area is for a result that `ops` know, and is empty.
            unsafe { (self.ops.write_failure)(self.area(self.result), failure) };
            self.full = true;
            self.failed = true;
        }
    }

    fn take_failure(&mut self) -> Option<Failure> {
        if !self.holds_failure() {
            return None;
        }
        let area = self.area(self.result);
        // SAFETY: it is full, with what `ops` know.
        let failure = unsafe { (self.ops.failure)(area) };
        self.full = false;
        // SAFETY: the area was full until now. What it drops is a Failure,
        // which `failure` keeps alive: no user's code runs.
        unsafe { (self.ops.drop)(area) };
        failure
    }

    fn holds_failure(&self) -> bool {
        self.full && self.failed
    }

    #[inline]
    fn has_stages(&self) -> bool {
        self.next < self.words.len()
    }

    /// A pipeline for the same first result, with nothing in it.
    fn emptied(&self) -> Self {
        let mut emptied = Self {
            words: SmallVec::new(),
            next: self.ops.words,
            result: 0,
            ops: self.ops,
            full: false,
            failed: false,
        };
        emptied.extend(self.ops.words);
        emptied
    }
}

impl Drop for Pipeline {
    #[inline]
    fn drop(&mut self) {
        // If a destructor panics the others are run all the same.
        let rest = Rest { pipeline: self };
        rest.pipeline.drop_contents();
        mem::forget(rest);
    }
}

impl Pipeline {
    #[inline]
    fn drop_contents(&mut self) {
        if mem::take(&mut self.full) {
            let area = self.area(self.result);
            // SAFETY: the area was full, with what `ops` know.
            unsafe { (self.ops.drop)(area) };
        }
        while let Some(ops) = self.next_stage() {
            let area = self.area(self.next + 1);
            self.next += ops.words;
            // SAFETY: the stage has not run, and is no longer in the pipeline.
            unsafe { (ops.drop)(area) };
        }
    }
}

/// The part of a pipeline that is still to be dropped when a destructor has
/// panicked.
struct Rest<'a> {
    pipeline: &'a mut Pipeline,
}

impl Drop for Rest<'_> {
    #[cold]
    fn drop(&mut self) {
        self.pipeline.drop_contents();
    }
}

/// A pipeline inside its [`Core`].
pub(crate) struct PipelineCell {
    pipeline: UnsafeCell<Pipeline>,
}

impl PipelineCell {
    fn new(pipeline: Pipeline) -> Self {
        Self { pipeline: UnsafeCell::new(pipeline) }
    }

    /// Works on the pipeline.
    ///
    /// # Safety
    ///
    /// `work` runs nothing but methods of [`Pipeline`] that run no code of
    /// users', and so does not get here again.
    #[inline]
    unsafe fn with<R>(&self, work: impl FnOnce(&mut Pipeline) -> R) -> R {
        // SAFETY: a chain does not leave its thread, and no other reference
        // lives: each lives only for one call of `with`, and they do not nest.
        work(unsafe { &mut *self.pipeline.get() })
    }

    /// Puts a failure where the current result is to come; does nothing if
    /// there is one.
    pub(crate) fn put_failure(&self, failure: Failure) {
        // SAFETY: only writes.
        unsafe { self.with(|pipeline| pipeline.put_failure(failure)) };
    }

    /// The current result, if it is a failure; then there is none any more.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        // SAFETY: clones and drops a Failure that lives on.
        unsafe { self.with(Pipeline::take_failure) }
    }

    pub(crate) fn holds_failure(&self) -> bool {
        // SAFETY: only reads.
        unsafe { self.with(|pipeline| pipeline.holds_failure()) }
    }

    /// Whether there is something left to run.
    #[inline]
    pub(crate) fn has_stages(&self) -> bool {
        // SAFETY: only reads.
        unsafe { self.with(|pipeline| pipeline.has_stages()) }
    }

    /// Whether something is left to run that wants a result.
    pub(super) fn wants_result(&self) -> bool {
        // SAFETY: only reads.
        unsafe { self.with(Pipeline::wants_result) }
    }

    /// Whether something is left that may hold other chains.
    #[inline]
    pub(super) fn may_hold_chains(&self) -> bool {
        let holds = |pipeline: &mut Pipeline| {
            pipeline.has_stages() || (pipeline.full && pipeline.ops.holds)
        };
        // SAFETY: only reads.
        unsafe { self.with(holds) }
    }

    /// Whether the current result is there.
    pub(crate) fn holds_result(&self) -> bool {
        // SAFETY: only reads.
        unsafe { self.with(|pipeline| pipeline.full) }
    }

    /// Gives the current result, if it is a value, back to `origin`.
    pub(super) fn give_back(&self, origin: Rc<dyn Origin>, number: u32) {
        // SAFETY: only reads.
        let ops = unsafe { self.with(|pipeline| pipeline.ops) };
        // SAFETY: the ops of the current result.
        unsafe { (ops.give_back)(self, origin, number) };
    }

    /// Takes the stages that have not run, and a result if there is one, to
    /// be dropped. There is still room for a first result.
    pub(super) fn take_stages(&self) -> Pipeline {
        let take = |pipeline: &mut Pipeline| {
            let emptied = pipeline.emptied();
            mem::replace(pipeline, emptied)
        };
        // SAFETY: only moves.
        unsafe { self.with(take) }
    }
}

// ===== running =====

/// Runs the next stage of `core`; `None` when there is none.
#[inline]
pub(super) fn run_next(core: &Rc<Core>) -> Option<Step> {
    // SAFETY: only reads.
    let ops = unsafe { core.pipeline.with(Pipeline::next_stage) }?;
    core.phase.set(Phase::Running);
    // SAFETY: it is the stage at `next`.
    Some(unsafe { (ops.run)(core) })
}

/// # Safety
///
/// The stage of `core` at `next` is one of these types.
unsafe fn run_stage<T: 'static, U: 'static, F>(core: &Rc<Core>) -> Step
where
    F: FnOnce(Outcome<T>) -> Next<U> + 'static,
{
    let take = |pipeline: &mut Pipeline| {
        let area = pipeline.next + 1;
        // SAFETY: the stage is behind `next`.
        let closure: F = unsafe { read(pipeline.area(area)) };
        pipeline.next += stage_words::<U, F>();
        // SAFETY: what the stage before gives, this one takes.
        let input = unsafe { pipeline.take::<T>() };
        // The closure has left its area, which has room for a U.
        pipeline.ops = ResultOps::of::<U>();
        pipeline.result = area;
        (closure, input)
    };
    // SAFETY: only moves.
    let (closure, input) = unsafe { core.pipeline.with(take) };
    let input = input.unwrap_or_else(|| Err(ResultTakenError.into()));
    let before = core.if_unread.replace(IfUnread::Dropped);
    // A panic goes through to the loop, which puts a failure into the area.
    let (result, step) = match closure(input) {
        Next::Done(result) => (result, Step::Done),
        Next::Feed(result, fed) => (result, Step::Fed(fed)),
        Next::Pass(result) => {
            if before == IfUnread::Returned {
                core.if_unread.set(before);
            }
            (result, Step::Done)
        }
        Next::Wait(tail) => match wait_for(core, tail) {
            Some(result) => (result, Step::Done),
            None => return Step::Waiting,
        },
    };
    // SAFETY: nothing has been put into the area since, for the phase is
    // Running; only writes.
    unsafe { core.pipeline.with(|pipeline| pipeline.put(result)) };
    step
}

/// Makes `core`, which expects a `U`, wait for the chain that gives it; or
/// takes its result, where that is there.
fn wait_for<U: 'static>(core: &Rc<Core>, mut tail: Tail<U>) -> Option<Outcome<U>> {
    if liveness::would_close_a_circle(core, &tail.core) {
        return Some(Err(ChainCycleError.into()));
    }
    if tail.core.if_unread.get() == IfUnread::Returned && tail.core.has_result() {
        tail.core.pass_origin(core);
    }
    if let Some(result) = tail.take() {
        return Some(result);
    }
    let source = tail.into_core();
    core.phase.set(Phase::Waiting);
    core.upstream.set(Upstream::Chain(Rc::clone(&source)));
    source.waiter.set(Waiter::Chain(Rc::clone(core)));
    let dropped = core.consumer.get() == Consumer::Gone;
    if dropped && source.stands_in_line() && liveness::is_unwanted(core) {
        leave_line(core);
    }
    // Its consumer is gone. As long as somebody can cancel the chain that
    // waits for it, that does not matter.
    if core.abandoned.get() || liveness::is_stuck(&source) {
        lost_holder(&source);
    }
    None
}

/// Moves the result of `from`, which has come to its end, to `to`, which waits
/// for it and then goes on.
pub(super) fn hand_over(from: &Rc<Core>, to: &Rc<Core>) {
    let Upstream::Chain(source) = to.upstream.take() else { return };
    if !Rc::ptr_eq(&source, from) || Rc::ptr_eq(from, to) || to.phase.get() != Phase::Waiting {
        return;
    }
    to.phase.set(Phase::Idle);
    let hand = |from: &mut Pipeline, to: &mut Pipeline| {
        if !from.full {
            return to.put_failure(ResultTakenError.into());
        }
        let source = from.area(from.result);
        let target = to.area(to.result);
        // SAFETY: `to` waits for `from`: `wait_for` has seen that both are of
        // one type. The one area is full, the other empty.
        unsafe { ptr::copy_nonoverlapping(source, target, from.ops.words) };
        from.full = false;
        to.full = true;
        to.failed = from.failed;
    };
    from.pass_origin(to);
    // SAFETY: only moves; the two are not the same.
    unsafe { from.pipeline.with(|from| to.pipeline.with(|to| hand(from, to))) };
}

// ===== the two ends =====

/// The end that fires: what a [`Trigger`](crate::Trigger) holds.
pub(crate) struct Head<T> {
    core: Rc<Core>,
    of: PhantomData<fn(T) -> T>,
}

/// The end that is added to: what a [`Deferred`](crate::Deferred) holds.
pub(crate) struct Tail<T> {
    core: Rc<Core>,
    of: PhantomData<fn() -> T>,
}

impl<T: 'static> Head<T> {
    /// A new chain.
    #[inline]
    pub(crate) fn new() -> (Self, Tail<T>) {
        let pipeline = PipelineCell::new(Pipeline::new::<T>());
        let core = Rc::new(Core::new(Phase::Unfired, 1, pipeline));
        (Self { core: Rc::clone(&core), of: PhantomData }, Tail { core, of: PhantomData })
    }

    /// Gives the chain its result, without running it yet.
    ///
    /// `Ok(None)`: the chain was cancelled, and the result is not wanted.
    #[inline]
    pub(crate) fn prepare(
        &self,
        result: Outcome<T>,
    ) -> Result<Option<Rc<Core>>, AlreadyCalledError> {
        let core = &self.core;
        if core.phase.get() != Phase::Unfired {
            return if core.swallow.replace(false) { Ok(None) } else { Err(core.already_called()) };
        }
        core.phase.set(Phase::Idle);
        // SAFETY: before the first firing, `result` is the first area, for a T,
        // and empty; only writes.
        unsafe { core.pipeline.with(|pipeline| pipeline.put(result)) };
        // What can no longer happen is let go before anything runs.
        match core.upstream.take() {
            Upstream::Nobody | Upstream::Line { .. } => {}
            upstream => drop_catching(|| drop_later(Part::Upstream(upstream))),
        }
        Ok(Some(Rc::clone(core)))
    }

    /// Gives the chain a value that goes back to `origin` if nobody takes it.
    pub(crate) fn prepare_returnable(
        &self,
        value: T,
        origin: Weak<dyn Origin>,
        number: u32,
    ) -> Result<Option<Rc<Core>>, AlreadyCalledError> {
        let prepared = self.prepare(Ok(value))?;
        if let Some(core) = &prepared {
            core.return_to(origin, number);
        }
        Ok(prepared)
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// A head that does not keep the chain, nor counts as a way to fire it.
    pub(crate) fn downgrade(&self) -> WeakHead<T> {
        WeakHead { core: Rc::downgrade(&self.core), of: PhantomData }
    }
}

impl<T> Clone for Head<T> {
    fn clone(&self) -> Self {
        self.core.heads.set(self.core.heads.get() + 1);
        Self { core: Rc::clone(&self.core), of: PhantomData }
    }
}

impl<T> Drop for Head<T> {
    #[inline]
    fn drop(&mut self) {
        let heads = self.core.heads.get() - 1;
        self.core.heads.set(heads);
        if heads == 0 && self.core.phase.get() == Phase::Unfired {
            self.core.lost_last_head();
            lost_source(&self.core);
        }
    }
}

/// A [`Head`] that does not keep its chain.
pub(crate) struct WeakHead<T> {
    core: Weak<Core>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> WeakHead<T> {
    pub(crate) fn upgrade(&self) -> Option<Head<T>> {
        let core = self.core.upgrade()?;
        core.heads.set(core.heads.get() + 1);
        Some(Head { core, of: PhantomData })
    }
}

impl<T: 'static> Tail<T> {
    /// A chain that has its result.
    #[inline]
    pub(crate) fn fired(result: Outcome<T>) -> Self {
        let mut pipeline = Pipeline::new::<T>();
        // SAFETY: `result` is the first area, for a T, and empty.
        unsafe { pipeline.put(result) };
        let core = Rc::new(Core::new(Phase::Idle, 0, PipelineCell::new(pipeline)));
        core.settle();
        Self { core, of: PhantomData }
    }

    /// Adds a callback, without running it yet: one that `WANTS` the result, or
    /// looks after those that do.
    #[inline]
    pub(crate) fn push<U: 'static, const WANTS: bool>(
        self,
        closure: impl FnOnce(Outcome<T>) -> Next<U> + 'static,
    ) -> Tail<U> {
        // SAFETY: the chain gives a T in the end, says its only tail; only
        // writes.
        unsafe { self.core.pipeline.with(|pipeline| pipeline.push::<T, U, _, WANTS>(closure)) };
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: moved out of what is not dropped.
        let core = unsafe { ptr::read(&this.core) };
        Tail { core, of: PhantomData }
    }

    /// The result at the end of the chain, once; `None` while it is not there.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Outcome<T>> {
        if !self.core.has_result() {
            return None;
        }
        self.core.if_unread.set(IfUnread::Dropped);
        // SAFETY: everything has run: the current result is the last one, and
        // a T, says the only tail; only moves.
        let result = unsafe { self.core.pipeline.with(|pipeline| pipeline.take()) };
        Some(result.unwrap_or_else(|| Err(ResultTakenError.into())))
    }

    /// Gives up the tail, and nothing else: another chain waits from here on.
    fn into_core(self) -> Rc<Core> {
        let this = mem::ManuallyDrop::new(self);
        this.core.consumer.set(Consumer::Gone);
        // SAFETY: moved out of what is not dropped.
        unsafe { ptr::read(&this.core) }
    }
}

impl<T> Tail<T> {
    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }
}

impl<T> Drop for Tail<T> {
    #[inline]
    fn drop(&mut self) {
        self.core.lost_consumer();
    }
}
