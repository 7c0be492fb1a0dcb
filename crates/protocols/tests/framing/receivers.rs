//! Receivers on a connection: what a handler may ask for, and when.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use deferred::testing::success_result_of;
use deferred::{Deferred, Failure, Panic, Trigger};
use protocols::basic::{
    FramedTransport, Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver,
    LineTooLong, LineTransport, Lines, NetstringParseError, Netstrings, SendLine, StringConnection,
    StringReceiver, StringTooLongError,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, Protocol, Reactor};

/// What happened, in words.
type Log = Rc<RefCell<Vec<String>>>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Does what the lines say, and notes what it got.
#[derive(Default)]
struct Obedient {
    log: Log,
    trigger: Option<Trigger<()>>,
    reason: Rc<RefCell<Option<Failure>>>,
}

impl Obedient {
    fn note(&self, what: impl Into<String>) {
        self.log.borrow_mut().push(what.into());
    }
}

impl Protocol<LineTransport> for Obedient {
    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl LineReceiver for Obedient {
    const MAX_LENGTH: usize = 20;

    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.note(text(line));
        match line {
            b"pause" => transport.pause_producing(),
            b"blink" => {
                transport.pause_producing();
                transport.resume_producing();
            }
            b"lose" => transport.lose_connection(),
            b"raw" => transport.set_raw_mode(),
            b"clear" => drop(transport.clear_line_buffer()),
            b"extra" => transport.set_line_mode(b"behind\r\n"),
            b"much" => transport.send_line(vec![b'x'; 100_000]),
            b"panic" => panic!("as the line says"),
            b"later" => {
                let (later, trigger) = Deferred::new();
                self.trigger = Some(trigger);
                later.add_callback(transport.wrap(|this: &mut Self, transport, ()| {
                    this.note("called");
                    transport.set_line_mode(b"brought\r\n");
                    this.note("busy");
                }));
            }
            _ => {}
        }
    }

    /// Raw data ends with a full stop, which it passes on in a copy of its own
    /// if there are two.
    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let Some(end) = data.iter().position(|&byte| byte == b'.') else {
            return self.note(format!("raw {}", text(data)));
        };
        self.note(format!("raw {}", text(&data[..end])));
        match data[end + 1..].strip_prefix(b".") {
            Some(rest) => {
                let copy = rest.to_vec();
                transport.set_line_mode(&copy);
            }
            None => transport.set_line_mode(&data[end + 1..]),
        }
    }
}

struct Test {
    transport: StringTransport<Lines<Obedient>>,
    log: Log,
    reason: Rc<RefCell<Option<Failure>>>,
}

impl Test {
    fn new() -> Self {
        let handler = Obedient::default();
        let (log, reason) = (Rc::clone(&handler.log), Rc::clone(&handler.reason));
        Self { transport: StringTransport::new(Lines::new(handler)), log, reason }
    }

    fn receive(&self, data: &str) -> &Self {
        self.transport.data_received(data.as_bytes());
        self
    }

    /// What was noted since this was last called.
    fn expect(&self, expected: &[&str]) -> &Self {
        assert_eq!(*self.log.take(), *expected);
        self
    }
}

#[test]
fn lines_behind_a_close_are_not_received() {
    let test = Test::new();
    test.receive("one\r\nlose\r\ntwo\r\n").expect(&["one", "lose"]);
    assert!(test.transport.disconnecting());
    test.transport.connection_lost(ConnectionDone);
    assert!(test.reason.take().unwrap().is::<ConnectionDone>());
}

#[test]
fn a_pause_in_the_middle_of_a_read_holds_the_rest() {
    let test = Test::new();
    test.receive("pause\r\none\r\npause\r\ntwo\r\nth").expect(&["pause"]);
    test.transport.resume_producing();
    test.expect(&["one", "pause"]);
    // What comes all the same waits behind what waits.
    test.receive("ree\r\n").expect(&[]);
    test.transport.resume_producing();
    test.expect(&["two", "three"]);
}

#[test]
fn a_pause_that_is_taken_back_at_once_changes_nothing() {
    Test::new().receive("blink\r\none\r\n").expect(&["blink", "one"]);
}

