//! [`Limits`]: how much an AMP connection takes of its peer.
//!
//! Tested in `tests/amp/limits.rs`.

/// The longest key, in bytes.
///
/// ```
/// use protocols::amp::{MAX_KEY_LENGTH, MAX_VALUE_LENGTH};
///
/// // A length is two bytes; the first of a key's is nothing.
/// assert_eq!((MAX_KEY_LENGTH, MAX_VALUE_LENGTH), (255, 65_535));
/// ```
pub const MAX_KEY_LENGTH: usize = 0xFF;

/// The longest value, in bytes.
///
/// See the example of [`MAX_KEY_LENGTH`].
pub const MAX_VALUE_LENGTH: usize = 0xFFFF;

/// The limits of what an AMP connection takes of its peer, beside what the wire itself
/// limits. Twisted has none of these.
///
/// They bound one peer. Many together are bounded by a
/// [`MemoryBudget`](crate::MemoryBudget): that of the thread, unless a connection
/// is given [another](super::Amp::with_budget). So a server that anybody may connect
/// to can leave all this as it is.
///
/// ```
/// use protocols::amp::{Amp, Limits};
///
/// let modest = Limits { box_size: 64 * 1024, ..Limits::default() };
/// let _client = Amp::new().with_limits(modest);
/// assert_eq!(modest.keys, 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of a received box, in bytes; 4 MiB unless set. Of one that has
    /// not come whole, up to twice as much memory is used.
    pub box_size: usize,
    /// The number of keys in a received box; 1024 unless set.
    pub keys: usize,
    /// The number of commands whose responders have returned a Deferred that
    /// has not fired; 16,384 unless set.
    pub commands: usize,
    /// How many bytes of answers may wait to be sent before nothing is read any
    /// more; 1 MiB unless set. Calls of our own do not count.
    ///
    /// This takes the place of the transport's own
    /// [`WaterMarks`](reactor_compat::WaterMarks), and is their growth as well: a
    /// peer that reads nothing for a while may have as much again, and then the
    /// connection ends with [`TooMuchUnsent`](reactor_compat::TooMuchUnsent). It
    /// also limits the answers that wait for the other side to turn to TLS.
    pub unsent: usize,
    /// The number of descriptors that came over a UNIX connection, and that no
    /// box has named; 256 unless set, which
    /// is as many as our own transports keep unsent.
    pub descriptors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { box_size: 4 << 20, keys: 1024, commands: 1 << 14, unsent: 1 << 20, descriptors: 256 }
    }
}
