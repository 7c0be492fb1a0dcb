//! What is left behind a string, for the handler or for a protocol that takes over:
//! after Twisted's tests of `recvd`.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use deferred::testing::{assert_no_result, success_result_of};
use protocols::MemoryBudget;
use protocols::basic::{
    FramedTransport, Int32Strings, LineConnection, LineReceiver, LineTransport, Lines,
    StringConnection, StringReceiver,
};
use protocols::stateful::{State, Stateful, StatefulProtocol};
use reactor_compat::testing::StringTransport;
use reactor_compat::{ConnectionDone, Protocol};

/// What is done at each string.
type Do = fn(&FramedTransport, &Heard);

type Heard = Rc<RefCell<Vec<Vec<u8>>>>;

struct Handler {
    heard: Heard,
    at_string: Do,
    at_too_long: Do,
    at_end: Do,
}

impl Handler {
    fn new(at_string: Do) -> Self {
        let nothing: Do = |_, _| ();
        Self { heard: Rc::default(), at_string, at_too_long: nothing, at_end: nothing }
    }
}

impl Protocol<FramedTransport> for Handler {
    fn connection_lost(&mut self, transport: &StringConnection<Self>, _: Failure) {
        (self.at_end)(transport, &self.heard);
    }
}

impl StringReceiver for Handler {
    const MAX_LENGTH: usize = 8;

    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        self.heard.borrow_mut().push(string.to_vec());
        (self.at_string)(transport, &self.heard);
    }

    fn length_limit_exceeded(&mut self, transport: &StringConnection<Self>, _: usize) {
        (self.at_too_long)(transport, &self.heard);
    }
}

fn message(string: &[u8]) -> Vec<u8> {
    [&(string.len() as u32).to_be_bytes()[..], string].concat()
}

/// Notes what is left.
fn note_rest(transport: &FramedTransport, heard: &Heard) {
    let heard = heard.clone();
    drop(transport.clear_buffer().add_callback(move |rest| heard.borrow_mut().push(rest)));
}

/// Each string is behind one that asks for four bytes to be passed over; what was
/// parsed is not parsed again.
#[test]
fn switching() {
    let pass_over: Do = |transport, _| {
        let framed = transport.clone();
        drop(transport.clear_buffer().add_callback(move |rest| framed.set_buffer(&rest[4..])));
    };
    let handler = Handler::new(pass_over);
    let heard = handler.heard.clone();
    let transport = StringTransport::new(Int32Strings::new(handler));
    let strings: [&[u8]; 4] = [b"", b"a", b"foo", b"12345678"];
    let mix: Vec<u8> =
        strings.iter().flat_map(|string| [message(string), vec![0; 4]].concat()).collect();
    transport.data_received(&mix);
    transport.data_received(b"\x01");
    assert_eq!(*heard.borrow(), strings);
    assert_eq!(transport.inspect(Int32Strings::held), Some(1));
}

/// What is left where a string is too long begins with its length, and other bytes in
/// its place are parsed as before.
#[test]
fn the_rest_where_a_string_is_too_long() {
    for piece in [100, 1] {
        let handler = Handler { at_too_long: note_rest, ..Handler::new(|_, _| ()) };
        let heard = handler.heard.clone();
        let transport = StringTransport::new(Int32Strings::new(handler));
        let bytes = [message(b"short"), message(b"too long!")].concat();
        for piece in bytes.chunks(piece) {
            transport.data_received(piece);
        }
        let heard = heard.borrow();
        assert_eq!(heard[0], b"short");
        assert!(heard[1].starts_with(b"\0\0\0\x09") && bytes.ends_with(&heard[1][4..]));
        assert!(transport.connected(), "nobody has closed it");
    }
    let start_anew: Do = |transport, _| transport.set_buffer(&message(b"instead"));
    let handler = Handler { at_too_long: start_anew, ..Handler::new(|_, _| ()) };
    let heard = handler.heard.clone();
    let transport = StringTransport::new(Int32Strings::new(handler));
    transport.data_received(&message(b"too long!"));
    transport.data_received(&message(b"more"));
    assert_eq!(*heard.borrow(), [&b"instead"[..], b"more"]);
}

