//! Token buckets, after Twisted's `test_htb`, and what they shape.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{Clock, ReactorTime};
use proptest::prelude::*;
use protocols::htb::{
    Bucket, FilterByHost, FilterByServer, HierarchicalBucketFilter, ShapedConsumer,
    ShapedProtocolFactory,
};
use protocols::policies::TimeoutFactory;
use protocols::wire::{Discard, Echo};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, Factory, Producer, ProducerKind};

/// Twisted's `SomeBucket`: holds 100, drains 20 a second.
fn some_bucket(clock: &Clock) -> Bucket {
    Bucket::new(clock).max_burst(100).rate(20.0)
}

fn between(host: u8, port: u16) -> StringTransport<Discard> {
    let server = Address::Tcp(([192, 0, 2, 250], port).into());
    let peer = Address::Tcp(([192, 0, 2, host], 4000).into());
    StringTransport::between(Discard, server, peer)
}

// ----- buckets -----

#[test]
fn size_of_a_bucket() {
    let bucket = some_bucket(&Clock::new());
    assert_eq!(bucket.add(20), 20);
    assert_eq!(bucket.add(100), 80);
}

#[test]
fn a_bucket_drains() {
    let clock = Clock::new();
    let bucket = some_bucket(&clock);
    bucket.add(80);
    clock.advance(Duration::from_secs(1));
    assert_eq!(bucket.add(50), 40);
    clock.advance(Duration::from_secs(2));
    assert_eq!(bucket.add(50), 40);
    clock.advance(Duration::from_secs(5));
    assert!(bucket.drip(), "100 tokens at 20 a second");
}

#[test]
fn without_a_rate_it_drains_at_once_and_without_a_size_it_holds_all() {
    let clock = Clock::new();
    let fast = Bucket::new(&clock).max_burst(10);
    assert_eq!((fast.add(20), fast.add(20)), (10, 10));
    let large = Bucket::new(&clock).rate(1.0);
    assert_eq!((large.add(1 << 40), large.add(1 << 40)), (1 << 40, 1 << 40));
}

/// Twisted's `TestBucketNesting`.
#[test]
fn buckets_nest() {
    let clock = Clock::new();
    let parent = some_bucket(&clock);
    let child = || parent.child().max_burst(100).rate(20.0);
    let (one, two) = (child(), child());
    assert_eq!(one.add(100), 100);
    assert_eq!(two.add(100), 0, "the parent is full");
    clock.advance(Duration::from_secs(1));
    assert_eq!(two.add(100), 20);
    assert_eq!(one.add(100), 0);
}

#[test]
fn a_bucket_that_never_drains_is_never_waited_for() {
    let bucket = Bucket::new(&Clock::new()).max_burst(1).rate(-1.0);
    bucket.add(1);
    assert_eq!(bucket.wait(), None);
    assert_eq!(Bucket::new(&Clock::new()).max_burst(0).wait(), None);
}

proptest! {
    /// Whatever is asked for when, no more passes than the burst and what
    /// drained; and after what `wait` says, a token fits.
    #[test]
    fn no_more_passes_than_is_allowed(
        steps in prop::collection::vec((0_u64..3000, 0_usize..300), 1..50),
    ) {
        let clock = Clock::new();
        let bucket = some_bucket(&clock);
        let mut passed = 0;
        for (millis, amount) in steps {
            clock.advance(Duration::from_millis(millis));
            passed += bucket.add(amount);
            let allowed = 100.0 + 20.0 * clock.seconds().as_secs_f64();
            prop_assert!(passed as f64 <= allowed + 1e-6);
        }
        clock.advance(bucket.wait().unwrap() + Duration::from_nanos(10));
        prop_assert_eq!(bucket.add(1), 1);
    }
}

// ----- filters -----

#[test]
fn each_host_has_a_bucket() {
    let clock = Clock::new();
    let filter = FilterByHost::new(move || some_bucket(&clock));
    let first = filter.get_bucket_for(between(1, 80).transport());
    assert_eq!(first.add(100), 100);
    assert_eq!(filter.get_bucket_for(between(1, 81).transport()).add(100), 0);
    assert_eq!(filter.get_bucket_for(between(2, 80).transport()).add(100), 100);
    assert_eq!(filter.len(), 2);
}

#[test]
fn each_server_has_a_bucket() {
    let clock = Clock::new();
    let filter = FilterByServer::new(move || some_bucket(&clock));
    filter.get_bucket_for(between(1, 80).transport()).add(100);
    assert_eq!(filter.get_bucket_for(between(2, 80).transport()).add(100), 0);
    assert_eq!(filter.get_bucket_for(between(1, 81).transport()).add(100), 100);
}

#[test]
fn filters_nest() {
    let clock = Clock::new();
    let now = clock.clone();
    let servers = FilterByServer::new(move || some_bucket(&now));
    let hosts = FilterByHost::new(move || some_bucket(&clock))
        .within(&servers, |server| server.child().max_burst(60).rate(20.0));
    let add = |host| hosts.get_bucket_for(between(host, 80).transport()).add(100);
    assert_eq!((add(1), add(2), add(3)), (60, 40, 0));
}

