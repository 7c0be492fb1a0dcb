//! A lock, a token, a value of a queue that was given to a Deferred, and that
//! nobody took: it goes back. A table of what is waited for, of how the waiting
//! Deferred is held, and of when it is let go.

#![allow(clippy::unwrap_used, reason = "what helpers of a test do fails the test")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{
    CancelHandle, Deferred, DeferredLock, DeferredQueue, DeferredSemaphore, Waiters,
    ensure_deferred, race, succeed,
};
use futures::FutureExt;

// ===== the table =====

/// Something that is waited for, of which there is one.
trait Kind: Clone + 'static {
    type Given: 'static;

    /// One that nobody can have now.
    fn empty() -> Self;

    /// Waits for it.
    fn get(&self) -> Deferred<Self::Given>;

    /// Gives it to the first who waits, or keeps it.
    fn serve(&self);
}

impl Kind for DeferredLock {
    type Given = Self;

    fn empty() -> Self {
        let lock = Self::new();
        success_result_of(lock.acquire());
        lock
    }

    fn get(&self) -> Deferred<Self> {
        self.acquire()
    }

    fn serve(&self) {
        self.release().unwrap();
    }
}

impl Kind for DeferredSemaphore {
    type Given = Self;

    fn empty() -> Self {
        let semaphore = Self::new(1).unwrap();
        success_result_of(semaphore.acquire());
        semaphore
    }

    fn get(&self) -> Deferred<Self> {
        self.acquire()
    }

    fn serve(&self) {
        self.release().unwrap();
    }
}

impl Kind for DeferredQueue<String> {
    type Given = String;

    fn empty() -> Self {
        Self::new()
    }

    fn get(&self) -> Deferred<String> {
        Self::get(self).unwrap()
    }

    fn serve(&self) {
        self.put("the value".to_owned()).unwrap();
    }
}

/// Something that holds a Deferred, to be dropped.
type Holder = Box<dyn Any>;

/// A way to hold a Deferred.
type Way<T> = (&'static str, fn(Deferred<T>) -> Holder);

/// A future that is polled once, and waits.
fn polled(future: impl Future<Output: 'static> + 'static) -> Holder {
    let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(future.map(drop));
    let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    Box::new(future)
}

fn ways<T: 'static>() -> Vec<Way<T>> {
    vec![
        ("in a hand", |d| Box::new(d)),
        ("with an errback", |d| Box::new(d.add_errback(Err))),
        ("with a timeout", |d| {
            let clock = Clock::new();
            let hour = Duration::from_secs(3600);
            Box::new((d.add_timeout(hour, &clock), clock))
        }),
        ("returned from a callback", |d| Box::new(succeed(()).add_callback(|()| d))),
        ("returned from two callbacks, with an errback", |d| {
            let d = succeed(()).add_callback(|()| d);
            Box::new(succeed(()).add_callback(|()| d).add_errback(Err))
        }),
        ("returned from a callback, paused", |d| {
            let d = succeed(()).add_callback(|()| d);
            d.pause();
            Box::new(d)
        }),
        ("paused", |d| {
            d.pause();
            Box::new(d)
        }),
        ("awaited by a future", |d| polled(d)),
        ("in a future that was not polled", |d| Box::new(async { d.await.map(drop) })),
        ("held by a future beside another", |d| {
            polled(async { futures::future::select(pending::<()>(), d).await })
        }),
    ]
}

/// Whoever waits next gets it, if it was `served`, and then it is as it was.
fn assert_back<K: Kind>(kind: &K, served: bool, what: &str) {
    let next = kind.get();
    assert_eq!(next.has_result(), served, "{what}");
    if !served {
        kind.serve();
    }
    assert!(next.has_result(), "{what}");
    success_result_of(next);
    let more = kind.get();
    assert!(!more.has_result(), "{what}: it was given twice");
}

/// Lets go before it was served, and after; the next in line gets it, or it is
/// kept.
fn check<K: Kind>() {
    for (way, hold) in ways::<K::Given>() {
        let kind = K::empty();
        drop(hold(kind.get()));
        assert_back(&kind, false, &format!("{way}, before"));

        let kind = K::empty();
        let holder = hold(kind.get());
        let next = kind.get();
        drop(holder);
        kind.serve();
        assert!(next.has_result(), "{way}, before, with another in line");

        let kind = K::empty();
        let holder = hold(kind.get());
        kind.serve();
        drop(holder);
        assert_back(&kind, true, &format!("{way}, after"));

        let kind = K::empty();
        let holder = hold(kind.get());
        let next = kind.get();
        kind.serve();
        assert_no_result(&next);
        drop(holder);
        assert!(next.has_result(), "{way}, after, with another in line");

        // It is there at once; what polls for it takes it.
        if way.contains("by a future") {
            continue;
        }
        let kind = K::empty();
        kind.serve();
        drop(hold(kind.get()));
        assert_back(&kind, true, &format!("{way}, had at once"));
    }
}

