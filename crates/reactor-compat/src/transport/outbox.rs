//! What was written and not yet sent.

use crate::reactor::Buffers;

/// When the sent part in front of the buffer has grown this large, and is most
/// of it, the rest moves up.
const WORTH_MOVING: usize = 64 * 1024;

/// Room for the first bytes, where no spare buffer is to be had: what follows
/// them at once, other lines of an answer, then seldom has to make more.
const FIRST: usize = 1024;

/// A queue of bytes, which owns no memory while it is empty.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// The bytes not yet sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end.
    #[inline]
    pub(crate) fn push(&mut self, data: &[u8], buffers: &Buffers) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffers.take_spare();
            self.bytes.reserve(data.len().max(FIRST));
        }
        self.bytes.extend_from_slice(data);
    }

    /// Takes note that the first `count` were sent.
    pub(crate) fn consume(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
        if self.is_empty() {
            self.bytes.clear();
            self.sent = 0;
        } else if self.sent >= WORTH_MOVING && self.sent >= self.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Puts what was written meanwhile behind what is in here.
    pub(crate) fn append(&mut self, later: &mut Self, buffers: &Buffers) {
        if !later.is_empty() {
            self.push(later.unsent(), buffers);
        }
        later.clear(buffers);
    }

    /// Lets all of it go, and gives the memory back.
    pub(crate) fn clear(&mut self, buffers: &Buffers) {
        self.sent = 0;
        buffers.give_spare(std::mem::take(&mut self.bytes));
    }

    /// The bytes not yet sent, by value.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.sent));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_however_they_are_sent() {
        let buffers = Buffers::default();
        let all: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        let mut outbox = Outbox::default();
        for chunk in all.chunks(7_000) {
            outbox.push(chunk, &buffers);
        }
        let mut out = Vec::new();
        while !outbox.is_empty() {
            let some = outbox.unsent().len().min(33_333);
            out.extend_from_slice(&outbox.unsent()[..some]);
            outbox.consume(some);
        }
        assert_eq!(out, all);
    }

    #[test]
    fn an_empty_one_owns_nothing() {
        let buffers = Buffers::default();
        let mut outbox = Outbox::default();
        outbox.push(b"abc", &buffers);
        outbox.consume(3);
        outbox.clear(&buffers);
        assert_eq!(outbox.bytes.capacity(), 0);
    }

    #[test]
    fn what_came_later_goes_behind() {
        let buffers = Buffers::default();
        let (mut first, mut later) = (Outbox::default(), Outbox::default());
        first.push(b"xab", &buffers);
        first.consume(1);
        later.push(b"cd", &buffers);
        first.append(&mut later, &buffers);
        assert_eq!(first.unsent(), b"abcd");
        assert!(later.is_empty());
        assert_eq!(first.take(), b"abcd");
    }
}
