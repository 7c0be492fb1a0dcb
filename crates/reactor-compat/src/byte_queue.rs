//! [`ByteQueue`]: bytes that come in at one end and go out at the other.
//!
//! Tested here, and in `tests/testing/memory_pair.rs`.

/// When the part in front that has gone out is this large, and is most of the
/// queue, the rest moves up.
const WORTH_MOVING: usize = 64 * 1024;

/// A queue of bytes that lie in one piece. It owns no memory until the first
/// one comes, and each is moved at most once while it waits.
#[derive(Default)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    /// How many of them have gone out.
    gone: usize,
}

impl ByteQueue {
    /// All that waits, in order.
    pub(crate) fn data(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.gone
    }

    /// Whether none does.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds some at the end.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    /// Lets the first `count` go.
    pub(crate) fn consume(&mut self, count: usize) {
        self.gone = (self.gone + count).min(self.bytes.len());
        if self.is_empty() {
            self.clear();
        } else if self.gone >= WORTH_MOVING && self.gone >= self.len() {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// Lets all of them go.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.gone = 0;
    }

    /// All that waits, by value.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.gone));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::ByteQueue;

    #[test]
    fn bytes_come_out_as_they_went_in_however_they_are_cut() {
        let all: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        let mut queue = ByteQueue::default();
        let mut out = Vec::new();
        for chunk in all.chunks(7_000) {
            queue.push(chunk);
            let some = queue.len().min(6_999);
            out.extend_from_slice(&queue.data()[..some]);
            queue.consume(some);
        }
        assert_eq!(queue.len(), all.len() - out.len());
        out.extend(queue.take());
        assert!(queue.is_empty());
        assert_eq!(out, all);
    }

    #[test]
    fn more_cannot_be_consumed_than_there_is() {
        let mut queue = ByteQueue::default();
        queue.push(b"abc");
        queue.consume(2);
        assert_eq!(queue.data(), b"c");
        queue.consume(7);
        assert_eq!(queue.data(), b"");
        queue.push(b"d");
        assert_eq!(queue.take(), b"d");
    }
}