#[test]
fn a_lock_that_nobody_takes() {
    check::<DeferredLock>();
}

#[test]
fn a_token_that_nobody_takes() {
    check::<DeferredSemaphore>();
}

#[test]
fn a_value_that_nobody_takes() {
    check::<DeferredQueue<String>>();
}

/// Drops what it holds when it is woken: inside the firing.
struct DropOnWake(std::sync::Mutex<Option<usize>>);

thread_local! {
    static FUTURES: RefCell<Vec<Holder>> = const { RefCell::new(Vec::new()) };
}

impl Wake for DropOnWake {
    fn wake(self: Arc<Self>) {
        if self.0.lock().expect("no panic").take().is_some() {
            let future = FUTURES.with_borrow_mut(Vec::pop);
            drop(future);
        }
    }
}

fn dropped_when_woken<K: Kind>() {
    let kind = K::empty();
    let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(kind.get().map(drop));
    let waker = Waker::from(Arc::new(DropOnWake(std::sync::Mutex::new(Some(0)))));
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    FUTURES.with_borrow_mut(|futures| futures.push(Box::new(future)));
    let next = kind.get();
    kind.serve();
    assert!(FUTURES.with_borrow(Vec::is_empty), "it was dropped");
    success_result_of(next);
    kind.serve();
    assert_back(&kind, true, "dropped when it was woken");
}

/// Dropped by the waker, between the firing and the poll.
#[test]
fn dropped_while_it_is_fired() {
    dropped_when_woken::<DeferredLock>();
    dropped_when_woken::<DeferredSemaphore>();
    dropped_when_woken::<DeferredQueue<String>>();
}

fn cancelled<K: Kind>() {
    // While it waits.
    let kind = K::empty();
    let waiter = kind.get();
    waiter.cancel();
    failure_result_of(waiter);
    assert_back(&kind, false, "cancelled");

    // When it has it: that does nothing, and the drop gives it back.
    let kind = K::empty();
    let waiter = kind.get();
    let handle = waiter.cancel_handle();
    kind.serve();
    handle.cancel();
    drop(waiter);
    assert_back(&kind, true, "cancelled too late");

    // A coroutine that awaits it and something else, and is cancelled when it
    // has been served and not resumed.
    let kind = K::empty();
    let waiter = kind.get();
    let coroutine = Deferred::from_future(async move {
        // With a waker of its own: it is not resumed by the firing.
        let mut waiting = futures::stream::FuturesUnordered::new();
        waiting.push(PolledOnce(waiter).boxed_local());
        futures::StreamExt::next(&mut waiting).await;
        pending::<Result<(), fmt::Error>>().await
    });
    kind.serve();
    coroutine.cancel();
    failure_result_of(coroutine);
    assert_back(&kind, true, "a coroutine cancelled in between");

    // A coroutine that waits for it.
    let kind = K::empty();
    let waiter = kind.get();
    let coroutine = Deferred::from_future(async move {
        waiter.await?;
        pending::<Result<(), deferred::Failure>>().await
    });
    coroutine.cancel();
    failure_result_of(coroutine);
    assert_back(&kind, false, "a coroutine cancelled while it waits");
}

/// Polls what it holds once, and then never again.
struct PolledOnce<F>(F);

impl<F: Future + Unpin> Future for PolledOnce<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _ = Pin::new(&mut self.0).poll(&mut Context::from_waker(Waker::noop()));
        let _ = context;
        Poll::Pending
    }
}

/// Cancelled while it waits, when it is served, and in a coroutine.
#[test]
fn cancelled_ones() {
    cancelled::<DeferredLock>();
    cancelled::<DeferredSemaphore>();
    cancelled::<DeferredQueue<String>>();
}

fn taken<K: Kind>() {
    type Take<T> = fn(Deferred<T>);
    let takes: [Take<K::Given>; 6] = [
        |d| drop(d.add_callback(drop)),
        |d| drop(d.add_both(drop)),
        |d| drop(d.take_result()),
        |d| drop(d.now_or_never()),
        |d| drop(ensure_deferred(async { d.await.map(drop) })),
        |d| drop(d.add_errback(Err).add_callback(drop)),
    ];
    for take in takes {
        let kind = K::empty();
        kind.serve();
        take(kind.get());
        assert_no_result(&kind.get());
        kind.serve();
        success_result_of(kind.get());
    }
}

