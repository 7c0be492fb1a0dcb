//! Waiting for several Deferreds: [`DeferredList`], [`gather_results`].
//!
//! Mirrors `DeferredList` and `gatherResults` of `twisted.internet.defer`.
//! Tested in `tests/chains/list.rs`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::chain::{Members, Next, Upstream};
use crate::deferred::{Deferred, feed};
use crate::failure::Failure;
use crate::trigger::Trigger;

/// Waits for all of several Deferreds, and gives the result of each.
///
/// This is a builder: the methods are the options of Twisted's class, and
/// [`into_deferred`](Self::into_deferred) makes the Deferred. For values only,
/// failing with the first failure, use [`gather_results`].
///
/// A member's failure is in the list's result, and also stays with the member,
/// unhandled, unless [`consume_errors`](Self::consume_errors) is set.
///
/// # Cancellation
///
/// Cancelling the list cancels all its members; its result is then what they
/// make of it.
///
/// ```
/// use deferred::{Deferred, DeferredList, testing::success_result_of};
///
/// let members = [Deferred::succeed(1), Deferred::fail(std::fmt::Error)];
/// let results = success_result_of(DeferredList::new(members).consume_errors().into_deferred());
/// assert_eq!(*results[0].as_ref().unwrap(), 1);
/// assert!(results[1].as_ref().unwrap_err().is::<std::fmt::Error>());
/// ```
#[must_use = "it does nothing until `into_deferred` is called"]
pub struct DeferredList<T> {
    members: Vec<Deferred<T>>,
    options: Options,
}

#[derive(Clone, Copy, Default)]
struct Options {
    fire_on_one_errback: bool,
    consume_errors: bool,
}

impl<T: 'static> DeferredList<T> {
    /// A list of `members`, in their order.
    ///
    /// ```
    /// use deferred::{DeferredList, succeed, testing::success_result_of};
    ///
    /// let list = DeferredList::new((0..3).map(succeed)).into_deferred();
    /// assert_eq!(success_result_of(list).len(), 3);
    /// ```
    pub fn new(members: impl IntoIterator<Item = Deferred<T>>) -> Self {
        Self { members: members.into_iter().collect(), options: Options::default() }
    }

    /// Gives the first value there is, without waiting for the others.
    ///
    /// ```
    /// use deferred::{Deferred, DeferredList, ListOutcome, testing::success_result_of};
    ///
    /// let (slow, _trigger) = Deferred::new();
    /// let list = DeferredList::new([slow, Deferred::succeed("fast")]).fire_on_one_callback();
    /// let ListOutcome::First(value, index) = success_result_of(list.into_deferred()) else {
    ///     panic!("no value")
    /// };
    /// assert_eq!((value, index), ("fast", 1));
    /// ```
    #[doc(alias = "fireOnOneCallback")]
    pub fn fire_on_one_callback(self) -> FirstCallback<T> {
        FirstCallback { list: self }
    }

    /// Fails with the first failure there is, as a [`FirstError`], without
    /// waiting for the others.
    ///
    /// ```
    /// use deferred::{Deferred, DeferredList, FirstError, testing::failure_result_of};
    ///
    /// let (slow, _trigger) = Deferred::<()>::new();
    /// let list = DeferredList::new([slow, Deferred::fail(std::fmt::Error)]).consume_errors();
    /// let failure = failure_result_of(list.fire_on_one_errback().into_deferred());
    /// assert_eq!(failure.check::<FirstError>().unwrap().index(), 1);
    /// ```
    #[doc(alias = "fireOnOneErrback")]
    pub fn fire_on_one_errback(mut self) -> Self {
        self.options.fire_on_one_errback = true;
        self
    }

    /// Counts the failures of the members as handled.
    ///
    /// ```
    /// use deferred::{Deferred, DeferredList, testing::success_result_of};
    ///
    /// let broken: Deferred<()> = Deferred::fail(std::fmt::Error);
    /// success_result_of(DeferredList::new([broken]).consume_errors().into_deferred());
    /// ```
    #[doc(alias = "consumeErrors")]
    pub fn consume_errors(mut self) -> Self {
        self.options.consume_errors = true;
        self
    }

    /// The Deferred that fires when all members have, with their results in
    /// their order; at once if there are none.
    ///
    /// ```
    /// use deferred::{DeferredList, testing::success_result_of};
    ///
    /// assert!(success_result_of(DeferredList::<()>::new([]).into_deferred()).is_empty());
    /// ```
    #[track_caller]
    pub fn into_deferred(self) -> Deferred<Vec<Result<T, Failure>>> {
        if self.members.is_empty() {
            return Deferred::succeed(Vec::new());
        }
        collect(self.members, self.options, None, |results| results)
    }
}

