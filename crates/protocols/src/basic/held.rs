//! [`Held`]: what a parser keeps from one read to the next.

/// The bytes that a parser keeps from one read to the next: an unfinished item, or what
/// came behind the one at which parsing was paused.
///
/// It owns no memory while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// How many in front are used up.
    start: usize,
    /// How many behind those are lent out, and used up when they come back.
    lent: usize,
    /// How many bytes were ever copied in here or moved within, for the tests
    /// that count rather than time.
    #[cfg(test)]
    pub(crate) moved: usize,
}

impl Held {
    /// The bytes here that are not lent out.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start + self.lent..]
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start - self.lent
    }

    /// How much memory it has.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing is here, lent out or not.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds what came.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.settle();
        // What is used up is moved over when it is most of what is here, so
        // that a byte is moved once on average.
        if self.start > self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
            #[cfg(test)]
            {
                self.moved += self.bytes.len();
            }
        }
        self.bytes.extend_from_slice(data);
        #[cfg(test)]
        {
            self.moved += data.len();
        }
    }

    /// Lends out the first `count` bytes.
    pub(crate) fn lend(&mut self, count: usize) -> &[u8] {
        self.settle();
        self.lent = count.min(self.len());
        &self.bytes[self.start..self.start + self.lent]
    }

    /// Takes the first `count` bytes of what is here and of `input`, once there
    /// are that many; keeps what there is until then.
    #[cfg(feature = "stateful")]
    #[inline]
    pub(crate) fn take_exact<'s, 'i: 's>(
        &'s mut self,
        count: usize,
        input: &mut &'i [u8],
    ) -> Option<&'s [u8]> {
        if self.is_empty() && input.len() >= count {
            return Some(take(input, count));
        }
        self.settle();
        if self.is_empty() && input.len() >= count {
            return Some(take(input, count));
        }
        let missing = count.saturating_sub(self.len());
        self.push(take(input, missing));
        (self.len() >= count).then(|| self.lend(count))
    }

    /// Keeps the last `count` of the bytes that were lent out.
    pub(crate) fn unread(&mut self, count: usize) {
        self.lent = self.lent.saturating_sub(count);
    }

    /// Whether some are lent out.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent > 0
    }

    /// Takes back what was lent out.
    pub(crate) fn settle(&mut self) {
        self.start += std::mem::take(&mut self.lent);
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Lets go of what is not lent out.
    pub(crate) fn truncate(&mut self) {
        if self.lent == 0 {
            return self.clear();
        }
        self.bytes.truncate(self.start + self.lent);
    }

    /// Lets everything go.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.start = 0;
        self.lent = 0;
    }
}

/// Takes the first `count` bytes off `input`, or all if there are fewer.
pub(crate) fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}
