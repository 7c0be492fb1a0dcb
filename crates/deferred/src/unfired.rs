//! [`unfired`]: the Deferreds that wait to be fired, for debugging.
//!
//! Has no counterpart in Twisted. Tested in `tests/debugging.rs`.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::chain::{Core, Phase};
use crate::debug::DebugInfo;

/// Number of chains that are gone which is never too large.
const FEW: usize = 64;

/// The chains that were made while debugging was on.
#[derive(Default)]
struct Chains {
    chains: Vec<Weak<Core>>,
    /// Number at which those that are gone are forgotten.
    limit: usize,
}

thread_local! {
    static CHAINS: RefCell<Chains> = RefCell::default();
}

/// Notes a chain that is not fired.
#[cold]
pub(crate) fn note(core: &Rc<Core>) {
    // At the very end of a thread there is no list.
    let _ = CHAINS.try_with(|chains| {
        let Chains { chains, limit } = &mut *chains.borrow_mut();
        if chains.len() >= *limit {
            chains.retain(|chain| chain.upgrade().is_some_and(|core| is_unfired(&core)));
            *limit = 2 * chains.len() + FEW;
        }
        chains.push(Rc::downgrade(core));
    });
}

fn is_unfired(core: &Core) -> bool {
    core.phase.get() == Phase::Unfired
}

/// The Deferreds of this thread that are there, and have been neither fired
/// nor cancelled: where they were made, and last added to, the oldest first.
/// Coroutines that have not ended are among them.
///
/// It knows those that were made while [debugging](crate::set_debugging) was
/// on. With debugging off it costs nothing.
///
/// ```
/// use deferred::{Deferred, set_debugging, unfired};
///
/// set_debugging(true);
/// let (d, trigger) = Deferred::new(); let here = line!();
/// let waiting = unfired();
/// assert!(waiting[0].created().is_some_and(|place| place.line() == here));
///
/// trigger.callback(1)?;
/// assert!(unfired().is_empty());
/// # drop(d);
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
pub fn unfired() -> Vec<DebugInfo> {
    let alive = |chain: &Weak<Core>| chain.upgrade().filter(|core| is_unfired(core));
    let cores: Vec<Rc<Core>> = CHAINS
        .try_with(|chains| chains.borrow().chains.iter().filter_map(alive).collect())
        .unwrap_or_default();
    cores.iter().map(|core| core.debug_info()).collect()
}
