//! [`Events`]: the packets under way, by the time at which they arrive.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::tcp::Dialling;
use super::udp::Flying;
use crate::testing::wire::Side;

/// An event of the network.
pub(super) enum Event {
    /// A client's first packet arrives.
    Syn(Rc<Dialling>),
    /// It was lost, and is sent again.
    SynAgain(Rc<Dialling>),
    /// The client hears that nobody listens.
    Refused(Rc<Dialling>),
    /// A segment that `from` has sent arrives.
    Segment { connection: u64, from: Side, number: u64 },
    /// It was lost, and is sent again.
    SegmentAgain { connection: u64, from: Side, number: u64 },
    /// A reset arrives at `at`.
    Reset { connection: u64, at: Side },
    /// `from` hears that so many of its bytes were read.
    Reads { connection: u64, from: Side, count: usize },
    /// A datagram arrives.
    Datagram(Flying),
    /// Its sender hears that nobody listens.
    Unreachable(Flying),
}

impl Event {
    /// Its kind and its number, for the history.
    pub(super) fn code(&self) -> [u64; 3] {
        match self {
            Self::Syn(dialling) => [1, dialling.number, 0],
            Self::SynAgain(dialling) => [2, dialling.number, 0],
            Self::Refused(dialling) => [3, dialling.number, 0],
            Self::Segment { connection, from, number } => {
                [4 + 16 * (*from as u64), *connection, *number]
            }
            Self::SegmentAgain { connection, from, number } => {
                [5 + 16 * (*from as u64), *connection, *number]
            }
            Self::Reset { connection, at } => [6 + 16 * (*at as u64), *connection, 0],
            Self::Reads { connection, from, count } => {
                [7 + 16 * (*from as u64), *connection, *count as u64]
            }
            Self::Datagram(flying) => [8, flying.number, 0],
            Self::Unreachable(flying) => [9, flying.number, 0],
        }
    }

    /// Its name, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Syn(_) => "syn",
            Self::SynAgain(_) => "syn lost",
            Self::Refused(_) => "refused",
            Self::Segment { .. } => "segment",
            Self::SegmentAgain { .. } => "segment lost",
            Self::Reset { .. } => "reset",
            Self::Reads { .. } => "reads",
            Self::Datagram(_) => "datagram",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

/// When something happens: its time, and, of what happens at one time, in an
/// order by chance.
type When = (Duration, u32, u64);

/// The events that are to come.
#[derive(Default)]
pub(super) struct Events {
    events: BTreeMap<When, Event>,
    next: u64,
}

impl Events {
    /// Has something happen at a time, in a place by `chance` among what else
    /// happens then.
    pub(super) fn add(&mut self, at: Duration, chance: u32, event: Event) {
        self.next += 1;
        self.events.insert((at, chance, self.next), event);
    }

    /// When the next one happens.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, ..), _)| *at)
    }

    /// Takes the next one, if it happens until `now`.
    pub(super) fn take(&mut self, now: Duration) -> Option<(Duration, Event)> {
        let next = self.events.first_entry()?;
        let (at, ..) = *next.key();
        (at <= now).then(|| (at, next.remove()))
    }
}
