//! [`ByteQueue`]: bytes that wait, in order.

/// Room that is kept while nothing waits.
const KEPT: usize = 4 * 1024;

/// When the part in front that is used up has grown this large, and is most of
/// the queue, the rest moves up: so a byte is moved once on average.
const WORTH_MOVING: usize = 64 * 1024;

/// Bytes that wait, in order.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    used: usize,
}

impl ByteQueue {
    /// A queue in memory that is there already.
    #[inline]
    pub(crate) fn with_memory(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    /// The bytes that wait.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there is room for.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes room for so many more.
    #[inline]
    pub(crate) fn reserve(&mut self, count: usize) {
        self.bytes.reserve(count);
    }

    /// Adds bytes at the end.
    #[inline]
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    /// Lets the first `count` go.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.used = (self.used + count).min(self.bytes.len());
        if self.is_empty() {
            self.bytes.clear();
            self.used = 0;
        } else if self.used >= WORTH_MOVING && self.used >= self.len() {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
    }

    /// Gives memory back of which there is much and nothing waits in it.
    #[inline]
    pub(crate) fn trim(&mut self) {
        if self.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
            self.used = 0;
        }
    }

    /// Lets all go, and gives back the memory.
    pub(crate) fn take_memory(&mut self) -> Vec<u8> {
        self.used = 0;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes
    }

    /// The bytes that wait, by value.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.used));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_however_they_are_taken() {
        let all: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        let mut queue = ByteQueue::default();
        for chunk in all.chunks(7_000) {
            queue.push(chunk);
        }
        let mut out = Vec::new();
        while !queue.is_empty() {
            let some = queue.len().min(33_333);
            out.extend_from_slice(&queue.as_slice()[..some]);
            queue.consume(some);
        }
        assert_eq!(out, all);
    }

    #[test]
    fn what_is_trimmed_owns_nothing_much() {
        let mut queue = ByteQueue::default();
        queue.push(&[0; 2 * KEPT]);
        queue.trim();
        assert_eq!(queue.len(), 2 * KEPT);
        queue.consume(2 * KEPT);
        queue.trim();
        assert_eq!(queue.capacity(), 0);
    }
}
