//! [`Outbox`]: the bytes that were written and not yet sent.

use crate::byte_queue::ByteQueue;
use crate::reactor::Buffers;

/// Room for the first bytes, where no spare buffer is to be had: what follows
/// them at once, other lines of an answer, then seldom has to make more.
const FIRST: usize = 1024;

/// A queue of bytes, which owns no memory while it is empty: that is lent by the
/// reactor.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: ByteQueue,
}

impl Outbox {
    /// The bytes not yet sent.
    #[inline]
    pub(crate) fn unsent(&self) -> &[u8] {
        self.queue.as_slice()
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds bytes at the end.
    #[inline(always)]
    pub(crate) fn push(&mut self, data: &[u8], buffers: &Buffers) {
        if self.queue.capacity() == 0 {
            self.queue = ByteQueue::with_memory(buffers.take_spare());
            self.queue.reserve(data.len().max(FIRST));
        }
        self.queue.push(data);
    }

    /// Takes note that the first `count` were sent.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.queue.consume(count);
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
        buffers.give_spare(self.queue.take_memory());
    }

    /// The bytes not yet sent, by value.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.queue.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_one_owns_nothing() {
        let buffers = Buffers::default();
        let mut outbox = Outbox::default();
        outbox.push(b"abc", &buffers);
        outbox.consume(3);
        outbox.clear(&buffers);
        assert_eq!(outbox.queue.capacity(), 0);
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
