//! Limits of time, of number and of bandwidth, and records of the traffic:
//! after Twisted's `test_policies`.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use deferred::time::{Clock, ReactorTime};
use protocols::policies::{
    LimitConnectionsByPeer, LimitTotalConnectionsFactory, ProtocolWrapper, SpewingFactory,
    Throttle, ThrottlingFactory, Timeout, TimeoutFactory, TimeoutMixin, TrafficLoggingFactory,
    Watcher, WrappingFactory,
};
use protocols::wire::{Discard, Echo, Qotd};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    Address, Connection, ConnectionDone, ConnectionEvent, ConnectionLost, Factory, Producer,
    ProducerKind, Protocol, Reactor,
};

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn pump(clock: &Clock, steps: &[f64]) {
    clock.pump(steps.iter().map(|step| secs(*step)));
}

fn peer(host: u8, port: u16) -> Address {
    Address::Tcp(([192, 0, 2, host], port).into())
}

/// Connects a protocol of the factory.
fn connect<F: Factory>(factory: &mut F) -> StringTransport<F::Protocol> {
    StringTransport::new(factory.build_protocol(Address::Pipe).unwrap())
}

/// Writes down what happens to it, with its name.
#[derive(Clone)]
struct Witness {
    name: &'static str,
    events: Rc<RefCell<Vec<String>>>,
}

impl Witness {
    fn note(&self, event: impl AsRef<str>) {
        self.events.borrow_mut().push(format!("{} {}", self.name, event.as_ref()));
    }
}

impl Protocol for Witness {
    fn connection_made(&mut self, _: &Connection<Self>) {
        self.note("made");
    }
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.note(String::from_utf8_lossy(data));
        transport.write(self.name);
    }
    fn resumed(&mut self, _: &Connection<Self>) {
        self.note("resumed");
    }
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        self.note("read lost");
    }
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.note(format!("lost: {}", reason.is::<ConnectionLost>()));
    }
}

/// As a watcher it writes down the same.
impl Watcher for Witness {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => self.connection_made(connection),
            ConnectionEvent::DataReceived(data) => self.data_received(connection, data),
            ConnectionEvent::Resumed => self.resumed(connection),
            ConnectionEvent::ReadConnectionLost => self.read_connection_lost(connection),
            ConnectionEvent::ConnectionLost(reason) => {
                self.connection_lost(connection, reason.clone());
            }
            _ => {}
        }
    }
}

/// Watches nothing.
struct Blind;

impl Watcher for Blind {}

// ----- wrappers -----

#[test]
fn a_watcher_sees_everything_first() {
    let events = Rc::default();
    let witness = |name| Witness { name, events: Rc::clone(&events) };
    let inner = WrappingFactory::with(
        {
            let wrapped = witness("wrapped");
            move |_: Address| wrapped.clone()
        },
        {
            let inner = witness("inner");
            move |_: Address| Some(inner.clone())
        },
    );
    let outer = witness("outer");
    let mut factory = WrappingFactory::with(inner, move |_: Address| Some(outer.clone()));
    let transport = connect(&mut factory);
    transport.data_received(b"hi");
    assert_eq!(transport.take_value(), b"outerinnerwrapped");
    transport.pause_producing();
    transport.resume_producing();
    transport.read_connection_lost();
    transport.connection_lost(ConnectionLost::default());
    let all = |event: &str| ["outer", "inner", "wrapped"].map(|name| format!("{name} {event}"));
    let expected = ["made", "hi", "resumed", "read lost", "lost: true"].map(all);
    assert_eq!(*events.borrow(), expected.concat());
}

#[test]
fn what_is_wrapped_is_called_itself() {
    struct Later(Rc<RefCell<Option<Connection<Self>>>>, u8);
    impl Protocol for Later {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            self.0.replace(Some(transport.me()));
        }
    }
    let kept = Rc::new(RefCell::new(None));
    let later = ProtocolWrapper::new(Blind, Later(kept.clone(), 0));
    let transport = StringTransport::new(ProtocolWrapper::new(Blind, later));
    let me = kept.take().unwrap();
    me.call(|this, transport| {
        this.1 += 1;
        transport.write("back");
    });
    assert_eq!(transport.inspect(|outer| outer.wrapped().wrapped().1), Some(1));
    assert_eq!(transport.take_value(), b"back");
    transport.connection_lost(ConnectionDone);
    assert!(me.gone());
}

