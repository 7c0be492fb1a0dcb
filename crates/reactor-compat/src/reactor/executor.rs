//! [`Executor`]: drives a reactor's tasks.
//!
//! Tested in `tests/runtime/run.rs` and `tests/runtime/attached.rs`.

use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;

use tokio::runtime::{Handle, LocalRuntime};
use tokio::task::LocalSet;

use crate::guard;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The runtime that a reactor's tasks run on.
///
/// ```text
/// Queue ──run──▶ Own ────────────────────────▶ Queue
///   └────attached, or hosted──▶ Attached ────────▲
/// ```
pub(super) enum Backend {
    /// The reactor does not run; these are to be started when it does.
    Queue(Vec<Task>),
    /// A runtime of its own, and the thread is inside it.
    Own(Rc<LocalRuntime>),
    /// A runtime that is somebody else's; the thread may be outside of it.
    Attached(Handle, Rc<LocalSet>),
}

/// Drives a reactor's tasks.
pub(super) struct Executor {
    backend: RefCell<Backend>,
}

impl Executor {
    pub(super) fn new() -> Self {
        Self { backend: RefCell::new(Backend::Queue(Vec::new())) }
    }

    /// Has `future` driven, now or when there is a runtime.
    ///
    /// It goes to the reactor's own runtime or task set by name: around us there
    /// may be those of another reactor, whose callback this is.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let mut backend = self.backend.borrow_mut();
        match &mut *backend {
            Backend::Queue(tasks) => tasks.push(Box::pin(future)),
            Backend::Own(runtime) => {
                let runtime = runtime.clone();
                drop(backend);
                drop(runtime.spawn_local(future));
            }
            Backend::Attached(_, set) => {
                let set = set.clone();
                drop(backend);
                drop(set.spawn_local(future));
            }
        }
    }

    /// Goes over to `backend`, and starts there what waits.
    pub(super) fn start(&self, backend: Backend) {
        if let Backend::Queue(tasks) = self.backend.replace(backend) {
            tasks.into_iter().for_each(|task| self.spawn(task));
        }
    }

    /// Lets the backend go; gives it.
    pub(super) fn stop(&self) -> Backend {
        mem::replace(&mut self.backend.borrow_mut(), Backend::Queue(Vec::new()))
    }

    /// Drops what waits, one by one: each may run user code.
    pub(super) fn drop_queued(&self) {
        if let Backend::Queue(tasks) = self.stop() {
            for task in tasks {
                guard::run("what was never started", || drop(task));
            }
        }
    }

    /// The runtime, if there is one.
    pub(super) fn handle(&self) -> Option<Handle> {
        match &*self.backend.borrow() {
            Backend::Queue(_) => None,
            Backend::Own(runtime) => Some(runtime.handle().clone()),
            Backend::Attached(handle, _) => Some(handle.clone()),
        }
    }
}
