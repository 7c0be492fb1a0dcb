//! [`Links`]: the ways between the nodes, as they are now.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::NodeId;
use super::link::Link;

/// The bytes of a packet beside its contents.
const HEADER: usize = 40;

/// The ways between the nodes. Those that nobody has spoken of are like the
/// default.
#[derive(Default)]
pub(super) struct Links {
    pub(super) default: Link,
    ways: BTreeMap<(NodeId, NodeId), Way>,
}

/// The way between two nodes.
#[derive(Default)]
struct Way {
    /// Unless it is like the default.
    link: Option<Link>,
    cable: Cable,
    /// Until when what has been sent keeps it busy, from the first to the
    /// second, and back.
    busy: [Duration; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cable {
    #[default]
    In,
    Out,
}

fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    (one.min(other), one.max(other))
}

impl Links {
    fn way(&mut self, one: NodeId, other: NodeId) -> &mut Way {
        self.ways.entry(pair(one, other)).or_default()
    }

    pub(super) fn set(&mut self, one: NodeId, other: NodeId, link: Link) {
        self.way(one, other).link = Some(link);
    }

    pub(super) fn plug(&mut self, one: NodeId, other: NodeId, cable: Cable) {
        self.way(one, other).cable = cable;
    }

    /// Puts all cables in.
    pub(super) fn heal(&mut self) {
        self.ways.values_mut().for_each(|way| way.cable = Cable::In);
    }

    /// Whether anything passes between two nodes. A node always reaches itself.
    pub(super) fn passes(&self, one: NodeId, other: NodeId) -> bool {
        one == other || self.ways.get(&pair(one, other)).is_none_or(|way| way.cable == Cable::In)
    }

    /// The properties of the way.
    pub(super) fn link(&self, one: NodeId, other: NodeId) -> Link {
        if one == other {
            return Link { window: self.default.window, ..Link::new() };
        }
        let link = self.ways.get(&pair(one, other)).and_then(|way| way.link.as_ref());
        link.unwrap_or(&self.default).clone()
    }

    /// Sends a packet of `bytes` at `now`; when it arrives, unless it is lost.
    pub(super) fn send(
        &mut self,
        (from, to): (NodeId, NodeId),
        bytes: usize,
        now: Duration,
        random: &mut Rng,
    ) -> Option<Duration> {
        if from == to {
            return Some(now);
        }
        if !self.passes(from, to) {
            return None;
        }
        let link = self.link(from, to);
        let busy = &mut self.way(from, to).busy[usize::from(from > to)];
        let mut leaves = now;
        if let Some(bandwidth) = link.bandwidth {
            let start = now.max(*busy);
            let waiting = (start - now).as_secs_f64() * bandwidth as f64;
            if waiting > link.queue as f64 {
                return None;
            }
            let seconds = (bytes + HEADER) as f64 / bandwidth.max(1) as f64;
            leaves =
                start.saturating_add(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
            *busy = leaves;
        }
        if link.loss > 0.0 && random.f64() < link.loss {
            return None;
        }
        let flight = link.latency.saturating_add(by_chance(link.jitter, random));
        Some(leaves.saturating_add(flight))
    }
}

/// Some time, up to `most`.
fn by_chance(most: Duration, random: &mut Rng) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 { Duration::ZERO } else { Duration::from_nanos(random.u64(0..=nanos)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn one_way(link: Link) -> Links {
        let mut links = Links::default();
        links.set(0, 1, link);
        links
    }

    #[test]
    fn bandwidth_has_packets_wait_for_each_other_each_way_for_itself() {
        let mut links = one_way(Link::new().bandwidth(100));
        let mut random = Rng::with_seed(1);
        let mut send = |from, to| links.send((from, to), 60, Duration::ZERO, &mut random);
        assert_eq!(send(0, 1), Some(SECOND));
        assert_eq!(send(0, 1), Some(2 * SECOND));
        assert_eq!(send(1, 0), Some(SECOND));
    }

    #[test]
    fn what_finds_the_queue_full_is_lost() {
        let mut links = one_way(Link::new().bandwidth(100).queue(100));
        let mut random = Rng::with_seed(1);
        let mut send = |now| links.send((0, 1), 60, now, &mut random);
        assert_eq!(send(Duration::ZERO), Some(SECOND));
        assert_eq!(send(Duration::ZERO), Some(2 * SECOND));
        assert_eq!(send(Duration::ZERO), None);
        assert_eq!(send(SECOND), Some(3 * SECOND));
    }

    #[test]
    fn nothing_passes_a_cable_that_is_out_but_on_one_host() {
        let mut links = one_way(Link::new().latency(SECOND));
        let mut random = Rng::with_seed(1);
        links.plug(1, 0, Cable::Out);
        assert_eq!(links.send((0, 1), 1, Duration::ZERO, &mut random), None);
        assert_eq!(links.send((0, 0), 1, Duration::ZERO, &mut random), Some(Duration::ZERO));
        links.heal();
        assert_eq!(links.send((0, 1), 1, Duration::ZERO, &mut random), Some(SECOND));
    }
}
