//! The parts of a reactor that the one of a test needs: a clock of its own, a
//! run that others drive, and the place of the thread's reactor.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::clock::Epoch;
use super::guest::stay;
use super::{REACTOR, Reactor, RunOptions};
use crate::error::RunError;
use crate::network::Network;
use crate::task::{Cooperator, replace_own_cooperator};

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
    pub(crate) fn stay(
        &self,
        handle: Handle,
        options: RunOptions,
    ) -> Result<Pin<Box<dyn Future<Output = ()>>>, RunError> {
        Ok(Box::pin(stay(&self.core, handle, options)?))
    }

    /// Makes it the thread's reactor, until what this gives is dropped. The
    /// thread's cooperator, which runs on that, is another meanwhile, too.
    pub(crate) fn stand_in(&self) -> StandIn {
        self.stand_in_with(None)
    }

    /// The same, with the cooperator that there was the last time.
    pub(crate) fn stand_in_with(&self, cooperator: Option<Cooperator>) -> StandIn {
        let reactor = Some(REACTOR.replace(self.clone()));
        StandIn { reactor, cooperator: replace_own_cooperator(cooperator) }
    }
}

/// The thread's own reactor and cooperator, while others stand in for them.
#[must_use = "they come back when it is dropped"]
pub(crate) struct StandIn {
    /// Until they are back.
    reactor: Option<Reactor>,
    cooperator: Option<Cooperator>,
}

impl StandIn {
    /// Puts them back; gives the cooperator that there was meanwhile.
    pub(crate) fn end(mut self) -> Option<Cooperator> {
        self.put_back()
    }

    fn put_back(&mut self) -> Option<Cooperator> {
        let own = self.reactor.take()?;
        let cooperator = replace_own_cooperator(self.cooperator.take());
        let reactor = REACTOR.replace(own);
        drop(reactor);
        cooperator
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The tasks that are left may look for their reactor when they go.
        if self.reactor.is_some() {
            let cooperator = replace_own_cooperator(self.cooperator.take());
            drop(cooperator);
        }
        let reactor = self.reactor.take().map(|own| REACTOR.replace(own));
        drop(reactor);
    }
}
