//! Work on threads, calls from threads, and calls that wait there.

use std::rc::Rc;

use deferred::Failure;
use reactor_compat::Reactor;

use crate::load::soon;
use crate::servers::Servers;

pub(crate) async fn round(reactor: Reactor, _: Rc<Servers>) -> Result<(), Failure> {
    let mut results = Vec::new();
    for number in 0..50_u64 {
        let remote = reactor.remote();
        results.push(reactor.defer_to_thread(move || {
            for _ in 0..20 {
                remote.call_from_thread(|| ())?;
            }
            let there = remote.blocking_call_from_thread(move || Ok(number + 1))?;
            Ok::<_, Failure>(there)
        }));
    }
    // One whose result nobody wants any more.
    drop(results.pop());
    for (number, result) in results.into_iter().enumerate() {
        if soon(result).await? != number as u64 + 1 {
            return Err(Failure::msg("a thread gave the wrong result"));
        }
    }
    Ok(())
}
