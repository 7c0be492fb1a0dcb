//! Where a protocol lives while its connection does, and how one comes to it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use deferred::Failure;

use crate::guard;
use crate::transport::Transport;

/// Whether the protocol can be had.
///
/// ```text
/// Free ──enter──▶ Busy ──return──▶ Free
///   └────────connection lost────▶ Gone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// Nobody is with it.
    Free,
    /// One of its callbacks is running, or something that came home.
    Busy,
    /// It was told that its connection is lost, and is no more.
    Gone,
}

/// Something that came home while the protocol was busy; it gets `None` if
/// the protocol is gone by the time it is free.
pub(crate) type Call<P> = Box<dyn FnOnce(Option<&mut P>)>;

/// The home of a `P`: a protocol, or a part of one; by its transport, a `T`.
pub(crate) trait Home<P, T = Transport> {
    fn occupancy(&self) -> Occupancy;

    /// Runs `visit` with the protocol if it is free, and then what came home
    /// meanwhile. `visit` does not panic.
    fn visit(&self, visit: &mut dyn FnMut(&mut P));

    /// Keeps `call` until the protocol is free or gone.
    fn wait(&self, call: Call<P>);

    fn transport(&self) -> &T;
}

/// The home of a whole protocol.
pub(crate) struct Residence<P, T = Transport> {
    occupancy: Cell<Occupancy>,
    protocol: RefCell<Option<P>>,
    calls: RefCell<VecDeque<Call<P>>>,
    transport: T,
}

impl<P: 'static, T> Residence<P, T> {
    pub(crate) fn new(protocol: P, transport: T) -> Self {
        Self {
            occupancy: Cell::new(Occupancy::Free),
            protocol: RefCell::new(Some(protocol)),
            calls: RefCell::default(),
            transport,
        }
    }

    /// Runs one of the protocol's callbacks, and then what came home
    /// meanwhile. `None` if the protocol is not free.
    pub(crate) fn enter<R>(
        &self,
        callback: impl FnOnce(&mut P) -> R,
    ) -> Option<Result<R, Failure>> {
        if self.occupancy.get() != Occupancy::Free {
            return None;
        }
        let mut place = self.protocol.try_borrow_mut().ok()?;
        let protocol = place.as_mut()?;
        self.occupancy.set(Occupancy::Busy);
        let result = guard::catch(|| callback(protocol));
        while let Some(call) = self.next_call() {
            call(Some(protocol));
        }
        self.occupancy.set(Occupancy::Free);
        Some(result)
    }

    /// Drops the protocol, and tells what waits for it that it is gone.
    pub(crate) fn vacate(&self) {
        self.occupancy.set(Occupancy::Gone);
        let protocol = self.protocol.try_borrow_mut().ok().and_then(|mut place| place.take());
        guard::run("the drop of a protocol", || drop(protocol));
        while let Some(call) = self.next_call() {
            call(None);
        }
    }

    /// A reference to the protocol while nobody is with it.
    pub(crate) fn inspect<R>(&self, look: impl FnOnce(&P) -> R) -> Option<R> {
        self.protocol.try_borrow().ok()?.as_ref().map(look)
    }

    fn next_call(&self) -> Option<Call<P>> {
        self.calls.borrow_mut().pop_front()
    }
}

impl<P: 'static, T> Home<P, T> for Residence<P, T> {
    fn occupancy(&self) -> Occupancy {
        self.occupancy.get()
    }

    fn visit(&self, visit: &mut dyn FnMut(&mut P)) {
        if let Some(Err(failure)) = self.enter(visit) {
            guard::log("what came home to a protocol", &failure);
        }
    }

    fn wait(&self, call: Call<P>) {
        self.calls.borrow_mut().push_back(call);
    }

    fn transport(&self) -> &T {
        &self.transport
    }
}

/// The home of a part of what lives in another home.
pub(crate) struct Room<Q, T, F> {
    house: Rc<dyn Home<Q, T>>,
    door: Rc<F>,
}

impl<Q, T, F> Room<Q, T, F> {
    pub(crate) fn new(house: Rc<dyn Home<Q, T>>, door: F) -> Self {
        Self { house, door: Rc::new(door) }
    }
}

impl<Q, P, T, F> Home<P, T> for Room<Q, T, F>
where
    Q: 'static,
    P: 'static,
    F: Fn(&mut Q) -> Option<&mut P> + 'static,
{
    fn occupancy(&self) -> Occupancy {
        self.house.occupancy()
    }

    fn visit(&self, visit: &mut dyn FnMut(&mut P)) {
        self.house.visit(&mut |whole| {
            if let Some(part) = (self.door)(whole) {
                visit(part);
            }
        });
    }

    fn wait(&self, call: Call<P>) {
        let door = self.door.clone();
        self.house.wait(Box::new(move |whole| call(whole.and_then(|whole| door(whole)))));
    }

    fn transport(&self) -> &T {
        self.house.transport()
    }
}
