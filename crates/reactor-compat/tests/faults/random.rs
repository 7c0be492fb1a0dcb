//! Two protocols that are connected, to which things are done at random; and
//! what holds whatever is done.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use crate::support::{Event, drive, turns};
use deferred::{Deferred, Failure};
use fastrand::Rng;
use reactor_compat::{
    Address, ClientFactory, Connection, Factory, Port, Producer, ProducerKind, Protocol, Reactor,
    WaterMarks,
};

/// What is known of one of the two, when all is over.
#[derive(Default)]
struct Seen {
    connection: RefCell<Option<Connection<End>>>,
    made: Cell<usize>,
    received: RefCell<Vec<u8>>,
    /// How many bytes its transport has taken.
    taken: Cell<u64>,
    ends: RefCell<Vec<Event>>,
    /// Callbacks that came before the first, or after the last.
    untimely: RefCell<Vec<&'static str>>,
    producers: Cell<usize>,
    stopped: Cell<usize>,
    drains: RefCell<Vec<Deferred<()>>>,
    /// Whether it said that it would read no more.
    closed: Cell<bool>,
}

/// What a side sends is known by its place.
fn byte(place: u64) -> u8 {
    (place % 251) as u8
}

impl Seen {
    fn check_alive(&self, callback: &'static str) {
        if self.made.get() != 1 || !self.ends.borrow().is_empty() {
            self.untimely.borrow_mut().push(callback);
        }
    }

    fn write(&self, transport: &Connection<End>, count: usize) {
        let from = self.taken.get();
        let data: Vec<u8> = (from..from + count as u64).map(byte).collect();
        if count < 1_500 {
            transport.write(&data);
        } else {
            transport.write_sequence(data.chunks(1_000));
        }
        self.taken.set(transport.written());
    }
}

struct End {
    seen: Rc<Seen>,
    rng: Rng,
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.seen.made.set(self.seen.made.get() + 1);
        self.seen.check_alive("connection_made");
        self.seen.connection.replace(Some(transport.clone()));
        self.sometimes(transport, 3);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.seen.check_alive("data_received");
        self.seen.received.borrow_mut().extend_from_slice(data);
        self.sometimes(transport, 4);
    }

    fn resumed(&mut self, _: &Connection<Self>) {
        self.seen.check_alive("resumed");
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.seen.check_alive("read_connection_lost");
        if self.rng.bool() {
            transport.lose_connection();
        }
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.seen.check_alive("write_connection_lost");
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
        self.seen.check_alive("connection_lost");
        self.seen.ends.borrow_mut().push(crate::support::reason(&reason));
        act(&self.seen, transport, &mut self.rng);
    }
}

impl End {
    fn sometimes(&mut self, transport: &Connection<Self>, seldom: u32) {
        if self.rng.u32(..seldom) == 0 {
            act(&self.seen, transport, &mut self.rng);
        }
    }
}

/// A producer that writes when it is told to go on, up to a point.
struct Source {
    seen: Rc<Seen>,
    transport: Connection<End>,
    left: Cell<usize>,
}

impl Producer for Source {
    fn pause_producing(&self) {}

    fn resume_producing(&self) {
        match self.left.get() {
            0 => self.transport.unregister_producer(),
            left => {
                self.left.set(left - 1);
                self.seen.write(&self.transport, 5_000);
            }
        }
    }

    fn stop_producing(&self) {
        self.seen.stopped.set(self.seen.stopped.get() + 1);
    }
}

