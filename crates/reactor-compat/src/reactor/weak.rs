//! [`WeakReactor`]: a handle for a reactor's own tasks, which does not keep it.
//!
//! Tested in `tests/descriptors_left.rs`.

use std::rc::{Rc, Weak};

use super::{Core, Reactor};

/// A handle that does not keep the reactor. What waits in a reactor to be
/// started belongs to it, and so must not keep it.
#[derive(Clone)]
pub(crate) struct WeakReactor {
    core: Weak<Core>,
}

impl WeakReactor {
    /// The reactor, if there is still somebody who could run it.
    pub(crate) fn upgrade(&self) -> Option<Reactor> {
        self.core.upgrade().map(|core| Reactor { core })
    }
}

impl Reactor {
    pub(crate) fn downgrade(&self) -> WeakReactor {
        WeakReactor { core: Rc::downgrade(&self.core) }
    }
}
