//! [`Held`]: the bytes that came, and that no protocol has been given yet.
//!
//! Tested in `tests/network/read_ahead.rs` and `tests/network/any_protocol.rs`.

use std::cell::RefCell;

use crate::transport::{ReadAhead, Transport};

/// The bytes that came, and that no protocol has been given yet.
#[derive(Default)]
pub(super) struct Held {
    /// The bytes that were looked at to choose a protocol.
    pub(super) seen: RefCell<Vec<u8>>,
    /// The bytes behind those.
    pub(super) unread: RefCell<Vec<u8>>,
}

impl Held {
    /// Takes out all of it.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut all = self.seen.take();
        all.append(&mut self.unread.borrow_mut());
        all
    }

    /// Puts something in front of all.
    pub(super) fn put_before(&self, mut first: Vec<u8>) {
        first.append(&mut self.take());
        self.unread.replace(first);
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.borrow().is_empty()
    }
}

impl ReadAhead for Held {
    fn take_read_ahead(&self, _: &Transport) -> Vec<u8> {
        self.take()
    }
}
