//! Descriptors on their way: those that came, until a box names them, and
//! those that go with the box that is being written.
//!
//! Mirrors `_DescriptorExchanger` of `twisted.protocols.amp`. Tested in
//! `tests/amp/descriptors.rs`.

#[cfg(unix)]
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    os::fd::OwnedFd,
};

#[cfg(unix)]
use super::ArgumentError;

/// Why there is no descriptor here, and none can go.
#[cfg(unix)]
pub(super) const NOT_ATTACHED: ArgumentError =
    ArgumentError::Unsupported("a descriptor in a list or apart from a connection");

/// Descriptors that came and that no box has named, by their number.
#[derive(Debug, Default)]
pub(super) struct ReceivedDescriptors {
    #[cfg(unix)]
    next: Cell<u64>,
    #[cfg(unix)]
    descriptors: RefCell<BTreeMap<u64, OwnedFd>>,
}

impl ReceivedDescriptors {
    /// Keeps one that came; how many there are now.
    #[cfg(unix)]
    pub(super) fn put(&self, descriptor: OwnedFd) -> usize {
        let number = self.next.get();
        self.next.set(number + 1);
        let mut descriptors = self.descriptors.borrow_mut();
        descriptors.insert(number, descriptor);
        descriptors.len()
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        #[cfg(unix)]
        drop(self.descriptors.take());
    }
}

/// The descriptors that the values of a box may name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attached<'a> {
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no descriptors to take"))]
    received: Option<&'a ReceivedDescriptors>,
}

impl<'a> Attached<'a> {
    pub(super) fn from(received: &'a ReceivedDescriptors) -> Self {
        Self { received: Some(received) }
    }

    /// Takes out the descriptor of a number.
    #[cfg(unix)]
    pub(super) fn take(self, number: u64) -> Result<OwnedFd, ArgumentError> {
        let received = self.received.ok_or(NOT_ATTACHED)?;
        let taken = received.descriptors.borrow_mut().remove(&number);
        taken.ok_or(ArgumentError::NoDescriptor { number })
    }
}

/// The descriptors that go with the box that is being written.
#[cfg(unix)]
#[derive(Debug, Default)]
pub(super) struct SentDescriptors {
    /// The number of the first; `None` if the box goes nowhere.
    first: Option<u64>,
    pub(super) descriptors: Vec<OwnedFd>,
}

#[cfg(unix)]
impl SentDescriptors {
    /// Counts from `first`.
    pub(super) fn begin(&mut self, first: u64) {
        self.first = Some(first);
    }

    /// Adds one; its number.
    pub(super) fn add(&mut self, descriptor: OwnedFd) -> Result<u64, ArgumentError> {
        let first = self.first.ok_or(NOT_ATTACHED)?;
        self.descriptors.push(descriptor);
        Ok(first + self.descriptors.len() as u64 - 1)
    }

    /// Whether the numbers are those of the descriptors that are sent next.
    pub(super) fn follows(&self, sent: u64) -> bool {
        self.first == Some(sent)
    }
}