/// Twisted's `ConsumerShaperTests`' filter, and its sweeping.
#[test]
fn buckets_that_nobody_needs_are_swept() {
    let clock = Clock::new();
    let now = clock.clone();
    let filter: HierarchicalBucketFilter<()> =
        HierarchicalBucketFilter::by(|_| (), move |_| some_bucket(&now))
            .sweep_every(Duration::from_secs(60));
    let transport = between(1, 80);
    let held = filter.get_bucket_for(transport.transport());
    filter.sweep();
    assert_eq!(filter.len(), 1, "somebody has it");
    held.add(10);
    drop(held);
    filter.sweep();
    assert_eq!(filter.len(), 1, "there is something in it");
    clock.advance(Duration::from_secs(1));
    filter.sweep();
    assert_eq!(filter.len(), 0);
}

#[test]
fn hosts_that_are_gone_are_forgotten_in_time() {
    let clock = Clock::new();
    let now = clock.clone();
    let filter = FilterByHost::new(move || some_bucket(&now));
    for host in 0..100 {
        filter.get_bucket_for(between(host, 80).transport());
    }
    assert_eq!(filter.len(), 100);
    clock.advance(Duration::from_secs(20 * 60 + 1));
    filter.get_bucket_for(between(200, 80).transport());
    assert_eq!(filter.len(), 1);
}

// ----- consumers -----

fn shaped(clock: &Clock, transport: &StringTransport<Discard>) -> ShapedConsumer {
    ShapedConsumer::new(transport.transport(), some_bucket(clock))
}

/// Twisted's `ConsumerShaperTests`.
#[test]
fn what_is_written_passes_as_it_may() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let consumer = shaped(&clock, &transport);
    consumer.write([b'x'; 100]);
    consumer.write([b'y'; 40]);
    assert_eq!(transport.take_value(), [b'x'; 100]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(transport.take_value(), [b'y'; 20]);
    clock.advance(Duration::from_secs(5));
    assert_eq!(transport.take_value(), [b'y'; 20]);
    assert_eq!(consumer.buffered(), 0);
    assert!(clock.get_delayed_calls().is_empty(), "nothing is waited for");
}

#[test]
fn a_full_transport_is_not_written_to() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let consumer = ShapedConsumer::new(transport.transport(), Bucket::new(&clock));
    consumer.write(vec![0; 100_000]);
    consumer.write("later");
    assert_eq!(transport.unsent(), 100_000);
    assert_eq!(transport.take_value().len(), 100_000);
    assert_eq!(transport.take_value(), b"later");
}

#[derive(Clone, Default)]
struct Pull {
    asked: Rc<Cell<usize>>,
    stopped: Rc<Cell<bool>>,
}

impl Producer for Pull {
    fn pause_producing(&self) {}
    fn resume_producing(&self) {
        self.asked.set(self.asked.get() + 1);
    }
    fn stop_producing(&self) {
        self.stopped.set(true);
    }
}

#[test]
fn a_push_producer_is_paused_and_resumed() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let source = StringTransport::new(Discard);
    let bucket = Bucket::new(&clock).max_burst(50_000).rate(50_000.0);
    let consumer = ShapedConsumer::new(transport.transport(), bucket);
    consumer.register_producer(source.transport().clone(), ProducerKind::Push).unwrap();
    consumer.write(vec![0; 120_000]);
    assert!(!source.reading(), "70000 bytes wait");
    clock.advance(Duration::from_secs(1));
    transport.take_value();
    assert!(source.reading(), "20000 bytes wait");
}

#[test]
fn a_pull_producer_is_asked_when_nothing_waits() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let consumer = shaped(&clock, &transport);
    let pull = Pull::default();
    consumer.register_producer(pull.clone(), ProducerKind::Pull).unwrap();
    assert_eq!(pull.asked.get(), 1);
    consumer.write([0; 110]);
    clock.advance(Duration::from_millis(100));
    assert_eq!(pull.asked.get(), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(pull.asked.get(), 2);
}

/// Whether what it writes passes at once or not, and whether it is written at
/// once or not.
#[test]
fn a_pull_producer_is_asked_again_when_what_it_wrote_has_passed() {
    #[derive(Clone)]
    struct Five {
        to: ShapedConsumer,
        left: Rc<Cell<u8>>,
    }
    impl Producer for Five {
        fn pause_producing(&self) {}
        fn resume_producing(&self) {
            match self.left.get() {
                0 => self.to.unregister_producer(),
                left => {
                    self.left.set(left - 1);
                    self.to.write([left]);
                }
            }
        }
        fn stop_producing(&self) {}
    }
    let buckets = [
        |clock: &Clock| Bucket::new(clock),
        |clock: &Clock| Bucket::new(clock).max_burst(2).rate(1.0),
    ];
    for bucket in buckets {
        let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
        let to = ShapedConsumer::new(transport.transport(), bucket(&clock));
        let left = Rc::new(Cell::new(5));
        let five = Five { to: to.clone(), left: left.clone() };
        to.register_producer(five, ProducerKind::Pull).unwrap();
        assert_eq!(left.get(), 4, "it is not asked from inside its own write");
        clock.pump(std::iter::repeat_n(Duration::from_secs(1), 10));
        assert_eq!(transport.take_value(), [5, 4, 3, 2, 1]);
        assert!(to.gone(), "it has produced all");
    }
}