/// A peer that does not read what it has us write is not served either, and no
/// line is lost or overtaken by it.
#[test]
fn lines_wait_while_too_much_is_unsent() {
    let test = Test::new();
    test.receive("much\r\nmuch\r\none\r\n").expect(&["much"]);
    assert_eq!(test.transport.take_value().len(), 100_002);
    test.expect(&["much"]);
    assert_eq!(test.transport.take_value().len(), 100_002);
    test.expect(&["one"]);
    test.receive("two\r\n").expect(&["two"]);
}

/// Both a pause and unsent data hold lines up: either alone is enough.
#[test]
fn a_pause_outlasts_a_drain() {
    let test = Test::new();
    test.receive("much\r\none\r\n").expect(&["much"]);
    test.transport.pause_producing();
    test.transport.take_value();
    test.expect(&[]);
    test.transport.resume_producing();
    test.expect(&["one"]);

    test.receive("much\r\none\r\n").expect(&["much"]);
    test.transport.pause_producing();
    test.transport.resume_producing();
    test.expect(&[]);
    test.transport.take_value();
    test.expect(&["one"]);
}

#[test]
fn raw_data_and_lines_take_turns() {
    let test = Test::new();
    test.receive("raw\r\nabc.one\r\nraw\r\nde").expect(&["raw", "raw abc", "one", "raw", "raw de"]);
    test.receive("f.two\r\nraw\r\n.three\r\n").expect(&["raw f", "two", "raw", "raw ", "three"]);
    // A rest that is a copy comes before what has not been given yet.
    test.receive("raw\r\ng..four\r\nfive\r\n").expect(&["raw", "raw g", "four", "five"]);
}

#[test]
fn raw_data_that_waited_is_given_in_order() {
    let test = Test::new();
    test.receive("pause\r\nraw\r\nab").expect(&["pause"]);
    test.receive("c.one\r\n");
    test.transport.resume_producing();
    assert_eq!(test.log.take().join(" "), "raw raw abc one");
}

#[test]
fn what_is_passed_on_from_a_line_goes_behind_what_has_come() {
    let test = Test::new();
    test.receive("extra\r\none\r\ntw").expect(&["extra", "one", "twbehind"]);
}

#[test]
fn a_cleared_buffer_is_empty() {
    let test = Test::new();
    test.receive("clear\r\none\r\ntw").expect(&["clear"]);
    test.receive("three\r\n").expect(&["three"]);
}

/// Takes away what is behind each line that says so, and the end of what came.
#[derive(Default)]
struct Taker {
    taken: Rc<RefCell<Vec<String>>>,
    lines: Rc<RefCell<Vec<String>>>,
}

impl Taker {
    fn take(&self, transport: &LineTransport) {
        let taken = Rc::clone(&self.taken);
        let take = move |rest: Vec<u8>| taken.borrow_mut().push(text(&rest));
        drop(transport.clear_line_buffer().add_callback(take));
    }
}

impl Protocol<LineTransport> for Taker {
    fn connection_lost(&mut self, transport: &LineConnection<Self>, _: Failure) {
        self.take(transport);
    }
}

impl LineReceiver for Taker {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.lines.borrow_mut().push(text(line));
        match line {
            b"take" => self.take(transport),
            b"add, take, add" => {
                transport.set_line_mode(b"gone");
                self.take(transport);
                transport.set_line_mode(b"stays\r\n");
            }
            b"pause" => transport.pause_producing(),
            b"raw" => transport.set_raw_mode(),
            _ => {}
        }
    }

    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        transport.set_line_mode(&data[1..]);
        self.take(transport);
    }
}