#[test]
fn a_factory_keeps_track_of_its_protocols() {
    let mut factory = WrappingFactory::with(|_: Address| Echo, |_: Address| Some(Blind));
    let protocols = factory.protocols();
    let built = factory.build_protocol(Address::Pipe).unwrap();
    assert!(protocols.is_empty(), "it is not connected");
    let first = StringTransport::new(built);
    let second = connect(&mut factory);
    assert_eq!(protocols.len(), 2);
    first.connection_lost(ConnectionDone);
    assert_eq!(protocols.len(), 1);
    assert!(protocols.connections()[0].transport().same(second.transport()));
}

#[test]
fn a_connection_is_refused_if_either_factory_refuses_it() {
    let blind = |_: Address| Some(Blind);
    let refused = |_: Address| None::<Echo>;
    assert!(WrappingFactory::with(refused, blind).build_protocol(Address::Pipe).is_none());
    let refused = |_: Address| None::<Blind>;
    let echo = |_: Address| Echo;
    assert!(WrappingFactory::with(echo, refused).build_protocol(Address::Pipe).is_none());
    assert!(WrappingFactory::with(echo, blind).build_protocol(Address::Pipe).is_some());
}

#[test]
fn the_factory_within_starts_and_stops() {
    struct Counted(Rc<RefCell<Vec<&'static str>>>);
    impl Factory for Counted {
        type Protocol = Echo;
        fn build_protocol(&mut self, _: Address) -> Option<Echo> {
            Some(Echo)
        }
        fn start_factory(&mut self) {
            self.0.borrow_mut().push("starts");
        }
        fn stop_factory(&mut self) {
            self.0.borrow_mut().push("stops");
        }
    }
    let events = Rc::default();
    let mut factory = WrappingFactory::with(Counted(Rc::clone(&events)), |_: Address| Some(Blind));
    factory.start_factory();
    factory.stop_factory();
    assert_eq!(*events.borrow(), ["starts", "stops"]);
}

/// A panic of a watcher is the end of the connection; both hear of that, and
/// once.
#[test]
fn a_watcher_that_panics_keeps_nothing_from_the_protocol() {
    struct Fragile(Rc<Cell<usize>>);
    impl Watcher for Fragile {
        fn watch(&mut self, _: &Connection<Self>, event: &ConnectionEvent<'_>) {
            if let ConnectionEvent::ConnectionLost(_) = event {
                self.0.set(self.0.get() + 1);
                panic!("it is fragile");
            }
        }
    }
    let (events, seen) = (Rc::default(), Rc::default());
    let witness = Witness { name: "wrapped", events: Rc::clone(&events) };
    let transport = StringTransport::new(ProtocolWrapper::new(Fragile(Rc::clone(&seen)), witness));
    let lost = catch_unwind(AssertUnwindSafe(|| transport.connection_lost(ConnectionDone)));
    assert!(lost.is_err());
    assert_eq!(*events.borrow(), ["wrapped made", "wrapped lost: false"]);
    assert_eq!(seen.get(), 1);
}

// ----- throttling -----

#[derive(Clone, Default)]
struct Tap(Rc<Cell<bool>>);

impl Producer for Tap {
    fn pause_producing(&self) {
        self.0.set(true);
    }
    fn resume_producing(&self) {
        self.0.set(false);
    }
    fn stop_producing(&self) {}
}

#[test]
fn too_many_connections_are_refused_until_one_goes() {
    let log = LogCapture::start();
    let throttle = Throttle::new(&Clock::new()).max_connections(2);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    let first = connect(&mut factory);
    let _second = connect(&mut factory);
    assert!(factory.build_protocol(Address::Pipe).is_none());
    assert_eq!(log.messages(), ["Max connection count reached!"]);
    first.connection_lost(ConnectionDone);
    assert!(factory.build_protocol(Address::Pipe).is_some());
}

/// 20 bytes in a second, where 10 are allowed: held up a second later, for a
/// second.
#[test]
fn writing_is_held_up() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).write_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    let transport = connect(&mut factory);
    transport.data_received(b"0123456789");
    transport.data_received(b"abcdefghij");
    assert_eq!(transport.take_value(), b"0123456789abcdefghij");
    assert!(transport.sending());
    clock.advance(secs(1.05));
    assert!(!transport.sending());
    clock.advance(secs(1.05));
    assert!(transport.sending());
}