/// Does one of the things that can be done to a transport.
fn act(seen: &Rc<Seen>, transport: &Connection<End>, rng: &mut Rng) {
    match rng.u32(..30) {
        0..=8 => seen.write(transport, rng.usize(..3_000)),
        9 | 10 => seen.write(transport, rng.usize(..150_000)),
        11..=13 => transport.pause_producing(),
        14..=16 => transport.resume_producing(),
        17 => transport.pause_sending(),
        18 | 19 => transport.resume_sending(),
        20 => {
            let left = Cell::new(rng.usize(..5));
            let (seen, transport) = (seen.clone(), transport.clone());
            let source = Source { seen: seen.clone(), transport: transport.clone(), left };
            let kind = if rng.bool() { ProducerKind::Push } else { ProducerKind::Pull };
            if transport.register_producer(source, kind).is_ok() {
                seen.producers.set(seen.producers.get() + 1);
            }
        }
        21 | 22 => transport.unregister_producer(),
        23 => transport.set_water_marks(WaterMarks::new(rng.usize(..10), rng.usize(..50_000))),
        24 | 25 => seen.drains.borrow_mut().push(transport.drain()),
        26 => transport.lose_write_connection(),
        27 => {
            transport.lose_connection();
            seen.closed.set(true);
        }
        28 if rng.bool() => {
            transport.abort_connection();
            seen.closed.set(true);
        }
        _ => {}
    }
}

/// How two are connected.
trait Link {
    fn listen(&self, reactor: &Reactor, factory: impl Factory<Protocol = End>) -> Port;
    fn connect(
        &self,
        reactor: &Reactor,
        to: SocketAddr,
        factory: impl ClientFactory<Protocol = End>,
    );
}

struct Plain;

impl Link for Plain {
    fn listen(&self, reactor: &Reactor, factory: impl Factory<Protocol = End>) -> Port {
        reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap()
    }

    fn connect(
        &self,
        reactor: &Reactor,
        to: SocketAddr,
        factory: impl ClientFactory<Protocol = End>,
    ) {
        reactor.connect_tcp(to, factory);
    }
}

/// The same under TLS, with a certificate of its own.
#[cfg(feature = "tls")]
struct Secure {
    pem: String,
    key: String,
}

#[cfg(feature = "tls")]
impl Secure {
    fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { pem: own.cert.pem(), key: own.signing_key.serialize_pem() }
    }
}

#[cfg(feature = "tls")]
impl Link for Secure {
    fn listen(&self, reactor: &Reactor, factory: impl Factory<Protocol = End>) -> Port {
        use reactor_compat::tls::{Identity, ServerOptions};
        let identity = Identity::from_pem(&self.pem, &self.key).unwrap();
        let options = ServerOptions::new(identity).unwrap();
        reactor.listen_ssl(("127.0.0.1", 0), factory, options).unwrap()
    }

    fn connect(
        &self,
        reactor: &Reactor,
        to: SocketAddr,
        factory: impl ClientFactory<Protocol = End>,
    ) {
        use reactor_compat::tls::{ClientOptions, TrustRoots};
        let roots = TrustRoots::from_pem(&self.pem).unwrap();
        let options = ClientOptions::new("localhost").unwrap().trust_roots(roots);
        reactor.connect_ssl(to, factory, options).unwrap();
    }
}

/// Two that are connected.
async fn pair(reactor: &Reactor, link: &impl Link, rng: &mut Rng) -> [Rc<Seen>; 2] {
    let [ours, theirs] = [Rc::<Seen>::default(), Rc::<Seen>::default()];
    let (seen, accept) = (theirs.clone(), rng.fork());
    let factory = move |_: Address| End { seen: seen.clone(), rng: accept.clone() };
    let port = link.listen(reactor, factory);
    let (seen, connect) = (ours.clone(), rng.fork());
    let factory = move |_: Address| End { seen: seen.clone(), rng: connect.clone() };
    link.connect(reactor, port.get_host().socket_addr().unwrap(), factory);
    while ours.made.get() == 0 || theirs.made.get() == 0 {
        tokio::task::yield_now().await;
    }
    drop(port.stop_listening());
    [ours, theirs]
}

fn over(both: &[Rc<Seen>; 2]) -> bool {
    both.iter().all(|seen| !seen.ends.borrow().is_empty())
}

