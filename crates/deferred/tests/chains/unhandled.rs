//! Errors that nobody handled: reported exactly once, and when; who is told,
//! and what the `tracing` event says.

#![allow(clippy::redundant_async_block, reason = "a future that holds what it awaits")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use deferred::testing::{LoggedErrors, failure_result_of, success_result_of};
use deferred::unhandled::{self, UnhandledError};
use deferred::{
    CancelledError, Deferred, DeferredList, Failure, FirstError, Panic, ensure_deferred,
    gather_results, succeed,
};
use tracing_subscriber::layer::{Context, SubscriberExt};

/// How many `fmt::Error`s `work` leaves unhandled; there are no others.
fn reported(work: impl FnOnce()) -> usize {
    let errors = LoggedErrors::collect();
    work();
    errors.flush_logged_errors::<fmt::Error>().len()
}

fn broken() -> Deferred<i32> {
    Deferred::fail(fmt::Error)
}

// ===== when =====

/// Dropped after it failed: inside the drop, not before.
#[test]
fn dropped_after_failing() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    trigger.errback(fmt::Error).unwrap();
    assert!(errors.flush_all().is_empty(), "an errback may still come");
    drop(d);
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    drop(trigger);
    assert!(errors.flush_all().is_empty(), "once");
}

/// Failing after it was dropped: inside the firing.
#[test]
fn failing_after_it_was_dropped() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let handle = d.cancel_handle();
    drop(d);
    assert!(errors.flush_all().is_empty());
    trigger.errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    drop((trigger, handle));
    assert!(errors.flush_all().is_empty(), "once");
}

/// A callback that fails, or panics, makes the error; which is that of the end
/// of the chain.
#[test]
fn the_end_of_the_chain_counts() {
    let errors = LoggedErrors::collect();
    drop(succeed(1).add_callback(|_| Err::<(), _>(Failure::new(fmt::Error))));
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    drop(broken().add_callback(|n| Ok(n + 1)));
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    drop(broken().add_errback(|_| Err(CancelledError.into())));
    assert_eq!(errors.flush_logged_errors::<CancelledError>().len(), 1);
    drop(succeed(1).add_callback(|_| assert_eq!(1, 2)));
    assert_eq!(errors.flush_logged_errors::<Panic>().len(), 1);
    assert!(errors.flush_all().is_empty());
}

/// Handled by an errback, or taken by whoever looks: nothing is reported.
#[test]
fn handled_errors_are_not_reported() {
    let quiet = reported(|| {
        drop(broken().add_errback(|_| Ok(1)));
        drop(broken().add_both(|_| ()));
        drop(broken().take_result());
        drop(failure_result_of(broken()));
        drop(futures::executor::block_on(broken()));
        let mut d = broken();
        drop(futures::executor::block_on(&mut d));
        drop(d);
        drop(ensure_deferred(async { drop(broken().await) }));
    });
    assert_eq!(quiet, 0);
}

/// An errback that is added in time handles it, though the Deferred had failed
/// for long.
#[test]
fn an_errback_in_time_is_enough() {
    let count = reported(|| {
        let d = broken().add_callback(|n| Ok(n + 1)).add_callback(|n| Ok(n + 1));
        drop(d.add_errback(|_| Ok(0)));
    });
    assert_eq!(count, 0);
}

/// Cancelling what nobody holds makes an unhandled error, too.
#[test]
fn cancelling_what_was_dropped() {
    let errors = LoggedErrors::collect();
    let (d, _trigger) = Deferred::<()>::new();
    let handle = d.cancel_handle();
    drop(d);
    handle.cancel();
    assert_eq!(errors.flush_logged_errors::<CancelledError>().len(), 1);
}

/// A Deferred that was never fired has no error.
#[test]
fn pending_ones_have_no_error() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    drop(d.add_errback(Err));
    drop(trigger);
    let (d, trigger) = Deferred::<()>::new();
    drop(trigger);
    drop(d);
    assert!(errors.flush_all().is_empty());
}

