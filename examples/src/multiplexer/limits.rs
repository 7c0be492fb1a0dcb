//! [`Limits`]: how much a multiplexer takes.
//!
//! Tested in `tests/multiplexer/opening.rs` and `tests/multiplexer/window.rs`.

/// How much a multiplexer takes from its peer.
///
/// What comes and is not read is bounded by the product of the two.
///
/// ```
/// use examples::multiplexer::Limits;
///
/// let limits = Limits::default().with_most_channels(8).with_window(1024);
/// assert_eq!((limits.most_channels(), limits.window()), (8, 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    window: u32,
    most_channels: usize,
}

impl Limits {
    /// Sets how many bytes may come on a channel before they are read; 256 KiB
    /// unless set, and one at least.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub const fn with_window(mut self, bytes: u32) -> Self {
        self.window = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// Sets how many channels there may be at one time, whoever opened them; 64
    /// unless set.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub const fn with_most_channels(mut self, count: usize) -> Self {
        self.most_channels = count;
        self
    }

    /// How many bytes may come on a channel before they are read.
    ///
    /// See the [type's example](Self).
    pub const fn window(&self) -> u32 {
        self.window
    }

    /// How many channels there may be at one time.
    ///
    /// See the [type's example](Self).
    pub const fn most_channels(&self) -> usize {
        self.most_channels
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { window: 256 * 1024, most_channels: 64 }
    }
}
