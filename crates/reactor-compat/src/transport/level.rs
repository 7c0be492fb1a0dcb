//! [`Level`]: how much is unsent, seen against the marks, and what that holds
//! up.
//!
//! The rules, which no two ends and no ring of forwarders can stand still under
//! (explored in the tests below):
//!
//! 1. Above the high mark the peer is not read from; where there is a producer,
//!    it is paused instead, and the peer read until the growth is used up.
//! 2. Where nothing can be sent for a while, the connection is stuck: it reads
//!    on, and its producer goes on, until the growth since then is used up.
//! 3. Where nothing can be sent for long and the growth is used up, the
//!    connection ends with [`TooMuchUnsent`](crate::TooMuchUnsent).
//! 4. At the low mark all flows again.
//!
//! ```text
//! Low ──above high──▶ High ──nothing sent for a while──▶ Stuck
//!  ▲──────at low────────┴───────────────at low─────────────┘
//! ```

use super::WaterMarks;

/// How much is unsent, seen against the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    /// It has not passed the high mark since it was at the low one.
    Low,
    /// It has, and the peer takes some now and then.
    High,
    /// It has, and the peer took nothing for a while.
    Stuck {
        /// Up to how much may be unsent while data is read.
        limit: usize,
    },
}

impl Level {
    /// After something was written: so much is unsent now.
    #[inline]
    pub(crate) fn wrote(self, unsent: usize, marks: &WaterMarks) -> Self {
        if self == Self::Low && unsent > marks.high() { Self::High } else { self }
    }

    /// After something was sent.
    #[inline]
    pub(crate) fn sent(self, unsent: usize, marks: &WaterMarks) -> Self {
        if unsent <= marks.low() { Self::Low } else { self }
    }

    /// After nothing could be sent for a while.
    pub(crate) fn stalled(self, unsent: usize, marks: &WaterMarks) -> Self {
        match self {
            Self::High => Self::Stuck { limit: unsent.saturating_add(marks.growth()) },
            Self::Low | Self::Stuck { .. } => self,
        }
    }

    /// Whether the peer may be read from.
    pub(crate) fn permits(self, unsent: usize, marks: &WaterMarks, produced: bool) -> bool {
        match self {
            Self::Low => true,
            Self::High => produced && unsent <= marks.high().saturating_add(marks.growth()),
            Self::Stuck { limit } => unsent <= limit,
        }
    }

    /// Whether a producer may produce.
    pub(crate) fn permits_producer(self, unsent: usize) -> bool {
        match self {
            Self::Low => true,
            Self::High => false,
            Self::Stuck { limit } => unsent <= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashSet, VecDeque};

    use super::*;

    /// Small enough that everything can be tried, and alike in shape.
    const MARKS: WaterMarks = WaterMarks::new(1, 2).with_growth(6);
    /// How much each way of a connection carries.
    const WAY: usize = 2;

    /// One end of a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    struct End {
        unsent: usize,
        level: Level,
        /// Bytes that have come and were not read.
        come: usize,
        /// Bytes that it is still to write of itself.
        to_write: usize,
        /// Whether its producer, if it has one, may produce.
        producing: bool,
        /// It was ended by the rules.
        ended: bool,
    }

    impl End {
        fn new(to_write: usize) -> Self {
            let level = Level::Low;
            Self { unsent: 0, level, come: 0, to_write, producing: true, ended: false }
        }

        fn write(&mut self, amount: usize) {
            self.unsent += amount;
            self.level = self.level.wrote(self.unsent, &MARKS);
            self.producing = self.producing && self.level.permits_producer(self.unsent);
        }

        fn sent(&mut self, amount: usize) {
            self.unsent -= amount;
            self.level = self.level.sent(self.unsent, &MARKS);
            self.producing = self.producing || self.level == Level::Low;
        }

        fn stall(&mut self) {
            self.level = self.level.stalled(self.unsent, &MARKS);
            self.producing = self.producing || self.level.permits_producer(self.unsent);
        }
    }

