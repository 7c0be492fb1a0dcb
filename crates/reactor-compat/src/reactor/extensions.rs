//! [`Extensions`]: the state that other modules keep in a reactor, by its type.
//!
//! The reactor does not name what stands above it: descriptors, resolver,
//! network, thread pool. Each of them is an [`Extension`], made when it is first
//! wanted. Looking one up is a walk over a handful of entries; what is needed
//! for each event (buffers, the registry) are fields of the reactor instead.
//!
//! Tested here, and by the modules that have one.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::rc::Rc;

use tokio::runtime::Handle;

use super::{Core, Inventory, Reactor};

/// State that a module keeps in each reactor. Its methods tell it of the reactor's
/// runs; none is called while anything is borrowed.
pub(crate) trait Extension: Any {
    /// A run has begun on `runtime`: the triggers before `startup` are done.
    /// Also called when it is made in the middle of a run.
    fn run_started(&self, runtime: &Handle) {
        let _ = runtime;
    }

    /// A run ends: the triggers before `shutdown` are done, or it was crashed.
    /// May come twice.
    fn run_stopping(&self) {}

    /// A run has ended: nothing can be started any more. May come twice.
    fn run_ended(&self) {}

    /// How many threads of the runtime that ends still work for it.
    fn busy_threads(&self) -> usize {
        0
    }

    /// Adds what it has to an inventory.
    fn describe(&self, inventory: &mut Inventory) {
        let _ = inventory;
    }
}

/// The extensions of a reactor.
#[derive(Default)]
pub(super) struct Extensions {
    all: RefCell<Vec<(TypeId, Rc<dyn Extension>)>>,
}

impl Extensions {
    /// The one of that type, if it has been made.
    fn find<E: Extension>(&self) -> Option<Rc<E>> {
        let wanted = TypeId::of::<E>();
        let all = self.all.borrow();
        let (_, found) = all.iter().find(|(id, _)| *id == wanted)?;
        let found: Rc<dyn Any> = found.clone();
        drop(all);
        found.downcast().ok()
    }

    fn insert<E: Extension>(&self, extension: &Rc<E>) {
        self.all.borrow_mut().push((TypeId::of::<E>(), extension.clone()));
    }

    /// Calls `call` with each of them.
    pub(super) fn for_each(&self, mut call: impl FnMut(&dyn Extension)) {
        // What is called may use the reactor, and make further ones.
        let all: Vec<_> = self.all.borrow().iter().map(|(_, one)| one.clone()).collect();
        all.iter().for_each(|one| call(&**one));
    }

    /// How many threads still work for a run that ends.
    pub(super) fn busy_threads(&self) -> usize {
        let mut busy = 0;
        self.for_each(|one| busy += one.busy_threads());
        busy
    }
}

impl Reactor {
    /// The extension of that type.
    pub(crate) fn extension<E: Extension + Default>(&self) -> Rc<E> {
        self.core.extensions.find().unwrap_or_else(|| self.core.make_extension())
    }
}

impl Core {
    #[cold]
    fn make_extension<E: Extension + Default>(&self) -> Rc<E> {
        let made = Rc::<E>::default();
        self.extensions.insert(&made);
        if let Some(runtime) = self.executor.handle().filter(|_| self.phase.get().runs()) {
            made.run_started(&runtime);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Default)]
    struct Runs {
        started: Cell<usize>,
        ended: Cell<bool>,
    }

    impl Extension for Runs {
        fn run_started(&self, _: &Handle) {
            self.started.set(self.started.get() + 1);
        }

        fn run_ended(&self) {
            self.ended.set(true);
        }
    }

    #[derive(Default)]
    struct Other;

    impl Extension for Other {}

    #[test]
    fn there_is_one_of_each_type_in_each_reactor() {
        let (reactor, other) = (Reactor::new(), Reactor::new());
        let first = reactor.extension::<Runs>();
        let _another: Rc<Other> = reactor.extension();
        assert!(Rc::ptr_eq(&first, &reactor.extension()));
        assert!(!Rc::ptr_eq(&first, &other.extension()));
    }

    #[test]
    fn it_is_told_of_runs() {
        let reactor = Reactor::new();
        let early = reactor.extension::<Runs>();
        for runs in 1..3 {
            let stop = reactor.clone();
            reactor.call_when_running(move || stop.stop().expect("it runs"));
            assert!(reactor.run().is_ok());
            assert_eq!(early.started.get(), runs);
            assert!(early.ended.take());
        }
    }

    #[test]
    fn one_that_is_made_during_a_run_is_told_at_once() {
        let reactor = Reactor::new();
        let inner = reactor.clone();
        reactor.call_when_running(move || {
            assert_eq!(inner.extension::<Runs>().started.get(), 1);
            inner.stop().expect("it runs");
        });
        assert!(reactor.run().is_ok());
        assert!(reactor.extension::<Runs>().ended.get());
    }
}