#[test]
fn the_rest_from_outside_and_while_paused() {
    let handler = Handler::new(|transport, _| transport.pause_producing());
    let heard = handler.heard.clone();
    let transport = StringTransport::new(Int32Strings::new(handler));
    transport.data_received(&[message(b"one"), message(b"two")].concat());
    assert_eq!(*heard.borrow(), [b"one"]);
    let strings = transport.connection().clone();
    let receiver = success_result_of(protocols::basic::SendString::receiver(&strings));
    assert_eq!(success_result_of(receiver.clear_buffer()), message(b"two"));
    receiver.set_buffer(&message(b"three"));
    transport.resume_producing();
    assert_eq!(*heard.borrow(), [&b"one"[..], b"three"]);
}

/// When the connection is lost, what has not come whole is still there, once.
#[test]
fn the_rest_of_a_connection_that_is_lost() {
    let handler = Handler { at_end: note_rest, ..Handler::new(|_, _| ()) };
    let heard = handler.heard.clone();
    let transport = StringTransport::new(Int32Strings::new(handler));
    let strings = transport.connection().clone();
    let receiver = success_result_of(protocols::basic::SendString::receiver(&strings));
    transport.data_received(b"\0\0\0\x08half");
    transport.connection_lost(ConnectionDone);
    assert_eq!(*heard.borrow(), [b"\0\0\0\x08half"]);
    assert!(success_result_of(receiver.clear_buffer()).is_empty());
    receiver.set_buffer(b"late");
}

/// From inside a callback it comes when that has returned.
#[test]
fn the_rest_comes_when_the_callback_has_returned() {
    let twice: Do = |transport, heard| {
        let first = transport.clear_buffer();
        assert_no_result(&first);
        let heard = heard.clone();
        drop(first.add_callback(move |rest| heard.borrow_mut().push(rest)));
        assert!(transport.connected());
    };
    let handler = Handler::new(twice);
    let heard = handler.heard.clone();
    let transport = StringTransport::new(Int32Strings::new(handler));
    transport.data_received(&[message(b"one"), b"rest".to_vec()].concat());
    assert_eq!(*heard.borrow(), [&b"one"[..], b"rest"]);
}

// ----- a budget that receivers share -----

struct Silent;

impl Protocol<LineTransport> for Silent {}

impl LineReceiver for Silent {
    const MAX_LENGTH: usize = 1 << 20;

    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

impl Protocol for Silent {}

impl StatefulProtocol for Silent {
    fn initial_state(&mut self) -> State<Self> {
        State::new(1 << 20, |_, _, _| None)
    }
}

/// Lines, strings and states are counted together; what has gone is counted no more.
#[test]
fn receivers_share_a_budget() {
    let budget = MemoryBudget::new(200_000);
    let lines = StringTransport::new(Lines::new(Silent).budget(&budget));
    let state = StringTransport::new(Stateful::new(Silent).budget(&budget));
    let strings = Int32Strings::new(Handler::new(|transport, _| {
        transport.send_string(vec![0; 150_000]).unwrap();
    }));
    let strings = StringTransport::new(strings.budget(&budget));
    let part = [b'x'; 100_000];
    lines.data_received(&part);
    let used = budget.used();
    assert!((100_000 - MemoryBudget::FREE..200_000).contains(&used), "{used}");
    state.data_received(&part);
    assert!(lines.connected() && state.connected());
    // What a peer does not read counts as well.
    strings.data_received(&message(b"much"));
    assert!(!strings.connected());
    lines.data_received(b"\r\n");
    assert!(budget.used() < used + 100_000);
    lines.connection_lost(ConnectionDone);
    state.connection_lost(ConnectionDone);
    assert_eq!(budget.used(), 0);
    assert_eq!(format!("{budget:?}"), "MemoryBudget { limit: 200000, used: 0, .. }");
}

/// What has gone out is found not to be used when somebody needs it.
#[test]
fn what_was_sent_is_used_no_more() {
    let budget = MemoryBudget::new(200_000);
    let answers = || {
        let handler = Handler::new(|transport, _| {
            transport.send_string(vec![0; 150_000]).unwrap();
        });
        StringTransport::new(Int32Strings::new(handler).budget(&budget))
    };
    let (first, second) = (answers(), answers());
    first.data_received(&message(b"a"));
    first.take_value();
    second.data_received(&message(b"b"));
    assert!(second.connected(), "the other one's answer is read");
    assert!((100_000..200_000).contains(&budget.used()));
}
