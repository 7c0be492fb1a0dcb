//! Calls of AMP, many at once, some of them given up.

use std::rc::Rc;

use deferred::Failure;
use protocols::amp::{Amp, CallRemote};
use reactor_compat::{Address, Reactor};

use crate::load::soon;
use crate::servers::{Servers, Sum};

const CALLS: i64 = 100;

pub(crate) async fn round(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    let connector = reactor.connect_tcp(servers.amp, |_: Address| Amp::new());
    let connection = soon(connector.when_connected()).await?;
    let mut calls: Vec<_> =
        (0..CALLS).map(|a| (a, connection.call_remote(Sum { a, b: 1 }))).collect();
    let (_, given_up) = calls.swap_remove(fastrand::usize(..calls.len()));
    given_up.cancel();
    drop(given_up.add_errback(|_| Ok(crate::servers::Total { total: 0 })));
    for (a, call) in calls {
        if soon(call).await?.total != a + 1 {
            return Err(Failure::msg("a sum is wrong"));
        }
    }
    connection.lose_connection();
    Ok(())
}
