//! [`run_test`]: a reactor for one test, and an account of what it left open.
//!
//! Mirrors `twisted.trial.unittest.TestCase` and its `_Janitor`. Tested in
//! `tests/runtime/per_test_reactor.rs`.
#![allow(clippy::panic, reason = "a test helper fails the test")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use deferred::DebugInfo;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::{DirtyReactorError, TestReactor, Unfinished};
use crate::network::SystemNetwork;
use crate::reactor::{Inventory, Reactor, RunOptions};

/// How many turns what is closing may take to close, after the test has ended.
const SETTLING: usize = 256;

/// How long each of these turns is, by the computer's own clock, while a
/// function runs in a thread: it has given its result before it has ended.
const THREADS_TURN: Duration = Duration::from_millis(1);

/// Runs a test in a reactor of its own, by the real clock, with real sockets,
/// and gives what it gave.
///
/// `body` is given the reactor, and is a task of it; for what it calls,
/// [`reactor()`](crate::reactor()) is the same. When it has ended, nothing may
/// be left: no port, no connection, no delayed call, no function that runs
/// in a thread, no error that was logged or that a Deferred went away with.
/// What is about to end is given a moment for that. The variable
/// `DEFERRED_DEBUG` has the text say where delayed calls were made, and counts
/// Deferreds that were not fired.
///
/// # Panics
///
/// With the text of [`DirtyReactorError`] if something is left, or if the test
/// has not ended after two minutes; or as `body` does. [`TestRun`] gives the
/// error as a value, and other choices.
///
/// ```
/// use reactor_compat::testing::run_test;
/// use reactor_compat::{Address, Protocol};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// run_test(|reactor| async move {
///     let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent).unwrap();
///     let address = port.get_host().socket_addr().unwrap();
///     let client =
///         reactor.connect_tcp(address, |_: Address| Silent).when_connected().await.unwrap();
///     client.lose_connection();
///     port.stop_listening().await.unwrap();
/// });
/// ```
///
/// ```should_panic
/// use reactor_compat::{ReactorTime, testing::run_test};
/// use std::time::Duration;
///
/// run_test(|reactor| async move {
///     reactor.call_later(Duration::from_secs(60), || println!("forgotten"));
/// });
/// ```
#[doc(alias = "TestCase")]
#[doc(alias = "trial")]
#[track_caller]
pub fn run_test<F, R>(body: impl FnOnce(TestReactor) -> F + 'static) -> R
where
    F: Future<Output = R> + 'static,
    R: 'static,
{
    match TestRun::new().run(body) {
        Ok(result) => result,
        Err(error) => panic!("{error}"),
    }
}

/// The clock that a test goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    Real,
    Paused,
}

/// How a test is run, where that is not as usual.
///
/// ```
/// use reactor_compat::testing::TestRun;
/// use reactor_compat::{ReactorTime, task::defer_later};
/// use std::time::Duration;
///
/// let hours = TestRun::new().paused().run(|reactor| async move {
///     defer_later(&*reactor, Duration::from_secs(7200), || Ok(())).await.unwrap();
///     reactor.seconds().as_secs() / 3600
/// })?;
/// assert_eq!(hours, 2);
/// # Ok::<(), reactor_compat::testing::DirtyReactorError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is run"]
pub struct TestRun {
    time: Time,
    timeout: Duration,
}

impl TestRun {
    /// By the real clock, for two minutes at most.
    ///
    /// See the [type's example](Self).
    pub const fn new() -> Self {
        Self { time: Time::Real, timeout: Duration::from_secs(120) }
    }

    /// By a clock that begins at zero, and goes on to the next thing that is
    /// due whenever all there is to do is to wait. It does so while sockets and
    /// threads are waited for, too: where it matters in what order their news
    /// and the clock's come, use the real one, or a
    /// [`MemoryReactor`](super::MemoryReactor).
    ///
    /// See the [type's example](Self).
    pub const fn paused(mut self) -> Self {
        self.time = Time::Paused;
        self
    }

