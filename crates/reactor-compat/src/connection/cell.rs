//! [`ProtocolCell`]: holds a protocol while its connection lives, and lends it to
//! one caller at a time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use deferred::Failure;

use crate::guard;
use crate::transport::Transport;

/// The state of a protocol's cell: can the protocol be had?
///
/// ```text
/// New ──begin──▶ Free ──enter──▶ Busy ──return──▶ Free
///  └──────────────┴──connection lost──▶ Gone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellState {
    /// It has not been told that there is a connection.
    New,
    /// Nobody uses it.
    Free,
    /// One of its callbacks is running, or a call to it.
    Busy,
    /// It was told that its connection is lost, and is no more.
    Gone,
}

/// A call that came while the protocol was busy, or had not been told of its connection;
/// it gets `None` if the protocol is gone by the time it would be free.
pub(crate) type Call<P> = Box<dyn FnOnce(Option<&mut P>)>;

/// Access to a `P`: a protocol, or a part of one; and to its transport, a `T`.
pub(crate) trait ProtocolAccess<P, T = Transport> {
    fn cell_state(&self) -> CellState;

    /// Runs `visit` with the protocol if it is free, and then the calls that
    /// came meanwhile; with one that is new, `visit` alone. `visit` does not panic.
    fn visit(&self, visit: &mut dyn FnMut(&mut P));

    /// Keeps `call` until the protocol is free or gone. Those who call bound how many.
    fn wait(&self, call: Call<P>);

    fn transport(&self) -> &T;
}

/// The place of a whole protocol.
pub(crate) struct ProtocolCell<P, T = Transport> {
    state: Cell<CellState>,
    protocol: RefCell<Option<P>>,
    calls: RefCell<VecDeque<Call<P>>>,
    transport: T,
}

impl<P: 'static, T> ProtocolCell<P, T> {
    pub(crate) fn new(protocol: P, transport: T) -> Self {
        Self {
            state: Cell::new(CellState::New),
            protocol: RefCell::new(Some(protocol)),
            calls: RefCell::default(),
            transport,
        }
    }

    /// Notes that the protocol is about to be told of its connection, by the callback
    /// that is entered next: behind it run the calls that came before.
    pub(crate) fn begin(&self) {
        if self.state.get() == CellState::New {
            self.state.set(CellState::Free);
        }
    }

    /// Runs one of the protocol's callbacks, and then the calls that came
    /// meanwhile. `None` if the protocol is not free.
    #[inline]
    pub(crate) fn enter<R>(
        &self,
        callback: impl FnOnce(&mut P) -> R,
    ) -> Option<Result<R, Failure>> {
        if self.state.get() != CellState::Free {
            return None;
        }
        let mut place = self.protocol.try_borrow_mut().ok()?;
        let protocol = place.as_mut()?;
        self.state.set(CellState::Busy);
        let result = guard::catch(|| callback(protocol));
        while let Some(call) = self.next_call() {
            call(Some(protocol));
        }
        self.state.set(CellState::Free);
        Some(result)
    }

    /// Drops the protocol, and tells the calls that wait for it that it is gone.
    pub(crate) fn clear(&self) {
        self.state.set(CellState::Gone);
        let protocol = self.protocol.try_borrow_mut().ok().and_then(|mut place| place.take());
        guard::run("the drop of a protocol", || drop(protocol));
        while let Some(call) = self.next_call() {
            call(None);
        }
    }

    /// A reference to the protocol while nobody uses it.
    #[inline]
    pub(crate) fn inspect<R>(&self, look: impl FnOnce(&P) -> R) -> Option<R> {
        self.protocol.try_borrow().ok()?.as_ref().map(look)
    }

    fn next_call(&self) -> Option<Call<P>> {
        self.calls.borrow_mut().pop_front()
    }
}

impl<P: 'static, T> ProtocolAccess<P, T> for ProtocolCell<P, T> {
    fn cell_state(&self) -> CellState {
        self.state.get()
    }

    fn visit(&self, visit: &mut dyn FnMut(&mut P)) {
        if self.state.get() == CellState::New {
            if let Ok(Some(protocol)) = self.protocol.try_borrow_mut().as_deref_mut() {
                guard::run("a look at a protocol", || visit(protocol));
            }
            return;
        }
        if let Some(Err(failure)) = self.enter(visit) {
            guard::log("a call to a protocol", &failure);
        }
    }

    fn wait(&self, call: Call<P>) {
        self.calls.borrow_mut().push_back(call);
    }

    fn transport(&self) -> &T {
        &self.transport
    }
}

/// Access to a part of what another one gives access to.
pub(crate) struct Projection<Q, T, F> {
    whole: Rc<dyn ProtocolAccess<Q, T>>,
    part: Rc<F>,
}

impl<Q, T, F> Projection<Q, T, F> {
    pub(crate) fn new(whole: Rc<dyn ProtocolAccess<Q, T>>, part: F) -> Self {
        Self { whole, part: Rc::new(part) }
    }
}

impl<Q, P, T, F> ProtocolAccess<P, T> for Projection<Q, T, F>
where
    Q: 'static,
    P: 'static,
    F: Fn(&mut Q) -> Option<&mut P> + 'static,
{
    fn cell_state(&self) -> CellState {
        self.whole.cell_state()
    }

    fn visit(&self, visit: &mut dyn FnMut(&mut P)) {
        self.whole.visit(&mut |whole| {
            if let Some(part) = (self.part)(whole) {
                visit(part);
            }
        });
    }

    fn wait(&self, call: Call<P>) {
        let part = self.part.clone();
        self.whole.wait(Box::new(move |whole| call(whole.and_then(|whole| part(whole)))));
    }

    fn transport(&self) -> &T {
        self.whole.transport()
    }
}
