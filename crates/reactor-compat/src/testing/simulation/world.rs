//! [`World`]: the nodes' machines, the ways between them, and what is under
//! way.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::{Rc, Weak};
use std::time::Duration;

use fastrand::Rng;

use super::NodeId;
use super::connection::Connection;
use super::event::{Event, Events};
use super::history::History;
use super::host::{Host, Power};
use super::links::Links;
use crate::reactor::Reactor;

/// The first address of a node.
const FIRST_ADDRESS: u32 = 0x0a00_0001;

/// The nodes' machines, the ways between them, and what is under way.
pub(super) struct World {
    this: Weak<Self>,
    /// The reactor that has the clock, and does nothing else.
    clock: Reactor,
    /// While an event happens: the time that it was due.
    due: Cell<Option<Duration>>,
    pub(super) random: RefCell<Rng>,
    pub(super) hosts: RefCell<Vec<Host>>,
    pub(super) links: RefCell<Links>,
    pub(super) connections: RefCell<BTreeMap<u64, Rc<Connection>>>,
    pub(super) history: Cell<History>,
    events: RefCell<Events>,
    numbers: Cell<u64>,
}

impl World {
    pub(super) fn new(clock: Reactor, seed: u64) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            clock,
            due: Cell::new(None),
            random: RefCell::new(Rng::with_seed(seed)),
            hosts: RefCell::default(),
            links: RefCell::default(),
            connections: RefCell::default(),
            history: Cell::new(History::new()),
            events: RefCell::default(),
            numbers: Cell::new(0),
        })
    }

    /// For what may outlive it.
    pub(super) fn weak(&self) -> Weak<Self> {
        self.this.clone()
    }

    /// The reactor that has the clock.
    pub(super) fn clock(&self) -> &Reactor {
        &self.clock
    }

    /// The time: while an event happens, that at which it was due.
    pub(super) fn now(&self) -> Duration {
        self.due.get().unwrap_or_else(|| self.clock.seconds())
    }

    /// A number that is used once.
    pub(super) fn number(&self) -> u64 {
        let number = self.numbers.get() + 1;
        self.numbers.set(number);
        number
    }

    // ----- the nodes -----

    pub(super) fn add_host(&self, name: &str) -> NodeId {
        let mut hosts = self.hosts.borrow_mut();
        let number = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        hosts.push(Host::new(name, Ipv4Addr::from(FIRST_ADDRESS.saturating_add(number))));
        hosts.len() - 1
    }

    pub(super) fn host<R>(&self, node: NodeId, look: impl FnOnce(&mut Host) -> R) -> R {
        look(&mut self.hosts.borrow_mut()[node])
    }

    /// The node that `node` reaches by an address.
    pub(super) fn node_at(&self, node: NodeId, ip: IpAddr) -> Option<NodeId> {
        if ip == Ipv4Addr::LOCALHOST {
            return Some(node);
        }
        self.hosts.borrow().iter().position(|host| host.ip == ip)
    }

    /// The address of a node, by its name.
    pub(super) fn address_of(&self, name: &str) -> Option<Ipv4Addr> {
        self.hosts.borrow().iter().find(|host| host.name == name).map(|host| host.ip)
    }

    /// Whether a node's machine is on.
    pub(super) fn is_on(&self, node: NodeId) -> bool {
        self.host(node, |host| host.power == Power::On)
    }

    /// Switches a machine off: nothing that it says is heard from then on, not
    /// even by itself.
    pub(super) fn switch_off(&self, node: NodeId) {
        let (ports, mailboxes) = self.host(node, |host| {
            host.power = Power::Off;
            (std::mem::take(&mut host.ports), std::mem::take(&mut host.mailboxes))
        });
        let connections: Vec<_> = self.connections.borrow().values().cloned().collect();
        connections.iter().for_each(|connection| connection.cut_off(self, node));
        ports.iter().for_each(|port| port.close());
        drop(mailboxes);
    }

    /// Switches a machine on again.
    pub(super) fn switch_on(&self, node: NodeId) {
        self.host(node, |host| {
            if host.power == Power::Off {
                host.power = Power::On;
                host.boots += 1;
            }
        });
    }

    // ----- what is under way -----

    /// Sends a packet; when it arrives, unless it is lost.
    pub(super) fn send(&self, ends: (NodeId, NodeId), bytes: usize) -> Option<Duration> {
        let now = self.now();
        self.links.borrow_mut().send(ends, bytes, now, &mut self.random.borrow_mut())
    }

    /// Whether a packet that is at its end now has arrived: the cable is in,
    /// and the machine on.
    pub(super) fn arrives(&self, (from, to): (NodeId, NodeId)) -> bool {
        self.links.borrow().passes(from, to) && self.is_on(to)
    }

    /// Has something happen at a time.
    pub(super) fn at(&self, time: Duration, event: Event) {
        let chance = self.random.borrow_mut().u32(..);
        self.events.borrow_mut().add(time, chance, event);
    }

    /// Has something happen in a while.
    pub(super) fn after(&self, time: Duration, event: Event) {
        self.at(self.now().saturating_add(time), event);
    }

    /// When the next event is due.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.events.borrow().next_at()
    }

    /// Lets the next event happen, if one is due by now; whether one was.
    pub(super) fn step(&self) -> bool {
        let next = self.events.borrow_mut().take(self.clock.seconds());
        let Some((at, event)) = next else { return false };
        self.due.set(Some(at));
        let [kind, about, number] = event.code();
        tracing::trace!(target: "simulation", ?at, about, number, "{}", event.name());
        self.note(&[at.as_nanos() as u64, kind, about, number]);
        self.happen(event);
        self.due.set(None);
        true
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Syn(dialling) => self.syn(&dialling),
            Event::SynAgain(dialling) => self.syn_again(&dialling),
            Event::Refused(dialling) => self.refused(&dialling),
            Event::Segment { connection, from, number } => {
                self.with(connection, |connection| connection.arrive(self, from, number));
            }
            Event::SegmentAgain { connection, from, number } => {
                self.with(connection, |connection| connection.send_again(self, from, number));
            }
            Event::Reset { connection, at } => {
                self.with(connection, |connection| connection.hear_reset(self, at));
            }
            Event::Reads { connection, from, count } => {
                self.with(connection, |connection| connection.hear_of_reads(self, from, count));
            }
            Event::Datagram(flying) => self.datagram(flying),
            Event::Unreachable(flying) => self.unreachable(&flying),
        }
    }

    fn with(&self, number: u64, act: impl FnOnce(&Rc<Connection>)) {
        let connection = self.connections.borrow().get(&number).cloned();
        if let Some(connection) = connection {
            act(&connection);
        }
    }

    /// Takes note of an event.
    pub(super) fn note(&self, what: &[u64]) {
        let mut history = self.history.get();
        history.note(what);
        self.history.set(history);
    }

    /// Takes note of what an event carries.
    pub(super) fn note_data(&self, data: &[u8]) {
        let mut history = self.history.get();
        history.add(data);
        self.history.set(history);
    }
}