    /// How long the test may take, by the computer's own clock.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::testing::{TestRun, Unfinished};
    /// use std::time::Duration;
    ///
    /// let quick = TestRun::new().timeout(Duration::from_millis(10));
    /// let error = quick.run(|_| async { Deferred::<()>::new().0.await }).unwrap_err();
    /// assert_eq!(error.unfinished(), Some(Unfinished::TimedOut));
    /// ```
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs a test, as [`run_test`] does.
    ///
    /// # Errors
    ///
    /// [`DirtyReactorError`] if something is left behind, or it has not ended.
    ///
    /// # Panics
    ///
    /// As `body` does; if Tokio has no runtime for it; and inside another
    /// runtime.
    ///
    /// See the [type's example](Self).
    pub fn run<F, R>(
        self,
        body: impl FnOnce(TestReactor) -> F + 'static,
    ) -> Result<R, DirtyReactorError>
    where
        F: Future<Output = R> + 'static,
        R: 'static,
    {
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(error) => panic!("there is no runtime for a test: {error}"),
        };
        let reactor = match self.time {
            Time::Real => Reactor::new(),
            Time::Paused => {
                let network = Rc::new(SystemNetwork::new());
                Reactor::in_time_of(runtime.handle().clone(), network)
            }
        };
        let _replaced = reactor.replace_threads_own();
        let test = TestReactor::new(reactor.clone());
        let before = reactor.inventory().unfired_deferreds;
        let watch = Watch::new(&reactor, self.timeout);
        let body = start(&test, body, &watch);
        let (left, unfinished) = drive(runtime, &reactor, (&watch, &before));
        let result = body.take();
        let errors = test.take_errors();
        match result {
            Some(Err(panic)) => resume_unwind(panic),
            Some(Ok(result)) => {
                DirtyReactorError::unless_clean(left, errors, None).map(|()| result)
            }
            None => {
                let why = unfinished.unwrap_or(Unfinished::ReactorStopped);
                Err(DirtyReactorError::new(left, errors, Some(why)))
            }
        }
    }

    fn runtime(&self) -> std::io::Result<Runtime> {
        let paused = self.time == Time::Paused;
        Builder::new_current_thread().enable_all().start_paused(paused).build()
    }
}

impl Default for TestRun {
    fn default() -> Self {
        Self::new()
    }
}

/// The result of the body of a test, or its panic.
type Outcome<R> = Rc<RefCell<Option<thread::Result<R>>>>;

/// Has the reactor run the body when it runs.
fn start<F, R>(
    test: &TestReactor,
    body: impl FnOnce(TestReactor) -> F + 'static,
    watch: &Watch,
) -> Outcome<R>
where
    F: Future<Output = R> + 'static,
    R: 'static,
{
    let outcome = Outcome::default();
    let (place, over, its) = (outcome.clone(), watch.over.clone(), test.clone());
    test.call_when_running(move || {
        let reactor = its.reactor.clone();
        reactor.spawn(async move {
            let ended = match catch_unwind(AssertUnwindSafe(|| body(its))) {
                Ok(body) => Caught(Box::pin(body)).await,
                Err(panic) => Err(panic),
            };
            place.replace(Some(ended));
            over.notify_one();
        });
    });
    outcome
}

/// A future whose panic is its output.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// Runs the reactor until the test is over, and then ends it. What was left
/// before that, and what was wrong if the test did not come to its end.
fn drive(
    runtime: Runtime,
    reactor: &Reactor,
    (watch, before): (&Watch, &[DebugInfo]),
) -> (Inventory, Option<Unfinished>) {
    let options = RunOptions::new().install_signal_handlers(false);
    let run = reactor.attached_run(runtime.handle().clone(), options);
    let Ok(mut run) = run else { return (Inventory::default(), None) };
    let driven = runtime.block_on(async {
        let mut over = Box::pin(watch.over.notified());
        let mut running = true;
        poll_fn(|cx| {
            running = running && run.as_mut().poll(cx).is_pending();
            if running { over.as_mut().poll(cx) } else { Poll::Ready(()) }
        })
        .await;
        for _ in 0..SETTLING {
            let left = open(reactor, before);
            if !running || left == Inventory::default() {
                break;
            }
            if left.threads_working > 0 {
                thread::sleep(THREADS_TURN);
            }
            running = poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx).is_pending())).await;
            yield_now().await;
        }
        let left = open(reactor, before);
        let unfinished = watch.timed_out.get().then_some(Unfinished::TimedOut);
        if running {
            // What is left hears that it is over; nobody is waited for.
            let _ = reactor.crash();
            run.as_mut().await;
        }
        (left, unfinished)
    });
    let inside = runtime.enter();
    drop(run);
    drop(inside);
    runtime.shutdown_background();
    driven
}

/// The things that the reactor has, but for the Deferreds that were there
/// `before` it.
fn open(reactor: &Reactor, before: &[DebugInfo]) -> Inventory {
    let mut left = reactor.inventory();
    for known in before {
        let place = left.unfired_deferreds.iter().position(|unfired| unfired == known);
        place.map(|place| left.unfired_deferreds.remove(place));
    }
    left
}

/// Waits for the end of a test, but not for ever.
struct Watch {
    over: Rc<Notify>,
    timed_out: Rc<Cell<bool>>,
    /// Dropped with this, which ends the thread.
    _alive: mpsc::Sender<()>,
}

impl Watch {
    fn new(reactor: &Reactor, timeout: Duration) -> Self {
        let (over, timed_out) = (Rc::new(Notify::new()), Rc::new(Cell::new(false)));
        let (bark, late) = (over.clone(), timed_out.clone());
        let expected = reactor.expect_result(move |sent| {
            if sent.is_some() {
                late.set(true);
                bark.notify_one();
            }
        });
        let remote = reactor.remote();
        let (alive, watch) = mpsc::channel::<()>();
        thread::spawn(move || {
            if watch.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Unless the test has just ended.
                let _ = remote.complete(expected, ());
            }
        });
        Self { over, timed_out, _alive: alive }
    }
}
