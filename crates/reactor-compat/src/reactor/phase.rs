//! [`Phase`]: the states of a reactor.
//!
//! Tested in `tests/runtime/run.rs`.

/// The states of a reactor.
///
/// ```text
/// Idle ──run──▶ Starting ──before startup──▶ Running ──stop──▶ Stopping
///  ▲               │ └────────────stop────────────────────────────▲│
///  │               └────crash──┐                 │crash            │before shutdown
///  │                           ▼                 ▼                 ▼
///  └───────── Ending ◀────── Crashed ◀──────────────crash─────── Closing
///                 ▲─────────────all has ended───────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is not running. What is started waits for it to run.
    Idle,
    /// The `before` triggers of the event `startup` are not done.
    Starting,
    /// It runs.
    Running,
    /// It was told to stop, and runs until the `before` triggers of the event
    /// `shutdown` are done.
    Stopping,
    /// It lets ports and connections end.
    Closing,
    /// It ends as it is.
    Crashed,
    /// Its tasks are being dropped. Nothing can be started any more.
    Ending,
}

impl Phase {
    /// Whether it takes turns.
    pub(super) fn turns(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }

    /// Whether it runs, as Twisted's `reactor.running` has it.
    pub(super) fn runs(self) -> bool {
        matches!(self, Self::Running | Self::Stopping)
    }
}