#[test]
fn what_is_cleared_is_given_away() {
    let taker = Taker::default();
    let (taken, lines) = (Rc::clone(&taker.taken), Rc::clone(&taker.lines));
    let transport = StringTransport::new(Lines::new(taker));
    let check = |data: &[u8], heard: &[&str], took: &[&str]| {
        transport.data_received(data);
        assert_eq!(lines.take(), heard);
        assert_eq!(taken.take(), took);
    };
    check(b"one\r\ntake\r\ntwo\r\nth", &["one", "take"], &["two\r\nth"]);
    check(b"take\r\n", &["take"], &[""]);
    // What was passed on before goes, what is passed on later stays.
    check(b"add, take, add\r\nrest ", &["add, take, add", "stays"], &["rest gone"]);
    check(b"raw\r\nxyz", &["raw"], &["yz"]);
    // Part of it was held, part has just come; and the line is cut itself.
    check(b"ta", &[], &[]);
    check(b"ke\r\nmo", &["take"], &["mo"]);
    check(b"pause\r\ntake\r\nheld", &["pause"], &[]);
    transport.resume_producing();
    check(b"", &["take"], &["held"]);
    // From outside: at once.
    transport.data_received(b"unfinished");
    let receiver = success_result_of(transport.connection().receiver());
    assert_eq!(success_result_of(receiver.clear_line_buffer()), b"unfinished");
    check(b"line\r\nno end", &["line"], &[]);
    transport.connection_lost(ConnectionDone);
    assert_eq!(taken.take(), ["no end"]);
    assert!(success_result_of(receiver.clear_line_buffer()).is_empty(), "all is over");
}

/// From outside its callbacks, a handler that goes back to line mode has the
/// lines it passes on as soon as it is free.
#[test]
fn a_handler_is_called_with_lines() {
    let test = Test::new();
    test.receive("later\r\nunfin").expect(&["later"]);
    let me = test.transport.connection().clone();
    me.call(|lines, _| lines.handler().trigger.as_ref().unwrap().callback(()).unwrap());
    test.expect(&["called", "busy", "unfinbrought"]);
}

#[test]
fn a_line_that_is_too_long_is_the_reason() {
    let test = Test::new();
    test.receive("one\r\n").receive("1234567890123456789012").expect(&["one"]);
    test.transport.connection_lost(ConnectionDone);
    let reason = test.reason.take().unwrap();
    assert_eq!(reason.check(), Some(&LineTooLong { max_length: 20 }));
}

/// A panic is the end of the connection, whoever had the handler go on.
#[test]
fn a_panic_behind_a_drain_is_one_like_any_other() {
    let test = Test::new();
    test.receive("much\r\npanic\r\none\r\n").expect(&["much"]);
    // A double passes a panic on to the test, from wherever it comes.
    let drained = catch_unwind(AssertUnwindSafe(|| test.transport.take_value()));
    assert!(drained.is_err());
    test.expect(&["panic"]);
}

/// Nothing is held that a handler has been given, and nothing when idle.
#[test]
fn an_idle_connection_holds_nothing() {
    let test = Test::new();
    for byte in b"one\r\n" {
        test.transport.data_received(&[*byte]);
    }
    test.receive("two\r\n").expect(&["one", "two"]);
    assert_eq!(test.transport.inspect(Lines::held), Some(0));
    test.receive("thr");
    assert_eq!(test.transport.inspect(Lines::held), Some(3));
}

/// Sends strings back, and does what they say.
#[derive(Default)]
struct Strings {
    heard: Rc<RefCell<Vec<String>>>,
    reason: Rc<RefCell<Option<Failure>>>,
    refused: Rc<Cell<usize>>,
}

