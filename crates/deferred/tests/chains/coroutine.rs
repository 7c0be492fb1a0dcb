//! Coroutines, and a `Deferred` as a `Future`: `from_coroutine`, `from_future`,
//! `ensure_deferred`, `inline_callbacks`, `set_local_spawner`, awaiting with no
//! runtime, with another executor, and (with the feature) inside Tokio.

#![allow(
    clippy::async_yields_async,
    clippy::needless_question_mark,
    clippy::redundant_async_block,
    reason = "coroutines are as short as they can be, and yet coroutines"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{self, Future};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    CancelledError, ChainCycleError, Deferred, Failure, Panic, ResultTakenError, Trigger,
    adopt_coroutines, ensure_deferred, inline_callbacks, set_local_spawner, succeed,
};
use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::task::LocalSpawn;

/// Notes that it was dropped.
struct Dropped(Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A pool that drives the coroutines of this thread while it lives.
struct Driven {
    pool: LocalPool,
    before: Option<Rc<dyn LocalSpawn>>,
}

impl Driven {
    fn new() -> Self {
        let pool = LocalPool::new();
        let before = set_local_spawner(Some(Rc::new(pool.spawner())));
        Self { pool, before }
    }

    fn run(&mut self) {
        self.pool.run_until_stalled();
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        drop(set_local_spawner(self.before.take()));
    }
}

// ===== starting and ending =====

/// A coroutine runs to its first wait before `from_coroutine` returns.
#[test]
fn it_starts_at_once() {
    let begun = Rc::new(Cell::new(false));
    let begin = Rc::clone(&begun);
    let (d, trigger) = Deferred::new();
    let c = Deferred::from_coroutine(async move {
        begin.set(true);
        Ok(d.await? + 1)
    });
    assert!(begun.get());
    assert_no_result(&c);
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(c), 2);
}

/// It may end with a value, an error, nothing, or a Deferred, whose result is
/// meant.
#[test]
fn it_may_return_what_a_callback_may() {
    assert_eq!(success_result_of(ensure_deferred(async { Ok(1) })), 1);
    success_result_of(ensure_deferred(async {}));
    let failed = ensure_deferred(async { Ok("x".parse::<i32>()?) });
    assert!(failure_result_of(failed).is::<std::num::ParseIntError>());
    assert_eq!(success_result_of(ensure_deferred(async { succeed(2) })), 2);
    let (d, trigger) = Deferred::new();
    let c = ensure_deferred(async { d });
    assert_no_result(&c);
    trigger.callback(3).unwrap();
    assert_eq!(success_result_of(c), 3);
}

/// A panic, at once or later, is a failure of its Deferred; whoever fires what
/// it awaits does not hear of it.
#[test]
fn a_panic_is_a_failure() {
    let broken = || -> Result<(), Failure> { panic!("at once") };
    let c = ensure_deferred(async move { broken() });
    assert_eq!(failure_result_of(c).check::<Panic>().unwrap().message(), "at once");
    let (d, trigger) = Deferred::<i32>::new();
    let c: Deferred<()> = ensure_deferred(async move {
        let n = d.await?;
        assert_eq!(n, 2, "not two");
        Ok(())
    });
    trigger.callback(1).unwrap();
    assert!(failure_result_of(c).check::<Panic>().unwrap().message().contains("not two"));
}

/// It is resumed inside the firing, before that returns, each time.
#[test]
fn it_resumes_inside_the_firing() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let see = Rc::clone(&seen);
    let (a, fire_a) = Deferred::new();
    let (b, fire_b) = Deferred::new();
    let c = ensure_deferred(async move {
        let a = a.await?;
        see.borrow_mut().push(a);
        let b = b.await?;
        see.borrow_mut().push(b);
        Ok(())
    });
    fire_a.callback("a").unwrap();
    assert_eq!(*seen.borrow(), ["a"]);
    fire_b.callback("b").unwrap();
    assert_eq!(*seen.borrow(), ["a", "b"]);
    success_result_of(c);
}