#[test]
fn what_is_written_while_it_is_held_up_makes_it_longer() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).write_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    let transport = connect(&mut factory);
    transport.data_received(&[0; 30]);
    clock.advance(secs(1.0)); // until 3
    transport.data_received(&[0; 10]);
    clock.advance(secs(1.0)); // until 4
    clock.advance(secs(1.5));
    assert!(!transport.sending());
    clock.advance(secs(0.5));
    assert!(transport.sending());
}

/// What was written before a close is sent, however much it was.
#[test]
fn who_closes_is_let_go() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).write_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    let [closes, stays] = [(); 2].map(|()| connect(&mut factory));
    closes.data_received(&[0; 1000]);
    clock.advance(secs(1.0));
    assert!(!closes.sending() && !stays.sending(), "for 99 seconds");
    closes.transport().lose_connection();
    clock.advance(secs(1.0));
    assert!(closes.sending());
    assert!(!stays.sending());
    clock.pump([secs(1.0); 120]);
    assert!(stays.sending());
    // One that closes when it was too much is not held up to begin with.
    stays.data_received(&[0; 1000]);
    stays.transport().lose_connection();
    clock.advance(secs(1.0));
    assert!(stays.sending());
}

#[test]
fn reading_is_held_up() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).read_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Discard, throttle);
    let transport = connect(&mut factory);
    transport.data_received(b"0123456789");
    transport.data_received(b"abcdefghij");
    assert!(transport.reading());
    clock.advance(secs(1.05));
    assert!(!transport.reading());
    clock.advance(secs(1.05));
    assert!(transport.reading());
}

#[test]
fn what_is_read_is_counted_for_all_together() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).read_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Discard, throttle);
    let transports = [connect(&mut factory), connect(&mut factory)];
    for transport in &transports {
        transport.data_received(&[0; 10]);
    }
    clock.advance(secs(1.0));
    assert!(transports.iter().all(|transport| !transport.reading()));
    let late = connect(&mut factory);
    assert!(!late.reading(), "who comes late is held up as well");
    clock.advance(secs(1.0));
    assert!(transports.iter().all(|transport| transport.reading()));
    assert!(late.reading());
}

#[test]
fn as_much_as_is_allowed_is_not_held_up() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).read_limit(10).write_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    let transport = connect(&mut factory);
    for _ in 0..10 {
        transport.data_received(&[0; 10]);
        clock.advance(secs(1.0));
        assert!(transport.reading() && transport.sending());
    }
}

#[test]
fn nothing_is_counted_when_nobody_is_there() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).read_limit(10).write_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    assert!(clock.get_delayed_calls().is_empty());
    let transport = connect(&mut factory);
    assert_eq!(clock.get_delayed_calls().len(), 2);
    transport.data_received(&[0; 100]);
    clock.advance(secs(1.0));
    assert_eq!(clock.get_delayed_calls().len(), 4);
    transport.connection_lost(ConnectionDone);
    assert!(clock.get_delayed_calls().is_empty());
    let transport = connect(&mut factory);
    assert!(transport.reading() && transport.sending(), "it begins anew");
}

/// A protocol that paused itself is not resumed behind its back.
#[test]
fn who_paused_before_stays_paused() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).read_limit(10);
    let mut factory = ThrottlingFactory::new(|_: Address| Discard, throttle);
    let transport = connect(&mut factory);
    transport.data_received(&[0; 20]);
    transport.pause_producing();
    clock.advance(secs(1.0));
    clock.advance(secs(1.0));
    assert!(!transport.reading());
}

/// Two watchers that both look at what is written, and both see all of it.
#[test]
fn a_producer_is_held_up_by_what_is_kept() {
    let clock = Clock::new();
    let throttle = Throttle::new(&clock).write_limit(10).per_connection();
    let patient = TimeoutFactory::new(|_: Address| Discard, &clock, secs(100.0));
    let mut factory = ThrottlingFactory::new(patient, throttle);
    let transport = connect(&mut factory);
    let tap = Tap::default();
    transport.register_producer(tap.clone(), ProducerKind::Push).unwrap();
    transport.write(vec![0; 1000]);
    clock.advance(secs(1.0));
    assert!(!transport.sending());
    transport.write(vec![0; 100_000]);
    assert!(tap.0.get());
}

// ----- timeouts -----

