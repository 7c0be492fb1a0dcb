//! Two protocols that talk to each other, after Twisted's `test_loopback`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
#[cfg(unix)]
use protocols::loopback::loopback_unix;
use protocols::loopback::{
    LoopbackQueue, collapsing_pump_policy, identity_pump_policy, loopback_async,
    loopback_async_with, loopback_tcp,
};
use protocols::wire::Echo;
use reactor_compat::{
    Connection, ConnectionDone, Producer, ProducerKind, Protocol, Reactor, Transport, WaterMarks,
};

#[derive(Default)]
struct Heard {
    data: Vec<u8>,
    clean: Option<bool>,
}

/// Says something, and closes when it has heard as much.
struct Client {
    says: Vec<u8>,
    heard: Rc<RefCell<Heard>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        // It writes much more than it is asked for.
        transport.set_water_marks(WaterMarks::UNBOUNDED);
        transport.write(&self.says);
    }
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let mut heard = self.heard.borrow_mut();
        heard.data.extend_from_slice(data);
        if heard.data.len() == self.says.len() {
            transport.lose_connection();
        }
    }
    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.heard.borrow_mut().clean = Some(reason.is::<ConnectionDone>());
    }
}

/// Runs the reactor until the conversation is over.
fn run(reactor: &Reactor, over: Deferred<()>) {
    let stop = reactor.clone();
    let over = over.add_callback(move |()| Ok(stop.stop()?));
    reactor.run().unwrap();
    success_result_of(over);
}

fn converse(says: Vec<u8>, loopback: impl FnOnce(&Reactor, Echo, Client) -> Deferred<()>) -> Heard {
    let (reactor, heard) = (Reactor::new(), Rc::new(RefCell::new(Heard::default())));
    let client = Client { says, heard: heard.clone() };
    run(&reactor, loopback(&reactor, Echo, client));
    heard.take()
}

/// More than the pipe and the transports hold.
fn much() -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn they_talk_in_memory() {
    let heard = converse(much(), loopback_async);
    assert!(heard.data == much());
    assert_eq!(heard.clean, Some(true));
}

#[test]
fn they_talk_over_tcp() {
    let heard =
        converse(much(), |reactor, server, client| loopback_tcp(reactor, server, client).unwrap());
    assert!(heard.data == much());
    assert_eq!(heard.clean, Some(true));
}

#[cfg(unix)]
#[test]
fn they_talk_over_a_unix_socket() {
    let heard =
        converse(much(), |reactor, server, client| loopback_unix(reactor, server, client).unwrap());
    assert!(heard.data == much());
    assert_eq!(heard.clean, Some(true));
}

/// Notes where it is reached, and hangs up.
#[cfg(unix)]
#[test]
fn nothing_is_left_of_the_unix_socket() {
    struct Where(Rc<RefCell<String>>);
    impl Protocol for Where {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            *self.0.borrow_mut() = transport.get_host().to_string();
            transport.lose_connection();
        }
    }
    let (reactor, address) = (Reactor::new(), Rc::<RefCell<String>>::default());
    let over = loopback_unix(&reactor, Where(address.clone()), Echo).unwrap();
    run(&reactor, over);
    let address = address.take();
    let (_, name) = address.split_once("loopback-").unwrap();
    let name = format!("loopback-{}", &name[..16]);
    assert!(!std::env::temp_dir().join(&name).exists(), "{address}");
}

/// Both have heard that the connection is lost by the time it is over.
#[test]
fn it_is_over_when_both_have_heard() {
    struct Close(Rc<RefCell<Vec<&'static str>>>, &'static str);
    impl Protocol for Close {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.lose_connection();
        }
        fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let (reactor, order) = (Reactor::new(), Rc::<RefCell<Vec<_>>>::default());
    let (server, client) = (Close(order.clone(), "lost"), Close(order.clone(), "lost"));
    let last = order.clone();
    let over = loopback_async(&reactor, server, client)
        .add_callback(move |()| last.borrow_mut().push("over"));
    run(&reactor, over);
    assert_eq!(*order.borrow(), ["lost", "lost", "over"]);
}

#[test]
fn a_connection_that_is_not_made_is_a_failure() {
    let reactor = Reactor::new();
    let client = Client { says: Vec::new(), heard: Rc::default() };
    let over = loopback_tcp(&reactor, Echo, client).unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    failure_result_of(over);
}