/// What has its result already does not make it wait, whatever the order of
/// firing.
#[test]
fn fired_ones_do_not_suspend_it() {
    let c = ensure_deferred(async {
        let mut sum = 0;
        for n in 0..1000 {
            sum += succeed(n).await?;
        }
        Ok(sum)
    });
    assert_eq!(success_result_of(c), 499_500);
    let (a, fire_a) = Deferred::new();
    let (b, fire_b) = Deferred::new();
    let c = ensure_deferred(async move { Ok((a.await?, b.await?)) });
    fire_b.callback(2).unwrap();
    assert_no_result(&c);
    fire_a.callback(1).unwrap();
    assert_eq!(success_result_of(c), (1, 2));
}

/// A failure comes out of the await, to be handled or passed on.
#[test]
fn failures_come_out_of_the_await() {
    let (d, trigger) = Deferred::<i32>::new();
    let c = ensure_deferred(async move {
        match d.await {
            Ok(_) => Ok("value"),
            Err(failure) => failure.trap::<fmt::Error>().map(|_| "failure"),
        }
    });
    trigger.errback(fmt::Error).unwrap();
    assert_eq!(success_result_of(c), "failure");
    let c = ensure_deferred(async { Ok(Deferred::<i32>::fail(fmt::Error).await? + 1) });
    assert!(failure_result_of(c).is::<fmt::Error>());
}

/// Callbacks that were added before the await have run by then.
#[test]
fn callbacks_run_before_the_await_returns() {
    let (d, trigger) = Deferred::new();
    let (inner, fire_inner) = Deferred::new();
    let d = d
        .add_callback(|n: i32| Ok(n + 1))
        .add_callback(move |n| inner.add_callback(move |m: i32| Ok(n * m)));
    let c = ensure_deferred(async move { Ok(d.await? + 1) });
    trigger.callback(1).unwrap();
    assert_no_result(&c);
    fire_inner.callback(10).unwrap();
    assert_eq!(success_result_of(c), 21);
}

/// Coroutines await coroutines, and return them.
#[test]
fn coroutines_await_coroutines() {
    let (d, trigger) = Deferred::new();
    let c = (0..50)
        .fold(d, |inner: Deferred<i32>, _| ensure_deferred(async move { Ok(inner.await? + 1) }));
    trigger.callback(0).unwrap();
    assert_eq!(success_result_of(c), 50);
}

/// One that would await itself gets a failure instead.
#[test]
fn awaiting_itself_fails() {
    let itself: Rc<Cell<Option<Deferred<bool>>>> = Rc::default();
    let later = Rc::clone(&itself);
    let seen = Rc::new(Cell::new(false));
    let see = Rc::clone(&seen);
    let (d, trigger) = Deferred::<()>::new();
    itself.set(Some(ensure_deferred(async move {
        d.await?;
        let itself = later.take().expect("itself");
        let failure = itself.await.unwrap_err();
        see.set(failure.is::<ChainCycleError>());
        Ok(true)
    })));
    trigger.callback(()).unwrap();
    assert!(seen.get());
}

/// Dropping its Deferred leaves it to go on; if it then fails, that is
/// reported.
#[test]
fn it_goes_on_without_its_deferred() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let done = Rc::new(Cell::new(false));
    let finish = Rc::clone(&done);
    drop(ensure_deferred(async move {
        d.await?;
        finish.set(true);
        Err::<(), _>(Failure::new(fmt::Error))
    }));
    trigger.callback(()).unwrap();
    assert!(done.get());
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// `inline_callbacks` makes a function of it, to be called more than once.
#[test]
fn inline_callbacks_is_a_decorator() {
    let double = inline_callbacks(async |d: Deferred<i32>| Ok(d.await? * 2));
    assert_eq!(success_result_of(double(succeed(1))), 2);
    let (d, trigger) = Deferred::new();
    let waiting = double(d);
    trigger.callback(4).unwrap();
    assert_eq!(success_result_of(waiting), 8);
}

/// It runs, at every step, in the span in which it was started.
#[test]
fn it_runs_in_the_span_it_was_started_in() {
    fn name() -> Option<&'static str> {
        tracing::Span::current().metadata().map(tracing::Metadata::name)
    }
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let (d, trigger) = Deferred::<()>::new();
        let c = tracing::error_span!("starting").in_scope(|| {
            ensure_deferred(async move {
                let first = name();
                d.await?;
                Ok((first, name()))
            })
        });
        tracing::error_span!("firing").in_scope(|| trigger.callback(()).unwrap());
        assert_eq!(success_result_of(c), (Some("starting"), Some("starting")));
    });
}