/// A failure that is paused at the end of its chain is reported when it is
/// dropped: nobody will end the pause.
#[test]
fn dropped_while_paused() {
    let count = reported(|| {
        let d = broken();
        d.pause();
        drop(d);
    });
    assert_eq!(count, 1);
}

/// A chain takes over the failure of a Deferred that a callback returned: one
/// report, of the outer one.
#[test]
fn chains_report_once() {
    let count = reported(|| drop(succeed(()).add_callback(|()| broken())));
    assert_eq!(count, 1);

    let errors = LoggedErrors::collect();
    let (inner, trigger) = Deferred::<i32>::new();
    let outer = succeed(()).add_callback(move |()| inner);
    trigger.errback(fmt::Error).unwrap();
    assert!(errors.flush_all().is_empty());
    drop(outer);
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);

    let (inner, trigger) = Deferred::<i32>::new();
    drop(succeed(()).add_callback(move |()| inner));
    trigger.errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// `chain_deferred` passes the failure on: the other one has it, not this.
#[test]
fn chain_deferred_reports_once() {
    let errors = LoggedErrors::collect();
    let (other, trigger) = Deferred::new();
    drop(broken().chain_deferred(trigger));
    assert!(errors.flush_all().is_empty());
    drop(other);
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// A list leaves the failures of its members with them, and has its own: so
/// two reports with `fire_on_one_errback`, one without.
#[test]
fn lists_and_their_members() {
    let errors = LoggedErrors::collect();
    drop(success_result_of(DeferredList::new([broken()]).into_deferred()));
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    drop(gather_results([broken(), succeed(1)]));
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
    assert_eq!(errors.flush_logged_errors::<FirstError>().len(), 1);
    drop(DeferredList::new([broken()]).fire_on_one_errback().consume_errors().into_deferred());
    assert_eq!(errors.flush_logged_errors::<FirstError>().len(), 1);
    assert!(errors.flush_all().is_empty());
}

/// A list that is dropped before its members fail does not report in their
/// place.
#[test]
fn a_dropped_list_is_silent() {
    let errors = LoggedErrors::collect();
    let (member, trigger) = Deferred::<()>::new();
    drop(DeferredList::new([member]).consume_errors().into_deferred());
    trigger.errback(fmt::Error).unwrap();
    assert!(errors.flush_all().is_empty());
}

/// A future that was dropped while it waited leaves its Deferred to fail
/// unhandled.
#[test]
fn a_dropped_wait_handles_nothing() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let mut waiting = Box::pin(async move { d.await });
    assert!(futures::FutureExt::now_or_never(&mut waiting).is_none());
    drop(waiting);
    trigger.errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// A failure that was woken for, and then dropped unread, is reported.
#[test]
fn woken_but_not_read() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let mut waiting = Box::pin(async move { d.await });
    assert!(futures::FutureExt::now_or_never(&mut waiting).is_none());
    trigger.errback(fmt::Error).unwrap();
    assert!(errors.flush_all().is_empty());
    drop(waiting);
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// What is reported is the failure itself, not a copy.
#[test]
fn the_failure_itself_is_reported() {
    let errors = LoggedErrors::collect();
    let failure = Failure::new(fmt::Error);
    drop(Deferred::<()>::fail(failure.clone()));
    assert!(errors.flush_all()[0].same(&failure));
}

// ===== who is told =====

/// Observers nest: the innermost is told, and when it goes the one before.
#[test]
fn observers_nest() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let observer = |name: &'static str| {
        let told = Rc::clone(&told);
        unhandled::observe(move |_error| told.borrow_mut().push(name))
    };
    let outer = observer("outer");
    drop(broken());
    {
        let _inner = observer("inner");
        drop(broken());
    }
    drop(broken());
    drop(outer);
    assert_eq!(*told.borrow(), ["outer", "inner", "outer"]);
}

