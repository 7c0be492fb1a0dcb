//! [`Queue`]: datagrams that the system did not take yet.
//!
//! Tested in `tests/network/unix_datagram.rs`.

use std::collections::VecDeque;

/// How many bytes may wait, and how many datagrams.
const MOST_BYTES: usize = 256 * 1024;
const MOST_DATAGRAMS: usize = 1024;

/// A datagram, and to whom it goes if the socket is not connected.
pub(super) struct Datagram<A> {
    pub(super) data: Box<[u8]>,
    pub(super) to: Option<A>,
}

/// Datagrams that the system did not take yet, in the order in which they were
/// written.
pub(super) struct Queue<A> {
    datagrams: VecDeque<Datagram<A>>,
    bytes: usize,
}

impl<A> Queue<A> {
    pub(super) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Adds one, if there is room; whether there was. One alone always fits.
    pub(super) fn push(&mut self, data: &[u8], to: Option<A>) -> bool {
        let bytes = self.bytes + data.len();
        let full = bytes > MOST_BYTES || self.datagrams.len() >= MOST_DATAGRAMS;
        if full && !self.is_empty() {
            return false;
        }
        self.bytes = bytes;
        self.datagrams.push_back(Datagram { data: data.into(), to });
        true
    }

    /// Takes the first one out.
    pub(super) fn take_first(&mut self) -> Option<Datagram<A>> {
        let first = self.datagrams.pop_front()?;
        self.bytes -= first.data.len();
        Some(first)
    }

    /// Puts the first one back.
    pub(super) fn put_back(&mut self, first: Datagram<A>) {
        self.bytes += first.data.len();
        self.datagrams.push_front(first);
    }
}

impl<A> Default for Queue<A> {
    fn default() -> Self {
        Self { datagrams: VecDeque::new(), bytes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_in_bytes() {
        let mut queue = Queue::<()>::default();
        assert!(queue.push(&vec![0; MOST_BYTES + 1], None), "one alone always fits");
        assert!(!queue.push(b"", None));
        queue.take_first();
        assert!(queue.push(&vec![0; MOST_BYTES], None) && queue.push(b"", None));
        assert!(!queue.push(b"x", None));
    }

    #[test]
    fn it_is_bounded_in_datagrams() {
        let mut queue = Queue::<()>::default();
        assert!((0..MOST_DATAGRAMS).all(|_| queue.push(b"", None)));
        assert!(!queue.push(b"", None));
        queue.take_first();
        assert!(queue.push(b"", None));
    }
}
