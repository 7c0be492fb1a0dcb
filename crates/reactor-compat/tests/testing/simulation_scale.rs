//! A thousand clients that come back, and runs that are the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::task::LoopingCall;
use reactor_compat::testing::{Link, Node, Simulation};
use reactor_compat::{
    Address, Connection, DelayedCall, Protocol, Reactor, ReconnectingClientFactory,
};

const SECOND: Duration = Duration::from_secs(1);
const NODES: usize = 10;
const CLIENTS: usize = 100;

/// How often a client says something, and how long it waits for the answer.
const PING: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers each ping.
struct Server {
    met: Rc<RefCell<BTreeSet<Vec<u8>>>>,
}

impl Protocol for Server {
    fn data_received(&mut self, transport: &Connection<Self>, name: &[u8]) {
        self.met.borrow_mut().insert(name.to_vec());
        transport.write(name);
    }
}

/// Pings, and hangs up when no answer comes.
struct Client {
    reactor: Reactor,
    name: String,
    connected: Rc<Cell<usize>>,
    patience: Option<DelayedCall>,
    pinging: Option<LoopingCall>,
}

impl Client {
    fn wait(&mut self, transport: &Connection<Self>) {
        if let Some(patience) = &self.patience {
            return patience.reset(PATIENCE).unwrap();
        }
        let transport = transport.transport().clone();
        let hang_up = move || transport.abort_connection();
        self.patience = Some(self.reactor.call_later(PATIENCE, hang_up));
    }
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.connected.set(self.connected.get() + 1);
        self.wait(transport);
        let (writer, name) = (transport.transport().clone(), self.name.clone());
        let pinging = LoopingCall::new(move || writer.write(&name));
        let _running = pinging.start(PING, true);
        self.pinging = Some(pinging);
    }

    fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
        self.wait(transport);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.connected.set(self.connected.get() - 1);
        if let Some(pinging) = self.pinging.take() {
            pinging.stop().unwrap();
        }
        if let Some(patience) = self.patience.take().filter(DelayedCall::active) {
            patience.cancel().unwrap();
        }
    }
}

struct World {
    simulation: Simulation,
    nodes: Vec<Node>,
    /// How many clients each of the nodes has connected.
    connected: Vec<Rc<Cell<usize>>>,
    met: Rc<RefCell<BTreeSet<Vec<u8>>>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let simulation = Simulation::new(seed);
        let link = Link::new().latency(Duration::from_millis(50)).jitter(Duration::from_millis(5));
        simulation.set_default_link(link);
        let met = Rc::new(RefCell::new(BTreeSet::new()));
        let its = met.clone();
        simulation.node("server", move |reactor| {
            let met = its.clone();
            let server = move |_: Address| Server { met: met.clone() };
            reactor.listen_tcp(80, server).unwrap();
        });
        let mut world = Self { simulation, nodes: Vec::new(), connected: Vec::new(), met };
        (0..NODES).for_each(|number| world.add_clients(number));
        world
    }

    fn add_clients(&mut self, number: usize) {
        let connected = Rc::new(Cell::new(0));
        let count = connected.clone();
        let node = self.simulation.node(&format!("node-{number}"), move |reactor| {
            for client in 0..CLIENTS {
                let (inner, connected) = (reactor.clone(), count.clone());
                let build = move |_: Address| Client {
                    reactor: inner.clone(),
                    name: format!("{number}/{client}"),
                    connected: connected.clone(),
                    patience: None,
                    pinging: None,
                };
                let factory = ReconnectingClientFactory::new(build);
                reactor.connect_tcp(("server", 80), factory);
            }
        });
        self.nodes.push(node);
        self.connected.push(connected);
    }

    fn connected(&self, nodes: std::ops::Range<usize>) -> usize {
        self.connected[nodes].iter().map(|count| count.get()).sum()
    }

    /// The story: all meet; half of them are cut off for ten minutes, and come
    /// back.
    fn play(&self) {
        let simulation = &self.simulation;
        let all = NODES * CLIENTS;
        assert!(simulation.run_until(5 * SECOND, || self.connected(0..NODES) == all).unwrap());
        simulation.run_for(60 * SECOND).unwrap();
        assert_eq!(self.met.borrow().len(), all);

        let half = NODES / 2;
        simulation.isolate(&self.nodes[..half]);
        simulation.run_for(600 * SECOND).unwrap();
        assert_eq!(self.connected(0..half), 0, "they have hung up, and cannot come back");
        assert_eq!(self.connected(half..NODES), all / 2, "the others noticed nothing");

        simulation.heal();
        let back = || self.connected(0..NODES) == all;
        assert!(simulation.run_until(3_600 * SECOND, back).unwrap());
        simulation.run_for(60 * SECOND).unwrap();
        assert_eq!(self.connected(0..NODES), all);
    }
}

#[test]
fn a_thousand_clients_are_cut_off_and_come_back() {
    let world = World::new(1);
    world.play();
    assert!(world.simulation.events() > 10_000);
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_event() {
    let run = |seed| {
        let world = World::new(seed);
        world.simulation.run_for(30 * SECOND).unwrap();
        world.simulation.isolate(&world.nodes[..1]);
        world.nodes[2].crash();
        world.simulation.run_for(60 * SECOND).unwrap();
        world.nodes[2].start();
        world.simulation.heal();
        world.simulation.run_for(30 * SECOND).unwrap();
        (world.simulation.hash(), world.simulation.events(), world.simulation.seconds())
    };
    let first = run(7);
    assert_eq!(run(7), first);
    assert_ne!(run(8).0, first.0);
}