/// A [`DeferredList`] that gives the first value there is.
///
/// ```
/// use deferred::{DeferredList, ListOutcome, succeed, testing::success_result_of};
///
/// let first = DeferredList::new([succeed("a"), succeed("b")]).fire_on_one_callback();
/// assert!(matches!(success_result_of(first.into_deferred()), ListOutcome::First("a", 0)));
/// ```
#[must_use = "it does nothing until `into_deferred` is called"]
pub struct FirstCallback<T> {
    list: DeferredList<T>,
}

/// Result of a list with `fire_on_one_callback`.
///
/// In Twisted it is one or the other as well, and the reader has to guess.
///
/// ```
/// use deferred::{DeferredList, ListOutcome, fail, testing::success_result_of};
///
/// let none = DeferredList::new([fail::<u8>(std::fmt::Error)]).fire_on_one_callback();
/// match success_result_of(none.consume_errors().into_deferred()) {
///     ListOutcome::First(..) => unreachable!("no member has a value"),
///     ListOutcome::All(results) => assert_eq!(results.len(), 1),
/// }
/// ```
#[derive(Debug)]
pub enum ListOutcome<T> {
    /// The first value, and the index of its member.
    First(T, usize),
    /// All results, which are failures: no member had a value.
    All(Vec<Result<T, Failure>>),
}

impl<T: 'static> FirstCallback<T> {
    /// As [`DeferredList::fire_on_one_errback`].
    ///
    /// ```
    /// use deferred::{Deferred, DeferredList, FirstError, fail, testing::failure_result_of};
    ///
    /// let (slow, _trigger) = Deferred::<u8>::new();
    /// let list = DeferredList::new([slow, fail(std::fmt::Error)]).fire_on_one_callback();
    /// let failed = list.fire_on_one_errback().consume_errors().into_deferred();
    /// assert!(failure_result_of(failed).is::<FirstError>());
    /// ```
    #[doc(alias = "fireOnOneErrback")]
    pub fn fire_on_one_errback(self) -> Self {
        Self { list: self.list.fire_on_one_errback() }
    }

    /// As [`DeferredList::consume_errors`].
    ///
    /// ```
    /// use deferred::{DeferredList, fail, testing::{LoggedErrors, success_result_of}};
    ///
    /// let _none_expected = LoggedErrors::collect();
    /// let list = DeferredList::new([fail::<u8>(std::fmt::Error)]).fire_on_one_callback();
    /// success_result_of(list.consume_errors().into_deferred());
    /// ```
    #[doc(alias = "consumeErrors")]
    pub fn consume_errors(self) -> Self {
        Self { list: self.list.consume_errors() }
    }

    /// The Deferred that fires with the first value. With no members it never
    /// fires, as in Twisted.
    ///
    /// ```
    /// use deferred::{Deferred, DeferredList, ListOutcome, testing::success_result_of};
    ///
    /// let broken: Deferred<()> = Deferred::fail(std::fmt::Error);
    /// let list = DeferredList::new([broken]).fire_on_one_callback().consume_errors();
    /// let ListOutcome::All(results) = success_result_of(list.into_deferred()) else {
    ///     panic!("a value")
    /// };
    /// assert!(results[0].is_err());
    /// ```
    #[track_caller]
    pub fn into_deferred(self) -> Deferred<ListOutcome<T>> {
        let DeferredList { members, options } = self.list;
        collect(members, options, Some(ListOutcome::First), ListOutcome::All)
    }
}

/// Gives the values of all of `members`, in their order, or fails with the
/// first failure, as a [`FirstError`].
///
/// The failures of members also stay with them, unhandled; see
/// [`gather_results_consuming_errors`]. Cancelling it cancels all members.
///
/// ```
/// use deferred::{gather_results, succeed, testing::success_result_of};
///
/// let squares = gather_results((1..4).map(|n| succeed(n * n)));
/// assert_eq!(success_result_of(squares), [1, 4, 9]);
/// ```
#[doc(alias = "gatherResults")]
#[track_caller]
pub fn gather_results<T: 'static>(
    members: impl IntoIterator<Item = Deferred<T>>,
) -> Deferred<Vec<T>> {
    gather(DeferredList::new(members))
}

