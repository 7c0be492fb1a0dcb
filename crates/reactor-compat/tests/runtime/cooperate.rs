//! Cooperation: turns, slices, pauses, and the ends of tasks.

use std::cell::{Cell, RefCell};
use std::iter;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Outcome, Panic, ensure_deferred};
use reactor_compat::task::{
    Clock, CooperativeTask, Cooperator, NotPaused, SchedulerError, SchedulerStopped, TaskDone,
    TaskFailed, TaskStopped, coiterate, cooperate,
};
use reactor_compat::{ReactorTime, reactor};

const SECOND: Duration = Duration::from_secs(1);

/// A cooperator that makes one step a second.
fn one_by_one() -> (Clock, Cooperator) {
    let clock = Clock::new();
    let when = clock.clone();
    let cooperator = Cooperator::new()
        .termination_predicate(|| || true)
        .scheduler(move |tick| when.call_later(SECOND, tick));
    (clock, cooperator)
}

/// Work without end, and what was done of it.
fn endless() -> (impl Iterator<Item = ()> + 'static, Rc<Cell<u32>>) {
    let steps = Rc::new(Cell::new(0));
    let count = steps.clone();
    (iter::repeat_with(move || count.set(count.get() + 1)), steps)
}

#[test]
fn tasks_take_turns() {
    let (clock, cooperator) = one_by_one();
    let log = Rc::new(RefCell::new(String::new()));
    for (name, steps) in [("a", 3), ("b", 1), ("c", 2)] {
        let log = log.clone();
        cooperator.cooperate((0..steps).map(move |_| log.borrow_mut().push_str(name)));
    }
    clock.pump([SECOND; 20]);
    // When b ends in the second round, c moves to its place and is passed over.
    assert_eq!(*log.borrow(), "abcaac");
    assert!(clock.get_delayed_calls().is_empty(), "nothing is left to do");
}

#[test]
fn a_slice_ends_with_its_time() {
    let clock = Clock::new();
    let cooperator = Cooperator::new().clock(&clock);
    let steps = Rc::new(Cell::new(0));
    let (count, busy) = (steps.clone(), clock.clone());
    cooperator.cooperate(iter::repeat_with(move || {
        count.set(count.get() + 1);
        if count.get() <= 3 {
            // This is how a step takes four milliseconds.
            busy.advance(Duration::from_millis(4));
        }
    }));
    clock.advance(SECOND);
    assert_eq!(steps.get(), 3);
    assert_eq!(clock.get_delayed_calls().len(), 1, "it goes on later");
}

#[test]
fn a_slice_ends_even_if_time_stands_still() {
    let clock = Clock::new();
    let cooperator = Cooperator::new().clock(&clock);
    let (work, steps) = endless();
    cooperator.cooperate(work);
    clock.advance(SECOND);
    let first = steps.get();
    assert!(first > 0);
    clock.advance(SECOND);
    assert_eq!(steps.get(), 2 * first);
}

#[test]
fn the_predicate_is_made_for_each_slice_and_asked_after_each_step() {
    let clock = Clock::new();
    let slices = Rc::new(Cell::new(0));
    let made = slices.clone();
    let cooperator = Cooperator::new().clock(&clock).termination_predicate(move || {
        made.set(made.get() + 1);
        let mut left = 3;
        move || {
            left -= 1;
            left == 0
        }
    });
    let (work, steps) = endless();
    cooperator.cooperate(work);
    clock.pump([SECOND; 4]);
    assert_eq!((slices.get(), steps.get()), (4, 12));
}

#[test]
fn a_predicate_that_panics_ends_the_slice_and_no_more() {
    let clock = Clock::new();
    let cooperator = Cooperator::new()
        .clock(&clock)
        .termination_predicate(|| || panic!("this panic is part of the test"));
    let (work, steps) = endless();
    cooperator.cooperate(work);
    clock.pump([SECOND; 3]);
    assert_eq!(steps.get(), 3);
}

