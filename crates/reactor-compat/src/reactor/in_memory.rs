//! What a reactor in memory needs of a real one: a clock of its own, a run that
//! others drive, and a network.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use tokio::runtime::Handle;

use super::clock::Epoch;
use super::guest::stay;
use super::{Reactor, RunOptions};
use crate::error::RunError;
use crate::testing::Network;

impl Reactor {
    /// A reactor whose time is that of the runtime of `handle`, counted from
    /// now on, wherever it is asked for.
    pub(crate) fn in_time_of(handle: Handle) -> Self {
        Self::at(Epoch::of(handle))
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

    /// Has it listen and connect in memory from now on.
    pub(crate) fn set_network(&self, network: Rc<Network>) {
        self.core.shared.network.replace(Some(network));
    }

    /// What stands in for the network, if anything does.
    pub(crate) fn network(&self) -> Option<Rc<Network>> {
        self.core.shared.network.borrow().clone()
    }
}
