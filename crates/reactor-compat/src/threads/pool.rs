//! [`ThreadPool`]: functions that block, on other threads, so many at a time.
//!
//! Mirrors `twisted.python.threadpool.ThreadPool`. Tested in
//! `tests/runtime/thread_pool.rs`.

use std::fmt;
use std::sync::Arc;

use deferred::Failure;
use tokio::runtime::Handle;
use tracing::Span;

use super::job_queue::{JobQueue, NewThreads, Refused};
use crate::error::ReactorNotDriven;
use crate::guard;
use crate::reactor::mark_pool_thread;

/// How many threads the pool of a reactor may use at once, if nobody says
/// otherwise: as in Twisted.
const THREADS: usize = 10;

/// Something to be done on a thread; or why it is not.
type Job = Box<dyn FnOnce(Result<(), ThreadPoolError>) + Send>;

/// Runs functions that block on threads of their own, no more than so many at
/// a time; the others wait, in order.
///
/// The threads are those of Tokio's blocking pool. A reactor has a pool of its
/// own, which [`Reactor::call_in_thread`] and [`defer_to_thread`] use; make one
/// to have a bound of your own. It is a handle, cheap to clone, that any
/// thread may use.
///
/// Before it is started functions wait. When it is stopped, those that wait are
/// refused, and those that run run on.
///
/// ```
/// use reactor_compat::{Reactor, ThreadPool, ThreadPoolError, defer_to_thread_pool};
///
/// let reactor = Reactor::new();
/// let pool = ThreadPool::new(2);
/// let answer = defer_to_thread_pool(&reactor, &pool, || Ok(6 * 7));
/// let (starting, its) = (pool.clone(), reactor.clone());
/// reactor.call_when_running(move || {
///     starting.start_on(&tokio::runtime::Handle::current());
///     drop(answer.add_callback(move |n| {
///         assert_eq!(n, 42);
///         Ok(its.stop()?)
///     }));
/// });
/// reactor.run()?;
/// pool.stop();
/// assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Stopped));
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
///
/// [`Reactor::call_in_thread`]: crate::Reactor::call_in_thread
/// [`defer_to_thread`]: crate::defer_to_thread
#[derive(Clone)]
#[doc(alias = "twisted.python.threadpool.ThreadPool")]
pub struct ThreadPool {
    queue: Arc<JobQueue<Job, Handle>>,
}

impl ThreadPool {
    /// A pool that uses no more than `threads` threads, one at least, at a
    /// time.
    ///
    /// As in Twisted, as many functions may wait as memory holds;
    /// [`set_backlog`](Self::set_backlog) bounds them.
    ///
    /// See the [type's example](Self).
    pub fn new(threads: usize) -> Self {
        Self { queue: Arc::new(JobQueue::new(threads)) }
    }

    /// Starts on the runtime of `handle`. A pool that was started or stopped
    /// before stays as it is.
    ///
    /// When that runtime is shut down it is the pool's end as well: what is
    /// handed in after that is refused, and so is what waits.
    ///
    /// See the [type's example](Self).
    pub fn start_on(&self, handle: &Handle) {
        self.start_threads(self.queue.start(handle.clone()));
    }

    /// Takes no more functions, and refuses those that wait. Those that run
    /// run on; nobody waits for them here.
    ///
    /// See the [type's example](Self).
    pub fn stop(&self) {
        for job in self.queue.stop() {
            job(Err(ThreadPoolError::Stopped));
        }
    }

    /// Sets how many threads it may use, one at least. If that is fewer than
    /// are at work, it comes down to it as they become free.
    ///
    /// ```
    /// let pool = reactor_compat::ThreadPool::new(2);
    /// pool.adjust_pool_size(8);
    /// assert_eq!(pool.size(), 8);
    /// ```
    #[doc(alias = "adjustPoolsize")]
    pub fn adjust_pool_size(&self, threads: usize) {
        self.start_threads(self.queue.resize(threads));
    }

    /// Sets how many functions may wait for a thread; more are refused.
    ///
    /// ```
    /// use reactor_compat::{ThreadPool, ThreadPoolError};
    ///
    /// let pool = ThreadPool::new(1); // not started
    /// pool.set_backlog(1);
    /// assert_eq!(pool.call_in_thread(|| ()), Ok(()));
    /// assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Full));
    /// ```
    pub fn set_backlog(&self, functions: usize) {
        self.queue.set_backlog(functions);
    }

    /// How many threads it may use at a time.
    ///
    /// ```
    /// assert_eq!(reactor_compat::ThreadPool::new(0).size(), 1);
    /// ```
    pub fn size(&self) -> usize {
        self.queue.threads()
    }

    /// How many threads are at work.
    ///
    /// ```
    /// assert_eq!(reactor_compat::ThreadPool::new(2).working(), 0);
    /// ```
    #[doc(alias = "workers")]
    pub fn working(&self) -> usize {
        self.queue.working()
    }