#[test]
fn a_deferred_is_waited_for() {
    let (clock, cooperator) = one_by_one();
    let (wait, trigger) = Deferred::new();
    let task = cooperator.cooperate([wait, Deferred::succeed(2)].into_iter());
    clock.advance(SECOND);
    assert!(clock.get_delayed_calls().is_empty(), "a task that waits keeps nobody busy");
    trigger.callback(1).unwrap();
    clock.pump([SECOND; 2]);
    success_result_of(task.when_done());
}

#[test]
fn a_deferred_that_fails_fails_the_task() {
    let (clock, cooperator) = one_by_one();
    let (wait, trigger) = Deferred::<()>::new();
    let task = cooperator.cooperate(iter::once(wait));
    let done = task.when_done();
    clock.advance(SECOND);
    trigger.errback(std::fmt::Error).unwrap();
    assert!(failure_result_of(done).is::<std::fmt::Error>());
    assert_eq!(task.stop(), Err(TaskFailed.into()));
    assert!(failure_result_of(task.when_done()).is::<std::fmt::Error>());
}

/// What happens in Twisted when it tells its Deferreds a second time.
#[test]
fn a_deferred_that_fails_after_its_task_was_stopped_is_an_error_nobody_handles() {
    let errors = LoggedErrors::collect();
    let (clock, cooperator) = one_by_one();
    let (wait, trigger) = Deferred::<()>::new();
    let task = cooperator.cooperate(iter::once(wait));
    let done = task.when_done();
    clock.advance(SECOND);
    task.stop().unwrap();
    trigger.errback(std::fmt::Error).unwrap();
    assert!(failure_result_of(done).is::<TaskStopped>());
    assert_eq!(errors.flush_logged_errors::<deferred::AlreadyCalledError>().len(), 1);
    assert_eq!(task.stop(), Err(TaskFailed.into()));
}

/// What happens in Twisted when it cannot find the task in its list.
#[test]
fn a_deferred_that_fails_after_its_task_went_on_and_ended_is_one_too() {
    let errors = LoggedErrors::collect();
    let (clock, cooperator) = one_by_one();
    let (wait, trigger) = Deferred::<()>::new();
    let task = cooperator.cooperate(iter::once(wait));
    clock.advance(SECOND);
    task.resume().unwrap();
    clock.advance(SECOND);
    success_result_of(task.when_done());
    trigger.errback(std::fmt::Error).unwrap();
    let errors = errors.flush_logged_errors::<SchedulerError>();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].check(), Some(&SchedulerError::from(TaskDone)));
}

#[test]
fn errors_and_panics_fail_the_task() {
    let clock = Clock::new();
    let cooperator = Cooperator::new().clock(&clock);
    let steps = [Ok(()), Err(Failure::from(std::fmt::Error)), Ok(())];
    let failing = cooperator.cooperate(steps.into_iter());
    let panicking =
        cooperator.cooperate(iter::from_fn(|| -> Option<()> { panic!("part of the test") }));
    clock.advance(SECOND);
    assert!(failure_result_of(failing.when_done()).is::<std::fmt::Error>());
    assert!(failure_result_of(panicking.when_done()).is::<Panic>());
}

#[test]
fn steps_may_be_of_any_kind() {
    let clock = Clock::new();
    let steps = [Outcome::Done(Ok(1)), Outcome::Wait(Deferred::succeed(2)), Outcome::Done(Ok(3))];
    let task = Cooperator::new().clock(&clock).cooperate(steps.into_iter());
    clock.pump([SECOND; 2]);
    success_result_of(task.when_done());
}

#[test]
fn all_who_wait_are_told() {
    let (clock, cooperator) = one_by_one();
    let task = cooperator.cooperate(iter::empty::<()>());
    let waiting = [task.when_done(), task.when_done()];
    clock.advance(SECOND);
    for done in waiting {
        success_result_of(done);
    }
    success_result_of(task.when_done());
    assert_eq!(task.pause(), Err(TaskDone.into()));
    assert_eq!(task.resume(), Err(NotPaused));
}