/// An observer may make and drop Deferreds that report to it, and observe.
#[test]
fn an_observer_may_do_anything() {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let _guard = unhandled::observe(move |_error| {
        counted.set(counted.get() + 1);
        if counted.get() < 3 {
            drop(broken());
        }
        let _inner = unhandled::observe(|_error| ());
        drop(broken());
    });
    drop(broken());
    assert_eq!(count.get(), 3);
}

/// What an observer is given: the failure; no debug info, unless debugging is
/// on; and a text.
#[test]
fn what_an_observer_is_given() {
    let seen: Rc<RefCell<Option<UnhandledError>>> = Rc::default();
    let see = Rc::clone(&seen);
    let guard = unhandled::observe(move |error| {
        see.replace(Some(error.clone()));
    });
    drop(Deferred::<()>::fail(FirstError::new(Failure::new(CancelledError), 1)));
    drop(guard);
    let error = seen.take().unwrap();
    assert!(error.failure().is::<FirstError>());
    assert!(error.debug_info().is_none());
    let text = error.to_string();
    assert!(text.starts_with("Unhandled error in Deferred: FirstError[#1]: cancelled"), "{text}");
}

/// An observer belongs to its thread.
#[test]
fn observers_are_of_one_thread() {
    let _guard = unhandled::observe(|_error| unreachable!("of another thread"));
    std::thread::spawn(|| {
        assert_eq!(reported(|| drop(broken())), 1);
    })
    .join()
    .unwrap();
}

// ===== the event =====

/// An event, as a subscriber sees it.
#[derive(Debug)]
struct Event {
    level: tracing::Level,
    target: String,
    fields: BTreeMap<&'static str, String>,
}

/// Keeps the events of this crate.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let event =
            Event { level: *metadata.level(), target: metadata.target().into(), fields: fields.0 };
        self.0.lock().expect("no panic").push(event);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
    fn record_error(
        &mut self,
        field: &tracing::field::Field,
        value: &(dyn std::error::Error + 'static),
    ) {
        self.0.insert(field.name(), format!("error {value}"));
    }
}

/// The events that `work` causes.
fn events_of(work: impl FnOnce()) -> Vec<Event> {
    let events = Events::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(events.clone()), work);
    std::mem::take(&mut *events.0.lock().expect("no panic"))
}

/// With no observer an error is one event: level, target, message, the error
/// as an error, and the chain of its causes.
#[test]
fn the_event() {
    let events = events_of(|| {
        drop(Deferred::<()>::fail(FirstError::new(Failure::new(CancelledError), 0)));
    });
    let [event] = &events[..] else { panic!("one event, not {events:?}") };
    assert_eq!(event.level, tracing::Level::ERROR);
    assert_eq!(event.target, "deferred");
    assert_eq!(event.fields["message"], "Unhandled error in Deferred");
    assert_eq!(event.fields["error"], "error FirstError[#0]");
    assert_eq!(event.fields["chain"], "FirstError[#0]: cancelled");
    assert!(!event.fields.contains_key("debug"));
}

/// An observer is told in place of the log, and may log all the same.
#[test]
fn observing_and_logging() {
    let events = events_of(|| {
        let _guard = unhandled::observe(|_error| ());
        drop(broken());
    });
    assert!(events.is_empty());
    let events = events_of(|| {
        let _guard = unhandled::observe(UnhandledError::log);
        drop(broken());
    });
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].fields["message"], "Unhandled error in Deferred");
}

/// A canceller that panics is logged, with what it said.
#[test]
fn a_panicking_canceller_is_logged() {
    let events = events_of(|| {
        let (d, _trigger) = Deferred::<()>::with_canceller(|_| panic!("no way"));
        d.cancel();
        failure_result_of(d);
    });
    let [event] = &events[..] else { panic!("one event, not {events:?}") };
    assert_eq!((event.level, &*event.target), (tracing::Level::ERROR, "deferred"));
    assert_eq!(event.fields["message"], "a canceller panicked");
    assert_eq!(event.fields["error"], "panicked: no way");
}
