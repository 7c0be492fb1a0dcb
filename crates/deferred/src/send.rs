//! Deferreds and threads: a Deferred stays on its thread, its result may travel.
//!
//! Mirrors `Deferred.asFuture` and `fromFuture`. Tested in `tests/chains/send.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use pin_project::pin_project;

use crate::deferred::Deferred;
use crate::error::CancelledError;
use crate::failure::Failure;

/// The result of a [`Deferred`], to be awaited on any thread.
///
/// # Cancellation
///
/// Dropping it cancels nothing: the Deferred goes on, and its result is
/// dropped, a failure reported as unhandled.
///
/// See [`Deferred::into_send_future`].
///
/// ```
/// use deferred::{Deferred, SendFuture};
/// use futures::executor::block_on;
///
/// fn elsewhere<T: Send>(thing: T) -> T {
///     thing
/// }
///
/// let result: SendFuture<u8> = elsewhere(Deferred::succeed(1).into_send_future());
/// assert_eq!(block_on(result).unwrap(), 1);
/// ```
#[must_use = "futures do nothing unless they are awaited"]
#[pin_project]
pub struct SendFuture<T> {
    #[pin]
    result: oneshot::Receiver<Result<T, Failure>>,
}

impl<T: Send + 'static> Deferred<T> {
    /// A future of the result that other threads may await, by any executor.
    ///
    /// If the Deferred goes away without a result, because nobody can fire it
    /// any more or its thread ends, the future fails with a
    /// [`CancelledError`].
    ///
    /// Mirrors `Deferred.asFuture`.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use futures::executor::block_on;
    /// use std::thread;
    ///
    /// let (d, trigger) = Deferred::new();
    /// let result = d.into_send_future();
    /// let other = thread::spawn(move || block_on(result).unwrap());
    /// trigger.callback("across")?;
    /// assert_eq!(other.join().unwrap(), "across");
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[doc(alias = "asFuture")]
    #[track_caller]
    pub fn into_send_future(self) -> SendFuture<T> {
        let (sender, result) = oneshot::channel();
        // If nobody receives it a failure is left here, and reported.
        drop(self.add_both(move |result| match sender.send(result) {
            Err(Err(failure)) => Err(failure),
            Ok(()) | Err(Ok(_)) => Ok(()),
        }));
        SendFuture { result }
    }
}

#[cfg(feature = "tokio")]
impl<T: Send + 'static> Deferred<T> {
    /// Runs `future` on the runtime of `handle`, on whatever thread, and gives
    /// its result here.
    ///
    /// As with all that is woken from elsewhere, this thread has to run a Tokio
    /// `LocalRuntime` or `LocalSet`, or have a
    /// [local spawner](crate::set_local_spawner). If the future panics, the
    /// Deferred fails with Tokio's `JoinError`.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred aborts the future, and the Deferred fails with a
    /// [`CancelledError`]. Dropping the Deferred leaves it running.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use std::convert::Infallible;
    ///
    /// let pool = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    /// let handle = pool.handle().clone();
    /// let local = tokio::runtime::LocalRuntime::new().unwrap();
    /// let sum = local.block_on(async move {
    ///     Deferred::from_send_future(&handle, async { Ok::<_, Infallible>(1 + 2) }).await
    /// });
    /// assert_eq!(sum.unwrap(), 3);
    /// ```
    #[track_caller]
    pub fn from_send_future<F, E>(handle: &tokio::runtime::Handle, future: F) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<Failure> + 'static,
    {
        let task = handle.spawn(async { future.await.map_err(Into::into) });
        let abort = AbortOnDrop { handle: task.abort_handle() };
        Self::from_future(async move {
            let joined = task.await;
            drop(abort);
            joined.unwrap_or_else(|error| Err(Failure::new(error)))
        })
    }
}

/// Aborts a task that nobody waits for any more.
#[cfg(feature = "tokio")]
struct AbortOnDrop {
    handle: tokio::task::AbortHandle,
}

#[cfg(feature = "tokio")]
impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl<T> Future for SendFuture<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project()
            .result
            .poll(context)
            .map(|sent| sent.unwrap_or_else(|_gone| Err(CancelledError.into())))
    }
}

impl<T> fmt::Debug for SendFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendFuture")
    }
}
