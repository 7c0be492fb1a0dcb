//! The reactor's thread pool, and who waits for what comes out of one.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;

use super::{Core, Phase, Reactor};
use crate::guard;
use crate::threads::ThreadPool;

/// What a thread has made; `None` if the reactor stops before.
pub(crate) type Delivery = Option<Box<dyn Any + Send>>;

type Claim = Box<dyn FnOnce(Delivery)>;

/// Who waits for what comes from other threads. A claim stays on the reactor's
/// thread; only its number travels.
#[derive(Default)]
pub(super) struct Claims {
    claims: RefCell<BTreeMap<u64, Claim>>,
    /// The number of the next claim; none is used twice.
    next: Cell<u64>,
}

/// The reactor's own pool.
#[derive(Default)]
pub(super) struct Pool {
    /// The one in use.
    now: RefCell<Option<ThreadPool>>,
    /// The one of the run that ends.
    before: RefCell<Option<ThreadPool>>,
}

impl Claims {
    fn add(&self, claim: Claim) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.claims.borrow_mut().insert(number, claim);
        number
    }

    fn take(&self, number: u64) -> Option<Claim> {
        self.claims.borrow_mut().remove(&number)
    }
}

impl Reactor {
    /// Has `claim` called with what is delivered to the number that this
    /// gives, on this thread. It does not panic.
    pub(crate) fn claim(&self, claim: impl FnOnce(Delivery) + 'static) -> u64 {
        let claim: Claim = Box::new(claim);
        self.arrive();
        self.core.claims.add(claim)
    }

    /// Delivers to a claim at once.
    pub(crate) fn redeem(&self, number: u64, delivery: Delivery) {
        self.core.redeem(number, delivery);
    }

    /// The reactor's own pool: started when the reactor runs, and stopped when
    /// it stops; the next run has another.
    ///
    /// ```
    /// let reactor = reactor_compat::Reactor::new();
    /// assert_eq!(reactor.get_thread_pool().size(), 10);
    /// ```
    #[doc(alias = "getThreadPool")]
    pub fn get_thread_pool(&self) -> ThreadPool {
        match self.core.phase.get() {
            Phase::Idle | Phase::Starting | Phase::Running | Phase::Stopping => {
                let pool = self.core.pool.now.borrow_mut().get_or_insert_default().clone();
                if self.core.phase.get().runs() {
                    self.core.start_pool();
                }
                pool
            }
            Phase::Closing | Phase::Crashed | Phase::Ending => {
                let stopped = ThreadPool::default();
                stopped.stop();
                stopped
            }
        }
    }
}

impl Core {
    pub(super) fn redeem(&self, number: u64, delivery: Delivery) {
        if let Some(claim) = self.claims.take(number) {
            guard::run_logged("", || claim(delivery));
        }
    }

    /// Starts the pool, if there is one and it has not been.
    pub(super) fn start_pool(&self) {
        if let (Some(pool), Some(handle)) = (&*self.pool.now.borrow(), self.place.handle()) {
            pool.start_on(&handle);
        }
    }

    /// Stops the pool, if there is one.
    pub(super) fn stop_pool(&self) {
        let pool = self.pool.now.take();
        if let Some(pool) = pool {
            pool.stop();
            self.pool.before.replace(Some(pool));
        }
    }

    /// Tells those who still wait that nothing will come.
    pub(super) fn disappoint(&self) {
        let claims = mem::take(&mut *self.claims.claims.borrow_mut());
        for claim in claims.into_values() {
            guard::run_logged("", || claim(None));
        }
    }

    /// The pool in use, if there is one.
    pub(super) fn current_pool(&self) -> Option<ThreadPool> {
        self.pool.now.borrow().clone()
    }

    /// The pool of the run that ends.
    pub(super) fn last_pool(&self) -> Option<ThreadPool> {
        self.pool.before.take()
    }
}
