//! [`Ground`]: where a reactor's tasks run.

use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;

use tokio::runtime::Handle;
use tokio::task::LocalSet;

use crate::guard;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Where a reactor's tasks run.
///
/// ```text
/// Nowhere ──run──▶ Own ──────────────────────▶ Nowhere
///    └────a guest, or hosted──▶ Guest ────────────▲
/// ```
pub(super) enum Ground {
    /// It does not run; these are to be started when it does.
    Nowhere(Vec<Task>),
    /// A runtime of its own, and the thread is inside it.
    Own(Handle),
    /// Somebody else's; the thread may be outside of it.
    Guest(Handle, Rc<LocalSet>),
}

/// The place of a [`Ground`].
pub(super) struct Place {
    ground: RefCell<Ground>,
}

impl Place {
    pub(super) fn nowhere() -> Self {
        Self { ground: RefCell::new(Ground::Nowhere(Vec::new())) }
    }

    /// Has `future` driven, now or when there is a ground.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        match &mut *self.ground.borrow_mut() {
            Ground::Nowhere(tasks) => tasks.push(Box::pin(future)),
            Ground::Own(_) => drop(tokio::task::spawn_local(future)),
            Ground::Guest(_, set) => drop(set.spawn_local(future)),
        }
    }

    /// Moves to `ground`, and starts there what waits.
    pub(super) fn enter(&self, ground: Ground) {
        if let Ground::Nowhere(tasks) = self.ground.replace(ground) {
            tasks.into_iter().for_each(|task| self.spawn(task));
        }
    }

    /// Moves away; gives what there was.
    pub(super) fn leave(&self) -> Ground {
        mem::replace(&mut self.ground.borrow_mut(), Ground::Nowhere(Vec::new()))
    }

    /// Drops what waits, one by one: each may run user code.
    pub(super) fn abandon(&self) {
        if let Ground::Nowhere(tasks) = self.leave() {
            for task in tasks {
                guard::run("what was never started", || drop(task));
            }
        }
    }

    /// The runtime, if there is one.
    pub(super) fn handle(&self) -> Option<Handle> {
        match &*self.ground.borrow() {
            Ground::Nowhere(_) => None,
            Ground::Own(handle) | Ground::Guest(handle, _) => Some(handle.clone()),
        }
    }
}
