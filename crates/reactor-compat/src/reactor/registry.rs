//! What is alive in a reactor: ports, connectors, connections. It is told when
//! the reactor stops.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use slab::Slab;

#[cfg(unix)]
use super::OpenDescriptor;
use super::{OpenConnection, OpenPort, Shared};
use crate::connector::Target;

/// Something that has to end when its reactor does.
pub(crate) trait Live {
    /// Asks it to end. It does so in its own task, soon, without waiting for
    /// anybody else.
    fn shut_down(&self);

    /// What it is.
    fn describe(&self) -> Alive;
}

/// What something that is alive is.
pub(crate) enum Alive {
    Port(OpenPort),
    Connection(OpenConnection),
    #[cfg(unix)]
    Descriptor(OpenDescriptor),
    Attempt(Target),
}

/// All that is alive.
#[derive(Default)]
pub(crate) struct Registry {
    live: RefCell<Slab<Weak<dyn Live>>>,
}

impl Registry {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.live.borrow().len()
    }

    /// Tells all of them.
    pub(crate) fn shut_down(&self) {
        for one in self.all() {
            one.shut_down();
        }
    }

    /// What they are.
    pub(crate) fn describe(&self) -> Vec<Alive> {
        self.all().iter().map(|one| one.describe()).collect()
    }

    fn all(&self) -> Vec<Rc<dyn Live>> {
        self.live.borrow().iter().filter_map(|(_, live)| live.upgrade()).collect()
    }
}

/// A place in the registry; dropping it gives the place up.
pub(crate) struct Enrolment {
    shared: Rc<Shared>,
    place: usize,
}

impl Enrolment {
    /// Enrols `live`.
    pub(crate) fn new(shared: &Rc<Shared>, live: Weak<dyn Live>) -> Self {
        let place = shared.registry.live.borrow_mut().insert(live);
        Self { shared: shared.clone(), place }
    }
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        let left = self.shared.registry.live.borrow_mut().try_remove(self.place);
        drop(left);
    }
}
