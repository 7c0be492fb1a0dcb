//! [`History`]: all that has happened, as a number.
//!
//! Tested in `tests/testing/simulation.rs`.

/// The numbers of FNV-1a, for 64 bits.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// All that has happened, as a number: two runs that have the same were the
/// same, event by event.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    pub(super) hash: u64,
    pub(super) events: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self { hash: BASIS, events: 0 }
    }

    /// One more event.
    pub(super) fn note(&mut self, what: &[u64]) {
        self.events += 1;
        what.iter().for_each(|number| self.add(&number.to_le_bytes()));
    }

    /// Adds what the last event carried.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }
}
