//! `Deferred`, its `Trigger` and its `CancelHandle`: making, adding, firing,
//! cancelling, pausing, chaining, and getting the result.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::num::ParseIntError;
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    AlreadyCalledError, CallbackResult, CancelledError, ChainCycleError, Deferred, Failure,
    Outcome, Panic, ResultTakenError, Trigger, execute, fail, maybe_deferred, succeed,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// A place where a Deferred is kept so that a callback can get at it.
type Shelf<T> = Rc<RefCell<Option<T>>>;

fn shelf<T>() -> (Shelf<T>, Shelf<T>) {
    let shelf = Shelf::default();
    (Rc::clone(&shelf), shelf)
}

// ===== making =====

/// What was added before the firing runs inside it.
#[test]
fn callbacks_added_before_the_firing_run_inside_it() {
    let log = Log::default();
    let (d, trigger) = Deferred::new();
    let (first, second) = (log.clone(), log.clone());
    let d = d
        .add_callback(move |n: i32| {
            first.add(format!("first {n}"));
            Ok(n + 1)
        })
        .add_callback(move |n| {
            second.add(format!("second {n}"));
            Ok(n * 10)
        });
    assert!(log.take().is_empty());
    assert!(!trigger.called());

    trigger.callback(1).unwrap();

    assert_eq!(log.take(), ["first 1", "second 2"]);
    assert!(trigger.called());
    assert_eq!(success_result_of(d), 20);
}

/// What is added after the firing runs inside the adding.
#[test]
fn callbacks_added_after_the_firing_run_at_once() {
    let (d, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    let ran = Rc::new(Cell::new(0));
    let run = Rc::clone(&ran);
    let d = d.add_callback(move |n| {
        run.set(n);
        Ok(())
    });
    assert_eq!(ran.get(), 1);
    success_result_of(d);
}

/// `succeed` and `fail`, as methods and as functions, have their result at
/// once.
#[test]
fn succeed_and_fail_are_fired() {
    assert_eq!(success_result_of(Deferred::succeed("a")), "a");
    assert_eq!(success_result_of(succeed("b")), "b");
    assert!(failure_result_of(Deferred::<()>::fail(fmt::Error)).is::<fmt::Error>());
    assert!(failure_result_of(fail::<()>(fmt::Error)).is::<fmt::Error>());
    let failure = Failure::new(fmt::Error);
    assert!(failure_result_of(fail::<()>(failure.clone())).same(&failure));
}

/// A trigger fires with a value, an error, a Failure, or either.
#[test]
fn a_trigger_fires_with_anything() {
    let (d, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), 1);

    let (d, trigger) = Deferred::<()>::new();
    trigger.errback(io::Error::other("broken")).unwrap();
    assert_eq!(failure_result_of(d).to_string(), "broken");

    let failure = Failure::new(fmt::Error);
    let (d, trigger) = Deferred::<()>::new();
    trigger.errback(failure.clone()).unwrap();
    assert!(failure_result_of(d).same(&failure));

    let (d, trigger) = Deferred::<i32>::new();
    trigger.fire(Err(failure.clone())).unwrap();
    assert!(failure_result_of(d).same(&failure));
    let (d, trigger) = Deferred::new();
    trigger.fire(Ok(7)).unwrap();
    assert_eq!(success_result_of(d), 7);
}

/// A Deferred is fired once; all later firings are refused, and change
/// nothing.
#[test]
fn firing_twice_is_refused() {
    let (d, trigger) = Deferred::new();
    let other = trigger.clone();
    trigger.callback(1).unwrap();
    assert_eq!(trigger.callback(2), Err(AlreadyCalledError::default()));
    assert!(trigger.errback(fmt::Error).is_err());
    assert!(other.callback(3).is_err());
    assert!(other.fire(Ok(4)).is_err());
    assert!(other.called());
    assert_eq!(success_result_of(d), 1);
}

/// A callback that fires its own Deferred again is refused as well.
#[test]
fn firing_from_its_own_callback_is_refused() {
    let (d, trigger) = Deferred::new();
    let again = trigger.clone();
    let d = d.add_callback(move |n: i32| Ok((n, again.callback(2).is_err())));
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), (1, true));
}

