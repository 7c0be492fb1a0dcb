//! [`Registry`]: the ports, connectors, connections and descriptors of a
//! reactor, which are told when it stops.
//!
//! Tested in `tests/runtime/inventory.rs` and `tests/runtime/run.rs`.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use slab::Slab;

use super::{Inventory, Shared};

/// Something that has to end when its reactor does.
pub(crate) trait Registered {
    /// Asks it to end. It does so in its own task, soon, without waiting for
    /// anybody else.
    fn shut_down(&self);

    /// Adds it to an inventory.
    fn describe(&self, inventory: &mut Inventory);
}

/// All that is registered.
#[derive(Default)]
pub(crate) struct Registry {
    entries: RefCell<Slab<Weak<dyn Registered>>>,
}

impl Registry {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Tells all of them.
    pub(crate) fn shut_down(&self) {
        for one in self.all() {
            one.shut_down();
        }
    }

    /// Adds all of them to an inventory.
    pub(crate) fn describe(&self, inventory: &mut Inventory) {
        for one in self.all() {
            one.describe(inventory);
        }
    }

    fn all(&self) -> Vec<Rc<dyn Registered>> {
        self.entries.borrow().iter().filter_map(|(_, entry)| entry.upgrade()).collect()
    }
}

/// An entry in the registry; dropping it takes the entry away.
pub(crate) struct Registration {
    shared: Rc<Shared>,
    key: usize,
}

impl Registration {
    /// Registers `entry`.
    pub(crate) fn new(shared: &Rc<Shared>, entry: Weak<dyn Registered>) -> Self {
        let key = shared.registry.entries.borrow_mut().insert(entry);
        Self { shared: shared.clone(), key }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let removed = self.shared.registry.entries.borrow_mut().try_remove(self.key);
        drop(removed);
    }
}