/// It is not asked in a loop, if it has nothing to say yet.
#[test]
fn a_pull_producer_that_writes_later_is_asked_once() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let consumer = ShapedConsumer::new(transport.transport(), Bucket::new(&clock));
    let pull = Pull::default();
    consumer.register_producer(pull.clone(), ProducerKind::Pull).unwrap();
    clock.pump(std::iter::repeat_n(Duration::from_secs(1), 10));
    assert_eq!(pull.asked.get(), 1);
    consumer.write("late");
    assert_eq!(pull.asked.get(), 1);
    clock.advance(Duration::ZERO);
    assert_eq!(pull.asked.get(), 2);
}

/// The connection closes when all has passed, and not before.
#[test]
fn a_consumer_that_is_finished_lets_go() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let source = StringTransport::new(Discard);
    let consumer = shaped(&clock, &transport);
    consumer.write([0; 120]);
    consumer.unregister_producer();
    let register = || transport.register_producer(source.transport().clone(), ProducerKind::Push);
    assert!(register().is_err());
    clock.advance(Duration::from_secs(1));
    assert_eq!(transport.take_value().len(), 120);
    register().unwrap();
    assert!(consumer.gone());
}

#[test]
fn a_consumer_ends_with_its_transport() {
    let (clock, transport) = (Clock::new(), StringTransport::new(Discard));
    let consumer = shaped(&clock, &transport);
    let pull = Pull::default();
    consumer.register_producer(pull.clone(), ProducerKind::Pull).unwrap();
    consumer.write([0; 200]);
    transport.connection_lost(ConnectionDone);
    assert!(pull.stopped.get());
    assert!(consumer.gone());
    assert_eq!(consumer.buffered(), 0);
    assert!(clock.get_delayed_calls().is_empty());
    let late = Pull::default();
    consumer.register_producer(late.clone(), ProducerKind::Pull).unwrap();
    assert!(late.stopped.get());
}

// ----- factories -----

#[test]
fn the_rate_of_a_shaped_connection_is_kept() {
    let clock = Clock::new();
    let now = clock.clone();
    let filter = FilterByHost::new(move || some_bucket(&now));
    let patient = TimeoutFactory::new(|_: Address| Echo, &clock, None);
    let mut factory = ShapedProtocolFactory::new(patient, &filter);
    let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    let mut sent = 0;
    for _ in 0..1000 {
        if transport.reading() {
            transport.data_received(&[0; 7]);
        }
        clock.advance(Duration::from_millis(100));
        if transport.sending() {
            sent += transport.take_value().len();
        }
    }
    // 2000 may pass in 100 seconds, and a burst or two; 7000 would like to.
    assert!((1800..2300).contains(&sent), "{sent} bytes were sent");
}

/// What was written before a close is sent, however long that takes.
#[test]
fn a_close_waits_for_the_bucket() {
    let clock = Clock::new();
    let now = clock.clone();
    let filter = FilterByHost::new(move || Bucket::new(&now).max_burst(10).rate(1.0));
    let mut factory = ShapedProtocolFactory::new(|_: Address| Discard, &filter);
    let mut connect = || StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    let (transport, other) = (connect(), connect());
    let grace = transport.close_grace();
    transport.transport().write([0; 110]);
    transport.transport().write([0; 5]);
    assert!(!transport.sending());
    assert_eq!(transport.close_grace(), grace + Duration::from_secs(101));
    transport.transport().lose_connection();
    clock.advance(Duration::from_secs(100));
    assert!(!transport.sending());
    // That somebody else is faster does not make it wait longer.
    filter.get_bucket_for(other.transport()).force(50);
    clock.advance(Duration::from_secs(1));
    assert!(transport.sending());
    assert_eq!(transport.close_grace(), grace);
    assert_eq!(transport.take_value().len(), 115);
    // What it sent counts.
    other.transport().write("no");
    assert!(!other.sending());
}

#[test]
fn a_shaped_connection_that_is_lost_waits_for_nothing() {
    let clock = Clock::new();
    let now = clock.clone();
    let filter = FilterByHost::new(move || some_bucket(&now));
    let mut factory = ShapedProtocolFactory::new(|_: Address| Echo, &filter);
    let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    transport.data_received(&[0; 200]);
    transport.data_received(&[0; 1]);
    assert!(!transport.sending());
    assert_eq!(clock.get_delayed_calls().len(), 1);
    transport.connection_lost(ConnectionDone);
    assert!(clock.get_delayed_calls().is_empty());
}