// ===== cancelling =====

/// Cancelling goes to what it awaits, whose canceller is asked; the coroutine
/// sees the `CancelledError`.
#[test]
fn cancelling_goes_to_what_it_awaits() {
    let asked = Rc::new(Cell::new(0));
    let ask = Rc::clone(&asked);
    let (d, _trigger) = Deferred::<()>::with_canceller(move |_| ask.set(ask.get() + 1));
    let inner = ensure_deferred(async move { d.await });
    let outer = ensure_deferred(async move { inner.await });
    outer.cancel();
    assert_eq!(asked.get(), 1);
    assert!(failure_result_of(outer).is::<CancelledError>());
}

/// It may handle the cancellation and go on, and be cancelled again where it
/// waits next.
#[test]
fn it_may_survive_a_cancellation() {
    let (first, fire_first) = Deferred::<i32>::new();
    let (second, fire_second) = Deferred::<i32>::new();
    let (third, fire_third) = Deferred::<i32>::new();
    let c = ensure_deferred(async move {
        let cancelled = first.await.is_err();
        let again = second.await.is_err();
        Ok((cancelled, again, third.await?))
    });
    c.cancel();
    assert!(fire_first.called() && !fire_second.called());
    assert_no_result(&c);
    c.cancel();
    assert!(fire_second.called());
    fire_third.callback(3).unwrap();
    assert_eq!(success_result_of(c), (true, true, 3));
}

/// What its canceller gives instead is what the coroutine sees.
#[test]
fn a_canceller_may_give_it_a_value() {
    let (d, _trigger) =
        Deferred::with_canceller(|trigger: &Trigger<i32>| trigger.callback(5).unwrap());
    let c = ensure_deferred(async move { Ok(d.await? + 1) });
    c.cancel();
    assert_eq!(success_result_of(c), 6);
}

/// One that awaits no Deferred is dropped, and fails.
#[test]
fn cancelling_drops_what_awaits_something_else() {
    let _driven = Driven::new();
    let gone = Rc::new(Cell::new(false));
    let held = Dropped(Rc::clone(&gone));
    let (send, receive) = oneshot::channel::<()>();
    let c = ensure_deferred(async move {
        let _held = held;
        Ok(receive.await?)
    });
    assert!(!gone.get());
    c.cancel();
    assert!(gone.get() && send.is_canceled());
    assert!(failure_result_of(c).is::<CancelledError>());
}

/// Cancelling one that runs, from inside, does nothing.
#[test]
fn a_running_one_is_not_cancelled() {
    let handle: Rc<RefCell<Option<deferred::CancelHandle>>> = Rc::default();
    let later = Rc::clone(&handle);
    let (d, trigger) = Deferred::<()>::new();
    let (next, fire_next) = Deferred::<i32>::new();
    let c = ensure_deferred(async move {
        d.await?;
        later.borrow().as_ref().expect("a handle").cancel();
        next.await
    });
    handle.replace(Some(c.cancel_handle()));
    trigger.callback(()).unwrap();
    assert!(!fire_next.called());
    fire_next.callback(1).unwrap();
    assert_eq!(success_result_of(c), 1);
}

/// One that is done is not cancelled either.
#[test]
fn a_finished_one_is_not_cancelled() {
    let c = ensure_deferred(async { Ok(1) });
    c.cancel();
    assert_eq!(success_result_of(c), 1);
}

/// Cancelling `from_future` drops the future, though it awaits a Deferred,
/// which is not cancelled.
#[test]
fn cancelling_from_future_drops_the_future() {
    let gone = Rc::new(Cell::new(false));
    let held = Dropped(Rc::clone(&gone));
    let (inner, trigger) = Deferred::<()>::new();
    let d = Deferred::from_future(async move {
        let _held = held;
        inner.await
    });
    d.cancel();
    assert!(gone.get());
    assert!(!trigger.called());
    assert!(failure_result_of(d).is::<CancelledError>());
    trigger.callback(()).unwrap();
}

