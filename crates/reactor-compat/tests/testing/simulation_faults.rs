//! A fault of ordering, which one seed in many shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::testing::{Link, Simulation, find_seed};
use reactor_compat::{
    Address, Connection, DatagramConnection, DatagramProtocol, Protocol, Reactor,
};

/// How a replica takes in what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replica {
    /// As it comes: what was said later is taken to be newer.
    Naive,
    /// By the number that the leader has given it.
    Ordered,
}

/// The value that a replica has, and the number that it came with.
type Value = Rc<Cell<(u64, u64)>>;

/// Takes in values, `NUMBER VALUE`, by datagrams.
struct Follow {
    replica: Replica,
    value: Value,
}

impl DatagramProtocol for Follow {
    fn datagram_received(&mut self, _: &DatagramConnection<Self>, data: &[u8], _: SocketAddr) {
        let text = std::str::from_utf8(data).unwrap();
        let (number, value) = text.split_once(' ').unwrap();
        let (number, value) = (number.parse().unwrap(), value.parse().unwrap());
        if self.replica == Replica::Naive || number > self.value.get().0 {
            self.value.set((number, value));
        }
    }
}

/// A leader that takes values by TCP, and tells its replicas each one, twice
/// over, for some are lost.
struct Lead {
    reactor: Reactor,
    port: DatagramConnection<Silent>,
    numbers: Rc<Cell<u64>>,
    value: Rc<Cell<u64>>,
}

struct Silent;
impl DatagramProtocol for Silent {}

const REPLICAS: usize = 2;

impl Protocol for Lead {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        for byte in data {
            let number = self.numbers.get() + 1;
            self.numbers.set(number);
            self.value.set(u64::from(*byte));
            let (port, text) = (self.port.clone(), format!("{number} {byte}"));
            tell(&port, &text);
            self.reactor.call_later(Duration::from_millis(40), move || tell(&port, &text));
        }
    }
}

fn tell(port: &DatagramConnection<Silent>, text: &str) {
    for replica in 0..REPLICAS {
        // The leader is the first node.
        let to = SocketAddr::from(([10, 0, 0, u8::try_from(replica).unwrap() + 2], 9));
        port.write(text, to).unwrap();
    }
}

struct Write(Vec<u8>);

impl Protocol for Write {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(&self.0);
    }
}

/// A leader, its replicas, and a client that writes values now and then; in the
/// end all have the last one.
fn program(simulation: &Simulation, replica: Replica) -> Result<(), String> {
    let link = Link::new().latency(Duration::from_millis(10)).jitter(Duration::from_millis(20));
    simulation.set_default_link(link);
    let written = Rc::new(Cell::new(0));
    let value = written.clone();
    simulation.node("leader", move |reactor| {
        let port = reactor.listen_udp(8, Silent).unwrap();
        let (inner, value, numbers) = (reactor.clone(), value.clone(), Rc::new(Cell::new(0)));
        let lead = move |_: Address| Lead {
            reactor: inner.clone(),
            port: port.clone(),
            numbers: numbers.clone(),
            value: value.clone(),
        };
        reactor.listen_tcp(80, lead).unwrap();
    });
    let mut values = Vec::new();
    for number in 0..REPLICAS {
        let value = Value::default();
        values.push(value.clone());
        simulation.node(&format!("replica-{number}"), move |reactor| {
            reactor.listen_udp(9, Follow { replica, value: value.clone() }).unwrap();
        });
    }
    let client = simulation.node("client", |_| ());
    for value in 1..=3 {
        client.reactor().connect_tcp(("leader", 80), move |_: Address| Write(vec![value]));
        // Mostly they are far apart.
        let apart = Duration::from_millis(simulation.random(25..400));
        simulation.run_for(apart).map_err(|error| error.to_string())?;
    }
    simulation.run_for(Duration::from_secs(5)).map_err(|error| error.to_string())?;
    let values: Vec<u64> = values.iter().map(|value| value.get().1).collect();
    if values.iter().all(|value| *value == written.get()) {
        return Ok(());
    }
    Err(format!("the leader has {}, and its replicas have {values:?}", written.get()))
}

#[test]
fn a_thousand_seeds_find_a_fault_of_ordering_which_one_seed_shows_again() {
    let naive = |simulation: &Simulation| program(simulation, Replica::Naive);
    let fault = find_seed(0..1_000, naive).expect("one of a thousand should show it");
    println!("{fault}");
    // By that seed it goes wrong each time, and in the same way.
    assert_eq!(find_seed([fault.seed()], naive), Some(fault.clone()));
    let hash = || {
        let simulation = Simulation::new(fault.seed());
        let what = program(&simulation, Replica::Naive).unwrap_err();
        assert_eq!(what, fault.what());
        simulation.hash()
    };
    assert_eq!(hash(), hash());
}

#[test]
fn a_thousand_seeds_find_nothing_in_the_mended_program() {
    let ordered = |simulation: &Simulation| program(simulation, Replica::Ordered);
    assert_eq!(find_seed(0..1_000, ordered), None);
}

#[test]
fn a_panic_and_what_is_logged_count_as_faults() {
    struct Clumsy;
    impl Protocol for Clumsy {
        fn connection_made(&mut self, _: &Connection<Self>) {
            unreachable!("oops");
        }
    }
    let seen = RefCell::new(BTreeMap::new());
    let panics = find_seed(3..5, |simulation: &Simulation| -> Result<(), String> {
        assert_ne!(simulation.seed(), 4, "four");
        Ok(())
    })
    .unwrap();
    assert_eq!(panics.seed(), 4);
    assert!(panics.what().contains("four"), "{panics}");
    let logs = find_seed([9], |simulation: &Simulation| -> Result<(), String> {
        simulation.node("server", |reactor| {
            reactor.listen_tcp(80, |_: Address| Clumsy).unwrap();
        });
        let client = simulation.node("client", |_| ());
        client.reactor().connect_tcp(("server", 80), |_: Address| Write(Vec::new()));
        simulation.run_for(Duration::from_secs(1)).map_err(|error| error.to_string())?;
        seen.borrow_mut().insert("seconds", simulation.seconds());
        Ok(())
    })
    .unwrap();
    assert_eq!(seen.borrow()["seconds"], Duration::from_secs(1));
    assert!(logs.what().contains("oops"), "{logs}");
}
