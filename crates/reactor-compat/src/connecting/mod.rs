//! Attempts at connections: those of connectors, and those of endpoints.
//!
//! Mirrors `BaseConnector` and `BaseClient` of `twisted.internet.base` and
//! `twisted.internet.tcp`. Tested in `tests/network/connector.rs`.

mod attempt;
mod core;
mod dial;
mod plan;

use std::rc::Rc;

use core::Core;
pub(crate) use dial::dial;
pub(crate) use plan::Plan;

use crate::connector::Connector;
use crate::factory::ClientFactory;
use crate::protocol::Protocol;
use crate::reactor::Reactor;

/// Makes a connector, and has it connect.
pub(crate) fn begin<P: Protocol>(
    reactor: &Reactor,
    plan: Plan,
    factory: impl ClientFactory<Protocol = P>,
) -> Connector<P> {
    let core = Rc::new(Core::new(reactor, plan, factory));
    core.attempt();
    Connector::new(core)
}
