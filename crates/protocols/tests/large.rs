//! Very much at once does not stand still, over TCP and in memory; and a peer that
//! floods a server and never reads is held by the bounds, and ended by name.

#![cfg(all(feature = "amp", feature = "memcache", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::success_result_of;
use deferred::{Deferred, Failure, Trigger};
use protocols::amp::{
    Amp, AmpConnection, AmpTransport, Command, NoError, Responders, TooManyCommands,
};
use protocols::basic::{
    FramedTransport, LineConnection, LineReceiver, LineTransport, Lines, Netstrings,
    StringConnection, StringReceiver,
};
use protocols::memcache::{MemCacheClient, MemCacheProtocol};
use protocols::policies::{ProtocolWrapper, Watcher};
use protocols::{MemoryBudget, MemoryBudgetExceeded};
use reactor_compat::testing::{MemoryReactor, Peer};
use reactor_compat::{
    Address, Connection, ConnectionEvent, Protocol, ProtocolCallbacks, Reactor, TooMuchUnsent,
    Transport, WaterMarks,
};
use serde::{Deserialize, Serialize};

// ----- the two media -----

/// Fires when a client has heard all that it waits for.
type Done = Deferred<()>;

/// Has a client talk to a server over a real socket, until it has heard all.
fn over_tcp<S: Protocol, C: Protocol>(
    server: impl Fn(&Reactor) -> S + 'static,
    client: impl FnOnce(&Reactor) -> (C, Done),
) {
    let reactor = Reactor::new();
    let its = reactor.clone();
    let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| server(&its)).unwrap();
    let address = port.get_host().socket_addr().unwrap();
    let (client, done) = client(&reactor);
    let mut client = Some(client);
    let connector = reactor.connect_tcp(address, move |_: Address| client.take());
    let stop = reactor.clone();
    let done = done.add_both(move |result| {
        stop.stop()?;
        result
    });
    reactor.run().unwrap();
    success_result_of(done);
    drop(connector);
}

/// The same in memory, where time passes when nothing moves any more.
fn in_memory<S: Protocol, C: Protocol>(
    server: impl Fn(&Reactor) -> S,
    client: impl FnOnce(&Reactor) -> (C, Done),
) {
    let reactor = MemoryReactor::new();
    let (client, done) = client(&reactor);
    let heard = Rc::new(Cell::new(false));
    let hears = heard.clone();
    let done = done.add_callback(move |()| hears.set(true));
    let pair = reactor.connect(server(&reactor), client);
    for _ in 0..10_000 {
        pair.flush().unwrap();
        if heard.get() {
            return success_result_of(done);
        }
        assert!(pair.client().connected(), "it ended: {:?}", pair.client().reason());
        reactor.advance(Duration::from_millis(500)).unwrap();
    }
    unreachable!("it stands still");
}

/// Counts down to the last of so many.
struct Countdown {
    left: usize,
    done: Option<Trigger<()>>,
}

impl Countdown {
    fn new(count: usize) -> (Self, Done) {
        let (done, trigger) = Deferred::new();
        (Self { left: count, done: Some(trigger) }, done)
    }

    fn count(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.done.take().unwrap().callback(()).unwrap();
        }
    }
}

// ----- lines and strings -----

const LINES: usize = 200_000;

struct Echo;

impl Protocol<LineTransport> for Echo {}

impl LineReceiver for Echo {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        transport.send_line(line);
    }
}

impl Protocol<FramedTransport> for Echo {}

impl StringReceiver for Echo {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        transport.send_string(string).unwrap();
    }
}

/// Sends all at once, and looks at what comes back.
struct Sends {
    next: usize,
    countdown: Countdown,
}

impl Sends {
    fn new() -> (Self, Done) {
        let (countdown, done) = Countdown::new(LINES);
        (Self { next: 0, countdown }, done)
    }

    fn hear(&mut self, item: &[u8]) {
        assert_eq!(item, self.next.to_string().as_bytes());
        self.next += 1;
        self.countdown.count();
    }
}

impl Protocol<LineTransport> for Sends {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        (0..LINES).for_each(|n| transport.send_line(n.to_string()));
    }
}

impl LineReceiver for Sends {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.hear(line);
    }
}

impl Protocol<FramedTransport> for Sends {
    fn connection_made(&mut self, transport: &StringConnection<Self>) {
        (0..LINES).for_each(|n| transport.send_string(n.to_string()).unwrap());
    }
}

impl StringReceiver for Sends {
    fn string_received(&mut self, _: &StringConnection<Self>, string: &[u8]) {
        self.hear(string);
    }
}

#[test]
fn two_hundred_thousand_lines_come_back() {
    let client = |_: &Reactor| {
        let (sends, done) = Sends::new();
        (Lines::new(sends), done)
    };
    over_tcp(|_| Lines::new(Echo), client);
    in_memory(|_| Lines::new(Echo), client);
}

