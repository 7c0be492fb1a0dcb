//! Between threads: `Deferred::into_send_future` and, with the feature,
//! `Deferred::from_send_future`.

use std::fmt;
use std::sync::mpsc;
use std::thread;

use deferred::testing::{LoggedErrors, success_result_of};
use deferred::{CancelledError, Deferred, SendFuture};
use futures::executor::block_on;

/// The result arrives on another thread, be it a value or a failure, whether
/// it is there before or comes after.
#[test]
fn the_result_crosses_threads() {
    let elsewhere = |result: SendFuture<i32>| thread::spawn(move || block_on(result));
    let (d, trigger) = Deferred::new();
    let other = elsewhere(d.add_callback(|n| Ok(n + 1)).into_send_future());
    trigger.callback(1).unwrap();
    assert_eq!(other.join().unwrap().unwrap(), 2);

    let other = elsewhere(Deferred::<i32>::fail(fmt::Error).into_send_future());
    assert!(other.join().unwrap().unwrap_err().is::<fmt::Error>());

    assert_eq!(block_on(Deferred::succeed(3).into_send_future()).unwrap(), 3);
}

/// The Deferred itself stays on its thread: its callbacks run there.
#[test]
fn callbacks_stay_on_their_thread() {
    let (d, trigger) = Deferred::new();
    let here = thread::current().id();
    let result = d.add_callback(|()| Ok(thread::current().id())).into_send_future();
    let other = thread::spawn(move || block_on(result).unwrap());
    trigger.callback(()).unwrap();
    assert_eq!(other.join().unwrap(), here);
}

/// Dropped before the result comes, it cancels nothing: the Deferred goes on.
#[test]
fn dropping_it_early_cancels_nothing() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::with_canceller(|_| unreachable!("nobody cancelled it"));
    drop(d.into_send_future());
    assert!(!trigger.called());
    trigger.callback(1).unwrap();
    assert!(errors.flush_all().is_empty());
}

/// A failure that then nobody receives is reported where the Deferred is.
#[test]
fn a_failure_that_nobody_receives_is_reported() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let result = d.into_send_future();
    thread::spawn(move || drop(result)).join().unwrap();
    trigger.errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 1);
}

/// A failure that is received is not reported.
#[test]
fn a_failure_that_is_received_is_not_reported() {
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::new();
    let result = d.into_send_future();
    trigger.errback(fmt::Error).unwrap();
    assert!(block_on(result).is_err());
    assert!(errors.flush_all().is_empty());
}

/// If nobody can fire the Deferred any more, the future is cancelled instead
/// of waiting for ever.
#[test]
fn a_deferred_that_goes_away_cancels_it() {
    let (d, trigger) = Deferred::<()>::new();
    let result = d.into_send_future();
    drop(trigger);
    assert!(block_on(result).unwrap_err().is::<CancelledError>());
}

/// The same when its thread ends.
#[test]
fn a_thread_that_ends_cancels_it() {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let (d, _trigger) = Deferred::<()>::new();
        send.send(d.into_send_future()).unwrap();
    })
    .join()
    .unwrap();
    assert!(block_on(receive.recv().unwrap()).unwrap_err().is::<CancelledError>());
}

/// It can be cancelled where the Deferred was, through a handle.
#[test]
fn cancelling_on_its_own_thread() {
    let (d, _trigger) = Deferred::<()>::new();
    let handle = d.cancel_handle();
    let result = d.into_send_future();
    let other = thread::spawn(move || block_on(result));
    handle.cancel();
    assert!(other.join().unwrap().unwrap_err().is::<CancelledError>());
}