fn timeout_transport(clock: &Clock) -> StringTransport<impl Protocol + use<>> {
    connect(&mut TimeoutFactory::new(|_: Address| Discard, clock, secs(3.0)))
}

#[test]
fn an_idle_connection_is_closed() {
    let clock = Clock::new();
    let transport = timeout_transport(&clock);
    pump(&clock, &[0.0, 0.5, 1.0, 1.0, 0.4]);
    assert!(transport.connected());
    pump(&clock, &[0.0, 0.2]);
    assert!(transport.disconnecting());
}

#[test]
fn sending_avoids_the_timeout() {
    let clock = Clock::new();
    let transport = timeout_transport(&clock);
    pump(&clock, &[0.0, 0.5, 1.0]);
    transport.write("bytes bytes bytes");
    pump(&clock, &[0.0, 1.0, 1.0]);
    assert!(transport.connected());
    transport.write_sequence(["bytes"; 3]);
    pump(&clock, &[0.0, 1.0, 1.0]);
    assert!(transport.connected());
    pump(&clock, &[0.0, 2.0]);
    assert!(transport.disconnecting());
}

#[test]
fn receiving_avoids_the_timeout() {
    let clock = Clock::new();
    let transport = timeout_transport(&clock);
    pump(&clock, &[0.0, 1.0, 0.5]);
    transport.data_received(b"bytes bytes bytes");
    pump(&clock, &[0.0, 1.0, 1.0]);
    assert!(transport.connected());
    pump(&clock, &[0.0, 1.0, 1.0]);
    assert!(transport.disconnecting());
}

#[test]
fn a_connection_that_is_lost_has_no_timeout() {
    let clock = Clock::new();
    let transport = timeout_transport(&clock);
    assert_eq!(clock.get_delayed_calls().len(), 1);
    transport.connection_lost(ConnectionDone);
    assert!(clock.get_delayed_calls().is_empty());
}

/// Twisted's `TimeoutTester`.
struct Tester {
    timeout: Timeout,
    period: Option<Duration>,
    timed_out: Rc<Cell<u32>>,
}

impl TimeoutMixin for Tester {
    fn timeout(&mut self) -> &mut Timeout {
        &mut self.timeout
    }
    fn timeout_connection(&mut self, _: &Connection<Self>) {
        self.timed_out.set(self.timed_out.get() + 1);
    }
}

impl Protocol for Tester {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.set_timeout(transport, self.period);
    }
    fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
        self.reset_timeout();
    }
}

struct Bench {
    clock: Clock,
    timed_out: Rc<Cell<u32>>,
    transport: StringTransport<Tester>,
}

impl Bench {
    fn new(period: Option<f64>) -> Self {
        let (clock, timed_out) = (Clock::new(), Rc::default());
        let tester = Tester {
            timeout: Timeout::new(&clock),
            period: period.map(secs),
            timed_out: Rc::clone(&timed_out),
        };
        Self { clock, timed_out, transport: StringTransport::new(tester) }
    }

    fn set(&self, period: Option<f64>) -> Option<Duration> {
        let before = Rc::new(Cell::new(None));
        let noted = before.clone();
        self.transport.connection().call(move |this, transport| {
            noted.set(this.set_timeout(transport, period.map(secs)));
        });
        before.get()
    }
}

#[test]
fn the_mixin_times_out() {
    let bench = Bench::new(Some(3.0));
    pump(&bench.clock, &[0.0, 0.5, 1.0, 1.0]);
    assert_eq!(bench.timed_out.get(), 0);
    pump(&bench.clock, &[0.0, 1.0]);
    assert_eq!(bench.timed_out.get(), 1);
    pump(&bench.clock, &[10.0]);
    assert_eq!(bench.timed_out.get(), 1, "once");
}

#[test]
fn the_mixin_can_be_reset() {
    let bench = Bench::new(Some(3.0));
    pump(&bench.clock, &[0.0, 0.5, 1.0, 1.0]);
    bench.transport.data_received(b"hello there");
    pump(&bench.clock, &[0.0, 1.0, 1.0, 0.5]);
    assert_eq!(bench.timed_out.get(), 0);
    pump(&bench.clock, &[0.0, 1.0]);
    assert_eq!(bench.timed_out.get(), 1);
    bench.transport.data_received(b"too late");
    assert!(bench.clock.get_delayed_calls().is_empty());
}