#[test]
fn two_hundred_thousand_netstrings_come_back() {
    let client = |_: &Reactor| {
        let (sends, done) = Sends::new();
        (Netstrings::new(sends), done)
    };
    over_tcp(|_| Netstrings::new(Echo), client);
    in_memory(|_| Netstrings::new(Echo), client);
}

// ----- memcache -----

const GETS: usize = 60_000;

/// Has under each key the key.
struct Memcached;

impl Protocol<LineTransport> for Memcached {}

impl LineReceiver for Memcached {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let key = line.strip_prefix(b"get ").unwrap();
        let head = format!("VALUE {} 0 {}", String::from_utf8_lossy(key), key.len());
        transport.send_line(head);
        transport.send_line(key);
        transport.send_line("END");
    }
}

/// Gets all at once when there is a connection.
struct GetAll {
    client: MemCacheClient,
    countdown: Rc<RefCell<Countdown>>,
}

impl Watcher for GetAll {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionMade = event {
            // The protocol hears of it next.
            let (client, countdown) = (self.client.clone(), self.countdown.clone());
            drop(connection.call(move |_, _| get_all(&client, &countdown)));
        }
    }
}

fn get_all(client: &MemCacheClient, countdown: &Rc<RefCell<Countdown>>) {
    for n in 0..GETS {
        let countdown = countdown.clone();
        let got = client.get(n.to_string()).add_callback(move |value| {
            assert_eq!(value.unwrap().data, n.to_string().as_bytes());
            countdown.borrow_mut().count();
        });
        drop(got);
    }
}

#[test]
fn sixty_thousand_gets_are_answered() {
    let client = |reactor: &Reactor| {
        let (countdown, done) = Countdown::new(GETS);
        let memcache = MemCacheProtocol::new(reactor);
        let countdown = Rc::new(RefCell::new(countdown));
        let get_all = GetAll { client: memcache.client(), countdown };
        (ProtocolWrapper::new(get_all, memcache), done)
    };
    over_tcp(|_| Lines::new(Memcached), client);
    in_memory(|_| Lines::new(Memcached), client);
}

// ----- AMP -----

const CALLS: i64 = 60_000;

#[derive(Serialize, Deserialize)]
struct Double {
    n: i64,
}

#[derive(Serialize, Deserialize)]
struct Doubled {
    n: i64,
}

impl Command for Double {
    const NAME: &str = "Double";
    type Response = Doubled;
    type Error = NoError;
}

/// Calls all at once when there is a connection.
struct Calls {
    countdown: Rc<RefCell<Countdown>>,
}

impl Protocol<AmpTransport> for Calls {
    fn connection_made(&mut self, transport: &AmpConnection<Self>) {
        for n in 0..CALLS {
            let countdown = self.countdown.clone();
            let answer = transport.call_remote(Double { n }).add_callback(move |doubled| {
                assert_eq!(doubled.n, 2 * n);
                countdown.borrow_mut().count();
            });
            drop(answer);
        }
    }
}

fn responders<H: Protocol<AmpTransport>>() -> Responders<H> {
    Responders::new()
        .responder(|_: &mut H, _: &AmpConnection<H>, Double { n }| Ok(Doubled { n: 2 * n }))
}

/// One that calls, and answers.
fn calls() -> (Amp<Calls>, Done) {
    let (countdown, done) = Countdown::new(CALLS as usize);
    let calls = Calls { countdown: Rc::new(RefCell::new(countdown)) };
    (Amp::with_handler(calls, &responders()), done)
}

#[test]
fn sixty_thousand_calls_are_answered() {
    over_tcp(|_| Amp::with_responders(&responders()), |_| calls());
    in_memory(|_| Amp::with_responders(&responders()), |_| calls());
}

/// Both sides call the other at once.
#[test]
fn so_they_are_in_both_directions() {
    over_tcp(|_| calls().0, |_| calls());
    in_memory(|_| calls().0, |_| calls());
}

// ----- a peer that floods and never reads -----

type Reason = Rc<RefCell<Option<Failure>>>;

/// Answers each line a little later, with more than the line was.
struct Slow {
    reactor: Reactor,
    reason: Reason,
    most_unsent: Rc<Cell<usize>>,
}

impl Slow {
    fn later(&self) -> Deferred<()> {
        let (later, trigger) = Deferred::new();
        self.reactor.call_later(Duration::from_millis(1), move || {
            let _ = trigger.callback(());
        });
        later
    }

    fn note(&self, transport: &Transport) {
        self.most_unsent.set(self.most_unsent.get().max(transport.unsent()));
    }
}

