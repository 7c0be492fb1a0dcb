//! The memory that all connections of a reactor share, so that an idle one
//! owns none.

use std::cell::{Cell, RefCell};

/// How much is read at once. What is read whole is often sent on whole: 64 KiB
/// would be one segment of a loopback interface and a tail of a few bytes.
const READ_SIZE: usize = 32 * 1024;

/// How many spare output buffers are kept, and how large a one is worth it.
const SPARES: usize = 16;
const LARGEST_SPARE: usize = 256 * 1024;

/// One buffer to read into, and some to collect output in.
#[derive(Default)]
pub(crate) struct Buffers {
    read: Cell<Option<Box<[u8]>>>,
    /// The output buffer that was given back last, which is the next to go.
    next: Cell<Vec<u8>>,
    spare: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Lends the read buffer. Whoever comes while it is lent gets one made
    /// for the occasion.
    pub(crate) fn lend(&self) -> Box<[u8]> {
        self.read.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice())
    }

    /// Takes the read buffer back.
    pub(crate) fn give_back(&self, buffer: Box<[u8]>) {
        self.read.set(Some(buffer));
    }

    /// An empty buffer to collect output in.
    pub(crate) fn take_spare(&self) -> Vec<u8> {
        let next = self.next.take();
        if next.capacity() > 0 { next } else { self.spare.borrow_mut().pop().unwrap_or_default() }
    }

    /// Takes an output buffer back, unless there are enough or it grew large.
    pub(crate) fn give_spare(&self, mut buffer: Vec<u8>) {
        if !(1..=LARGEST_SPARE).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let before = self.next.replace(buffer);
        if before.capacity() > 0 {
            let mut spare = self.spare.borrow_mut();
            if spare.len() < SPARES {
                spare.push(before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_read_buffer_is_one_and_the_same() {
        let buffers = Buffers::default();
        let first = buffers.lend();
        let address = first.as_ptr();
        buffers.give_back(first);
        let second = buffers.lend();
        assert_eq!(second.as_ptr(), address);
    }

    #[test]
    fn large_and_empty_buffers_are_not_kept() {
        let buffers = Buffers::default();
        buffers.give_spare(Vec::new());
        buffers.give_spare(Vec::with_capacity(LARGEST_SPARE + 1));
        assert_eq!(buffers.take_spare().capacity(), 0);
        for _ in 0..2 * SPARES {
            buffers.give_spare(Vec::with_capacity(1));
        }
        assert_eq!(buffers.spare.borrow().len(), SPARES);
    }
}