#[test]
fn the_mixin_can_be_set_anew_and_cancelled() {
    let bench = Bench::new(None);
    assert!(bench.clock.get_delayed_calls().is_empty());
    assert_eq!(bench.set(Some(1.0)), None);
    pump(&bench.clock, &[0.0, 0.9]);
    assert_eq!(bench.set(Some(10.0)), Some(secs(1.0)));
    pump(&bench.clock, &[0.0, 5.0]);
    assert_eq!(bench.timed_out.get(), 0);
    assert_eq!(bench.set(None), Some(secs(10.0)));
    pump(&bench.clock, &[0.0, 50.0]);
    assert_eq!(bench.timed_out.get(), 0);
}

#[test]
fn a_timeout_that_somebody_cancelled_can_be_set_again() {
    let bench = Bench::new(Some(3.0));
    bench.clock.get_delayed_calls()[0].cancel().unwrap();
    bench.transport.data_received(b"nothing comes of it");
    assert_eq!(bench.set(None), Some(secs(3.0)));
    bench.set(Some(3.0));
    pump(&bench.clock, &[3.0]);
    assert_eq!(bench.timed_out.get(), 1);
}

#[test]
fn the_mixin_ends_with_its_protocol() {
    let bench = Bench::new(Some(3.0));
    bench.transport.connection_lost(ConnectionDone);
    assert!(bench.clock.get_delayed_calls().is_empty());
}

// ----- numbers -----

#[test]
fn connections_are_counted() {
    let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Discard, None);
    let count = factory.connection_count();
    assert_eq!(count.get(), 0);
    let first = connect(&mut factory);
    let second = connect(&mut factory);
    assert_eq!(count.get(), 2);
    first.connection_lost(ConnectionDone);
    second.connection_lost(ConnectionDone);
    assert_eq!(count.get(), 0);
}

#[test]
fn what_is_too_many_is_refused_or_overflows() {
    let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Echo, 1);
    let first = connect(&mut factory);
    assert!(factory.build_protocol(Address::Pipe).is_none());
    assert_eq!(factory.connection_count().get(), 1);

    let mut factory = factory.overflow(|_: Address| Qotd::default());
    let second = connect(&mut factory);
    assert!(second.take_value().starts_with(b"An apple"));
    assert_eq!(factory.connection_count().get(), 2, "those that overflow count");
    first.data_received(b"still served");
    assert_eq!(first.take_value(), b"still served");
    first.connection_lost(ConnectionDone);
    second.connection_lost(ConnectionDone);
    assert_eq!(factory.connection_count().get(), 0);
    connect(&mut factory).data_received(b"within");
}

#[test]
fn a_factory_that_refuses_takes_no_place() {
    let mut factory = LimitTotalConnectionsFactory::new(|_: Address| None::<Echo>, 1);
    assert!(factory.build_protocol(Address::Pipe).is_none());
    assert_eq!(factory.connection_count().get(), 0);
}

#[test]
fn each_peer_has_its_own_limit() {
    let mut factory = LimitConnectionsByPeer::new(|_: Address| Echo, 2);
    let first = StringTransport::new(factory.build_protocol(peer(1, 1)).unwrap());
    let _second = factory.build_protocol(peer(1, 2)).unwrap();
    assert!(factory.build_protocol(peer(1, 3)).is_none());
    assert!(factory.build_protocol(peer(2, 3)).is_some());
    first.connection_lost(ConnectionDone);
    let _third = factory.build_protocol(peer(1, 4)).unwrap();
    let mapped = Address::Tcp("[::ffff:192.0.2.1]:5".parse().unwrap());
    assert!(factory.build_protocol(mapped).is_none(), "an address in IPv6's clothes is the same");
}

// ----- records -----