/// With its last trigger gone a Deferred stays as it is, and can still be
/// cancelled.
#[test]
fn a_dropped_trigger_leaves_it_pending() {
    let (d, trigger) = Deferred::<()>::new();
    let d = d.add_callback(|()| Ok(1));
    drop(trigger);
    assert_no_result(&d);
    d.cancel();
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// `maybe_deferred` takes whatever a function does: value, error, panic, a
/// Deferred, nothing.
#[test]
fn maybe_deferred_takes_anything() {
    assert_eq!(success_result_of(maybe_deferred(|| Ok(1))), 1);
    let raised = maybe_deferred(|| Ok("x".parse::<i32>()?));
    assert!(failure_result_of(raised).is::<ParseIntError>());
    let panicked = maybe_deferred(|| -> Result<(), Failure> { panic!("no {}", "way") });
    assert_eq!(failure_result_of(panicked).check::<Panic>().unwrap().message(), "no way");
    success_result_of(maybe_deferred(|| ()));

    let (inner, trigger) = Deferred::new();
    let same = maybe_deferred(|| inner);
    assert_no_result(&same);
    trigger.callback(5).unwrap();
    assert_eq!(success_result_of(same), 5);
}

/// A Deferred that the function returned is the one that is given: cancelling
/// it reaches its canceller.
#[test]
fn maybe_deferred_returns_the_deferred_itself() {
    let asked = Rc::new(Cell::new(0));
    let ask = Rc::clone(&asked);
    let (inner, _trigger) = Deferred::<()>::with_canceller(move |_| ask.set(ask.get() + 1));
    let d = maybe_deferred(|| inner);
    d.cancel();
    assert_eq!(asked.get(), 1);
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// `execute` is for plain functions.
#[test]
fn execute_runs_a_function() {
    assert_eq!(success_result_of(execute(|| Ok(2))), 2);
    assert!(
        failure_result_of(execute(|| -> Result<(), _> { Err(fmt::Error.into()) }))
            .is::<fmt::Error>()
    );
}

// ===== adding =====

/// A failure passes callbacks by, a value errbacks.
#[test]
fn each_kind_sees_its_own() {
    let d = Deferred::succeed(1)
        .add_errback(|_| -> Result<i32, Failure> { unreachable!("a value") })
        .add_callback(|n| Ok(n + 1));
    assert_eq!(success_result_of(d), 2);

    let d = Deferred::<i32>::fail(fmt::Error)
        .add_callback(|_| -> Result<i32, Failure> { unreachable!("a failure") })
        .add_errback(|failure| Ok(failure.is::<fmt::Error>().into()))
        .add_callback(|n| Ok(n + 1));
    assert_eq!(success_result_of(d), 2);
}

/// Of the two of `add_callbacks` exactly one runs, and the errback does not
/// see what the callback fails with.
#[test]
fn add_callbacks_runs_one_of_two() {
    let d = Deferred::succeed(1).add_callbacks(|n| Ok(n > 0), |_| Ok(false));
    assert!(success_result_of(d));
    let d = Deferred::<i32>::fail(fmt::Error).add_callbacks(|_| Ok("value"), |_| Ok("failure"));
    assert_eq!(success_result_of(d), "failure");
    let d = Deferred::succeed(1).add_callbacks(
        |_| -> Result<(), Failure> { Err(CancelledError.into()) },
        |_| -> Result<(), Failure> { unreachable!("the failure came after") },
    );
    assert!(failure_result_of(d).is::<CancelledError>());
    // The two may return different kinds of thing.
    let d = Deferred::<i32>::fail(fmt::Error).add_callbacks(|_| Ok(1), |_| Deferred::succeed(2));
    assert_eq!(success_result_of(d), 2);
}

/// `add_both` sees either, and says what goes on.
#[test]
fn add_both_sees_either() {
    let d = Deferred::succeed(1).add_both(|result| Ok(result.is_ok()));
    assert!(success_result_of(d));
    let d = Deferred::<i32>::fail(fmt::Error).add_both(|result| result);
    assert!(failure_result_of(d).is::<fmt::Error>());
}

/// `?` raises: what it returns goes to the next errback, and `trap` lets only
/// what it names stay there.
#[test]
fn errors_go_to_the_next_errback() {
    let log = Log::default();
    let (wrong, right) = (log.clone(), log.clone());
    let d = Deferred::succeed("seven")
        .add_callback(|text| Ok(text.parse::<i32>()?))
        .add_errback(move |failure| {
            wrong.add("io?");
            failure.trap::<io::Error>()?;
            Ok(0)
        })
        .add_errback(move |failure| {
            right.add("parse?");
            failure.trap::<ParseIntError>()?;
            Ok(7)
        });
    assert_eq!(success_result_of(d), 7);
    assert_eq!(log.take(), ["io?", "parse?"]);
}

/// An errback may raise something else instead.
#[test]
fn an_errback_may_raise() {
    let d = Deferred::<()>::fail(fmt::Error)
        .add_errback(|_| Err(Failure::new(CancelledError)))
        .add_errback(Err);
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// A panic in any kind of callback is a failure of the chain, which goes on;
/// nobody else is disturbed.
#[test]
fn panics_become_failures() {
    let panic_of = |d: Deferred<()>| {
        failure_result_of(d).check::<Panic>().map(|panic| panic.message().to_owned())
    };
    let d = Deferred::succeed(()).add_callback(|()| -> Result<(), Failure> { panic!("a") });
    assert_eq!(panic_of(d).as_deref(), Some("a"));
    let d = Deferred::<()>::fail(fmt::Error)
        .add_errback(|_| -> Result<(), Failure> { panic!("{}", "b") });
    assert_eq!(panic_of(d).as_deref(), Some("b"));
    let d = Deferred::succeed(()).add_both(|_| -> Result<(), Failure> {
        std::panic::panic_any(17);
    });
    assert_eq!(panic_of(d).as_deref(), Some("a value that is not text"));
}

/// The firing that runs a panicking callback returns as ever, and callbacks
/// behind the panic see it.
#[test]
fn a_panic_stays_inside_the_firing() {
    let (d, trigger) = Deferred::<i32>::new();
    let d = d
        .add_callback(|_| -> Result<i32, Failure> { panic!("broken") })
        .add_callback(|_| -> Result<i32, Failure> { unreachable!("a failure") })
        .add_errback(|failure| Ok(failure.check::<Panic>().map_or(0, |_| 1)));
    trigger.callback(0).unwrap();
    assert_eq!(success_result_of(d), 1);
}

/// A callback that returns a Deferred makes the chain wait for its result,
/// value or failure.
#[test]
fn a_returned_deferred_is_waited_for() {
    let (inner, inner_trigger) = Deferred::new();
    let (outer, outer_trigger) = Deferred::new();
    let outer = outer.add_callback(move |()| inner).add_callback(|n: i32| Ok(n + 1));
    outer_trigger.callback(()).unwrap();
    assert_no_result(&outer);
    assert!(outer_trigger.callback(()).is_err(), "waiting is not unfired");
    inner_trigger.callback(1).unwrap();
    assert_eq!(success_result_of(outer), 2);

    let (inner, inner_trigger) = Deferred::<i32>::new();
    let outer = Deferred::succeed(()).add_callback(move |()| inner);
    inner_trigger.errback(fmt::Error).unwrap();
    assert!(failure_result_of(outer).is::<fmt::Error>());
}

/// Errbacks and `add_both` may return Deferreds, too.
#[test]
fn every_kind_of_callback_may_return_a_deferred() {
    let d = Deferred::<i32>::fail(fmt::Error)
        .add_errback(|_| Deferred::succeed(1))
        .add_both(|result| succeed(result.map_or(0, |n| n + 1)))
        .add_callbacks(|n| succeed(n * 10), |_| succeed(0));
    assert_eq!(success_result_of(d), 20);
}

/// A chain that waits passes on what it waited for when a callback is added
/// while it waits, and after.
#[test]
fn adding_while_waiting() {
    let (inner, trigger) = Deferred::new();
    let outer = Deferred::succeed(()).add_callback(move |()| inner);
    let outer = outer.add_callback(|n: i32| Ok(n + 1)).add_callback(|n| succeed(n + 1));
    assert_no_result(&outer);
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(outer.add_callback(|n| Ok(n + 1))), 4);
}

/// Returned Deferreds may themselves wait, to any depth.
#[test]
fn waits_nest() {
    let (deepest, trigger) = Deferred::new();
    let d = (0..10).fold(deepest, |inner: Deferred<i32>, _| {
        Deferred::succeed(()).add_callback(move |()| inner).add_callback(|n| Ok(n + 1))
    });
    assert_no_result(&d);
    trigger.callback(0).unwrap();
    assert_eq!(success_result_of(d), 10);
}

/// A Deferred that would wait for itself fails instead; Twisted warns, and
/// then hangs.
#[test]
fn waiting_for_itself_fails() {
    let (later, itself) = shelf::<Deferred<i32>>();
    let saw = Rc::new(Cell::new(false));
    let see = Rc::clone(&saw);
    let (d, trigger) = Deferred::new();
    let d = d.add_callback(move |n: i32| later.take().unwrap_or_else(|| succeed(n)));
    itself.replace(Some(d.add_errback(move |failure| {
        see.set(failure.is::<ChainCycleError>());
        Ok(0)
    })));
    trigger.callback(1).unwrap();
    assert!(saw.get());
}

/// Two that would wait for each other: the second to try fails, and with it
/// the first.
#[test]
fn waiting_for_each_other_fails() {
    let (b_later, b_shelf) = shelf::<Deferred<i32>>();
    let (a_later, a_shelf) = shelf::<Deferred<i32>>();
    let (a, fire_a) = Deferred::new();
    let (b, fire_b) = Deferred::new();
    let log = Log::default();
    let (seen_a, seen_b) = (log.clone(), log.clone());
    let a = a.add_callback(move |()| b_later.take().expect("b")).add_errback(move |failure| {
        seen_a.add(format!("a {}", failure.is::<ChainCycleError>()));
        Ok(0)
    });
    let b = b.add_callback(move |()| a_later.take().expect("a")).add_errback(move |failure| {
        seen_b.add(format!("b {}", failure.is::<ChainCycleError>()));
        Err(failure)
    });
    a_shelf.replace(Some(a));
    b_shelf.replace(Some(b));
    fire_a.callback(()).unwrap();
    fire_b.callback(()).unwrap();
    assert_eq!(log.take(), ["b true", "a true"]);
}

/// A type of one's own may stand for an outcome.
#[test]
fn outcomes_and_own_types_are_callback_results() {
    struct Maybe(Option<i32>);
    impl CallbackResult for Maybe {
        type Value = i32;
        fn into_outcome(self) -> Outcome<i32> {
            match self.0 {
                Some(n) => Outcome::Done(Ok(n)),
                None => Outcome::Wait(succeed(-1)),
            }
        }
    }
    assert_eq!(success_result_of(succeed(()).add_callback(|()| Maybe(Some(1)))), 1);
    assert_eq!(success_result_of(succeed(()).add_callback(|()| Maybe(None))), -1);
    let outcome = succeed(()).add_callback(|()| Outcome::Done(Ok("done")));
    assert_eq!(success_result_of(outcome), "done");
}

/// A callback that is never run is dropped, not run.
#[test]
fn callbacks_that_do_not_apply_are_dropped() {
    let held = Rc::new(());
    let hold = Rc::clone(&held);
    let d = Deferred::succeed(1).add_errback(move |_| {
        drop(hold);
        Ok(0)
    });
    assert_eq!(Rc::strong_count(&held), 1);
    assert_eq!(success_result_of(d), 1);
}

/// Values of any size and alignment, and ones that are dropped exactly once,
/// go down the chain.
#[test]
fn values_of_all_shapes() {
    #[repr(align(64))]
    struct Aligned([u8; 64]);
    let d = succeed([7_u64; 100])
        .add_callback(|big| Ok(big.iter().sum::<u64>()))
        .add_callback(|sum| Ok(Aligned([u8::try_from(sum % 256)?; 64])))
        .add_callback(|aligned| {
            assert_eq!(std::ptr::from_ref(&aligned) as usize % 64, 0);
            Ok(aligned.0[63])
        })
        .add_callback(|byte| Ok(vec![byte; 3]));
    assert_eq!(success_result_of(d), [188; 3]);

    let counted = Rc::new(());
    let d = succeed(Rc::clone(&counted)).add_callback(|rc| Ok([rc.clone(), rc]));
    assert_eq!(Rc::strong_count(&counted), 3);
    drop(d);
    assert_eq!(Rc::strong_count(&counted), 1);
}

// ===== chain_deferred =====

/// The other Deferred gets the result, value or failure, and `()` is left.
#[test]
fn chain_deferred_passes_the_result_on() {
    let (other, trigger) = Deferred::new();
    let (d, fire) = Deferred::new();
    let d = d.chain_deferred(trigger);
    fire.callback(1).unwrap();
    assert_eq!(success_result_of(other), 1);
    success_result_of(d);

    let (other, trigger) = Deferred::<i32>::new();
    success_result_of(Deferred::fail(fmt::Error).chain_deferred(trigger));
    assert!(failure_result_of(other).is::<fmt::Error>());
}

/// A trigger that had been used is an error of the chain.
#[test]
fn chain_deferred_to_a_fired_one_fails() {
    let (other, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    let d = Deferred::succeed(2).chain_deferred(trigger);
    assert!(failure_result_of(d).is::<AlreadyCalledError>());
    assert_eq!(success_result_of(other), 1);
}

/// Cancelling the other does not cancel this one, whose result is swallowed.
#[test]
fn chain_deferred_does_not_pass_cancellation_back() {
    let (other, trigger) = Deferred::<i32>::new();
    let (d, fire) = Deferred::new();
    let d = d.chain_deferred(trigger);
    other.cancel();
    assert!(failure_result_of(other).is::<CancelledError>());
    assert_no_result(&d);
    fire.callback(1).unwrap();
    success_result_of(d);
}

/// The callbacks of the other run before those that follow here, as a call of
/// its `callback` would have it.
#[test]
fn chain_deferred_runs_the_other_first() {
    let log = Log::default();
    let (other_log, own_log) = (log.clone(), log.clone());
    let (other, trigger) = Deferred::new();
    let _other = other.add_callback(move |()| other_log.add("other"));
    let (d, fire) = Deferred::new();
    let _d = d.chain_deferred(trigger).add_callback(move |()| own_log.add("own"));
    fire.callback(()).unwrap();
    assert_eq!(log.take(), ["other", "own"]);
}

// ===== cancelling =====

/// Without a canceller: it fails, and one firing, only one, is swallowed.
#[test]
fn cancel_without_canceller() {
    let (d, trigger) = Deferred::new();
    d.cancel();
    assert!(trigger.called());
    trigger.callback(1).unwrap();
    assert_eq!(trigger.callback(2), Err(AlreadyCalledError::default()));
    assert!(failure_result_of(d).is::<CancelledError>());

    let (d, trigger) = Deferred::<()>::new();
    d.cancel();
    trigger.errback(fmt::Error).unwrap();
    assert!(trigger.errback(fmt::Error).is_err());
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// A canceller that does nothing is called, once; the Deferred fails, and no
/// firing is swallowed: the canceller should have seen to it.
#[test]
fn cancel_with_a_canceller_that_does_nothing() {
    let asked = Rc::new(Cell::new(0));
    let ask = Rc::clone(&asked);
    let (d, trigger) = Deferred::<i32>::with_canceller(move |_| ask.set(ask.get() + 1));
    d.cancel();
    d.cancel();
    assert_eq!(asked.get(), 1);
    assert!(trigger.callback(1).is_err());
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// A canceller that fires decides the result, value or failure.
#[test]
fn cancel_with_a_canceller_that_fires() {
    let (d, trigger) = Deferred::with_canceller(|trigger: &Trigger<i32>| {
        trigger.callback(1).unwrap();
        assert!(trigger.callback(2).is_err());
    });
    d.cancel();
    assert!(trigger.callback(3).is_err());
    assert_eq!(success_result_of(d), 1);

    let (d, _trigger) =
        Deferred::<()>::with_canceller(|trigger| trigger.errback(fmt::Error).unwrap());
    d.cancel();
    assert!(failure_result_of(d).is::<fmt::Error>());
}

/// A canceller that panics counts as one that did nothing, and whoever
/// cancels does not hear of it.
#[test]
fn cancel_with_a_canceller_that_panics() {
    let (d, _trigger) = Deferred::<()>::with_canceller(|_| panic!("in a canceller"));
    d.cancel();
    assert!(failure_result_of(d).is::<CancelledError>());

    // What it did before the panic counts.
    let (d, _trigger) = Deferred::with_canceller(|trigger: &Trigger<i32>| {
        trigger.callback(1).unwrap();
        panic!("too late");
    });
    d.cancel();
    assert_eq!(success_result_of(d), 1);
}

/// A canceller may cancel the Deferred it belongs to: it is not called again.
#[test]
fn a_canceller_may_cancel() {
    let (later, handle) = shelf::<deferred::CancelHandle>();
    let asked = Rc::new(Cell::new(0));
    let ask = Rc::clone(&asked);
    let (d, _trigger) = Deferred::<()>::with_canceller(move |_| {
        ask.set(ask.get() + 1);
        let handle = later.borrow().clone();
        handle.expect("a handle").cancel();
    });
    handle.replace(Some(d.cancel_handle()));
    d.cancel();
    assert_eq!(asked.get(), 1);
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// The canceller is not called once the Deferred was fired, and what it held
/// is let go.
#[test]
fn cancel_after_firing_does_nothing() {
    let held = Rc::new(());
    let hold = Rc::clone(&held);
    let (d, trigger) = Deferred::with_canceller(move |_| {
        let _hold = &hold;
        unreachable!("it was fired");
    });
    trigger.callback(1).unwrap();
    assert_eq!(Rc::strong_count(&held), 1);
    d.cancel();
    assert!(trigger.callback(2).is_err(), "nothing is swallowed");
    assert_eq!(success_result_of(d), 1);
}

/// Cancelling one that waits cancels what it waits for, however deep.
#[test]
fn cancel_goes_to_what_is_waited_for() {
    let asked = Rc::new(Cell::new(false));
    let ask = Rc::clone(&asked);
    let (innermost, _trigger) = Deferred::<i32>::with_canceller(move |_| ask.set(true));
    let middle = Deferred::succeed(()).add_callback(move |()| innermost);
    let outer = Deferred::succeed(()).add_callback(move |()| middle);
    outer.cancel();
    assert!(asked.get());
    assert!(failure_result_of(outer).is::<CancelledError>());
}

/// The chain decides what a cancelled wait means, and goes on.
#[test]
fn a_cancelled_wait_can_be_handled() {
    let (inner, trigger) = Deferred::<i32>::new();
    let outer = Deferred::succeed(()).add_callback(move |()| inner).add_errback(|failure| {
        failure.trap::<CancelledError>()?;
        Ok(3)
    });
    outer.cancel();
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(outer), 3);
}

/// The canceller of a fired chain's own head is not asked when the chain
/// waits for another.
#[test]
fn only_what_is_waited_for_is_cancelled() {
    let (inner, _inner_trigger) = Deferred::<()>::new();
    let (outer, trigger) = Deferred::with_canceller(|_| unreachable!("it was fired"));
    let outer = outer.add_callback(move |()| inner);
    trigger.callback(()).unwrap();
    outer.cancel();
    assert!(failure_result_of(outer).is::<CancelledError>());
}

/// A paused Deferred is cancelled like any; its callbacks wait for the end of
/// the pause.
#[test]
fn cancel_while_paused() {
    let (d, trigger) = Deferred::<i32>::new();
    let d = d.add_errback(|failure| Ok(failure.is::<CancelledError>().into()));
    d.pause();
    d.cancel();
    assert_no_result(&d);
    trigger.callback(9).unwrap();
    d.unpause();
    assert_eq!(success_result_of(d), 1);
}

/// A fired and paused one has its result: cancelling does nothing.
#[test]
fn cancel_when_fired_and_paused_does_nothing() {
    let (d, trigger) = Deferred::new();
    d.pause();
    trigger.callback(1).unwrap();
    d.cancel();
    d.unpause();
    assert_eq!(success_result_of(d), 1);
}

/// Cancelling from one of its own callbacks does nothing: it has its result.
#[test]
fn cancel_from_its_own_callback_does_nothing() {
    let (later, handle) = shelf::<deferred::CancelHandle>();
    let (d, trigger) = Deferred::new();
    let d = d.add_callback(move |n: i32| {
        later.borrow().as_ref().expect("a handle").cancel();
        Ok(n)
    });
    handle.replace(Some(d.cancel_handle()));
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), 1);
}

/// A handle cancels the chain wherever its Deferred has gone: added to,
/// returned from a callback, or dropped.
#[test]
fn a_cancel_handle_stays_good() {
    let (d, _trigger) = Deferred::<i32>::new();
    let handle = d.cancel_handle();
    let d = d.add_callback(|n| Ok(n.to_string()));
    handle.clone().cancel();
    assert!(failure_result_of(d).is::<CancelledError>());

    let (inner, _trigger) = Deferred::<i32>::new();
    let handle = inner.cancel_handle();
    let outer = Deferred::succeed(()).add_callback(move |()| inner);
    handle.cancel();
    assert!(failure_result_of(outer).is::<CancelledError>());

    let seen = Rc::new(Cell::new(false));
    let see = Rc::clone(&seen);
    let (d, _trigger) = Deferred::<()>::new();
    let handle = d.cancel_handle();
    drop(d.add_errback(move |failure| see.set(failure.is::<CancelledError>())));
    handle.cancel();
    assert!(seen.get());
    handle.cancel();
}

// ===== pausing =====

/// Callbacks run when every pause was taken back, not before.
#[test]
fn pauses_are_counted() {
    let (d, trigger) = Deferred::new();
    let d = d.add_callback(|n: i32| Ok(n + 1));
    d.pause();
    d.pause();
    trigger.callback(1).unwrap();
    assert_no_result(&d);
    d.unpause();
    assert_no_result(&d);
    d.unpause();
    assert_eq!(success_result_of(d), 2);
}

/// A pause that ends before the firing has no effect, and unpausing too often
/// neither.
#[test]
fn unpausing_too_often_does_nothing() {
    let (d, trigger) = Deferred::new();
    d.unpause();
    d.pause();
    d.unpause();
    d.unpause();
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), 1);
}

/// The pause is the chain's: it holds callbacks that are added later, too.
#[test]
fn a_pause_holds_what_is_added_later() {
    let d = Deferred::succeed(1);
    d.pause();
    assert_no_result(&d);
    let d = d.add_callback(|n| Ok(n + 1));
    assert_no_result(&d);
    d.unpause();
    assert_eq!(success_result_of(d), 2);
}

/// A callback may pause its own chain: what is there runs on, as in Twisted,
/// and what is added later waits.
#[test]
fn a_callback_may_pause_its_own_chain() {
    let (later, itself) = shelf::<Deferred<i32>>();
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let (d, trigger) = Deferred::new();
    let d = d
        .add_callback(move |n: i32| {
            first.add("first");
            later.borrow().as_ref().expect("itself").pause();
            Ok(n)
        })
        .add_callback(move |n| {
            second.add("second");
            Ok(n)
        });
    itself.replace(Some(d));
    trigger.callback(1).unwrap();
    assert_eq!(log.take(), ["first", "second"]);
    let third = log.clone();
    let d = itself.take().unwrap().add_callback(move |n| {
        third.add("third");
        Ok(n)
    });
    assert!(log.take().is_empty());
    d.unpause();
    assert_eq!(log.take(), ["third"]);
    assert_eq!(success_result_of(d), 1);
}

/// A chain that waits and is paused gets its result, and runs when the pause
/// ends.
#[test]
fn pausing_a_waiting_chain() {
    let (inner, trigger) = Deferred::new();
    let d = Deferred::succeed(()).add_callback(move |()| inner).add_callback(|n: i32| Ok(n + 1));
    d.pause();
    trigger.callback(1).unwrap();
    assert_no_result(&d);
    d.unpause();
    assert_eq!(success_result_of(d), 2);
}

// ===== getting the result =====

/// `take_result` gives the result, or the Deferred back.
#[test]
fn take_result_gives_one_or_the_other() {
    let (d, trigger) = Deferred::new();
    assert!(!d.has_result());
    let d = d.take_result().unwrap_err();
    trigger.callback(1).unwrap();
    assert!(d.has_result());
    assert_eq!(d.take_result().unwrap().unwrap(), 1);
    let failed = Deferred::<()>::fail(fmt::Error).take_result().unwrap();
    assert!(failed.unwrap_err().is::<fmt::Error>());
}

/// The result of one that is paused or waits is not there.
#[test]
fn no_result_while_paused_or_waiting() {
    let d = Deferred::succeed(1);
    d.pause();
    assert!(!d.has_result());
    let d = d.take_result().unwrap_err();
    d.unpause();
    assert!(d.has_result());
    let (inner, _trigger) = Deferred::<i32>::new();
    let d = d.add_callback(move |_| inner);
    assert!(!d.has_result());
    drop(d);
}

/// Whoever adds to a Deferred whose result was taken through `&mut` gets a
/// failure that says so.
#[test]
fn a_taken_result_is_gone() {
    let mut d = Deferred::succeed(1);
    assert_eq!(futures::executor::block_on(&mut d).unwrap(), 1);
    assert!(futures::executor::block_on(&mut d).unwrap_err().is::<ResultTakenError>());
    let d = d.add_callback(Ok);
    assert!(failure_result_of(d).is::<ResultTakenError>());
}

/// Dropping the Deferred stops nothing.
#[test]
fn callbacks_run_after_the_deferred_was_dropped() {
    let log = Log::default();
    let run = log.clone();
    let (d, trigger) = Deferred::new();
    drop(d.add_callback(move |()| run.add("ran")));
    trigger.callback(()).unwrap();
    assert_eq!(log.take(), ["ran"]);
}

// ===== what it looks like =====

/// The Debug form tells the states apart, as Twisted's `repr` does.
#[test]
fn debug_shows_the_state() {
    let (inner, trigger) = Deferred::<()>::new();
    let shown = format!("{inner:?}");
    assert!(shown.starts_with("<Deferred at 0x") && shown.ends_with('>'), "{shown}");
    assert!(!shown.contains("result"));
    let inner_place = shown.trim_start_matches("<Deferred at ").trim_end_matches('>').to_owned();

    let outer = succeed(()).add_callback(move |()| inner);
    let shown = format!("{outer:?}");
    assert!(shown.contains(&format!("waiting on Deferred at {inner_place}")), "{shown}");
    assert!(format!("{trigger:?}").contains("called: false"));
    trigger.callback(()).unwrap();
    assert!(format!("{trigger:?}").contains("called: true"));
    assert!(format!("{outer:?}").ends_with(" with a result>"));
    assert!(format!("{:?}", outer.cancel_handle()).starts_with("CancelHandle"));
    success_result_of(outer);
}

// ===== re-entrancy in short; the rest is tested with its own documentation =====

/// A callback may fire another Deferred, whose callbacks run inside that call.
#[test]
fn a_callback_may_fire_another() {
    let log = Log::default();
    let (outer_log, inner_log) = (log.clone(), log.clone());
    let (inner, fire_inner) = Deferred::new();
    let _inner = inner.add_callback(move |()| inner_log.add("inner"));
    let (outer, fire_outer) = Deferred::new();
    let _outer = outer.add_callback(move |()| {
        outer_log.add("before");
        fire_inner.callback(()).unwrap();
        outer_log.add("after");
    });
    fire_outer.callback(()).unwrap();
    assert_eq!(log.take(), ["before", "inner", "after"]);
}

/// A callback may add to its own chain: that runs after it, not inside it.
#[test]
fn a_callback_may_add_to_its_own_chain() {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let (later, itself) = shelf::<Deferred<()>>();
    let (d, trigger) = Deferred::new();
    itself.replace(Some(d.add_callback(move |()| {
        let itself = later.take().expect("itself");
        let second = second.clone();
        later.replace(Some(itself.add_callback(move |()| second.add("added"))));
        first.add("first");
    })));
    trigger.callback(()).unwrap();
    assert_eq!(log.take(), ["first", "added"]);
    success_result_of(itself.take().unwrap());
}

// ===== context =====

/// The name of the `tracing` span we are in.
fn span_name() -> Option<&'static str> {
    tracing::Span::current().metadata().map(tracing::Metadata::name)
}

/// A callback runs in the span in which it was added, whoever fires it from
/// whatever span.
#[test]
fn callbacks_run_in_the_span_they_were_added_in() {
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let (d, trigger) = Deferred::new();
        let d = tracing::error_span!("adding")
            .in_scope(|| d.add_callback(|()| Ok(span_name())).add_errback(Err));
        let d = d.add_callback(|first| Ok((first, span_name())));
        tracing::error_span!("firing").in_scope(|| {
            trigger.callback(()).unwrap();
            assert_eq!(span_name(), Some("firing"));
        });
        // Added in no span: it runs in the one that fires.
        assert_eq!(success_result_of(d), (Some("adding"), Some("firing")));
    });
}

/// Failures that tests above make are all handled: nothing is reported by
/// handled chains.
#[test]
fn handled_failures_are_not_reported() {
    let errors = LoggedErrors::collect();
    let d = Deferred::<()>::fail(fmt::Error).add_errback(|_| Ok(()));
    drop(d);
    let (d, trigger) = Deferred::<()>::new();
    d.cancel();
    drop(failure_result_of(d));
    drop(trigger);
    assert!(errors.flush_all().is_empty());
}
