//! [`Protocols`]: the protocols of a factory that are connected.
//!
//! Mirrors `WrappingFactory.protocols` of `twisted.protocols.policies`. Tested
//! in `tests/policies/policies.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use reactor_compat::Connection;

/// The protocols of a factory that are connected, in the order in which they
/// came.
///
/// Clones are the same list. There are as many in it as there are connections.
///
/// ```
/// use protocols::policies::SpewingFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, ConnectionDone, Factory};
///
/// let mut factory = SpewingFactory::new(|_: Address| Echo);
/// let protocols = factory.protocols();
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// assert_eq!(protocols.len(), 1);
/// protocols.connections().iter().for_each(|echo| echo.write("closing down"));
/// assert_eq!(transport.take_value(), b"closing down");
/// transport.connection_lost(ConnectionDone);
/// assert!(protocols.is_empty());
/// ```
pub struct Protocols<P> {
    list: Rc<RefCell<List<P>>>,
}

struct List<P> {
    next: u64,
    connections: BTreeMap<u64, Connection<P>>,
}

impl<P: 'static> Protocols<P> {
    pub(super) fn new() -> Self {
        Self { list: Rc::new(RefCell::new(List { next: 0, connections: BTreeMap::new() })) }
    }

    /// Adds one, until its registration is dropped.
    pub(super) fn register(&self, connection: Connection<P>) -> Registration<P> {
        let mut list = self.list.borrow_mut();
        let number = list.next;
        list.next += 1;
        list.connections.insert(number, connection);
        Registration { protocols: self.clone(), number }
    }

    /// How many there are.
    ///
    /// See the [type's example](Self).
    pub fn len(&self) -> usize {
        self.list.borrow().connections.len()
    }

    /// Whether there are none.
    ///
    /// See the [type's example](Self).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The connections of all of them, as they are now.
    ///
    /// See the [type's example](Self).
    pub fn connections(&self) -> Vec<Connection<P>> {
        self.list.borrow().connections.values().cloned().collect()
    }
}

impl<P> Clone for Protocols<P> {
    fn clone(&self) -> Self {
        Self { list: self.list.clone() }
    }
}

impl<P> fmt::Debug for Protocols<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.borrow().connections.values()).finish()
    }
}

/// The entry of one that is connected, until it is dropped.
pub(super) struct Registration<P: 'static> {
    protocols: Protocols<P>,
    number: u64,
}

impl<P: 'static> Drop for Registration<P> {
    fn drop(&mut self) {
        let connection = self.protocols.list.borrow_mut().connections.remove(&self.number);
        drop(connection);
    }
}
