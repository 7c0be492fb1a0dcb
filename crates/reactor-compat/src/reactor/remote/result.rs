//! [`RemoteResult`]: the result of a call on a reactor's thread, as a future.
//!
//! Mirrors `deferToThread` the other way round, and what crochet does with
//! `run_in_reactor`. Tested in `tests/runtime/remote.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use deferred::{CallbackResult, Failure};

use super::sender::ResultSender;
use super::slot::ResultSlot;
use super::{Remote, RemoteCall, operations};
use crate::error::ReactorStopped;
use crate::guard;
use crate::reactor::Reactor;

/// The result of a call on a reactor's thread: a future that any task of any
/// thread may await.
///
/// It fails with what the call fails with, a panic included; and with
/// [`ReactorStopped`] if the reactor has stopped, or stops before there is a
/// result.
///
/// # Cancellation
///
/// Dropping it lets the call go on; a failure that comes then is logged. With
/// [`cancel_on_drop`](Self::cancel_on_drop) it is cancelled instead, as a Deferred
/// is. It may be awaited by `&mut`, and again after that was dropped.
///
/// See the example of [`Remote::run`].
#[must_use = "dropping it drops the result"]
pub struct RemoteResult<T: Send + 'static> {
    slot: Arc<ResultSlot<T>>,
    remote: Remote,
    number: u64,
    on_drop: OnDrop,
}

/// The fate of the call when its result is dropped before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    GoOn,
    Cancel,
}

impl Remote {
    /// Calls `function` on the reactor's thread, soon, and gives its result as a
    /// future, to be awaited on any thread.
    ///
    /// `function` may return what a callback may: a `Result`, a `Deferred`, or
    /// nothing. Of an async function make a Deferred, with
    /// [`ensure_deferred`](deferred::ensure_deferred). It is how a program with a
    /// multi-thread runtime of Tokio's uses a reactor:
    /// [`blocking_call_from_thread`](Self::blocking_call_from_thread) is for
    /// threads that block.
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{Reactor, reactor, task::defer_later};
    /// use std::time::Duration;
    ///
    /// #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
    /// async fn main() -> Result<(), Failure> {
    ///     let background = Reactor::spawn_thread()?;
    ///     let remote = background.remote();
    ///     let tea = tokio::spawn(async move {
    ///         let brew = || defer_later(&reactor(), Duration::from_millis(3), || Ok("tea"));
    ///         remote.run(brew).await
    ///     });
    ///     assert_eq!(tea.await??, "tea");
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "run_in_reactor")]
    #[doc(alias = "deferToThread")]
    pub fn run<R>(&self, function: impl FnOnce() -> R + Send + 'static) -> RemoteResult<R::Value>
    where
        R: CallbackResult<Value: Send>,
    {
        self.run_in(|_reactor| function())
    }

    /// The same for a function that is given the reactor.
    pub(super) fn run_in<R>(
        &self,
        function: impl FnOnce(&Reactor) -> R + Send + 'static,
    ) -> RemoteResult<R::Value>
    where
        R: CallbackResult<Value: Send>,
    {
        let number = operations::next_number();
        let slot = self.start(Some(number), function);
        RemoteResult { slot, remote: self.clone(), number, on_drop: OnDrop::GoOn }
    }

    /// Has `function` called; its result will be in the slot. If there is a
    /// `number`, the operation can be cancelled by it.
    pub(super) fn start<R>(
        &self,
        number: Option<u64>,
        function: impl FnOnce(&Reactor) -> R + Send + 'static,
    ) -> Arc<ResultSlot<R::Value>>
    where
        R: CallbackResult<Value: Send>,
    {
        let slot = Arc::new(ResultSlot::new());
        let sender = ResultSender::new(&slot, number);
        let remote = self.clone();
        let span = tracing::Span::current();
        let call = move |reactor: &Reactor| {
            let _entered = span.enter();
            sender.call(&remote, || function(reactor));
        };
        if self.post(RemoteCall::Run(Box::new(call))).is_err() {
            // Its sender has said so as well.
            let _ = slot.fill(Err(ReactorStopped.into()));
        }
        slot
    }
}

impl<T: Send + 'static> RemoteResult<T> {
    /// Has the call cancelled, as [`Deferred::cancel`](deferred::Deferred::cancel)
    /// does, if this is dropped before there is a result: by a `select!` or a
    /// timeout, say.
    ///
    /// ```
    /// use deferred::{Deferred, Failure};
    /// use reactor_compat::Reactor;
    /// use std::time::Duration;
    ///
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let background = Reactor::spawn_thread()?;
    /// let (cancelled, is_cancelled) = std::sync::mpsc::channel();
    /// let never = background.remote().run(|| {
    ///     Deferred::<()>::with_canceller(move |_| cancelled.send(()).unwrap()).0
    /// });
    /// let waited = async {
    ///     tokio::time::timeout(Duration::from_millis(1), never.cancel_on_drop()).await
    /// };
    /// assert!(runtime.block_on(waited).is_err());
    /// is_cancelled.recv()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        self.on_drop = OnDrop::Cancel;
        self
    }

    /// Cancels the call, soon. If it is done, nothing happens; if it has not been
    /// made, it still is.
    ///
    /// ```
    /// use deferred::{CancelledError, Deferred};
    /// use reactor_compat::Reactor;
    ///
    /// let background = Reactor::spawn_thread()?;
    /// let never = background.remote().run(|| Deferred::<()>::new().0);
    /// never.cancel();
    /// let failure = futures::executor::block_on(never).unwrap_err();
    /// assert!(failure.is::<CancelledError>());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel(&self) {
        let number = self.number;
        // One whose reactor has stopped has come to its end.
        let _ = self.remote.call_from_thread(move || operations::cancel(number));
    }
}

impl<T: Send + 'static> Future for RemoteResult<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(context)
    }
}

impl<T: Send + 'static> Drop for RemoteResult<T> {
    fn drop(&mut self) {
        if self.slot.is_pending() {
            match self.on_drop {
                OnDrop::Cancel => {
                    self.slot.ignore_failure();
                    self.cancel();
                    // It is there when the failure comes, and goes after that.
                    let slot = self.slot.clone();
                    let _ = self.remote.call_from_thread(move || drop(slot));
                }
                OnDrop::GoOn => {
                    let number = self.number;
                    let _ = self.remote.call_from_thread(move || operations::remove(number));
                }
            }
        } else if let Some(failure) = self.slot.unobserved_failure() {
            guard::log("a remote call", &failure);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for RemoteResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteResult")
            .field("pending", &self.slot.is_pending())
            .finish_non_exhaustive()
    }
}
