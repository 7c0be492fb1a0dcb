//! The reactor of a test: a clock of its own, a run that others drive, and the
//! place of the thread's reactor.
//!
//! Tested in `tests/runtime/per_test_reactor.rs`.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::attached::attached_run;
use super::clock::Epoch;
use super::{REACTOR, Reactor, RunOptions};
use crate::error::RunError;
use crate::network::Network;

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
    pub(crate) fn in_time_of(handle: Handle, network: Rc<dyn Network>) -> Self {
        Self::at(Epoch::of(handle), network)
    }

    /// Another reactor, by the same clock.
    pub(crate) fn beside(&self, network: Rc<dyn Network>) -> Self {
        Self::at(self.core.epoch.clone(), network)
    }

    /// Takes the reactor up, and gives what is to be driven inside the runtime
    /// of `handle`.
    pub(crate) fn attached_run(
        &self,
        handle: Handle,
        options: RunOptions,
    ) -> Result<Pin<Box<dyn Future<Output = ()>>>, RunError> {
        Ok(Box::pin(attached_run(&self.core, handle, options)?))
    }

    /// Makes it the thread's reactor, until what this gives is dropped.
    pub(crate) fn replace_threads_own(&self) -> ReplacedReactor {
        ReplacedReactor { reactor: REACTOR.replace(self.clone()) }
    }
}

/// The thread's own reactor, while another is in its place.
#[must_use = "it comes back when it is dropped"]
pub(crate) struct ReplacedReactor {
    reactor: Reactor,
}

impl Drop for ReplacedReactor {
    fn drop(&mut self) {
        let reactor = REACTOR.replace(self.reactor.clone());
        drop(reactor);
    }
}