/// `from_future` takes any kind of error.
#[test]
fn from_future_takes_any_error() {
    let d = Deferred::from_future(async { Err::<(), _>(fmt::Error) });
    assert!(failure_result_of(d).is::<fmt::Error>());
    let failure = Failure::new(fmt::Error);
    let same = failure.clone();
    let d = Deferred::from_future(async { Err::<(), _>(same) });
    assert!(failure_result_of(d).same(&failure));
    assert_eq!(success_result_of(Deferred::from_future(future::ready(Ok::<_, Failure>(1)))), 1);
}

// ===== several at once, with no runtime =====

/// `join!` waits for both, in any order of firing.
#[test]
fn join_waits_for_both() {
    for first in [0, 1] {
        let (a, fire_a) = Deferred::new();
        let (b, fire_b) = Deferred::new();
        let c = ensure_deferred(async move {
            let (a, b) = futures::join!(a, b);
            Ok((a?, b?))
        });
        let triggers = [fire_a, fire_b];
        triggers[first].callback(first).unwrap();
        assert_no_result(&c);
        triggers[1 - first].callback(1 - first).unwrap();
        assert_eq!(success_result_of(c), (0, 1));
    }
}

/// Cancelling one that waits for several cancels all of them.
#[test]
fn cancelling_a_join_cancels_all() {
    let (a, fire_a) = Deferred::<()>::new();
    let (b, fire_b) = Deferred::<()>::new();
    let c = ensure_deferred(async move {
        let (a, b) = futures::join!(a, b);
        Ok(a.is_err() && b.is_err())
    });
    c.cancel();
    assert!(fire_a.called() && fire_b.called());
    assert!(success_result_of(c));
}

/// `select!` takes the first; the other, awaited by `&mut`, is not cancelled
/// and can be awaited again.
#[test]
fn select_takes_the_first() {
    let (mut a, fire_a) = Deferred::new();
    let (mut b, fire_b) = Deferred::new();
    let c = ensure_deferred(async move {
        let first = futures::select_biased! {
            a = futures::FutureExt::fuse(&mut a) => a?,
            b = futures::FutureExt::fuse(&mut b) => b?,
        };
        Ok((first, a.await?))
    });
    fire_b.callback("b").unwrap();
    assert_no_result(&c);
    assert!(!fire_a.called());
    fire_a.callback("a").unwrap();
    assert_eq!(success_result_of(c), ("b", "a"));
}

/// A loser of `select!` that is dropped with it is not cancelled, and a
/// failure that it comes to is reported.
#[test]
fn a_dropped_loser_is_not_cancelled() {
    let errors = LoggedErrors::collect();
    let (a, fire_a) = Deferred::new();
    let (b, fire_b) = Deferred::<i32>::new();
    let c = ensure_deferred(async move {
        match futures::future::select(a, b).await {
            futures::future::Either::Left((a, _loser)) => a,
            futures::future::Either::Right((b, _loser)) => b,
        }
    });
    fire_a.callback(1).unwrap();
    assert_eq!(success_result_of(c), 1);
    assert!(!fire_b.called());
    fire_b.errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// `FuturesUnordered`, which has wakers of its own, is resumed inside the
/// firing, too.
#[test]
fn futures_unordered_with_a_spawner() {
    let _driven = Driven::new();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let see = Rc::clone(&seen);
    let (waits, triggers): (FuturesUnordered<_>, Vec<_>) =
        (0..4).map(|_| Deferred::<usize>::new()).unzip();
    let mut waits = waits;
    let c = ensure_deferred(async move {
        while let Some(n) = waits.next().await {
            see.borrow_mut().push(n?);
        }
        Ok(())
    });
    for (count, n) in [2, 0, 3, 1].into_iter().enumerate() {
        assert_eq!(seen.borrow().len(), count);
        triggers[n].callback(n).unwrap();
    }
    assert_eq!(*seen.borrow(), [2, 0, 3, 1]);
    success_result_of(c);
}

/// Awaited by `&mut`, a Deferred stays, and its result is taken once.
#[test]
fn awaiting_by_reference() {
    let (mut d, trigger) = Deferred::new();
    let c = ensure_deferred(async move {
        let first: i32 = (&mut d).await?;
        let second = (&mut d).await.unwrap_err();
        Ok((first, second.is::<ResultTakenError>()))
    });
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(c), (1, true));
}

