//! [`Connection`]: a connection between two nodes, packet by packet.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::NodeId;
use super::event::Event;
use super::port::Port;
use super::tcp::Dialling;
use super::world::World;
use crate::address::Address;
use crate::testing::wire::{Carrier, MemoryStream, Side, Tail, Wire, reset};

/// How many bytes go into one packet.
const SEGMENT: usize = 1460;

/// How long a sender waits for an answer before it sends a packet again: at
/// least, at most, and in all, after which the connection is lost.
const LEAST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(924);

/// One of the two ends.
struct End {
    node: NodeId,
    /// When its machine was switched on.
    boots: u32,
    address: SocketAddr,
    /// Its machine was switched off: it says nothing any more.
    cut_off: Cell<bool>,
}

/// The contents of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The connection is made: of the server that it expects the client, and
    /// of the client that it is there.
    Hello,
    Data(usize),
    End,
}

/// A packet that has been sent, and may not have arrived.
struct Segment {
    what: What,
    arrived: bool,
    tries: u32,
    since: Duration,
}

/// The packets that one end has sent and the other has not got yet.
#[derive(Default)]
struct Way {
    segments: VecDeque<Segment>,
    /// The number of the first of them.
    first: u64,
    /// How many bytes are in them.
    bytes: usize,
    /// Nothing follows.
    over: bool,
    /// It is being told that the other end has read.
    telling: bool,
}

impl Way {
    /// Lets go of all, as of somebody who sends nothing more.
    fn clear(&mut self) {
        self.first += self.segments.len() as u64;
        self.segments.clear();
        self.bytes = 0;
        self.over = true;
    }
}

/// A connection between two nodes.
pub(super) struct Connection {
    world: Weak<World>,
    number: u64,
    wire: Wire,
    window: usize,
    /// The server's and the client's.
    ends: [End; 2],
    ways: [RefCell<Way>; 2],
    /// Until the client knows of it.
    dialling: RefCell<Option<Rc<Dialling>>>,
    /// Until the server has it.
    port: RefCell<Option<Rc<Port>>>,
}

impl Connection {
    /// A port expects the client: tells it so.
    pub(super) fn begin(world: &World, dialling: Rc<Dialling>, port: Rc<Port>) {
        let end = |node, address| End {
            node,
            boots: world.host(node, |host| host.boots),
            address,
            cut_off: Cell::new(false),
        };
        let ends = [end(dialling.server, dialling.to), end(dialling.client, dialling.from)];
        let window = world.links.borrow().link(dialling.server, dialling.client).window.max(1);
        let connection = Rc::new(Self {
            world: world.weak(),
            number: dialling.number,
            wire: Wire::carried(window),
            window,
            ends,
            ways: Default::default(),
            dialling: RefCell::new(Some(dialling)),
            port: RefCell::new(Some(port)),
        });
        world.connections.borrow_mut().insert(connection.number, connection.clone());
        connection.send(world, Side::Server, What::Hello);
    }

    fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    fn way(&self, side: Side) -> std::cell::RefMut<'_, Way> {
        self.ways[side as usize].borrow_mut()
    }

    /// The nodes that a packet of `from` leaves and arrives at.
    fn nodes(&self, from: Side) -> (NodeId, NodeId) {
        (self.end(from).node, self.end(from.other()).node)
    }

    /// One of its ends.
    fn stream(self: &Rc<Self>, side: Side) -> MemoryStream {
        let host = Address::Tcp(self.end(side).address);
        let peer = Address::Tcp(self.end(side.other()).address);
        self.wire.with_carrier(self.clone()).stream(side, host, peer)
    }

    /// Whether an end has a machine that knows of it.
    fn is_known(&self, world: &World, side: Side) -> bool {
        let end = self.end(side);
        !end.cut_off.get() && world.host(end.node, |host| host.boots == end.boots)
    }

    // ----- sending -----

    /// Sends a packet, for the first time.
    fn send(&self, world: &World, from: Side, what: What) {
        let since = world.now();
        let number = {
            let mut way = self.way(from);
            way.segments.push_back(Segment { what, arrived: false, tries: 0, since });
            if let What::Data(count) = what {
                way.bytes += count;
            }
            way.first + way.segments.len() as u64 - 1
        };
        self.transmit(world, (from, number), what, 0);
    }

    fn transmit(&self, world: &World, (from, number): (Side, u64), what: What, tries: u32) {
        let bytes = if let What::Data(count) = what { count } else { 0 };
        let connection = self.number;
        match world.send(self.nodes(from), bytes) {
            Some(at) => world.at(at, Event::Segment { connection, from, number }),
            None => self.lose(world, (from, number), tries),
        }
    }

    /// A packet was lost: it is sent again when no answer has come for a while,
    /// and for twice as long each time.
    fn lose(&self, world: &World, (from, number): (Side, u64), tries: u32) {
        let link = {
            let (from, to) = self.nodes(from);
            world.links.borrow().link(from, to)
        };
        let wait = LEAST_WAIT.max(link.latency.saturating_add(link.jitter).saturating_mul(4));
        let wait = wait.saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST_WAIT);
        let connection = self.number;
        world.after(wait, Event::SegmentAgain { connection, from, number });
    }

    /// No answer has come to a packet.
    pub(super) fn send_again(&self, world: &World, from: Side, number: u64) {
        let lost = {
            let mut way = self.way(from);
            let Some(place) = number.checked_sub(way.first) else { return };
            let Some(segment) = way.segments.get_mut(place as usize) else { return };
            segment.tries += 1;
            let patient = world.now().saturating_sub(segment.since) <= PATIENCE;
            patient.then_some((segment.what, segment.tries))
        };
        match lost {
            Some((what, tries)) => self.transmit(world, (from, number), what, tries),
            None => {
                let error = (io::ErrorKind::TimedOut, "connection timed out");
                self.break_end(from, error);
                if self.dialling.borrow().is_some() {
                    // The client never knew of it, and will not.
                    self.break_end(from.other(), error);
                }
                self.sweep(world);
            }
        }
    }

    /// Answers what has come to `at` by a reset.
    fn send_reset(&self, world: &World, at: Side) {
        let reset = Event::Reset { connection: self.number, at: at.other() };
        match world.send(self.nodes(at), 0) {
            Some(time) => world.at(time, reset),
            None => self.lose_reset(world, reset),
        }
    }

    /// A reset was lost. It is sent again only where the server expects a
    /// client, for whom it would send its own packet again.
    fn lose_reset(&self, world: &World, reset: Event) {
        if self.port.borrow().is_some() {
            world.after(LEAST_WAIT, reset);
        }
    }

    // ----- receiving -----

    /// A packet is where it should arrive.
    pub(super) fn arrive(self: &Rc<Self>, world: &World, from: Side, number: u64) {
        let tries = {
            let way = self.way(from);
            let Some(place) = number.checked_sub(way.first) else { return };
            let Some(segment) = way.segments.get(place as usize) else { return };
            segment.tries
        };
        if !world.arrives(self.nodes(from)) {
            return self.lose(world, (from, number), tries);
        }
        if !self.is_known(world, from.other()) {
            return self.send_reset(world, from.other());
        }
        {
            let mut way = self.way(from);
            let place = (number - way.first) as usize;
            way.segments[place].arrived = true;
        }
        // What came before those in front of it waits for them.
        while let Some(what) = self.next_arrived(from) {
            self.take(world, from, what);
        }
        self.sweep(world);
    }

    fn next_arrived(&self, from: Side) -> Option<What> {
        let mut way = self.way(from);
        let what = way.segments.pop_front_if(|segment| segment.arrived)?.what;
        way.first += 1;
        Some(what)
    }

    fn take(self: &Rc<Self>, world: &World, from: Side, what: What) {
        match (what, from) {
            (What::Hello, Side::Server) => self.tell_client(world),
            (What::Hello, Side::Client) => self.tell_server(),
            (What::End, _) => self.wire.change(|state| state.land_end(from)),
            (What::Data(count), _) => {
                let taken = self.wire.change(|state| {
                    if let Some(data) = state.from(from).flying.as_slice().get(..count) {
                        world.note_data(data);
                    }
                    state.land(from, count)
                });
                let mut way = self.way(from);
                way.bytes = way.bytes.saturating_sub(count);
                drop(way);
                if !taken {
                    self.send_reset(world, from.other());
                }
            }
        }
    }

    /// The client hears that it is connected.
    fn tell_client(self: &Rc<Self>, world: &World) {
        let dialling = self.dialling.take();
        let stream = self.stream(Side::Client);
        self.send(world, Side::Client, What::Hello);
        let left = match dialling {
            Some(dialling) => dialling.decide(Ok(stream)),
            None => Some(Ok(stream)),
        };
        // It was given up: nobody wants the stream.
        if let Some(Ok(stream)) = left {
            stream.reset();
        }
    }

    /// The server hears that the client is there.
    fn tell_server(self: &Rc<Self>) {
        let port = self.port.take();
        let stream = self.stream(Side::Server);
        let left = match port {
            Some(port) => port.welcome(stream),
            None => Some(stream),
        };
        if let Some(stream) = left {
            stream.reset();
        }
    }

    /// A reset is where it should arrive.
    pub(super) fn hear_reset(&self, world: &World, at: Side) {
        if !self.is_known(world, at) {
            return;
        }
        if !world.arrives(self.nodes(at.other())) {
            return self.lose_reset(world, Event::Reset { connection: self.number, at });
        }
        let (kind, text) = reset();
        self.break_end(at, (kind, &text));
        self.sweep(world);
    }

    /// `from` hears that the other end has read some of what it has sent.
    pub(super) fn hear_of_reads(&self, world: &World, from: Side, count: usize) {
        if !world.arrives(self.nodes(from.other())) {
            let connection = self.number;
            return world.after(LEAST_WAIT, Event::Reads { connection, from, count });
        }
        self.way(from).telling = false;
        self.wire.change(|state| state.hear_of_reads(from, count));
        self.tell_of_reads(world, from);
    }

    /// Tells `from` that the other end has read, when that is much, or is
    /// waited for.
    fn tell_of_reads(&self, world: &World, from: Side) {
        let (count, full) = self.wire.change(|state| {
            let way = state.from(from);
            (way.unheard, way.is_full())
        });
        let worth_it = count > 0 && (full || count >= self.window / 4);
        let mut way = self.way(from);
        if !worth_it || way.telling {
            return;
        }
        way.telling = true;
        drop(way);
        let connection = self.number;
        let event = Event::Reads { connection, from, count };
        match world.send(self.nodes(from.other()), 0) {
            Some(at) => world.at(at, event),
            None => world.after(LEAST_WAIT, event),
        }
    }

    // ----- ending -----

    /// An end cannot be used any more, and sends nothing more.
    fn break_end(&self, side: Side, (kind, text): (io::ErrorKind, &str)) {
        self.way(side).clear();
        let nobody = match side {
            Side::Client => self.dialling.take().map(|dialling| {
                dialling.decide(Err(io::Error::new(kind, text).into()));
            }),
            Side::Server => self.port.take().map(|port| port.forget()),
        };
        self.wire.change(|state| {
            state.break_end(side, (kind, text.to_owned()));
            // There is no stream that could be closed, and will be none.
            state.end(side).closed |= nobody.is_some();
        });
    }

    /// The machine of a node is switched off.
    pub(super) fn cut_off(&self, world: &World, node: NodeId) {
        for side in [Side::Server, Side::Client] {
            if self.end(side).node == node {
                self.end(side).cut_off.set(true);
                self.break_end(side, (io::ErrorKind::NetworkDown, "the node was switched off"));
            }
        }
        self.sweep(world);
    }

    /// Cuts the connection for both ends at once.
    pub(super) fn reset_both(&self, world: &World) {
        let (kind, text) = reset();
        self.break_end(Side::Server, (kind, &text));
        self.break_end(Side::Client, (kind, &text));
        self.sweep(world);
    }

    /// Whether it is one between two nodes.
    pub(super) fn is_between(&self, one: NodeId, other: NodeId) -> bool {
        let (server, client) = self.nodes(Side::Server);
        (server, client) == (one, other) || (client, server) == (one, other)
    }

    /// Forgets the connection if nothing can happen to it any more.
    fn sweep(&self, world: &World) {
        let quiet = |side| {
            let way = self.way(side);
            way.over && way.segments.is_empty()
        };
        let done = |side| {
            let closed = self.wire.change(|state| state.end(side).closed);
            closed || self.end(side).cut_off.get()
        };
        let over = [Side::Server, Side::Client].into_iter().all(|side| quiet(side) && done(side));
        if over {
            world.connections.borrow_mut().remove(&self.number);
        }
    }
}

impl Carrier for Connection {
    fn changed(&self, side: Side) {
        let Some(world) = self.world.upgrade() else { return };
        if self.end(side).cut_off.get() {
            return self.sweep(&world);
        }
        let (tail, bytes, broken) = self.wire.change(|state| {
            let broken = state.end(side).error().is_some();
            let way = state.from(side);
            (way.tail, way.flying.len(), broken)
        });
        let (mut fresh, over) = {
            let way = self.way(side);
            (bytes.saturating_sub(way.bytes), way.over || broken)
        };
        if over {
            self.way(side).over = true;
        } else if tail == Tail::Resetting {
            self.way(side).clear();
            self.send_reset(&world, side);
        } else {
            while fresh > 0 {
                let count = fresh.min(SEGMENT);
                self.send(&world, side, What::Data(count));
                fresh -= count;
            }
            if tail == Tail::Ending {
                self.send(&world, side, What::End);
                self.way(side).over = true;
            }
        }
        self.tell_of_reads(&world, side.other());
        if tail != Tail::Open {
            self.sweep(&world);
        }
    }
}
