//! The media: channels of a multiplexer, over all that may carry it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use examples::multiplexer::{ChannelHandler, Channels, Limits, Multiplexer};
use interop::Certificate;
use reactor_compat::testing::{MemoryReactor, Pair};
use reactor_compat::{Address, HostedReactor, Reactor, RunOptions, WaterMarks};

use crate::actor::{Actor, Reason};
use crate::layers::Identity;
use crate::medium::Medium;

/// Gives the channels that the peer opens those who wait for them, and refuses the
/// others.
#[derive(Clone, Default)]
pub(crate) struct Waiting {
    actors: Rc<RefCell<VecDeque<Actor>>>,
    lost: Rc<RefCell<Option<Failure>>>,
}

impl Waiting {
    pub(crate) fn add(&self, actor: Actor) {
        self.actors.borrow_mut().push_back(actor);
    }

    /// Why the connection ended, if it has.
    pub(crate) fn lost(&self) -> Option<Failure> {
        self.lost.borrow().clone()
    }
}

impl ChannelHandler for Waiting {
    type Protocol = Actor;

    fn build_protocol(&mut self, _: &Channels) -> Option<Actor> {
        self.actors.borrow_mut().pop_front()
    }

    fn connection_lost(&mut self, channels: &Channels, reason: Failure) {
        assert!(!channels.connected());
        assert!(self.lost.replace(Some(reason)).is_none(), "it is lost once");
    }
}

pub(crate) type Plexer = Multiplexer<Waiting>;

/// An end of a connection: its channels, and those who wait for more.
pub(crate) struct Place {
    pub(crate) channels: Channels,
    pub(crate) waiting: Waiting,
}

impl Place {
    pub(crate) fn new(reactor: &Reactor, limits: Limits) -> (Self, Plexer) {
        let waiting = Waiting::default();
        let plexer = Multiplexer::new(reactor, waiting.clone()).limits(limits);
        (Self { channels: plexer.channels(), waiting }, plexer)
    }
}

/// Two multiplexers.
pub(crate) struct Two {
    pub(crate) server: Place,
    pub(crate) client: Place,
}

impl Two {
    fn new(reactor: &Reactor, limits: Limits) -> (Self, Plexer, Plexer) {
        let (server, servers) = Place::new(reactor, limits);
        let (client, clients) = Place::new(reactor, limits);
        (Self { server, client }, servers, clients)
    }

    fn connect(&self, server: Actor, client: Actor) {
        self.server.waiting.add(server);
        self.client.channels.connect(client).expect("a channel");
    }
}

/// Over a wire in memory.
pub(crate) struct OverMemory {
    pub(crate) two: Two,
    pub(crate) pair: Pair<Plexer, Plexer>,
}

impl OverMemory {
    pub(crate) fn with(limits: Limits) -> Self {
        let reactor = MemoryReactor::new();
        let (two, server, client) = Two::new(&reactor, limits);
        let pair = reactor.connect(server, client);
        Self { two, pair }
    }
}

impl Medium for OverMemory {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self::with(Limits::default())
    }

    fn reactor(&self) -> &Reactor {
        &self.pair
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.two.connect(server, client);
    }

    fn step(&mut self) {
        self.pair.pump().expect("the reactor should come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.pair.flush().expect("the reactor should come to rest");
        self.pair.advance(time).expect("the reactor should come to rest");
    }
}

/// Over a wire in memory that carries little, a byte at a time.
pub(crate) struct OverBytes(OverMemory);

impl Medium for OverBytes {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 5_000;
    /// A frame comes as a whole.
    const WHOLE: bool = true;
    const MARKS: Option<WaterMarks> = Some(WaterMarks::new(300, 1_200));

    fn open() -> Self {
        let over = OverMemory::with(Limits::default().with_window(1_000));
        over.pair.wire().set_capacity(100);
        over.pair.server().set_water_marks(WaterMarks::new(200, 800));
        over.pair.client().set_water_marks(WaterMarks::new(200, 800));
        Self(over)
    }

    fn reactor(&self) -> &Reactor {
        self.0.reactor()
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.connect(server, client);
    }

    fn step(&mut self) {
        self.0.pair.pump_bytes(1).expect("the reactor should come to rest");
    }

    fn pass(&mut self, time: Duration) {
        self.0.pair.flush_bytes(1).expect("the reactor should come to rest");
        self.0.pair.advance(time).expect("the reactor should come to rest");
    }
}

/// Over a layer that changes nothing.
pub(crate) struct OverLayer(OverMemory);

impl Medium for OverLayer {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        let over = OverMemory::open();
        over.pair.server().push_layer(Identity).expect("it is new");
        over.pair.client().push_layer(Identity).expect("it is new");
        Self(over)
    }

    fn reactor(&self) -> &Reactor {
        self.0.reactor()
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.connect(server, client);
    }

    fn step(&mut self) {
        self.0.step();
    }

    fn pass(&mut self, time: Duration) {
        self.0.pass(time);
    }
}

/// A reactor by the real clock, driven by hand, and two multiplexers there.
struct Real {
    reactor: Reactor,
    hosted: HostedReactor,
    two: Two,
}

impl Real {
    fn open(certificate: Option<&Certificate>) -> Self {
        let reactor = Reactor::new();
        let options = RunOptions::new().install_signal_handlers(false);
        let hosted = reactor.hosted(options).expect("there should be a runtime");
        let (two, server, client) = Two::new(&reactor, Limits::default());
        let (mut server, mut client) = (Some(server), Some(client));
        let accept = move |_: Address| server.take();
        let port = interop::listen_on(&reactor, certificate, accept);
        let address = port.get_host().socket_addr().expect("an address");
        let connect = move |_: Address| client.take();
        match certificate {
            None => drop(reactor.connect_tcp(address, connect)),
            Some(certificate) => {
                let options = certificate.client_options();
                drop(reactor.connect_ssl(address, connect, options).expect("good options"));
            }
        }
        let mut real = Self { reactor, hosted, two };
        while !real.two.client.channels.connected() {
            real.step();
        }
        real
    }

    fn step(&mut self) {
        self.hosted.iterate(Duration::from_millis(1));
    }
}

/// Over TCP, on this machine.
pub(crate) struct OverTcp(Real);

impl Medium for OverTcp {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self(Real::open(None))
    }

    fn reactor(&self) -> &Reactor {
        &self.0.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.two.connect(server, client);
    }

    fn step(&mut self) {
        self.0.step();
    }
}

/// Over TLS.
pub(crate) struct OverTls(Real);

impl Medium for OverTls {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self(Real::open(Some(&Certificate::new())))
    }

    fn reactor(&self) -> &Reactor {
        &self.0.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.two.connect(server, client);
    }

    fn step(&mut self) {
        self.0.step();
    }
}