// ----- what is written, and in which pieces it arrives -----

/// Writes some strings, and hangs up.
struct Say(&'static [&'static str]);

impl Protocol for Say {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        for string in self.0 {
            transport.write(string);
        }
        transport.lose_connection();
    }
}

/// Notes the pieces that arrive.
#[derive(Clone, Default)]
struct Pieces(Rc<RefCell<Vec<Vec<u8>>>>);

impl Protocol for Pieces {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.0.borrow_mut().push(data.to_vec());
    }
}

/// The pieces in which `says` arrives.
fn pieces(
    says: &'static [&'static str],
    policy: impl Fn(&mut LoopbackQueue) -> Option<Vec<u8>> + 'static,
) -> Vec<Vec<u8>> {
    let (reactor, heard) = (Reactor::new(), Pieces::default());
    let over = loopback_async_with(&reactor, Say(says), heard.clone(), policy);
    run(&reactor, over);
    heard.0.take()
}

#[test]
fn a_policy_says_in_which_pieces_it_arrives() {
    let says = &["foo", "bar", "", "baz"];
    assert_eq!(pieces(says, identity_pump_policy), [b"foo", b"bar", b"baz"]);
    assert_eq!(pieces(says, collapsing_pump_policy), [b"foobarbaz"]);
    let backwards = |queue: &mut LoopbackQueue| {
        let mut last = queue.get()?;
        last.reverse();
        Some(last)
    };
    assert_eq!(pieces(says, backwards), [b"oof", b"rab", b"zab"]);
}

/// As it was written, unless somebody says otherwise.
#[test]
fn it_arrives_as_it_was_written() {
    let (reactor, heard) = (Reactor::new(), Pieces::default());
    run(&reactor, loopback_async(&reactor, heard.clone(), Say(&["foo", "bar"])));
    assert_eq!(*heard.0.borrow(), [b"foo", b"bar"]);
}

/// A policy that waits for more gets it, and what it leaves at the end is
/// lost.
#[test]
fn a_policy_may_wait_for_more() {
    let pairs = |queue: &mut LoopbackQueue| {
        let first = queue.get()?;
        match queue.get() {
            Some(second) => Some([first, second].concat()),
            None => {
                queue.put_back(first);
                None
            }
        }
    };
    assert_eq!(pieces(&["a", "b", "c", "d", "e"], pairs), [b"ab", b"cd"]);
    assert!(pieces(&["a"], pairs).is_empty());
    assert!(pieces(&["a", "b"], |_| None).is_empty());
    assert!(pieces(&["a", "b"], |_| Some(Vec::new())).is_empty());
}

/// One that waits for more than the pipe holds does not wait for ever.
#[test]
fn a_policy_may_wait_for_much() {
    struct Chatter(Reactor);
    impl Protocol for Chatter {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.set_water_marks(WaterMarks::UNBOUNDED);
            for _ in 0..500 {
                transport.write([b'x'; 1000]);
            }
            // When those are on their way.
            let later = transport.transport().clone();
            self.0.call_later(Duration::ZERO, move || later.write([b'y'; 1000]));
        }
        fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
            transport.lose_connection();
        }
    }
    struct Answer;
    impl Protocol for Answer {
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            if data.ends_with(b"y") {
                transport.write("that will do");
            }
        }
    }
    let patient = |queue: &mut LoopbackQueue| match queue.len() {
        2..=500 => None,
        _ => collapsing_pump_policy(queue),
    };
    let reactor = Reactor::new();
    run(&reactor, loopback_async_with(&reactor, Chatter(reactor.clone()), Answer, patient));
}

/// A piece of any length is one for the policy, though not for a transport.
#[test]
fn a_long_piece_is_whole_for_the_policy() {
    struct Until(usize);
    impl Protocol for Until {
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            self.0 -= data.len();
            if self.0 == 0 {
                transport.lose_connection();
            }
        }
    }
    let lengths = Rc::<RefCell<Vec<usize>>>::default();
    let (reactor, noted) = (Reactor::new(), lengths.clone());
    let heard = Rc::new(RefCell::new(Heard::default()));
    let client = Client { says: much(), heard: heard.clone() };
    let over = loopback_async_with(&reactor, Until(much().len()), client, move |queue| {
        let piece = queue.get()?;
        noted.borrow_mut().push(piece.len());
        Some(piece)
    });
    run(&reactor, over);
    assert_eq!(*lengths.borrow(), [much().len()]);
}

