//! The thread pool of a reactor.
//!
//! Mirrors `getThreadPool` of `twisted.internet.base.ReactorBase`. Tested in
//! `tests/runtime/thread_pool.rs`.

use std::cell::RefCell;

use tokio::runtime::Handle;

use super::ThreadPool;
use crate::reactor::{Extension, Inventory, Reactor};

/// The thread pools of a reactor: there is another for each run.
#[derive(Default)]
struct ReactorPool {
    /// The one in use.
    current: RefCell<Option<ThreadPool>>,
    /// The one of the run that ends.
    previous: RefCell<Option<ThreadPool>>,
    /// The runtime that the current one is to be started on, during a run.
    runtime: RefCell<Option<Handle>>,
}

impl ReactorPool {
    fn current(&self) -> ThreadPool {
        let pool = self.current.borrow_mut().get_or_insert_default().clone();
        let runtime = self.runtime.borrow().clone();
        if let Some(runtime) = runtime {
            pool.start_on(&runtime);
        }
        pool
    }
}

impl Extension for ReactorPool {
    fn run_started(&self, runtime: &Handle) {
        self.runtime.replace(Some(runtime.clone()));
        let current = self.current.borrow().clone();
        if let Some(pool) = current {
            pool.start_on(runtime);
        }
    }

    fn run_stopping(&self) {
        self.runtime.take();
        let current = self.current.take();
        if let Some(pool) = current {
            pool.stop();
            self.previous.replace(Some(pool));
        }
    }

    fn busy_threads(&self) -> usize {
        self.previous.borrow().as_ref().map_or(0, ThreadPool::working)
    }

    fn describe(&self, inventory: &mut Inventory) {
        if let Some(pool) = &*self.current.borrow() {
            inventory.threads_working += pool.working();
            inventory.threads_waiting += pool.waiting();
        }
    }
}

impl Reactor {
    /// The reactor's own pool: started when the reactor runs, and stopped when
    /// it stops; the next run has another.
    ///
    /// ```
    /// let reactor = reactor_compat::Reactor::new();
    /// assert_eq!(reactor.get_thread_pool().size(), 10);
    /// ```
    #[doc(alias = "getThreadPool")]
    pub fn get_thread_pool(&self) -> ThreadPool {
        if self.stopping() {
            let stopped = ThreadPool::default();
            stopped.stop();
            return stopped;
        }
        self.extension::<ReactorPool>().current()
    }
}