#[test]
fn pauses_are_counted() {
    let (clock, cooperator) = one_by_one();
    let (work, steps) = endless();
    let task = cooperator.cooperate(work);
    task.pause().unwrap();
    task.pause().unwrap();
    assert!(clock.get_delayed_calls().is_empty());
    task.resume().unwrap();
    clock.advance(SECOND);
    assert_eq!(steps.get(), 0);
    task.resume().unwrap();
    assert_eq!(task.resume(), Err(NotPaused));
    clock.advance(SECOND);
    assert_eq!(steps.get(), 1);
}

/// To resume a task that waits is to go on without what it waits for.
#[test]
fn resuming_a_task_that_waits_leaves_its_deferred_with_an_error() {
    let errors = LoggedErrors::collect();
    let (clock, cooperator) = one_by_one();
    let (wait, trigger) = Deferred::<()>::new();
    let task = cooperator.cooperate(iter::once(wait));
    clock.advance(SECOND);
    task.resume().unwrap();
    trigger.callback(()).unwrap();
    assert_eq!(errors.flush_logged_errors::<NotPaused>().len(), 1);
    clock.advance(SECOND);
    success_result_of(task.when_done());
}

#[test]
fn a_task_can_be_stopped() {
    let (clock, cooperator) = one_by_one();
    let (work, steps) = endless();
    let task = cooperator.cooperate(work);
    let done = task.when_done();
    clock.advance(SECOND);
    task.stop().unwrap();
    assert!(failure_result_of(done).is::<TaskStopped>());
    clock.advance(SECOND);
    assert_eq!(steps.get(), 1);
    let stopped = Err(SchedulerError::from(TaskStopped));
    assert_eq!((task.stop(), task.pause()), (stopped, stopped));
    assert_eq!(Rc::strong_count(&steps), 1, "its iterator is gone");
}

#[test]
fn a_task_may_stop_itself_in_the_middle_of_a_step() {
    let (clock, cooperator) = one_by_one();
    let itself = Rc::new(RefCell::new(None::<CooperativeTask>));
    let me = itself.clone();
    let task = cooperator.cooperate(iter::repeat_with(move || {
        me.take().unwrap().stop().unwrap();
    }));
    itself.replace(Some(task.clone()));
    let done = task.when_done();
    clock.pump([SECOND; 3]);
    assert!(failure_result_of(done).is::<TaskStopped>());
    assert!(clock.get_delayed_calls().is_empty());
}

#[test]
fn whoever_is_told_may_stop_the_others() {
    let (clock, cooperator) = one_by_one();
    let other = cooperator.cooperate(iter::repeat(()));
    let task = cooperator.cooperate(iter::repeat(()));
    let victim = other.clone();
    let told = task.when_done().add_errback(move |_stopped| Ok(victim.stop()?));
    task.stop().unwrap();
    success_result_of(told);
    assert!(failure_result_of(other.when_done()).is::<TaskStopped>());
    assert!(clock.get_delayed_calls().is_empty());
}

/// Twisted forgets every other one of them.
#[test]
fn stopping_the_cooperator_stops_all_its_tasks() {
    let (clock, cooperator) = one_by_one();
    let tasks: Vec<_> = (0..5).map(|_| cooperator.cooperate(iter::repeat(()))).collect();
    let waiting: Vec<_> = tasks.iter().map(CooperativeTask::when_done).collect();
    tasks[4].pause().unwrap();
    cooperator.stop();
    assert!(!cooperator.running() && clock.get_delayed_calls().is_empty());
    let mut waiting = waiting.into_iter();
    for done in waiting.by_ref().take(4) {
        assert!(failure_result_of(done).is::<SchedulerStopped>());
    }
    let last = waiting.next().unwrap();
    assert_no_result(&last);
    tasks[4].resume().unwrap();
    assert!(failure_result_of(last).is::<SchedulerStopped>());
    assert_eq!(tasks[0].stop(), Err(SchedulerStopped.into()));
}

