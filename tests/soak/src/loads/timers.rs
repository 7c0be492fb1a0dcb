//! Delayed calls: made, moved, cancelled; and a call in a loop.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::Reactor;
use reactor_compat::task::LoopingCall;

use crate::load::soon;
use crate::servers::Servers;

const CALLS: u64 = 300;

pub(crate) async fn round(reactor: Reactor, _: Rc<Servers>) -> Result<(), Failure> {
    let made = Rc::new(Cell::new(0));
    let mut kept = 0;
    for number in 0..CALLS {
        let count = made.clone();
        let delay = Duration::from_micros(fastrand::u64(..20_000));
        let call = reactor.call_later(delay, move || count.set(count.get() + 1));
        match number % 3 {
            0 => call.cancel()?,
            1 => call.reset(Duration::from_millis(1))?,
            _ => {}
        }
        kept += u64::from(number % 3 != 0);
    }
    let ticks = Rc::new(Cell::new(0));
    let ticking = LoopingCall::new({
        let (ticks, made) = (ticks.clone(), made.clone());
        move || ticks.set(ticks.get() + u64::from(made.get() > 0))
    });
    let looping = ticking.start(Duration::from_millis(1), true);
    tokio::time::sleep(Duration::from_millis(60)).await;
    while made.get() < kept {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ticking.stop()?;
    soon(looping).await?;
    if ticks.get() == 0 { Err(Failure::msg("a looping call never ran")) } else { Ok(()) }
}
