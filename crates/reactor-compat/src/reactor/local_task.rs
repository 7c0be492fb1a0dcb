//! [`LocalTask`]: a future that stays on its thread, in a runtime without local
//! tasks.
//!
//! Tested in `tests/runtime/attached.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

use crate::error::ReactorNotDriven;

type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The futures of a thread that local tasks drive, by number.
#[derive(Default)]
struct LocalFutures {
    futures: BTreeMap<u64, LocalFuture>,
    next: u64,
    /// There for as long as the thread is.
    alive: Arc<()>,
}

thread_local! {
    static FUTURES: RefCell<LocalFutures> = RefCell::default();
}

/// Has a runtime of one thread, this one, drive a future that does not leave
/// it; there need be no `LocalSet`.
pub(super) fn spawn_on(handle: &Handle, future: impl Future<Output = ()> + 'static) {
    let task = FUTURES.with_borrow_mut(|futures| {
        futures.next += 1;
        futures.futures.insert(futures.next, Box::pin(future));
        LocalTask {
            thread: thread::current().id(),
            alive: Arc::downgrade(&futures.alive),
            number: futures.next,
            retry: None,
            retries: 0,
        }
    });
    drop(handle.spawn(task));
}

/// How often a task that is polled on another thread looks whether its own
/// drives the runtime again.
const RETRY: Duration = Duration::from_millis(10);

/// How often it looks until that is worth a warning: for a second.
const PATIENCE: u32 = 100;

/// A task that may change threads, and drives a future that stays on its own:
/// the task has but the future's number.
///
/// Where several threads take turns at driving the runtime, the future stands
/// still while one of the others does. Nothing tells when it is our turn again,
/// so the task has to look now and then.
struct LocalTask {
    thread: ThreadId,
    /// Gone when the thread is.
    alive: Weak<()>,
    number: u64,
    /// Until the next look, while another thread drives the runtime.
    retry: Option<Pin<Box<Sleep>>>,
    /// How often it has looked in vain, before it was polled for the first time.
    retries: u32,
}

impl LocalTask {
    fn take(&self) -> Option<LocalFuture> {
        let take =
            |futures: &RefCell<LocalFutures>| futures.borrow_mut().futures.remove(&self.number);
        FUTURES.try_with(take).ok().flatten()
    }

    /// Another thread drives the runtime now. Ours may come back, unless it has
    /// ended, and the future with it.
    fn wait_for_thread(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.alive.strong_count() > 0 {
            let retry = self.retry.get_or_insert_with(|| Box::pin(sleep(RETRY)));
            if retry.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.retry = None;
            self.retries = self.retries.saturating_add(1);
            if self.retries == PATIENCE {
                tracing::warn!("{ReactorNotDriven}");
            }
        }
        Poll::Ready(())
    }
}

impl Future for LocalTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if thread::current().id() != self.thread {
            return self.wait_for_thread(cx);
        }
        self.retry = None;
        // From now on it has been driven.
        self.retries = PATIENCE;
        // No borrow is held while it runs.
        let Some(mut future) = self.take() else { return Poll::Ready(()) };
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        FUTURES.with_borrow_mut(|futures| drop(futures.futures.insert(self.number, future)));
        Poll::Pending
    }
}

/// The runtime is gone, and with it what ran there.
impl Drop for LocalTask {
    fn drop(&mut self) {
        if thread::current().id() == self.thread {
            drop(self.take());
        }
    }
}