    /// How many functions wait for a thread.
    ///
    /// ```
    /// let pool = reactor_compat::ThreadPool::new(2);
    /// pool.call_in_thread(|| ())?;
    /// assert_eq!(pool.waiting(), 1);
    /// # Ok::<(), reactor_compat::ThreadPoolError>(())
    /// ```
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Calls `function` on a thread. If it panics, or is never called because
    /// the pool is stopped before, that is logged.
    ///
    /// # Errors
    ///
    /// [`ThreadPoolError`] if the pool is stopped, or too many functions wait;
    /// then `function` is dropped.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "callInThread")]
    pub fn call_in_thread(
        &self,
        function: impl FnOnce() + Send + 'static,
    ) -> Result<(), ThreadPoolError> {
        let log = |result: Result<(), Failure>| {
            if let Err(failure) = result {
                crate::log::err(failure, "");
            }
        };
        self.call_in_thread_with_callback(log, || {
            function();
            Ok(())
        })
    }

    /// Calls `function` on a thread, and then, on the same thread, `on_result`
    /// with its result: what it fails with, its [`Panic`](deferred::Panic), or
    /// a [`ThreadPoolError`] if it is never called because the pool is stopped
    /// before, which is said on the thread that stops it.
    ///
    /// Both are called in the `tracing` span that this is called in.
    ///
    /// # Errors
    ///
    /// As [`call_in_thread`](Self::call_in_thread); then both functions are
    /// dropped.
    ///
    /// ```
    /// use reactor_compat::{ThreadPool, ThreadPoolError};
    /// use std::sync::mpsc;
    ///
    /// let pool = ThreadPool::new(1); // not started
    /// let (sender, receiver) = mpsc::channel();
    /// pool.call_in_thread_with_callback(move |result| sender.send(result).unwrap(), || Ok(1))?;
    /// pool.stop();
    /// assert!(receiver.recv().unwrap().unwrap_err().is::<ThreadPoolError>());
    /// # Ok::<(), ThreadPoolError>(())
    /// ```
    #[doc(alias = "callInThreadWithCallback")]
    pub fn call_in_thread_with_callback<T: 'static>(
        &self,
        on_result: impl FnOnce(Result<T, Failure>) + Send + 'static,
        function: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<(), ThreadPoolError> {
        let span = Span::current();
        let job = move |called: Result<(), ThreadPoolError>| {
            let _entered = span.enter();
            let result = match called {
                Ok(()) => guard::catch(function).unwrap_or_else(Err),
                Err(error) => {
                    drop(function);
                    Err(error.into())
                }
            };
            guard::run_logged("", || on_result(result));
        };
        self.submit(Box::new(job))
    }

    fn submit(&self, job: Job) -> Result<(), ThreadPoolError> {
        match self.queue.submit(job) {
            Ok(new) => {
                self.start_threads(new);
                Ok(())
            }
            Err((job, refused)) => {
                drop(job);
                Err(match refused {
                    Refused::Stopped => ThreadPoolError::Stopped,
                    Refused::Full => ThreadPoolError::Full,
                })
            }
        }
    }

    fn start_threads(&self, new: Option<NewThreads<Handle>>) {
        let Some(NewThreads { starter, count }) = new else { return };
        for _ in 0..count {
            let worker = Worker { pool: self.clone(), state: WorkerState::Starting };
            // A runtime that has been shut down drops it at once.
            drop(starter.spawn_blocking(move || worker.work()));
        }
    }
}

/// A thread that is at work.
struct Worker {
    pool: ThreadPool,
    state: WorkerState,
}

/// The states of a thread.
///
/// ```text
/// Starting ──the thread begins──▶ Working ──there is no more to do──▶ Finished
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum WorkerState {
    Starting,
    Working,
    Finished,
}

impl Worker {
    fn work(mut self) {
        self.state = WorkerState::Working;
        mark_pool_thread(true);
        while let Some(job) = self.next() {
            job(Ok(()));
        }
        // It goes back to Tokio's own pool.
        mark_pool_thread(false);
    }

    /// The next thing to do; if there is nothing, the thread no longer counts.
    /// What is handed in from then on has another.
    fn next(&mut self) -> Option<Job> {
        let job = self.pool.queue.next();
        if job.is_none() {
            self.state = WorkerState::Finished;
        }
        job
    }
}

/// One that never came to work had its runtime shut down before: there are no
/// more threads for the pool.
impl Drop for Worker {
    fn drop(&mut self) {
        if self.state != WorkerState::Finished {
            self.pool.queue.lose_thread();
        }
        if self.state == WorkerState::Starting {
            self.pool.stop();
        }
    }
}

/// One as large as that of Twisted's reactor: 10 threads.
impl Default for ThreadPool {
    fn default() -> Self {
        Self::new(THREADS)
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("size", &self.size())
            .field("working", &self.working())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// Why a pool does not call a function.
///
/// ```
/// use reactor_compat::{ThreadPool, ThreadPoolError};
///
/// let pool = ThreadPool::new(1);
/// pool.stop();
/// assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Stopped));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThreadPoolError {
    /// It is stopped.
    #[error("the thread pool is stopped")]
    Stopped,
    /// As many functions wait as may.
    #[error("too many functions wait for a thread")]
    Full,
    /// Its reactor is run by nobody: see [`ReactorNotDriven`].
    #[error("{ReactorNotDriven}")]
    ReactorNotDriven,
}