/// It comes back as a Deferred on another thread.
#[test]
fn there_and_back() {
    let result = Deferred::succeed(1).into_send_future();
    let n = thread::spawn(move || success_result_of(Deferred::from_future(result)));
    assert_eq!(n.join().unwrap(), 1);
    assert_eq!(format!("{:?}", Deferred::succeed(1).into_send_future()), "SendFuture");
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::convert::Infallible;
    use std::fmt;
    use std::future::{self, Future};
    use std::thread;

    use deferred::testing::{assert_no_result, failure_result_of};
    use deferred::{CancelledError, Deferred, Failure};
    use tokio::runtime::{Handle, LocalRuntime, Runtime};
    use tokio::sync::oneshot;
    use tokio::task::JoinError;

    fn pool() -> Runtime {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).build().expect("a runtime")
    }

    /// Runs `test` here, with the handle of a multi-thread runtime.
    fn with_pool<F: Future<Output = ()>>(test: impl FnOnce(Handle) -> F) {
        let pool = pool();
        let handle = pool.handle().clone();
        LocalRuntime::new().expect("a runtime").block_on(test(handle));
    }

    /// The future runs on the other runtime, its result comes back.
    #[test]
    fn a_future_runs_elsewhere() {
        with_pool(|handle| async move {
            let work = async { Ok::<_, Infallible>(thread::current().id()) };
            let d = Deferred::from_send_future(&handle, work)
                .add_callback(|worker| Ok((worker, thread::current().id())));
            let (worker, here) = d.await.unwrap();
            assert_ne!(worker, here);
            assert_eq!(here, thread::current().id());
        });
    }

    /// Errors come back, of any kind.
    #[test]
    fn errors_come_back() {
        with_pool(|handle| async move {
            let failed = Deferred::from_send_future(&handle, async { Err::<(), _>(fmt::Error) });
            assert!(failed.await.unwrap_err().is::<fmt::Error>());
            let failed = async { Err::<(), _>(Failure::new(CancelledError)) };
            let failed = Deferred::from_send_future(&handle, failed).await;
            assert!(failed.unwrap_err().is::<CancelledError>());
        });
    }

    /// A panic there is a `JoinError` here.
    #[test]
    fn a_panic_elsewhere() {
        with_pool(|handle| async move {
            let broken = || -> Result<(), Infallible> { panic!("elsewhere") };
            let work = async move { broken() };
            let failure = Deferred::from_send_future(&handle, work).await.unwrap_err();
            assert!(failure.check::<JoinError>().is_some_and(JoinError::is_panic));
        });
    }

    /// Tells the other end when it is dropped, by dropping a sender.
    async fn never(began: oneshot::Sender<()>, _ended: oneshot::Sender<()>) -> Result<(), Failure> {
        let _ = began.send(());
        future::pending().await
    }

    /// Cancelling the Deferred aborts the future.
    #[test]
    fn cancelling_aborts_the_future() {
        with_pool(|handle| async move {
            let (began, has_begun) = oneshot::channel();
            let (ended, has_ended) = oneshot::channel();
            let d = Deferred::from_send_future(&handle, never(began, ended));
            has_begun.await.unwrap();
            assert_no_result(&d);
            d.cancel();
            assert!(failure_result_of(d).is::<CancelledError>());
            // Its sender is dropped with it.
            assert!(has_ended.await.is_err());
        });
    }

    /// Dropping the Deferred leaves the future to run.
    #[test]
    fn dropping_leaves_it_running() {
        with_pool(|handle| async move {
            let (go, may_go) = oneshot::channel::<()>();
            let (done, is_done) = oneshot::channel();
            drop(Deferred::from_send_future(&handle, async move {
                may_go.await?;
                let _ = done.send(7);
                Ok::<_, oneshot::error::RecvError>(())
            }));
            tokio::task::yield_now().await;
            go.send(()).unwrap();
            assert_eq!(is_done.await.unwrap(), 7);
        });
    }

    /// Both ways: a task of a multi-thread runtime awaits a Deferred of this
    /// thread.
    #[test]
    fn a_multi_thread_task_awaits_a_deferred() {
        with_pool(|handle| async move {
            let (d, trigger) = Deferred::new();
            let result = d.into_send_future();
            let (began, has_begun) = oneshot::channel();
            let task = handle.spawn(async move {
                began.send(()).unwrap();
                result.await
            });
            has_begun.await.unwrap();
            trigger.callback("across").unwrap();
            assert_eq!(task.await.unwrap().unwrap(), "across");
        });
    }
}
