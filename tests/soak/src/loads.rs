//! The loads, one a file.

mod amp;
mod datagrams;
mod faults;
mod lines;
mod reconnects;
mod streams;
mod threads;
mod timers;

use std::rc::Rc;

use deferred::Failure;
use reactor_compat::Reactor;

use crate::load::Load;
use crate::servers::Servers;

/// All of them, started.
pub(crate) fn all(reactor: &Reactor, servers: &Rc<Servers>) -> Vec<Load> {
    vec![
        start("TCP", 8, reactor, servers, streams::tcp),
        start("UNIX", 4, reactor, servers, streams::unix),
        start("TLS", 4, reactor, servers, streams::tls),
        start("lines", 4, reactor, servers, lines::round),
        start("AMP", 4, reactor, servers, amp::round),
        start("datagrams", 2, reactor, servers, datagrams::round),
        start("threads", 2, reactor, servers, threads::round),
        start("timers", 2, reactor, servers, timers::round),
        start("reconnects", 2, reactor, servers, reconnects::round),
        start("faults", 4, reactor, servers, faults::round),
    ]
}

fn start<F>(
    name: &'static str,
    workers: usize,
    reactor: &Reactor,
    servers: &Rc<Servers>,
    round: fn(Reactor, Rc<Servers>) -> F,
) -> Load
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let (reactor, servers) = (reactor.clone(), servers.clone());
    Load::start(name, workers, move || round(reactor.clone(), servers.clone()))
}
