//! The media of the feature `testing`: wires, and simulated links.

use std::time::Duration;

use reactor_compat::testing::{Link, MemoryReactor, Node, Pair, Simulation};
use reactor_compat::{Reactor, WaterMarks};

use crate::actor::{Actor, Reason};
use crate::media::once;
use crate::medium::Medium;

/// A wire in memory.
pub(crate) struct Memory {
    reactor: MemoryReactor,
    pairs: Vec<Pair<Actor, Actor>>,
}

impl Medium for Memory {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self { reactor: MemoryReactor::new(), pairs: Vec::new() }
    }

    fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.pairs.push(self.reactor.connect(server, client));
    }

    fn step(&mut self) {
        self.reactor.pump().expect("the reactor should come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.reactor.flush().expect("the reactor should come to rest");
        self.reactor.advance(time).expect("the reactor should come to rest");
    }
}

/// A wire in memory that carries little, a byte at a time.
pub(crate) struct ByteByByte(Memory);

impl Medium for ByteByByte {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 8_000;
    const WHOLE: bool = false;
    const MARKS: Option<WaterMarks> = Some(WaterMarks::new(1_000, 4_000));

    fn open() -> Self {
        Self(Memory::open())
    }

    fn reactor(&self) -> &Reactor {
        self.0.reactor()
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.connect(server, client);
        for pair in &self.0.pairs {
            pair.wire().set_capacity(100);
        }
    }

    fn step(&mut self) {
        self.0.reactor.pump_bytes(1).expect("the reactor should come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.0.reactor.flush_bytes(1).expect("the reactor should come to rest");
        self.0.reactor.advance(time).expect("the reactor should come to rest");
    }
}

/// Two nodes of a simulation, over a link that takes its time.
pub(crate) struct Simulated {
    simulation: Simulation,
    server: Node,
    /// Whose reactor is used.
    client: Node,
    reactor: Reactor,
    next_port: u16,
}

impl Simulated {
    fn over(link: Link) -> Self {
        let simulation = Simulation::new(1);
        simulation.set_default_link(link);
        let server = simulation.node("server", |_| ());
        let client = simulation.node("client", |_| ());
        let reactor = client.reactor();
        Self { simulation, server, client, reactor, next_port: 1 }
    }
}

impl Medium for Simulated {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self::over(Link::new().latency(Duration::from_micros(200)))
    }

    fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    fn stop(&mut self) {
        self.server.reactor().stop().expect("it should run");
        self.reactor.stop().expect("it should run");
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        let port = self.next_port;
        self.next_port += 1;
        self.server.reactor().listen_tcp(port, once(server)).expect("a port");
        self.client.reactor().connect_tcp(("server", port), once(client));
    }

    fn step(&mut self) {
        self.simulation.run_for(Duration::from_millis(1)).expect("it should come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.simulation.run_for(time).expect("it should come to rest");
    }
}
