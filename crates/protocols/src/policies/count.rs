//! [`ConnectionCount`]: how many connections a factory has.
//!
//! Mirrors `connectionCount` of `twisted.protocols.policies`. Tested in
//! `tests/policies/policies.rs`.

use std::cell::Cell;
use std::rc::Rc;

/// How many connections a factory has. Clones count the same.
///
/// ```
/// use protocols::policies::LimitTotalConnectionsFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::{Address, Factory};
///
/// let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Echo, 10);
/// let count = factory.connection_count();
/// let protocol = factory.build_protocol(Address::Pipe);
/// assert_eq!(count.get(), 1);
/// drop(protocol);
/// assert_eq!(count.get(), 0);
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "connectionCount")]
pub struct ConnectionCount(Rc<Cell<usize>>);

impl ConnectionCount {
    /// The number as it is now.
    ///
    /// See the [type's example](Self).
    pub fn get(&self) -> usize {
        self.0.get()
    }

    /// Counts one more, until what it returns is dropped.
    pub(super) fn add(&self) -> Counted {
        self.0.set(self.0.get() + 1);
        Counted(self.0.clone())
    }
}

/// A connection that is counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
