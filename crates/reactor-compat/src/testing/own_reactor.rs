//! The reactor of a test: a clock of its own, in the place of the thread's
//! reactor.
//!
//! Tested in `tests/runtime/per_test_reactor.rs`.

use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::network::Network;
use crate::reactor::{Epoch, REACTOR, Reactor};

impl Epoch {
    /// The clock of a runtime, counted from now on, wherever we are.
    fn of(handle: Handle) -> Self {
        let inside = handle.enter();
        let start = Instant::now();
        drop(inside);
        Self { start, seconds: Duration::ZERO, of: Some(handle), read: Rc::default() }
    }
}

impl Reactor {
    /// A reactor whose time is that of the runtime of `handle`, counted from
    /// now on, wherever it is asked for.
    pub(super) fn in_time_of(handle: Handle, network: Rc<dyn Network>) -> Self {
        Self::at(Epoch::of(handle), network)
    }

    /// Another reactor, by the same clock.
    pub(super) fn beside(&self, network: Rc<dyn Network>) -> Self {
        Self::at(self.epoch().clone(), network)
    }

    /// Makes it the thread's reactor, until what this gives is dropped.
    pub(super) fn replace_threads_own(&self) -> ReplacedReactor {
        ReplacedReactor { reactor: REACTOR.replace(self.clone()) }
    }
}

/// The thread's own reactor, while another is in its place.
#[must_use = "it comes back when it is dropped"]
pub(super) struct ReplacedReactor {
    reactor: Reactor,
}

impl Drop for ReplacedReactor {
    fn drop(&mut self) {
        let reactor = REACTOR.replace(self.reactor.clone());
        drop(reactor);
    }
}