/// Does things at random to two that are connected, until both have ended.
async fn scenario(reactor: &Reactor, link: &impl Link, rng: &mut Rng) -> [Rc<Seen>; 2] {
    let both = pair(reactor, link, rng).await;
    for _ in 0..rng.usize(..40) {
        let seen = &both[rng.usize(..2)];
        let connection = seen.connection.borrow().clone().unwrap();
        act(seen, &connection, rng);
        turns(rng.usize(..4)).await;
    }
    for seen in &both {
        let connection = seen.connection.borrow().clone().unwrap();
        connection.unregister_producer();
        connection.resume_sending();
        connection.resume_producing();
    }
    // First the gentle way, by one, and by both; where both have much to send
    // and neither reads, there is none but the other.
    for seen in &both {
        if seen.ends.borrow().is_empty() {
            seen.connection.borrow().as_ref().unwrap().lose_connection();
            seen.closed.set(true);
        }
        for _ in 0..200 {
            if over(&both) {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    while !over(&both) {
        for seen in &both {
            seen.connection.borrow().as_ref().unwrap().abort_connection();
        }
        tokio::task::yield_now().await;
    }
    turns(5).await;
    both
}

/// What has to hold of one of the two, and of what came to it from the other.
/// Whether that had to be all.
fn check(seen: &Seen, other: &Seen) -> bool {
    assert_eq!(seen.made.get(), 1);
    assert_eq!(*seen.untimely.borrow(), Vec::<&str>::new());
    let ends = seen.ends.borrow();
    assert!(matches!(ends[..], [Event::Done | Event::Lost | Event::Aborted(_)]), "{ends:?}");
    let sent = other.taken.get();
    let received = seen.received.borrow();
    assert!(received.len() as u64 <= sent, "{} of {sent} bytes came", received.len());
    let wrong = received.iter().zip(0..).position(|(got, place)| *got != byte(place));
    assert_eq!(wrong, None, "what came is not what was sent, from there on");
    let clean = ends[0] == Event::Done && other.ends.borrow()[0] == Event::Done;
    let whole = clean && !seen.closed.get() && sent > 0;
    assert!(!whole || received.len() as u64 == sent, "a clean end, and not all came");
    assert!(seen.stopped.get() <= seen.producers.get());
    for drain in seen.drains.take() {
        assert!(drain.take_result().is_ok(), "somebody waits for ever");
    }
    let connection = seen.connection.take().unwrap();
    assert_eq!((connection.connected(), connection.unsent()), (false, 0));
    assert!(!connection.disconnecting());
    whole
}

/// So many scenarios, told from each other by their seeds.
fn scenarios(link: impl Link + 'static, seeds: std::ops::Range<u64>) {
    drive(move |reactor| async move {
        let mut whole = 0;
        for seed in seeds {
            let mut rng = Rng::with_seed(seed);
            let both = scenario(&reactor, &link, &mut rng).await;
            let tell = Tell(seed);
            whole += usize::from(check(&both[0], &both[1]));
            whole += usize::from(check(&both[1], &both[0]));
            std::mem::forget(tell);
        }
        assert!(whole > 5, "hardly ever was there a clean end: {whole}");
        assert_eq!(reactor.inventory().connections, []);
    });
}

#[test]
fn a_thousand_connections_to_which_anything_is_done_keep_their_promises() {
    for hundred in 0..10 {
        scenarios(Plain, hundred * 100..hundred * 100 + 100);
    }
}

#[cfg(feature = "tls")]
#[test]
fn two_hundred_under_tls_do_so_too() {
    scenarios(Secure::new(), 1_000..1_100);
    scenarios(Secure::new(), 1_100..1_200);
}

/// Says which scenario it was that failed.
struct Tell(u64);

impl Drop for Tell {
    fn drop(&mut self) {
        eprintln!("the scenario with the seed {} failed", self.0);
    }
}