/// As [`gather_results`], and counts the failures of the members as handled:
/// `gatherResults(members, consumeErrors=True)`.
///
/// ```
/// use deferred::{Deferred, gather_results_consuming_errors, testing::failure_result_of};
///
/// let broken: Deferred<()> = Deferred::fail(std::fmt::Error);
/// failure_result_of(gather_results_consuming_errors([broken]));
/// ```
#[track_caller]
pub fn gather_results_consuming_errors<T: 'static>(
    members: impl IntoIterator<Item = Deferred<T>>,
) -> Deferred<Vec<T>> {
    gather(DeferredList::new(members).consume_errors())
}

#[track_caller]
fn gather<T: 'static>(list: DeferredList<T>) -> Deferred<Vec<T>> {
    // With a failure the list fails, so here all results are values.
    list.fire_on_one_errback()
        .into_deferred()
        .add_callback(|results| results.into_iter().collect::<Result<Vec<T>, Failure>>())
}

/// The results that a list has so far.
struct Collector<T, O> {
    trigger: Trigger<O>,
    results: RefCell<Vec<Option<Result<T, Failure>>>>,
    missing: Cell<usize>,
    options: Options,
    first: Option<fn(T, usize) -> O>,
    all: fn(Vec<Result<T, Failure>>) -> O,
}

#[track_caller]
fn collect<T: 'static, O: 'static>(
    members: Vec<Deferred<T>>,
    options: Options,
    first: Option<fn(T, usize) -> O>,
    all: fn(Vec<Result<T, Failure>>) -> O,
) -> Deferred<O> {
    let place = Location::caller();
    let (list, trigger) = Deferred::new();
    let handles = members.iter().map(Deferred::cancel_handle).collect();
    trigger.head().core().upstream.set(Upstream::Members(Members { handles, fails: false }));
    let mut results = Vec::new();
    results.resize_with(members.len(), || None);
    let collector = Rc::new(Collector {
        trigger,
        missing: Cell::new(members.len()),
        results: RefCell::new(results),
        options,
        first,
        all,
    });
    for (index, member) in members.into_iter().enumerate() {
        let collector = Rc::clone(&collector);
        // What is left of a member is dropped, and reports its failure.
        drop(member.add(place, move |result| collector.take(index, result, place)));
    }
    list
}

impl<T: 'static, O: 'static> Collector<T, O> {
    /// Takes the result of a member; returns what is left there.
    fn take(
        &self,
        index: usize,
        result: Result<T, Failure>,
        place: &'static Location<'static>,
    ) -> Next<()> {
        let left = match &result {
            Err(failure) if !self.options.consume_errors => Err(failure.clone()),
            _ => Ok(()),
        };
        self.missing.set(self.missing.get() - 1);
        if self.trigger.called() {
            return Next::Done(left);
        }
        match (result, self.first) {
            (Ok(value), Some(first)) => feed(&self.trigger, Ok(first(value, index)), left, place),
            (Err(failure), _) if self.options.fire_on_one_errback => {
                feed(&self.trigger, Err(FirstError::new(failure, index).into()), left, place)
            }
            (result, _) => {
                self.results.borrow_mut()[index] = Some(result);
                if self.missing.get() > 0 {
                    return Next::Done(left);
                }
                let results = self.results.take().into_iter().flatten().collect();
                feed(&self.trigger, Ok((self.all)(results)), left, place)
            }
        }
    }
}

/// The first failure of a list with `fire_on_one_errback`, and whose it was.
///
/// ```
/// use deferred::{Failure, FirstError};
///
/// let error = FirstError::new(Failure::new(std::fmt::Error), 2);
/// assert_eq!(error.index(), 2);
/// assert!(error.sub_failure().is::<std::fmt::Error>());
/// ```
#[derive(Clone, Debug)]
pub struct FirstError {
    sub_failure: Failure,
    index: usize,
}

impl FirstError {
    /// An error that says member `index` failed with `sub_failure`.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure, FirstError};
    ///
    /// let error = FirstError::new(Failure::new(CancelledError), 4);
    /// assert_eq!(error.to_string(), "FirstError[#4]");
    /// ```
    pub fn new(sub_failure: Failure, index: usize) -> Self {
        Self { sub_failure, index }
    }

    /// The failure.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure, FirstError};
    ///
    /// let error = FirstError::new(Failure::new(CancelledError), 4);
    /// assert!(error.sub_failure().is::<CancelledError>());
    /// ```
    #[doc(alias = "subFailure")]
    pub fn sub_failure(&self) -> &Failure {
        &self.sub_failure
    }

    /// The index of the member that failed.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure, FirstError};
    ///
    /// let error = FirstError::new(Failure::new(CancelledError), 4);
    /// assert_eq!(error.index(), 4);
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstError[#{}]", self.index)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.sub_failure.value())
    }
}
