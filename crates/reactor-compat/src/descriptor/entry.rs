//! [`Entry`]: a descriptor that is watched.
//!
//! Tested in `tests/network/descriptor.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::source::{Events, Source};
use super::{FileDescriptor, ReadDescriptor, WriteDescriptor};
use crate::reactor::{Inventory, OpenDescriptor, Registered};

/// The states of an entry.
///
/// ```text
/// Watched ──neither read nor written──▶ Removed
///    └──────reactor stops──▶ Stopping ─────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Watched,
    /// It is to be told that the reactor stops.
    Stopping,
    /// The table has forgotten it.
    Removed,
}

/// A descriptor that is watched, under the object that it was added by.
pub(super) struct Entry {
    state: Cell<State>,
    pub(super) name: String,
    pub(super) reader: RefCell<Option<Rc<dyn ReadDescriptor>>>,
    pub(super) writer: RefCell<Option<Rc<dyn WriteDescriptor>>>,
    source: RefCell<Option<Source>>,
    waker: RefCell<Option<Waker>>,
}

impl Entry {
    pub(super) fn new(name: String) -> Self {
        Self {
            state: Cell::new(State::Watched),
            name,
            reader: RefCell::default(),
            writer: RefCell::default(),
            source: RefCell::default(),
            waker: RefCell::default(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    pub(super) fn set_reader(&self, reader: Rc<dyn ReadDescriptor>) {
        let before = self.reader.replace(Some(reader));
        drop(before);
        self.wake();
    }

    pub(super) fn set_writer(&self, writer: Rc<dyn WriteDescriptor>) {
        let before = self.writer.replace(Some(writer));
        drop(before);
        self.wake();
    }

    /// The object that it was added by, while it is wanted for anything.
    pub(super) fn object(&self) -> Option<Rc<dyn FileDescriptor>> {
        if let Some(reader) = &*self.reader.borrow() {
            return Some(reader.clone());
        }
        let writer = self.writer.borrow();
        writer.as_ref().map(|writer| -> Rc<dyn FileDescriptor> { writer.clone() })
    }

    /// Whether it is wanted for nothing.
    pub(super) fn idle(&self) -> bool {
        self.reader.borrow().is_none() && self.writer.borrow().is_none()
    }

    /// Has its task end; closes the duplicate of the descriptor.
    pub(super) fn set_removed(&self) {
        self.state.set(State::Removed);
        let source = self.source.take();
        drop(source);
        self.wake();
    }

    pub(super) fn set_waker(&self, waker: &Waker) {
        self.waker.replace(Some(waker.clone()));
    }

    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The events that have come.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<Events>> {
        let wanted = Events {
            read: self.reader.borrow().is_some(),
            write: self.writer.borrow().is_some(),
            hung_up: false,
        };
        // `as_fd` is the user's, and may do what it likes.
        let missing = self.source.borrow().is_none();
        if let Some(object) = self.object().filter(|_| missing) {
            let source = Source::new(object.as_fd())?;
            self.source.replace(Some(source));
        }
        let mut source = self.source.borrow_mut();
        let events = match &*source {
            Some(source) => source.poll(cx, wanted)?,
            None => Poll::Pending,
        };
        match events {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(events)) => Poll::Ready(Ok(events)),
            Poll::Ready(None) => {
                *source = None;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Registered for Entry {
    fn describe(&self, inventory: &mut Inventory) {
        inventory.descriptors.push(OpenDescriptor {
            name: self.name.clone(),
            reading: self.reader.borrow().is_some(),
            writing: self.writer.borrow().is_some(),
        });
    }

    fn shut_down(&self) {
        if self.state.get() == State::Watched {
            self.state.set(State::Stopping);
            self.wake();
        }
    }
}