/// A file that is looked at by the test, and can be full.
#[derive(Clone, Default)]
struct Page {
    text: Rc<RefCell<Vec<u8>>>,
    full: Rc<Cell<bool>>,
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.text.borrow().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.full.get() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.borrow_mut().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logging(page: &Page) -> TrafficLoggingFactory<impl Factory<Protocol = Echo> + use<>> {
    let page = page.clone();
    TrafficLoggingFactory::opening(|_: Address| Echo, move |_| Ok(page.clone()))
}

#[test]
fn traffic_is_logged() {
    let page = Page::default();
    let transport = connect(&mut logging(&page));
    assert_eq!(page.text(), "*\n");
    transport.data_received(b"it's \"here\"\t\\\x00\xff\r\n");
    transport.connection_lost(ConnectionDone);
    let shown = r#"b'it\'s "here"\t\\\x00\xff\r\n'"#;
    assert_eq!(page.text(), format!("*\nC 1: {shown}\nS 1: {shown}\nC 1: ConnectionDone\n"));
}

#[test]
fn quotes_are_chosen_as_python_does() {
    let page = Page::default();
    connect(&mut logging(&page)).data_received(b"it's");
    assert!(page.text().contains("C 1: b\"it's\"\n"));
}

#[test]
fn what_is_long_is_elided() {
    let page = Page::default();
    let transport = connect(&mut logging(&page).length_limit(20));
    transport.data_received(b"12345678901234567890");
    transport.data_received(b"123456789012345678901");
    assert!(page.text().contains("C 1: b'12345678901234567890'\n"));
    assert!(page.text().contains("C 1: b'12345678<... elided>'\n"));
}

#[test]
fn connections_are_numbered() {
    let numbers = Rc::new(RefCell::new(Vec::new()));
    let seen = numbers.clone();
    let mut factory = TrafficLoggingFactory::opening(
        |_: Address| Echo,
        move |number| {
            seen.borrow_mut().push(number);
            Ok(io::sink())
        },
    );
    factory.build_protocol(Address::Pipe);
    factory.build_protocol(Address::Pipe);
    factory.reset_counter();
    factory.build_protocol(Address::Pipe);
    assert_eq!(*numbers.borrow(), [1, 2, 1]);
}

#[test]
fn a_log_that_cannot_be_opened_refuses_the_connection() {
    let log = LogCapture::start();
    let refuse = |_| Err::<io::Sink, _>(io::ErrorKind::PermissionDenied.into());
    let mut factory = TrafficLoggingFactory::opening(|_: Address| Echo, refuse);
    assert!(factory.build_protocol(Address::Pipe).is_none());
    assert_eq!(log.flush_logged_errors::<io::Error>().len(), 1);
}

#[test]
fn a_log_that_is_full_is_given_up() {
    let log = LogCapture::start();
    let page = Page::default();
    let transport = connect(&mut logging(&page));
    page.full.set(true);
    transport.data_received(b"hello");
    page.full.set(false);
    transport.data_received(b"hello");
    assert_eq!(page.text(), "*\n");
    assert_eq!(transport.take_value(), b"hellohello");
    assert_eq!(log.flush_logged_errors::<io::Error>().len(), 1);
}

#[test]
fn spewing_goes_to_the_log() {
    let log = LogCapture::start();
    let transport = connect(&mut SpewingFactory::new(|_: Address| Echo));
    transport.data_received(b"hello");
    assert_eq!(log.messages(), ["Received: b'hello'", "Sending: b'hello'"]);
}

// ----- the real thing -----

/// A server in four wrappings, and a client in one, on real sockets.
#[test]
fn they_compose_on_real_sockets() {
    struct Client(Reactor, Rc<RefCell<Vec<u8>>>);
    impl Protocol for Client {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.write("hello");
        }
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            self.1.borrow_mut().extend_from_slice(data);
            if self.1.borrow().len() >= 5 {
                transport.lose_connection();
            }
        }
        fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
            self.0.stop().unwrap();
        }
    }
    let (reactor, page, heard) = (Reactor::new(), Page::default(), Rc::default());
    let throttle = Throttle::new(&reactor).max_connections(10).read_limit(1 << 20);
    let patient = TimeoutFactory::new(logging(&page), &reactor, secs(60.0));
    let throttled = ThrottlingFactory::new(patient, throttle);
    let server = LimitConnectionsByPeer::new(throttled, 5);
    let port = reactor.listen_tcp(("127.0.0.1", 0), server).unwrap();
    let (stop, hears) = (reactor.clone(), Rc::clone(&heard));
    let client = TimeoutFactory::new(
        move |_: Address| Client(stop.clone(), Rc::clone(&hears)),
        &reactor,
        secs(60.0),
    );
    reactor.connect_tcp(port.get_host().socket_addr().unwrap(), client);
    reactor.run().unwrap();
    assert_eq!(*heard.borrow(), b"hello");
    assert!(page.text().starts_with("*\nC 1: b'hello'\nS 1: b'hello'\n"));
}