impl Protocol<FramedTransport> for Strings {
    fn connection_lost(&mut self, _: &StringConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl StringReceiver for Strings {
    const MAX_LENGTH: usize = 50;

    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        self.heard.borrow_mut().push(text(string));
        match string {
            b"pause" => transport.pause_producing(),
            b"lose" => transport.lose_connection(),
            b"much" => (0..500).for_each(|_| transport.send_string([b'x'; 200]).unwrap()),
            other => transport.send_string(other).unwrap(),
        }
    }

    fn length_limit_exceeded(&mut self, transport: &StringConnection<Self>, length: usize) {
        self.refused.set(length);
        transport.lose_connection();
    }
}

#[test]
fn strings_are_sent_as_they_come() {
    let transport = StringTransport::new(Netstrings::new(Strings::default()));
    transport.data_received(b"3:one,0:,");
    assert_eq!(transport.take_value(), b"3:one,0:,");
    let transport = StringTransport::new(Int8Strings::new(Strings::default()));
    transport.data_received(b"\x03one\0");
    assert_eq!(transport.take_value(), b"\x03one\0");
    let transport = StringTransport::new(Int16Strings::new(Strings::default()));
    transport.data_received(b"\0\x03one\0\0");
    assert_eq!(transport.take_value(), b"\0\x03one\0\0");
    let transport = StringTransport::new(Int32Strings::new(Strings::default()));
    transport.data_received(b"\0\0\0\x03one\0\0\0\0");
    assert_eq!(transport.take_value(), b"\0\0\0\x03one\0\0\0\0");
}

/// As in Twisted, where it is lines that are not.
#[test]
fn strings_behind_a_close_are_received() {
    let strings = Strings::default();
    let heard = Rc::clone(&strings.heard);
    let transport = StringTransport::new(Int8Strings::new(strings));
    transport.data_received(b"\x04lose\x03one");
    assert_eq!(*heard.borrow(), ["lose", "one"]);
}

#[test]
fn strings_wait_while_paused_and_while_too_much_is_unsent() {
    let strings = Strings::default();
    let heard = Rc::clone(&strings.heard);
    let transport = StringTransport::new(Netstrings::new(strings));
    transport.data_received(b"5:pause,3:one,4:much,3:two,3:th");
    assert_eq!(heard.take(), ["pause"]);
    transport.resume_producing();
    assert_eq!(heard.take(), ["one", "much"]);
    transport.take_value();
    assert_eq!(heard.take(), ["two"]);
    transport.data_received(b"r,");
    assert_eq!(heard.take(), ["thr"]);
}

#[test]
fn a_string_that_is_refused_is_the_reason() {
    let strings = Strings::default();
    let (reason, refused) = (Rc::clone(&strings.reason), Rc::clone(&strings.refused));
    let transport = StringTransport::new(Int16Strings::new(strings));
    transport.data_received(b"\0\x33");
    assert_eq!(refused.get(), 51);
    transport.connection_lost(ConnectionDone);
    let expected = StringTooLongError { length: 51, max_length: 50 };
    assert_eq!(reason.take().unwrap().check(), Some(&expected));

    let strings = Strings::default();
    let reason = Rc::clone(&strings.reason);
    let transport = StringTransport::new(Netstrings::new(strings));
    transport.data_received(b"nonsense");
    assert!(transport.disconnecting());
    transport.connection_lost(ConnectionDone);
    assert_eq!(reason.take().unwrap().check(), Some(&NetstringParseError::MissingLength));
}

/// Another reason than a clean close stays what it is.
#[test]
fn a_connection_that_breaks_meanwhile_says_so() {
    let strings = Strings::default();
    let reason = Rc::clone(&strings.reason);
    let transport = StringTransport::new(Netstrings::new(strings));
    transport.data_received(b"nonsense");
    transport.connection_lost(reactor_compat::ConnectionLost::default());
    assert!(reason.take().unwrap().is::<reactor_compat::ConnectionLost>());
}

/// A client that counts, and hears each number from the server.
struct Client {
    reactor: Reactor,
    said: usize,
    heard: Rc<Cell<usize>>,
}

const TURNS: usize = 2_000;
const IN_FLIGHT: usize = 50;

impl Protocol<LineTransport> for Client {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        for _ in 0..IN_FLIGHT {
            self.said += 1;
            transport.send_line(self.said.to_string());
        }
    }

    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        assert!(reason.check::<Panic>().is_none() && reason.is::<ConnectionDone>(), "{reason}");
        self.reactor.stop().unwrap();
    }
}

impl LineReceiver for Client {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let heard = self.heard.get() + 1;
        assert_eq!(text(line), heard.to_string());
        self.heard.set(heard);
        if self.said < TURNS {
            self.said += 1;
            transport.send_line(self.said.to_string());
        } else if heard == TURNS {
            transport.lose_connection();
        }
    }
}

struct Echo;

impl Protocol<LineTransport> for Echo {}

impl LineReceiver for Echo {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        transport.send_line(line);
    }
}

#[test]
fn lines_go_over_a_real_socket() {
    let reactor = Reactor::new();
    let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Lines::new(Echo)).unwrap();
    let heard = Rc::new(Cell::new(0));
    let (client, hears) = (reactor.clone(), Rc::clone(&heard));
    let connecting =
        reactor.connect_tcp(port.get_host().socket_addr().unwrap(), move |_: Address| {
            Lines::new(Client { reactor: client.clone(), said: 0, heard: Rc::clone(&hears) })
        });
    reactor.run().unwrap();
    drop(connecting);
    assert_eq!(heard.get(), TURNS);
}
