//! The `tracing` span in which a callback was added, or a coroutine started, is
//! the one in which it runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, ensure_deferred};
use tracing::span::{Attributes, Id};
use tracing::{Span, Subscriber, info_span, subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The name of the span we are in.
fn here() -> &'static str {
    Span::current().metadata().map_or("nowhere", |span| span.name())
}

/// The names that were noted.
#[derive(Clone, Default)]
struct Places(Rc<RefCell<Vec<&'static str>>>);

impl Places {
    fn note(&self) {
        self.0.borrow_mut().push(here());
    }

    fn noting<T>(&self) -> impl FnOnce(T) -> Result<T, deferred::Failure> + use<T> {
        let this = self.clone();
        move |value| {
            this.note();
            Ok(value)
        }
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

fn subscribed(test: impl FnOnce()) {
    subscriber::with_default(tracing_subscriber::registry(), test);
}

#[test]
fn every_kind_of_callback_runs_where_it_was_added() {
    subscribed(|| {
        let places = Places::default();
        let (d, trigger) = Deferred::new();
        let d = info_span!("callback").in_scope(|| d.add_callback(places.noting::<u32>()));
        let d =
            info_span!("callbacks").in_scope(|| d.add_callbacks(places.noting(), Err::<u32, _>));
        let both = places.clone();
        let d = info_span!("both").in_scope(|| {
            d.add_both(move |_| {
                both.note();
                Err::<u32, _>(std::fmt::Error.into())
            })
        });
        let errback = places.clone();
        let d = info_span!("errback").in_scope(|| {
            d.add_errback(move |failure| {
                errback.note();
                Err::<u32, _>(failure)
            })
        });
        info_span!("firing").in_scope(|| {
            trigger.callback(1).unwrap();
            assert_eq!(here(), "firing");
        });
        assert_eq!(places.take(), ["callback", "callbacks", "both", "errback"]);
        assert_eq!(here(), "nowhere");
        assert!(failure_result_of(d).is::<std::fmt::Error>());
    });
}

/// What was added outside of all spans runs in the one of whoever fires.
#[test]
fn without_a_span_it_runs_in_that_of_the_firing() {
    subscribed(|| {
        let places = Places::default();
        let (d, trigger) = Deferred::new();
        let d = d.add_callback(places.noting());
        info_span!("firing").in_scope(|| trigger.callback(1).unwrap());
        assert_eq!(places.take(), ["firing"]);
        success_result_of(d);
    });
}

#[test]
fn a_coroutine_runs_where_it_was_started() {
    subscribed(|| {
        let places = Places::default();
        let (first, first_trigger) = Deferred::<()>::new();
        let (second, second_trigger) = Deferred::<()>::new();
        let noted = places.clone();
        let d = info_span!("start").in_scope(|| {
            ensure_deferred(async move {
                noted.note();
                first.await?;
                noted.note();
                second.await?;
                noted.note();
                Ok(())
            })
        });
        info_span!("first").in_scope(|| first_trigger.callback(()).unwrap());
        info_span!("second").in_scope(|| {
            second_trigger.callback(()).unwrap();
            assert_eq!(here(), "second");
        });
        assert_eq!(places.take(), ["start", "start", "start"]);
        success_result_of(d);
    });
}

/// A callback fires another Deferred, whose callback has a span of its own.
#[test]
fn nested_spans_are_restored() {
    subscribed(|| {
        let places = Places::default();
        let (inner, inner_trigger) = Deferred::new();
        let inner = info_span!("inner").in_scope(|| inner.add_callback(places.noting::<u32>()));
        let (outer, trigger) = Deferred::new();
        let noted = places.clone();
        let outer = info_span!("outer").in_scope(|| {
            outer.add_callback(move |n: u32| {
                noted.note();
                inner_trigger.callback(n).unwrap();
                noted.note();
            })
        });
        let outer = info_span!("behind").in_scope(|| outer.add_callback(places.noting()));
        trigger.callback(1).unwrap();
        assert_eq!(places.take(), ["outer", "inner", "outer", "behind"]);
        assert_eq!(here(), "nowhere");
        success_result_of(inner);
        success_result_of(outer);
    });
}

/// The same across a Deferred that is waited for, and after a panic.
#[test]
fn spans_hold_across_chains_and_panics() {
    subscribed(|| {
        let places = Places::default();
        let (inner, trigger) = Deferred::new();
        let inner = info_span!("inner").in_scope(|| inner.add_callback(places.noting::<u32>()));
        let d = info_span!("outer").in_scope(|| {
            Deferred::succeed(()).add_callback(|()| inner).add_callback(places.noting())
        });
        let d = info_span!("panicking").in_scope(|| {
            d.add_callback(|_| -> Result<u32, deferred::Failure> {
                std::panic::resume_unwind(Box::new("on purpose"))
            })
        });
        let after = places.clone();
        let d = info_span!("after").in_scope(|| {
            d.add_errback(move |_| {
                after.note();
                Ok(0)
            })
        });
        trigger.callback(1).unwrap();
        assert_eq!(places.take(), ["inner", "outer", "after"]);
        assert_eq!(here(), "nowhere");
        success_result_of(d);
    });
}

/// Counts the spans that are open.
#[derive(Clone, Default)]
struct Open(Arc<AtomicUsize>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Open {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A span stays open for as long as a callback may still run in it.
#[test]
fn spans_are_let_go() {
    let open = Open::default();
    let count = Arc::clone(&open.0);
    subscriber::with_default(tracing_subscriber::registry().with(open), || {
        let (d, trigger) = Deferred::<u32>::new();
        let d = info_span!("one").in_scope(|| d.add_callback(Ok));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        trigger.callback(1).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 0);
        success_result_of(d);

        let (d, trigger) = Deferred::<u32>::new();
        let d = info_span!("two").in_scope(|| ensure_deferred(async { Ok(d.await? + 1) }));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        drop(d);
        drop(trigger);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    });
}

/// Added where nobody subscribed, it is in no span, whoever fires it.
#[test]
fn without_a_subscriber_no_span_is_kept() {
    let places = Places::default();
    let (d, trigger) = Deferred::new();
    let d = info_span!("unseen").in_scope(|| d.add_callback(places.noting()));
    subscribed(|| info_span!("firing").in_scope(|| trigger.callback(1).unwrap()));
    assert_eq!(places.take(), ["firing"]);
    success_result_of(d);
}
