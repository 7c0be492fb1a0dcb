//! [`WaterMarks`]: how much may wait to be sent.

/// How much may wait to be sent before a transport holds up those who make it
/// write, until no more than `low` is left. That is its producer, which is
/// paused, or, where none is registered, its own peer, which is not read from.
///
/// Without a producer two peers that write much without being asked, and both
/// stop reading because the other does not read, wait for each other: register
/// a producer for what is no answer.
///
/// ```
/// use reactor_compat::WaterMarks;
///
/// let marks = WaterMarks::default();
/// assert_eq!((marks.low(), marks.high()), (16 * 1024, 64 * 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "bufferSize")]
pub struct WaterMarks {
    low: usize,
    high: usize,
}

impl WaterMarks {
    /// No bound, as in Twisted: whatever a peer does not read is kept.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::UNBOUNDED.high(), usize::MAX);
    /// ```
    pub const UNBOUNDED: Self = Self { low: usize::MAX, high: usize::MAX };

    /// What a connection has that says nothing.
    pub(crate) const DEFAULT: Self = Self::new(16 * 1024, 64 * 1024);

    /// Marks in bytes; `low` is at most `high`, and is taken as `high` where
    /// it is more.
    ///
    /// ```
    /// let marks = reactor_compat::WaterMarks::new(10, 5);
    /// assert_eq!((marks.low(), marks.high()), (5, 5));
    /// ```
    pub const fn new(low: usize, high: usize) -> Self {
        Self { low: if low < high { low } else { high }, high }
    }

    /// Down to how much it goes before all flows again.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::new(1, 2).low(), 1);
    /// ```
    pub const fn low(&self) -> usize {
        self.low
    }

    /// Above how much it is held up.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::new(1, 2).high(), 2);
    /// ```
    pub const fn high(&self) -> usize {
        self.high
    }
}

impl Default for WaterMarks {
    fn default() -> Self {
        Self::DEFAULT
    }
}