#[test]
fn one_that_is_stopped_takes_no_tasks_until_it_is_started_again() {
    let (clock, cooperator) = one_by_one();
    cooperator.stop();
    let refused = cooperator.cooperate(iter::repeat(()));
    assert!(failure_result_of(refused.when_done()).is::<SchedulerStopped>());
    cooperator.start();
    let (work, steps) = endless();
    cooperator.cooperate(work);
    clock.advance(SECOND);
    assert_eq!(steps.get(), 1);
}

#[test]
fn one_that_is_not_started_keeps_its_tasks() {
    let (clock, cooperator) = one_by_one();
    let cooperator = cooperator.started(false);
    let (work, steps) = endless();
    cooperator.cooperate(work);
    assert!(clock.get_delayed_calls().is_empty() && !cooperator.running());
    cooperator.start();
    clock.pump([SECOND; 2]);
    assert_eq!(steps.get(), 2);
}

#[test]
fn a_step_may_add_tasks() {
    let (clock, cooperator) = one_by_one();
    let added = Rc::new(RefCell::new(None));
    let (place, inner) = (added.clone(), cooperator.clone());
    cooperator.cooperate(iter::once(()).inspect(move |()| {
        place.replace(Some(inner.cooperate(iter::repeat_n((), 2))));
    }));
    clock.pump([SECOND; 5]);
    success_result_of(added.take().unwrap().when_done());
}

#[test]
fn coiterate_gives_the_iterator_back() {
    let (clock, cooperator) = one_by_one();
    let mut letters = vec!["c", "b", "a"];
    let done = cooperator.coiterate(std::mem::take(&mut letters).into_iter().map(drop));
    clock.pump([SECOND; 3]);
    assert_no_result(&done);
    clock.advance(SECOND);
    assert_eq!(success_result_of(done).len(), 0);
}

#[test]
fn coroutines_take_turns_too() {
    let (clock, cooperator) = one_by_one();
    let log = Rc::new(RefCell::new(String::new()));
    let work = |name: &'static str| {
        let (log, cooperator) = (log.clone(), cooperator.clone());
        ensure_deferred(async move {
            for _ in 0..3 {
                log.borrow_mut().push_str(name);
                cooperator.turn().await?;
            }
            Ok(())
        })
    };
    let both = deferred::gather_results([work("a"), work("b")]);
    assert_eq!(*log.borrow(), "ab");
    clock.pump([SECOND; 6]);
    success_result_of(both);
    // One that leaves and comes back may be before another once, not twice.
    assert_eq!(*log.borrow(), "abaabb");

    cooperator.stop();
    assert!(failure_result_of(cooperator.turn()).is::<SchedulerStopped>());
}

#[test]
fn a_cooperator_that_nobody_has_goes_with_its_clock() {
    let (clock, cooperator) = one_by_one();
    let (work, steps) = endless();
    let task = cooperator.cooperate(work);
    drop((cooperator, task));
    clock.advance(SECOND);
    assert_eq!(steps.get(), 1, "it goes on");
    for call in clock.get_delayed_calls() {
        call.cancel().unwrap();
    }
    assert_eq!(Rc::strong_count(&steps), 1, "and is let go");
}

#[test]
fn a_paused_task_keeps_its_cooperator() {
    let (clock, cooperator) = one_by_one();
    let (work, steps) = endless();
    let task = cooperator.cooperate(work);
    task.pause().unwrap();
    drop(cooperator);
    task.resume().unwrap();
    drop(task);
    clock.advance(SECOND);
    assert_eq!(steps.get(), 1);
}

#[test]
fn the_threads_own_runs_on_its_reactor() {
    let (sum, count) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0)));
    let add = sum.clone();
    let counted = count.clone();
    let first = cooperate((1..=5_000_u64).map(move |n| add.set(add.get() + n))).when_done();
    let second = coiterate((0..5_000).map(move |_| counted.set(counted.get() + 1)));
    let both = first.add_callback(move |()| second).add_callback(|_iterator| Ok(reactor().stop()?));
    reactor().run().unwrap();
    success_result_of(both);
    assert_eq!((sum.get(), count.get()), (12_502_500, 5_000));
}
