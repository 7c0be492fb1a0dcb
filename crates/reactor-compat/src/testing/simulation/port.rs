//! [`Port`]: a TCP port of a node.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::NodeId;
use super::world::World;
use crate::address::Address;
use crate::network::{Listener, SharedStream};
use crate::testing::wire::MemoryStream;

/// A TCP port of a node, and those who wait there.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    backlog: usize,
    /// How many are about to wait to be accepted.
    expected: Cell<usize>,
    /// Those who wait to be accepted; `None` once the port is closed.
    waiting: RefCell<Option<VecDeque<MemoryStream>>>,
    waker: RefCell<Option<Waker>>,
}

impl Port {
    pub(super) fn new(address: SocketAddr, backlog: u32) -> Self {
        Self {
            address,
            backlog: usize::try_from(backlog).unwrap_or(usize::MAX).max(1),
            expected: Cell::new(0),
            waiting: RefCell::new(Some(VecDeque::new())),
            waker: RefCell::default(),
        }
    }

    /// Expects one more, if there is room for it; whether there is.
    pub(super) fn expect(&self) -> bool {
        let waiting = self.waiting.borrow().as_ref().map(VecDeque::len);
        let room = waiting.is_some_and(|waiting| waiting + self.expected.get() < self.backlog);
        if room {
            self.expected.set(self.expected.get() + 1);
        }
        room
    }

    /// One that was expected will not come.
    pub(super) fn forget(&self) {
        self.expected.set(self.expected.get().saturating_sub(1));
    }

    /// One that was expected is here; gives it back if the port is closed.
    pub(super) fn welcome(&self, stream: MemoryStream) -> Option<MemoryStream> {
        self.forget();
        match &mut *self.waiting.borrow_mut() {
            Some(waiting) => waiting.push_back(stream),
            None => return Some(stream),
        }
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }

    /// Closes it; those who wait are reset.
    pub(super) fn close(&self) {
        let waiting = self.waiting.take();
        waiting.into_iter().flatten().for_each(MemoryStream::reset);
    }
}

/// The end that a port of a node accepts from; dropping it closes the port.
pub(super) struct SimulatedListener {
    world: Weak<World>,
    node: NodeId,
    port: Rc<Port>,
}

impl SimulatedListener {
    pub(super) fn new(world: &Rc<World>, node: NodeId, port: Rc<Port>) -> Self {
        Self { world: Rc::downgrade(world), node, port }
    }
}

impl Listener for SimulatedListener {
    fn get_host(&self) -> Address {
        Address::Tcp(self.port.address)
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let next = self.port.waiting.borrow_mut().as_mut().and_then(VecDeque::pop_front);
        match next {
            Some(stream) => Poll::Ready(Ok(SharedStream::new(stream))),
            None => {
                let before = self.port.waker.replace(Some(cx.waker().clone()));
                drop(before);
                Poll::Pending
            }
        }
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.host(self.node, |host| {
                host.ports.retain(|port| !Rc::ptr_eq(port, &self.port));
            });
        }
        self.port.close();
    }
}