/// After a wait that was given up, callbacks can be added to it as before.
#[test]
fn adding_after_a_wait_that_was_given_up() {
    let (mut d, trigger) = Deferred::new();
    let c = ensure_deferred(async move {
        assert!(futures::poll!(&mut d).is_pending());
        Ok(d.add_callback(|n: i32| Ok(n + 1)).await?)
    });
    assert_no_result(&c);
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(c), 2);
}

// ===== other executors =====

/// A Deferred is a future for any executor: it wakes the waker it was last
/// polled with, once.
#[test]
fn any_executor_is_woken() {
    let (d, trigger) = Deferred::new();
    let mut d = pin!(d);
    let [old, new] = [(); 2].map(|()| Arc::new(Counter::default()));
    for counter in [&old, &new] {
        let waker = Waker::from(Arc::clone(counter));
        assert!(d.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    trigger.callback(1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
    let Poll::Ready(result) = d.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it was fired")
    };
    assert_eq!(result.unwrap(), 1);
}

/// `block_on` of a Deferred, whose trigger is another future's.
#[test]
fn block_on_waits_for_it() {
    let (d, trigger) = Deferred::new();
    let (result, fired) = block_on(async { futures::join!(d, async move { trigger.callback(1) }) });
    assert_eq!(result.unwrap(), 1);
    fired.unwrap();
}

/// Dropping a future that awaits one cancels nothing.
#[test]
fn dropping_a_waiting_future_cancels_nothing() {
    let (d, trigger) =
        Deferred::<()>::with_canceller(|_| unreachable!("nobody cancelled anything"));
    let mut waiting = Box::pin(async move { d.await });
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    trigger.callback(()).unwrap();
}

/// Something of another thread wakes a coroutine through the local spawner.
#[test]
fn a_local_spawner_drives_coroutines() {
    let mut driven = Driven::new();
    let (send, receive) = oneshot::channel();
    let c = ensure_deferred(async { Ok(receive.await?) });
    driven.run();
    assert_no_result(&c);
    std::thread::spawn(move || send.send("from elsewhere")).join().unwrap().unwrap();
    driven.run();
    assert_eq!(success_result_of(c), "from elsewhere");
}

/// A coroutine may await Deferreds and other things by turns.
#[test]
fn by_turns() {
    let mut driven = Driven::new();
    let (send, receive) = oneshot::channel();
    let (d, trigger) = Deferred::new();
    let (last, fire_last) = Deferred::new();
    let c = ensure_deferred(async move {
        let a: i32 = d.await?;
        let b: i32 = receive.await?;
        let c: i32 = last.await?;
        Ok([a, b, c])
    });
    trigger.callback(1).unwrap();
    send.send(2).unwrap();
    driven.run();
    fire_last.callback(3).unwrap();
    assert_eq!(success_result_of(c), [1, 2, 3]);
}

/// Waiting for a Deferred and something else at once: whichever comes first.
#[test]
fn either_kind_may_come_first() {
    for deferred_first in [true, false] {
        let mut driven = Driven::new();
        let (send, receive) = oneshot::channel();
        let (d, trigger) = Deferred::new();
        let c = ensure_deferred(async move {
            let mut receive = receive;
            let mut d = d;
            let first: &str = futures::select_biased! {
                word = receive => word?,
                word = futures::FutureExt::fuse(&mut d) => word?,
            };
            Ok(first)
        });
        driven.run();
        if deferred_first {
            trigger.callback("deferred").unwrap();
            assert_eq!(success_result_of(c), "deferred");
        } else {
            send.send("channel").unwrap();
            driven.run();
            assert_eq!(success_result_of(c), "channel");
        }
    }
}

/// `set_local_spawner` gives back the one before.
#[test]
fn spawners_are_given_back() {
    let (first, second) = (LocalPool::new(), LocalPool::new());
    let one: Rc<dyn LocalSpawn> = Rc::new(first.spawner());
    let before = set_local_spawner(Some(Rc::clone(&one)));
    assert!(before.is_none());
    let back = set_local_spawner(Some(Rc::new(second.spawner())));
    assert!(Rc::ptr_eq(&back.unwrap(), &one));
    assert!(set_local_spawner(None).is_some());
}

// ===== Tokio =====

#[cfg(feature = "tokio")]
mod tokio_tasks {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
    use deferred::{CancelledError, Deferred, Failure, ensure_deferred};
    use tokio::runtime::{Builder, LocalRuntime};
    use tokio::sync::{Notify, oneshot};
    use tokio::task::{LocalSet, spawn_local, yield_now};

    /// The main future of a current-thread runtime may await a Deferred that
    /// it shares with nobody but its own futures.
    #[tokio::test]
    async fn awaiting_in_a_tokio_test() {
        let (d, trigger) = Deferred::new();
        let (result, fired) = tokio::join!(d, async move {
            yield_now().await;
            trigger.callback(1)
        });
        assert_eq!(result.unwrap(), 1);
        fired.unwrap();
        assert_eq!(Deferred::succeed(2).await.unwrap(), 2);
    }

    /// Tasks of a `LocalSet` wait for one another through a Deferred.
    #[tokio::test]
    async fn awaiting_in_a_local_set() {
        let (d, trigger) = Deferred::new();
        let local = LocalSet::new();
        let waiting = local.spawn_local(async move { d.await });
        local.spawn_local(async move { trigger.callback("done") });
        let result = local.run_until(waiting).await.unwrap();
        assert_eq!(result.unwrap(), "done");
    }

    /// The same in a `LocalRuntime`, with a coroutine that Tokio wakes.
    #[test]
    fn a_coroutine_in_a_local_runtime() {
        let runtime = LocalRuntime::new().unwrap();
        let result = runtime.block_on(async {
            let (send, receive) = oneshot::channel();
            let c = ensure_deferred(async move { Ok(receive.await?) });
            assert_no_result(&c);
            spawn_local(async move { send.send("woken") });
            c.await
        });
        assert_eq!(result.unwrap(), "woken");
    }

    /// Wakes itself, and has kept no waker when it returns: so a future lets others have
    /// their turn.
    async fn step_aside(left: &Cell<u32>) {
        poll_fn(|context| match left.get() {
            0 => Poll::Ready(()),
            n => {
                left.set(n - 1);
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }

    #[test]
    fn a_coroutine_that_wakes_itself_goes_on() {
        for first in [false, true] {
            let result = LocalRuntime::new().unwrap().block_on(async move {
                let (d, trigger) = Deferred::new();
                let left = Rc::new(Cell::new(3));
                let steps = Rc::clone(&left);
                let c = ensure_deferred(async move {
                    // After something else has waked it, or by itself.
                    let n = if first { 1 } else { d.await? };
                    step_aside(&steps).await;
                    yield_now().await;
                    steps.set(2);
                    step_aside(&steps).await;
                    Ok(n)
                });
                trigger.callback(1).unwrap();
                // In turns of its own, not inside of whoever resumes it.
                assert_eq!(left.get(), 2);
                assert_no_result(&c);
                c.await
            });
            assert_eq!(result.unwrap(), 1);
        }
    }

    /// A coroutine is driven where it was started, though it be resumed while another
    /// runtime is entered, which may never run, or end.
    #[test]
    fn a_coroutine_that_is_resumed_in_another_runtime_goes_on_in_its_own() {
        for inner_ends in [false, true] {
            let mut inner = Some(Builder::new_current_thread().build().unwrap());
            let result = LocalRuntime::new().unwrap().block_on(async {
                let (send, receive) = oneshot::channel();
                let (d, trigger) = Deferred::new();
                let c = ensure_deferred(async move {
                    let n: i32 = d.await?;
                    Ok(n + receive.await?)
                });
                {
                    let _inside = inner.as_ref().unwrap().enter();
                    trigger.callback(1).unwrap();
                }
                if inner_ends {
                    inner.take().unwrap().shutdown_background();
                }
                assert_no_result(&c);
                send.send(2).unwrap();
                for _ in 0..10 {
                    yield_now().await;
                }
                success_result_of(c)
            });
            assert_eq!(result, 3);
        }
    }

    /// Where the runtime in which it was started has ended, the one that is there
    /// drives it.
    #[test]
    fn a_coroutine_outlives_the_runtime_that_it_was_started_in() {
        let (send, receive) = oneshot::channel();
        let (d, trigger) = Deferred::new();
        let c = LocalRuntime::new().unwrap().block_on(async {
            let coroutine = ensure_deferred(async move {
                let n: i32 = d.await?;
                Ok(n + receive.await?)
            });
            Some(coroutine)
        });
        let result = LocalRuntime::new().unwrap().block_on(async {
            trigger.callback(1).unwrap();
            send.send(2).unwrap();
            c.unwrap().await
        });
        assert_eq!(result.unwrap(), 3);
    }

    /// A coroutine that waits for Tokio and for Deferreds by turns, in a
    /// `LocalSet`.
    #[tokio::test]
    async fn a_coroutine_in_a_local_set() {
        LocalSet::new()
            .run_until(async {
                let notify = Rc::new(Notify::new());
                let (d, trigger) = Deferred::new();
                let notified = Rc::clone(&notify);
                let c = ensure_deferred(async move {
                    for _ in 0..3 {
                        notified.notified().await;
                        yield_now().await;
                    }
                    Ok(d.await? + 1)
                });
                for _ in 0..3 {
                    notify.notify_one();
                    yield_now().await;
                    yield_now().await;
                    yield_now().await;
                }
                trigger.callback(1).unwrap();
                assert_eq!(c.await.unwrap(), 2);
            })
            .await;
    }

    /// A coroutine that Tokio was to wake is dropped when it is cancelled, and
    /// with it what it held.
    #[test]
    fn cancelling_what_tokio_would_wake() {
        LocalRuntime::new().unwrap().block_on(async {
            let (send, receive) = oneshot::channel::<()>();
            let c = ensure_deferred(async move { Ok(receive.await?) });
            yield_now().await;
            c.cancel();
            assert!(send.is_closed());
            assert!(failure_result_of(c).is::<CancelledError>());
        });
    }

    /// It goes on when its Deferred was dropped, driven by Tokio alone.
    #[test]
    fn tokio_drives_what_nobody_holds() {
        LocalRuntime::new().unwrap().block_on(async {
            let (send, receive) = oneshot::channel();
            let (done, finished) = oneshot::channel();
            drop(ensure_deferred(async move {
                let n: i32 = receive.await?;
                let _ = done.send(n + 1);
                Ok(())
            }));
            yield_now().await;
            send.send(1).unwrap();
            assert_eq!(finished.await.unwrap(), 2);
        });
    }

    /// `tokio::select!` and `tokio::join!` inside a coroutine.
    #[test]
    fn tokio_macros_in_a_coroutine() {
        let (mut a, fire_a) = Deferred::new();
        let (b, fire_b) = Deferred::new();
        let c = ensure_deferred(async move {
            let first = tokio::select! {
                biased;
                a = &mut a => a?,
                b = b => b?,
            };
            let (rest, nothing) = tokio::join!(a, async {});
            let () = nothing;
            Ok((first, rest?))
        });
        fire_b.callback(2).unwrap();
        fire_a.callback(1).unwrap();
        assert_eq!(success_result_of(c), (2, 1));
    }

    /// When its runtime goes away a coroutine goes with it.
    #[test]
    fn a_runtime_that_goes_away() {
        let runtime = LocalRuntime::new().unwrap();
        let (send, c) = runtime.block_on(async {
            let (send, receive) = oneshot::channel::<()>();
            let c = ensure_deferred(async move { Ok::<_, Failure>(receive.await?) });
            yield_now().await;
            (send, c)
        });
        assert!(!send.is_closed());
        drop(runtime);
        assert!(send.is_closed());
        assert_no_result(&c);
        c.cancel();
        assert!(failure_result_of(c).is::<CancelledError>());
    }
}

/// Cancelling a coroutine whose Deferred is paused waits for the end of the
/// pause, and then cancels what it awaits by then.
#[test]
fn cancelling_a_paused_coroutine() {
    let (a, a_trigger) = Deferred::<()>::new();
    let (b, b_trigger) = Deferred::<()>::new();
    let d = ensure_deferred(async {
        a.await?;
        b.await
    });
    d.pause();
    d.cancel();
    assert!(!a_trigger.called());
    a_trigger.callback(()).unwrap();
    assert!(!b_trigger.called());
    d.unpause();
    assert!(b_trigger.called());
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// On Tokio's paused time.
#[cfg(feature = "tokio")]
mod paused_time {
    use std::time::Duration;

    use deferred::testing::{assert_no_result, failure_result_of};
    use deferred::{CancelledError, Deferred, ensure_deferred};
    use tokio::task::LocalSet;
    use tokio::time::{Instant, sleep, timeout};

    /// A coroutine is woken by Tokio's timers; paused time passes as it waits.
    #[tokio::test(start_paused = true)]
    async fn a_coroutine_awaits_tokios_timers() {
        LocalSet::new()
            .run_until(async {
                let start = Instant::now();
                let (d, trigger) = Deferred::new();
                let c = ensure_deferred(async move {
                    sleep(Duration::from_secs(3600)).await;
                    let n: i32 = d.await?;
                    sleep(Duration::from_secs(60)).await;
                    Ok(n)
                });
                assert_no_result(&c);
                trigger.callback(7).unwrap();
                assert_eq!(c.await.unwrap(), 7);
                assert_eq!(start.elapsed(), Duration::from_secs(3660));
            })
            .await;
    }
    /// Tokio's timeout around a Deferred cancels nothing.
    #[tokio::test(start_paused = true)]
    async fn tokios_timeout_cancels_nothing() {
        let (mut d, trigger) = Deferred::new();
        assert!(timeout(Duration::from_secs(1), &mut d).await.is_err());
        assert!(!trigger.called());
        trigger.callback(1).unwrap();
        assert_eq!(timeout(Duration::from_secs(1), d).await.unwrap().unwrap(), 1);
    }
    /// Cancelling a coroutine that sleeps drops it.
    #[tokio::test(start_paused = true)]
    async fn cancelling_a_sleeper() {
        LocalSet::new()
            .run_until(async {
                let c = ensure_deferred(async {
                    sleep(Duration::from_secs(9)).await;
                    Ok(())
                });
                tokio::task::yield_now().await;
                c.cancel();
                assert!(failure_result_of(c).is::<CancelledError>());
            })
            .await;
    }

    /// No `LocalSet` is needed on a current-thread runtime.
    #[tokio::test(start_paused = true)]
    async fn a_plain_runtime_will_do() {
        let d = ensure_deferred(async {
            sleep(Duration::from_secs(9)).await;
            Ok("awake")
        });
        assert_no_result(&d);
        assert_eq!(d.await.unwrap(), "awake");
    }
}

// ===== no executor yet =====

/// One that is started where there is no executor is driven by the one that comes.
#[test]
fn a_coroutine_without_an_executor_is_adopted() {
    let (send, receive) = oneshot::channel();
    let d = ensure_deferred(async { Ok(receive.await?) });
    send.send(7).unwrap();
    assert_no_result(&d);
    // Nobody is here to drive it: it waits on.
    adopt_coroutines();
    assert_no_result(&d);
    let mut driven = Driven::new();
    adopt_coroutines();
    driven.run();
    assert_eq!(success_result_of(d), 7);
}

/// One that ended meanwhile, or waits for Deferreds only, wants no executor.
#[test]
fn only_coroutines_that_still_want_an_executor_are_adopted() {
    let dropped = Rc::new(());
    let (_send, receive) = oneshot::channel::<u8>();
    let its = Rc::clone(&dropped);
    let ended = ensure_deferred(async move {
        let _its = its;
        Ok(receive.await?)
    });
    ended.cancel();
    assert!(failure_result_of(ended).is::<CancelledError>());
    assert_eq!(Rc::strong_count(&dropped), 1);
    let mut driven = Driven::new();
    adopt_coroutines();
    driven.run();
}
