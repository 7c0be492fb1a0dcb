//! [`WaterMarks`]: how much may wait to be sent.
//!
//! Tested in `tests/behaviour/`, and in `transport/level.rs`.

use std::time::Duration;

/// The growth that is allowed at least, unless it is set.
const LEAST_GROWTH: usize = 1 << 20;

/// How many times the high mark may grow, unless that is set.
const GROWTH: usize = 16;

/// How much may wait to be sent, and for how long.
///
/// When more than `high` is unsent, the peer is not read from until no more than
/// `low` is left; where a producer is registered, it is paused instead.
///
/// A connection is *stuck* when more than that is unsent, and the peer has taken
/// nothing for a while, [`stall_after`](Self::stall_after). It then reads on, and
/// its producer goes on, so that two ends that both write much cannot wait for
/// each other for ever. What becomes unsent after that is bounded by the
/// [`growth`](Self::growth): once it is used up, nothing more is read, and if the
/// peer still takes nothing for [`give_up_after`](Self::give_up_after), the
/// connection ends with [`TooMuchUnsent`](crate::TooMuchUnsent).
///
/// ```
/// use reactor_compat::WaterMarks;
/// use std::time::Duration;
///
/// let marks = WaterMarks::default();
/// assert_eq!((marks.low(), marks.high()), (16 * 1024, 64 * 1024));
/// assert_eq!(marks.growth(), 1 << 20);
///
/// let patient = marks.with_give_up_after(Duration::from_secs(600));
/// assert_eq!(patient.give_up_after().as_secs(), 600);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "bufferSize")]
pub struct WaterMarks {
    low: usize,
    high: usize,
    growth: usize,
    stall_after: Duration,
    give_up_after: Duration,
}

impl WaterMarks {
    /// No bound, as in Twisted: all that a peer does not read is kept.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::UNBOUNDED.high(), usize::MAX);
    /// ```
    pub const UNBOUNDED: Self = Self::new(usize::MAX, usize::MAX);

    /// The marks of a connection for which none are set.
    pub(crate) const DEFAULT: Self = Self::new(16 * 1024, 64 * 1024);

    /// Marks in bytes; `low` is at most `high`, and is taken as `high` where
    /// it is more. The growth is 16 times `high`, and at least 1 MiB; a
    /// connection is stuck after one second, and given up after 30 more.
    ///
    /// ```
    /// let marks = reactor_compat::WaterMarks::new(10, 5);
    /// assert_eq!((marks.low(), marks.high()), (5, 5));
    /// ```
    pub const fn new(low: usize, high: usize) -> Self {
        let growth = high.saturating_mul(GROWTH);
        Self {
            low: if low < high { low } else { high },
            high,
            growth: if growth > LEAST_GROWTH { growth } else { LEAST_GROWTH },
            stall_after: Duration::from_secs(1),
            give_up_after: Duration::from_secs(30),
        }
    }

    /// Sets how many bytes more may become unsent once the connection is stuck.
    ///
    /// ```
    /// let marks = reactor_compat::WaterMarks::default().with_growth(4096);
    /// assert_eq!(marks.growth(), 4096);
    /// ```
    #[must_use]
    pub const fn with_growth(mut self, bytes: usize) -> Self {
        self.growth = bytes;
        self
    }

    /// Sets how long a peer may take nothing before the connection is stuck, and
    /// reads on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let marks = reactor_compat::WaterMarks::default().with_stall_after(Duration::ZERO);
    /// assert_eq!(marks.stall_after(), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn with_stall_after(mut self, time: Duration) -> Self {
        self.stall_after = time;
        self
    }

    /// Sets how long a peer may take nothing, once the growth is used up, before
    /// the connection ends.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub const fn with_give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }

    /// The low mark, down to which what is unsent goes before all flows again.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::new(1, 2).low(), 1);
    /// ```
    pub const fn low(&self) -> usize {
        self.low
    }

    /// The high mark, above which reading, or the producer, is held up.
    ///
    /// ```
    /// assert_eq!(reactor_compat::WaterMarks::new(1, 2).high(), 2);
    /// ```
    pub const fn high(&self) -> usize {
        self.high
    }

    /// How many bytes more may become unsent once the connection is stuck.
    ///
    /// See the example of [`with_growth`](Self::with_growth).
    pub const fn growth(&self) -> usize {
        self.growth
    }

    /// How long a peer may take nothing before the connection is stuck.
    ///
    /// See the example of [`with_stall_after`](Self::with_stall_after).
    pub const fn stall_after(&self) -> Duration {
        self.stall_after
    }

    /// How long a peer may take nothing, once the growth is used up.
    ///
    /// See the [type's example](Self).
    pub const fn give_up_after(&self) -> Duration {
        self.give_up_after
    }
}

impl Default for WaterMarks {
    fn default() -> Self {
        Self::DEFAULT
    }
}