/// Who was given it has it, and keeps it though the Deferred goes.
#[test]
fn taken_ones_do_not_come_back() {
    taken::<DeferredLock>();
    taken::<DeferredSemaphore>();
    taken::<DeferredQueue<String>>();
}

// ===== lines =====

/// The line does not grow by those who gave up: a queue with room for one
/// waiter never refuses, however it is waited for.
#[test]
fn who_gives_up_leaves_the_line() {
    let queue = DeferredQueue::<String>::bounded(None, Some(1));
    for (way, hold) in ways::<String>() {
        if way.contains("errback") {
            continue; // which waits for a failure
        }
        for _ in 0..3 {
            let holder = hold(queue.get().unwrap());
            assert_eq!(queue.waiting(), 1, "{way}");
            drop(holder);
            assert_eq!(queue.waiting(), 0, "{way}");
        }
    }
}

/// A Deferred that was dropped before a callback of its returned the waiting
/// one: nobody waits either.
#[test]
fn waiting_for_nobody_leaves_the_line() {
    let queue = DeferredQueue::<String>::new();
    let (start, trigger) = Deferred::new();
    let again = queue.clone();
    drop(start.add_callback(move |()| again.get().unwrap()));
    trigger.callback(()).unwrap();
    assert_eq!(queue.waiting(), 0);
}

/// A callback or an errback wants it, though the Deferred was dropped; so does a
/// Deferred that waits for it.
#[test]
fn callbacks_stay_in_the_line() {
    let queue = DeferredQueue::new();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let see = |name: &'static str| {
        let seen = Rc::clone(&seen);
        move |_value: String| seen.borrow_mut().push(name)
    };
    drop(queue.get().unwrap().add_callback(see("first")));
    let inner = queue.get().unwrap();
    drop(succeed(()).add_callback(|()| inner).add_callback(see("second")));
    let inner = queue.get().unwrap().add_callback(see("third"));
    drop(succeed(()).add_callback(|()| inner));
    drop(queue.get().unwrap().add_errback(Err));
    assert_eq!(queue.waiting(), 4);
    for _ in 0..3 {
        queue.put(String::new()).unwrap();
    }
    assert_eq!(*seen.borrow(), ["first", "second", "third"]);
    queue.put(String::new()).unwrap();
    assert_eq!((queue.waiting(), queue.len()), (0, 1), "the errback let it pass");
}

/// A handle that could cancel does not keep a place in the line.
#[test]
fn a_cancel_handle_does_not_wait() {
    let errors = LoggedErrors::collect();
    let queue = DeferredQueue::<u8>::new();
    let waiter = queue.get().unwrap();
    let handle: CancelHandle = waiter.cancel_handle();
    drop(waiter);
    assert_eq!(queue.waiting(), 0);
    handle.cancel();
    assert_eq!(errors.flush_all().len(), 1, "it has been cancelled");
}

// ===== queues =====

/// Values come back to their places, in whatever order they come.
#[test]
fn values_come_back_to_their_places() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1]] {
        let queue = DeferredQueue::new();
        (0..5).for_each(|n| queue.put(n).unwrap());
        let mut unread: Vec<_> = (0..3).map(|_| Some(queue.get().unwrap())).collect();
        for place in order {
            drop(unread[place].take());
        }
        for n in 0..5 {
            assert_eq!(success_result_of(queue.get().unwrap()), n, "{order:?}");
        }
    }
}

/// A value that was given to a waiter comes before those that were put later.
#[test]
fn a_waiters_value_comes_back_first() {
    let queue = DeferredQueue::new();
    let [first, second] = [queue.get().unwrap(), queue.get().unwrap()];
    (0..3).for_each(|n| queue.put(n).unwrap());
    drop((first, second));
    for n in 0..3 {
        assert_eq!(success_result_of(queue.get().unwrap()), n);
    }
}

/// A value that comes back to a full queue is kept all the same.
#[test]
fn a_full_queue_takes_its_value_back() {
    let queue = DeferredQueue::bounded(Some(1), None);
    queue.put(1).unwrap();
    let unread = queue.get().unwrap();
    queue.put(2).unwrap();
    drop(unread);
    assert_eq!(queue.len(), 2);
    assert!(queue.put(3).is_err());
    assert_eq!(success_result_of(queue.get().unwrap()), 1);
    assert_eq!(success_result_of(queue.get().unwrap()), 2);
}