impl Protocol<LineTransport> for Slow {
    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl LineReceiver for Slow {
    fn line_received(&mut self, transport: &LineConnection<Self>, _: &[u8]) {
        let answered = self.later().add_callback_at(transport, |this, transport, ()| {
            transport.send_line([b'x'; 40]);
            this.note(transport);
        });
        drop(answered);
    }
}

impl Protocol<AmpTransport> for Slow {
    fn connection_lost(&mut self, _: &AmpConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

/// Has a peer send `message` again and again, and read nothing, for as long as it is
/// let; why its connection ended, and how much was unsent at most.
fn flood<P: Protocol>(serve: impl Fn(Slow) -> P + 'static, message: &[u8]) -> (Failure, usize) {
    let memory = MemoryReactor::new();
    let (reason, most_unsent) = (Reason::default(), Rc::<Cell<usize>>::default());
    let (reactor, its_reason, its_most) =
        (Reactor::clone(&memory), reason.clone(), most_unsent.clone());
    let factory = move |_: Address| {
        let (reason, most_unsent) = (its_reason.clone(), its_most.clone());
        serve(Slow { reactor: reactor.clone(), reason, most_unsent })
    };
    memory.listen_tcp(1, factory).unwrap();
    let peer: Peer = memory.tcp_servers()[0].connect().unwrap();
    let bytes = message.repeat(64 * 1024 / message.len());
    let mut from = 0;
    for _ in 0..1000 {
        while let Ok(taken @ 1..) = peer.write(&bytes[from..]) {
            from = (from + taken) % bytes.len();
        }
        memory.flush().unwrap();
        if let Some(reason) = reason.take() {
            return (reason, most_unsent.get());
        }
        memory.advance(Duration::from_millis(100)).unwrap();
    }
    unreachable!("nothing ends it");
}

#[test]
fn a_flood_of_lines_is_ended_by_name() {
    let (reason, most) = flood(Lines::new, b"x\r\n");
    assert!(reason.is::<TooMuchUnsent>(), "{reason}");
    let marks = WaterMarks::default();
    // The answers to what is read before the first of them may come on top.
    let read = 64 * 1024 / 3 * 42;
    assert!(most <= marks.high() + marks.growth() + 2 * read, "{most} bytes were unsent");
}

#[test]
fn a_flood_of_calls_is_ended_by_name() {
    let serve = |slow| {
        let responders = Responders::new().responder(
            |slow: &mut Slow, amp: &AmpConnection<Slow>, Double { n }| {
                slow.later().add_callback_at(amp, move |slow, amp, ()| {
                    slow.note(amp);
                    Ok(Doubled { n })
                })
            },
        );
        Amp::with_handler(slow, &responders)
    };
    let call = b"\0\x04_ask\0\x011\0\x08_command\0\x06Double\0\x01n\0\x011\0\0";
    let (reason, most) = flood(serve, call);
    assert!(reason.is::<TooMuchUnsent>(), "{reason}");
    let unsent = protocols::amp::Limits::default().unsent;
    assert!(most <= 2 * unsent + 128 * 1024, "{most} bytes were unsent");
}

#[test]
fn a_flood_of_calls_that_wait_is_ended_by_name() {
    let serve = |slow| {
        let responders =
            Responders::new().responder(|_: &mut Slow, _: &AmpConnection<Slow>, _: Double| {
                Deferred::<Doubled>::new().0
            });
        Amp::with_handler(slow, &responders)
    };
    let call = b"\0\x04_ask\0\x011\0\x08_command\0\x06Double\0\x01n\0\x011\0\0";
    let (reason, _) = flood(serve, call);
    let limit = protocols::amp::Limits::default().commands;
    assert_eq!(reason.check(), Some(&TooManyCommands { limit }));
}

/// The reason says so, where it is the budget that ends it.
#[test]
fn a_flood_that_uses_up_the_budget_is_ended_by_name() {
    let budget = MemoryBudget::new(100_000);
    let its = budget.clone();
    let (reason, _) = flood(move |slow| Lines::new(slow).budget(&its), b"x\r\n");
    assert_eq!(reason.check(), Some(&MemoryBudgetExceeded { limit: 100_000 }));
    let its = budget.clone();
    let serve = move |slow| {
        let answers = Responders::new()
            .responder(|_: &mut Slow, _: &AmpConnection<Slow>, Double { n }| Ok(Doubled { n }));
        Amp::with_handler(slow, &answers).with_budget(&its)
    };
    let call = b"\0\x04_ask\0\x011\0\x08_command\0\x06Double\0\x01n\0\x011\0\0";
    let (reason, _) = flood(serve, call);
    assert_eq!(reason.check(), Some(&MemoryBudgetExceeded { limit: 100_000 }));
    assert_eq!(budget.used(), 0);
}