    /// Some ends, each of which sends to another one.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Net {
        ends: Vec<End>,
        /// The ends that get what an end sends.
        to: Vec<usize>,
        /// Through which end that which an end reads goes on; itself: an echo.
        onward: Vec<Option<usize>>,
        /// The end whose producer reads from an end, and is paused for it.
        source: Vec<Option<usize>>,
    }

    impl Net {
        /// Whether an end reads, as the rules say.
        fn reads(&self, end: usize) -> bool {
            let this = self.ends[end];
            let paused = (0..self.ends.len())
                .any(|out| self.source[out] == Some(end) && !self.ends[out].producing);
            let has_producer = self.source[end].is_some();
            !paused && this.level.permits(this.unsent, &MARKS, has_producer)
        }

        /// Everything that can happen next, but for the passing of time.
        fn steps(&self) -> Vec<Self> {
            let mut next = Vec::new();
            for end in 0..self.ends.len() {
                let this = self.ends[end];
                if this.ended {
                    continue;
                }
                if this.to_write > 0 {
                    // All at once, or one by one.
                    for amount in [1, this.to_write] {
                        let mut net = self.clone();
                        net.ends[end].to_write -= amount;
                        net.ends[end].write(amount);
                        next.push(net);
                    }
                }
                let to = self.to[end];
                let room = WAY.saturating_sub(self.ends[to].come);
                if this.unsent > 0 && room > 0 {
                    let mut net = self.clone();
                    let amount = room.min(this.unsent);
                    net.ends[end].sent(amount);
                    net.ends[to].come += amount;
                    next.push(net);
                }
                if this.come > 0 && self.reads(end) {
                    let mut net = self.clone();
                    net.ends[end].come -= 1;
                    if let Some(onward) = self.onward[end] {
                        net.ends[onward].write(1);
                    }
                    next.push(net);
                }
            }
            next
        }

        /// The same after some time: all that can send nothing are
        /// stuck.
        fn later(&self) -> Self {
            let mut net = self.clone();
            for end in 0..net.ends.len() {
                let full = net.ends[net.to[end]].come >= WAY;
                if net.ends[end].unsent > 0 && full {
                    net.ends[end].stall();
                }
            }
            net
        }

        fn at_rest(&self) -> bool {
            self.ends.iter().all(|end| end.unsent == 0 && end.come == 0 && end.to_write == 0)
        }

        /// Goes through everything that can happen; the states that stand still
        /// with something on the way.
        fn explore(self, later: impl Fn(&Self) -> Self) -> (usize, Vec<Self>) {
            let mut seen = HashSet::from([self.clone()]);
            let mut due = VecDeque::from([self]);
            let mut still = Vec::new();
            while let Some(net) = due.pop_front() {
                let mut next = net.steps();
                if next.is_empty() && !net.at_rest() {
                    let later = later(&net);
                    if later == net {
                        still.push(net);
                        continue;
                    }
                    next.push(later);
                }
                for net in next {
                    if seen.insert(net.clone()) {
                        due.push_back(net);
                    }
                }
            }
            (seen.len(), still)
        }
    }

    /// Two ends; what one reads it sends back, if it is an echo.
    fn pair(one: (usize, bool), other: (usize, bool)) -> Net {
        Net {
            ends: vec![End::new(one.0), End::new(other.0)],
            to: vec![1, 0],
            onward: vec![one.1.then_some(0), other.1.then_some(1)],
            source: vec![None, None],
        }
    }

    fn never_stands_still(net: Net) {
        let (seen, still) = net.explore(Net::later);
        assert!(seen > 3, "{seen}: that was no exploration");
        assert_eq!(still, [], "of {seen} states");
    }

    #[test]
    fn a_large_write_to_an_echo_comes_back() {
        for amount in 1..=12 {
            never_stands_still(pair((amount, false), (0, true)));
        }
    }

    #[test]
    fn two_that_write_much_to_each_other_go_on() {
        for amount in 1..=9 {
            never_stands_still(pair((amount, false), (amount, false)));
            never_stands_still(pair((amount, false), (amount, true)));
        }
    }

    /// The exploration finds what it looks for: without the second rule there is
    /// much that stands still.
    #[test]
    fn without_the_rule_for_what_is_stuck_some_stand_still() {
        let (_, still) = pair((12, false), (0, true)).explore(Net::clone);
        assert!(!still.is_empty());
        let (_, still) = pair((6, false), (6, false)).explore(Net::clone);
        assert!(!still.is_empty());
    }

    /// Three forwarders in a ring: what comes in from the one before goes out to
    /// the next, whose connection has the other as its producer. What was put in
    /// goes round for ever, however much it is.
    #[test]
    fn a_ring_of_forwarders_goes_on() {
        for amounts in [[1, 0, 0], [4, 4, 4], [9, 0, 0], [5, 2, 4]] {
            // Connection n is from the forwarder n to the next: its ends are
            // 2n, at n, and 2n + 1, at the next, which passes it on to 2n + 2.
            let mut ends = vec![End::new(0); 6];
            for (connection, amount) in amounts.into_iter().enumerate() {
                ends[2 * connection] = End::new(amount);
            }
            let to = vec![1, 0, 3, 2, 5, 4];
            let onward = vec![None, Some(2), None, Some(4), None, Some(0)];
            let source = vec![Some(5), None, Some(1), None, Some(3), None];
            never_stands_still(Net { ends, to, onward, source });
        }
    }

    /// A peer can make us hold so much and no more, whatever it does.
    #[test]
    fn a_peer_that_never_reads_is_held_by_the_growth() {
        // The answer with which each is passed comes on top.
        let most = MARKS.high() + 1 + MARKS.growth() + 1;
        let mut end = End::new(0);
        let mut stalls = 0;
        for _ in 0..1000 {
            // It sends a request, which is answered, now or later, in one piece.
            if end.level.permits(end.unsent, &MARKS, false) {
                end.write(1);
            } else {
                end.stall();
                stalls += 1;
            }
        }
        assert!(end.unsent <= most, "{}", end.unsent);
        assert!(stalls > 0);
    }
}