/// A value whose queue is gone is dropped.
#[test]
fn a_value_without_a_queue_is_dropped() {
    let value = Rc::new(());
    let queue = DeferredQueue::new();
    queue.put(Rc::clone(&value)).unwrap();
    let unread = queue.get().unwrap();
    drop(queue);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(unread);
    assert_eq!(Rc::strong_count(&value), 1);
}

/// A queue that holds the Deferred which waits for it.
#[test]
fn a_queue_of_its_own_waiters() {
    let alive = Rc::new(());
    let queue: DeferredQueue<(Rc<()>, Option<Deferred<()>>)> = DeferredQueue::new();
    let d = queue.get().unwrap().add_callback(drop);
    queue.put((Rc::clone(&alive), None)).unwrap();
    queue.put((Rc::clone(&alive), Some(d))).unwrap();
    drop(queue);
    assert_eq!(Rc::strong_count(&alive), 1);
}

// ===== locks =====

/// The loser of a race gives back what it has.
#[test]
fn the_loser_of_a_race_gives_back() {
    let [first, second] = [DeferredLock::new(), DeferredLock::new()];
    let (winner, lock) = success_result_of(race([first.acquire(), second.acquire()]));
    assert_eq!(winner, 0);
    assert!(first.locked() && !second.locked());
    lock.release().unwrap();

    // Three of them, and two wait.
    success_result_of(first.acquire());
    success_result_of(second.acquire());
    let third = DeferredLock::new();
    let won = race([first.acquire(), second.acquire(), third.acquire()]);
    assert_eq!(success_result_of(won).0, 2);
    first.release().unwrap();
    second.release().unwrap();
    assert!(!first.locked() && !second.locked() && third.locked());
}

/// A failure among the losers is handled, as before.
#[test]
fn a_race_still_handles_failures() {
    let _none_expected = LoggedErrors::collect();
    let lock = DeferredLock::new();
    let broken = Deferred::fail(fmt::Error);
    let won = race([lock.acquire(), broken]);
    assert_eq!(success_result_of(won).0, 0);
}

/// A waiter that gets the lock inside the drop may do what it likes.
#[test]
fn the_next_runs_inside_the_drop() {
    let lock = DeferredLock::new();
    let unread = lock.acquire();
    let count = Rc::new(Cell::new(0));
    for _ in 0..100 {
        let count = Rc::clone(&count);
        drop(lock.acquire().add_callback(move |lock| {
            count.set(count.get() + 1);
            let unread = lock.acquire();
            lock.release()?;
            drop(unread);
            Ok(())
        }));
    }
    drop(unread);
    assert_eq!(count.get(), 100);
    assert!(!lock.locked());
}

/// A lock that was released by hand does not come back a second time.
#[test]
fn released_by_hand() {
    let lock = DeferredLock::new();
    let unread = lock.acquire();
    lock.release().unwrap();
    drop(unread);
    assert!(!lock.locked());
}

/// A Deferred that was dropped while its pause lasted.
#[test]
fn paused_with_a_callback() {
    let lock = DeferredLock::new();
    let waiter = lock.acquire();
    waiter.pause();
    drop(waiter.add_callback(|lock| assert!(!lock.locked(), "it is paused for ever")));
    assert!(!lock.locked());
}

/// The example of the documentation: a timeout of Tokio's around a wait.
#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_timeout_of_tokio() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let second = Duration::from_secs(1);
    for _ in 0..3 {
        assert!(tokio::time::timeout(second, lock.acquire()).await.is_err());
    }
    held.release().unwrap();
    assert!(!lock.locked());
    // In time.
    let lock = tokio::time::timeout(second, lock.acquire()).await.unwrap().unwrap();
    assert!(lock.locked());
}

/// In a `select!` whose other branch is first, though the lock is free.
#[test]
fn a_select_that_does_not_poll_it() {
    let lock = DeferredLock::new();
    let first = async {
        futures::select_biased! {
            () = std::future::ready(()).fuse() => "ready",
            _lock = lock.acquire() => "locked",
        }
    };
    assert_eq!(first.now_or_never(), Some("ready"));
    assert!(!lock.locked());
}

/// What is given by `Waiters` is a clone: nothing comes back.
#[test]
fn waiters_have_nothing_to_give_back() {
    let waiters = Waiters::new();
    let [first, second] = [waiters.wait(), waiters.wait()];
    waiters.callback(1);
    drop(first);
    assert_eq!(success_result_of(second), 1);
    assert!(waiters.is_empty());
}
