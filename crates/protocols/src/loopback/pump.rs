//! How what one of two protocols wrote is given to the other.
//!
//! Mirrors `identityPumpPolicy`, `collapsingPumpPolicy` and `_LoopbackQueue` of
//! `twisted.protocols.loopback`. Tested in `tests/policies/loopback.rs`.

use std::collections::VecDeque;

/// The writes of one of two protocols that the other has not been given: a string
/// for each write.
///
/// ```
/// use protocols::loopback::LoopbackQueue;
///
/// let mut queue = LoopbackQueue::default();
/// queue.put("foo");
/// queue.put("bar");
/// assert_eq!(queue.get(), Some(b"foo".to_vec()));
/// assert_eq!(queue.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "_LoopbackQueue")]
pub struct LoopbackQueue {
    strings: VecDeque<Vec<u8>>,
}

impl LoopbackQueue {
    /// Adds a string at the end.
    ///
    /// See the [type's example](Self).
    pub fn put(&mut self, string: impl Into<Vec<u8>>) {
        self.strings.push_back(string.into());
    }

    /// Puts back one that was taken, or the rest of it: it is the first again.
    ///
    /// See the example of [`loopback_async_with`](super::loopback_async_with).
    pub fn put_back(&mut self, string: impl Into<Vec<u8>>) {
        self.strings.push_front(string.into());
    }

    /// Takes the first string, if there is one.
    ///
    /// See the [type's example](Self).
    pub fn get(&mut self) -> Option<Vec<u8>> {
        self.strings.pop_front()
    }

    /// How many strings there are.
    ///
    /// See the [type's example](Self).
    pub fn len(&self) -> usize {
        self.strings.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(protocols::loopback::LoopbackQueue::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    /// Puts those of `later` behind its own.
    pub(super) fn append(&mut self, later: &mut Self) {
        self.strings.append(&mut later.strings);
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> usize {
        self.strings.iter().map(Vec::len).sum()
    }
}

/// Each string is given as it was written.
///
/// ```
/// use protocols::loopback::{LoopbackQueue, identity_pump_policy};
///
/// let mut queue = LoopbackQueue::default();
/// queue.put("foo");
/// queue.put("bar");
/// assert_eq!(identity_pump_policy(&mut queue), Some(b"foo".to_vec()));
/// assert_eq!(identity_pump_policy(&mut queue), Some(b"bar".to_vec()));
/// assert_eq!(identity_pump_policy(&mut queue), None);
/// ```
#[doc(alias = "identityPumpPolicy")]
pub fn identity_pump_policy(queue: &mut LoopbackQueue) -> Option<Vec<u8>> {
    queue.get()
}

/// All that there is is given as one string.
///
/// ```
/// use protocols::loopback::{LoopbackQueue, collapsing_pump_policy};
///
/// let mut queue = LoopbackQueue::default();
/// queue.put("foo");
/// queue.put("bar");
/// assert_eq!(collapsing_pump_policy(&mut queue), Some(b"foobar".to_vec()));
/// assert_eq!(collapsing_pump_policy(&mut queue), None);
/// ```
#[doc(alias = "collapsingPumpPolicy")]
pub fn collapsing_pump_policy(queue: &mut LoopbackQueue) -> Option<Vec<u8>> {
    let mut all = queue.get()?;
    while let Some(more) = queue.get() {
        all.extend_from_slice(&more);
    }
    Some(all)
}
