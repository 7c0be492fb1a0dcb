//! [`Link`]: the properties of the way between two nodes.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::time::Duration;

/// How much may wait to be sent on, unless it is said.
const QUEUE: usize = 256 * 1024;

/// How much a receiver takes before it reads, unless it is said.
const WINDOW: usize = 64 * 1024;

/// The properties of the way between two nodes, in both directions.
///
/// ```
/// use reactor_compat::testing::Link;
/// use std::time::Duration;
///
/// let far = Link::new()
///     .latency(Duration::from_millis(50))
///     .jitter(Duration::from_millis(5))
///     .bandwidth(1_000_000)
///     .loss(0.01);
/// assert_ne!(far, Link::new());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Link {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) loss: f64,
    pub(super) duplicates: f64,
    pub(super) bandwidth: Option<u64>,
    pub(super) queue: usize,
    pub(super) window: usize,
}

impl Link {
    /// A link that takes no time, loses nothing and knows no limit, between
    /// two that have 64 KiB to receive into.
    ///
    /// ```
    /// assert_eq!(reactor_compat::testing::Link::new(), Default::default());
    /// ```
    pub const fn new() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicates: 0.0,
            bandwidth: None,
            queue: QUEUE,
            window: WINDOW,
        }
    }

    /// How long a packet is under way, at least.
    ///
    /// See the [type's example](Self).
    pub const fn latency(mut self, time: Duration) -> Self {
        self.latency = time;
        self
    }

    /// How much longer than that it may be, by chance. So datagrams overtake
    /// each other; bytes of a connection do not, they wait for those in front.
    ///
    /// See the [type's example](Self).
    pub const fn jitter(mut self, time: Duration) -> Self {
        self.jitter = time;
        self
    }

    /// How many of the packets are lost, from 0 to 1. A datagram is gone then;
    /// what is lost of a connection is sent again in a while, which the
    /// connection feels as delay.
    ///
    /// See the [type's example](Self).
    pub const fn loss(mut self, share: f64) -> Self {
        self.loss = share;
        self
    }

    /// How many of the datagrams arrive twice, from 0 to 1.
    ///
    /// ```
    /// use reactor_compat::testing::Link;
    ///
    /// assert_ne!(Link::new().duplicates(0.1), Link::new());
    /// ```
    pub const fn duplicates(mut self, share: f64) -> Self {
        self.duplicates = share;
        self
    }

    /// How many bytes a second pass each way, all connections together; as
    /// many as there are, unless it is said. Each packet counts for 40 bytes
    /// more than what is in it.
    ///
    /// See the [type's example](Self).
    pub const fn bandwidth(mut self, bytes: u64) -> Self {
        self.bandwidth = Some(bytes);
        self
    }

    /// How many bytes may wait for the bandwidth before what comes is lost:
    /// 256 KiB, unless it is said.
    ///
    /// ```
    /// use reactor_compat::testing::Link;
    ///
    /// assert_ne!(Link::new().queue(1500), Link::new());
    /// ```
    pub const fn queue(mut self, bytes: usize) -> Self {
        self.queue = bytes;
        self
    }

    /// How many bytes of a connection may be under way, and received and not
    /// read, before its sender has to wait; of connections that are made from
    /// then on.
    ///
    /// ```
    /// use reactor_compat::testing::Link;
    ///
    /// assert_ne!(Link::new().window(4096), Link::new());
    /// ```
    pub const fn window(mut self, bytes: usize) -> Self {
        self.window = bytes;
        self
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}