// ----- after Twisted's `LoopbackTestCaseMixin` -----

/// Answers lines with lines, until the third.
struct Doom {
    greets: bool,
    answered: usize,
    lines: Rc<RefCell<Vec<String>>>,
    lost: Rc<RefCell<usize>>,
}

impl Protocol<LineTransport> for Doom {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        if self.greets {
            transport.send_line("DOOM LINE");
        }
    }
    fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
        *self.lost.borrow_mut() += 1;
    }
}

impl LineReceiver for Doom {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.answered += 1;
        if self.answered < 4 {
            transport.send_line(format!("Hello {}", self.answered));
        }
        self.lines.borrow_mut().push(String::from_utf8(line.to_vec()).unwrap());
        if line == b"Hello 3" {
            transport.lose_connection();
        }
    }
}

fn doom(loopback: impl FnOnce(&Reactor, Lines<Doom>, Lines<Doom>) -> Deferred<()>) {
    let make = |greets| {
        let (lines, lost) = (Rc::default(), Rc::default());
        Doom { greets, answered: 0, lines, lost }
    };
    let (reactor, server, client) = (Reactor::new(), make(true), make(false));
    let heard = [server.lines.clone(), client.lines.clone()];
    let lost = [server.lost.clone(), client.lost.clone()];
    run(&reactor, loopback(&reactor, Lines::new(server), Lines::new(client)));
    assert_eq!(*heard[0].borrow(), ["Hello 1", "Hello 2", "Hello 3"]);
    assert_eq!(*heard[1].borrow(), ["DOOM LINE", "Hello 1", "Hello 2", "Hello 3"]);
    assert_eq!(lost.map(|lost| *lost.borrow()), [1, 1]);
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    doom(loopback_async);
    doom(|reactor, server, client| {
        loopback_async_with(reactor, server, client, collapsing_pump_policy)
    });
    doom(|reactor, server, client| loopback_tcp(reactor, server, client).unwrap());
    #[cfg(unix)]
    doom(|reactor, server, client| loopback_unix(reactor, server, client).unwrap());
}

/// Ten strings, one each time that it is asked.
struct Ten {
    to: Transport,
    left: RefCell<Vec<String>>,
}

impl Producer for Ten {
    fn pause_producing(&self) {}
    fn resume_producing(&self) {
        let next = self.left.borrow_mut().pop();
        match next {
            Some(next) => self.to.write(next),
            None => {
                self.to.unregister_producer();
                self.to.lose_connection();
            }
        }
    }
    fn stop_producing(&self) {}
}

#[test]
fn a_pull_producer_is_asked_for_each_piece() {
    struct Produce;
    impl Protocol for Produce {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            let to = transport.transport().clone();
            let left = RefCell::new((0..10).rev().map(|n: u8| n.to_string()).collect());
            transport.register_producer(Ten { to, left }, ProducerKind::Pull).unwrap();
        }
    }
    let (reactor, heard) = (Reactor::new(), Pieces::default());
    run(&reactor, loopback_async(&reactor, Produce, heard.clone()));
    assert_eq!(heard.0.borrow().concat(), b"0123456789");
}

/// An abort is heard by both.
#[test]
fn an_abort_ends_it() {
    struct Abort;
    impl Protocol for Abort {
        fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
            transport.abort_connection();
        }
    }
    let (reactor, heard) = (Reactor::new(), Rc::new(RefCell::new(Heard::default())));
    let client = Client { says: much(), heard: heard.clone() };
    run(&reactor, loopback_async(&reactor, Abort, client));
    assert!(heard.borrow().clean.is_some());
}

/// A policy that panics ends the conversation, and nothing else.
#[test]
fn a_policy_that_panics_ends_it() {
    let (reactor, heard) = (Reactor::new(), Pieces::default());
    let over = loopback_async_with(&reactor, Say(&["foo"]), heard.clone(), |_| {
        std::panic::resume_unwind(Box::new("as the test says"));
    });
    run(&reactor, over);
    assert!(heard.0.borrow().is_empty());
}
