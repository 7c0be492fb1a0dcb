//! Limits and delimiters that are set while data comes, as Twisted's
//! `MAX_LENGTH` and `delimiter` may be.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use protocols::basic::{
    Format, FramedTransport, Int8, Int16, Int32, LineConnection, LineReceiver, LineTooLong,
    LineTransport, Lines, Netstring, StringConnection, StringReceiver, StringTooLongError, Strings,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{ConnectionDone, Protocol};

type Log = Rc<RefCell<Vec<String>>>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// ----- lines -----

/// What becomes of a line that is too long.
#[derive(Clone, Copy)]
enum Overlong {
    Closes,
    /// It is noted, and longer ones may come.
    Doubles,
}

/// Does what the lines say: `=8` sets a limit, `/;` a delimiter, `raw` the raw
/// mode, which ends with a full stop, `clear` lets go of the rest.
struct Obedient {
    log: Log,
    overlong: Overlong,
    me: Rc<RefCell<Option<LineConnection<Self>>>>,
    reason: Rc<RefCell<Option<Failure>>>,
}

impl Protocol<LineTransport> for Obedient {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        self.me.replace(Some(transport.me()));
    }

    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        self.reason.replace(Some(reason));
    }
}

impl LineReceiver for Obedient {
    const MAX_LENGTH: usize = 10;

    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let line = text(line);
        for word in line.split(' ') {
            match word.split_at_checked(1) {
                Some(("=", limit)) => transport.set_max_length(limit.parse().unwrap()),
                Some(("/", delimiter)) => transport.set_delimiter(delimiter),
                _ if word == "raw" => transport.set_raw_mode(),
                _ if word == "clear" => drop(transport.clear_line_buffer()),
                _ => {}
            }
        }
        self.log.borrow_mut().push(line);
    }

    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let end = data.iter().position(|byte| *byte == b'.');
        let (raw, rest) = data.split_at(end.unwrap_or(data.len()));
        self.log.borrow_mut().extend(raw.iter().map(|byte| format!("raw {}", char::from(*byte))));
        if let Some((_stop, rest)) = rest.split_first() {
            transport.set_max_length(4);
            transport.set_delimiter("|");
            transport.set_line_mode(rest);
        }
    }

    fn line_length_exceeded(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.log.borrow_mut().push(format!("too long: {}", text(line)));
        match self.overlong {
            Overlong::Closes => transport.lose_connection(),
            Overlong::Doubles => transport.set_max_length(2 * transport.max_length()),
        }
    }
}

struct Test {
    transport: StringTransport<Lines<Obedient>>,
    log: Log,
    me: LineConnection<Obedient>,
    reason: Rc<RefCell<Option<Failure>>>,
}

impl Test {
    fn with(overlong: Overlong, make: fn(Obedient) -> Lines<Obedient>) -> Self {
        let (log, me, reason) = (Log::default(), Rc::default(), Rc::default());
        let handler = Obedient {
            log: Rc::clone(&log),
            overlong,
            me: Rc::clone(&me),
            reason: Rc::clone(&reason),
        };
        let transport = StringTransport::new(make(handler));
        let me = me.borrow().clone().unwrap();
        Self { transport, log, me, reason }
    }

    fn new() -> Self {
        Self::with(Overlong::Closes, Lines::new)
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
fn a_limit_counts_from_the_next_line_on() {
    let test = Test::new();
    test.receive("=12\r\n0123456789ab\r\n=2\r\nab\r\nabc\r\nd\r\n");
    test.expect(&["=12", "0123456789ab", "=2", "ab", "too long: abc\r\nd\r\n"]);
    test.transport.connection_lost(ConnectionDone);
    let reason = test.reason.take().unwrap();
    assert_eq!(reason.check(), Some(&LineTooLong { max_length: 2 }));
}

#[test]
fn a_limit_counts_for_a_line_of_which_a_part_has_come() {
    let test = Test::new();
    test.receive("0123456");
    test.me.set_max_length(3);
    assert_eq!(test.me.max_length(), 3);
    test.expect(&[]);
    assert!(!test.transport.disconnecting(), "nothing has come");
    test.receive("7").expect(&["too long: 01234567"]);
    assert!(test.transport.disconnecting());

    let test = Test::new();
    test.receive("0123456789");
    test.me.set_max_length(20);
    test.receive("0123456789\r\n").expect(&["01234567890123456789"]);
}

#[test]
fn a_limit_may_be_raised_for_what_was_too_long() {
    let test = Test::with(Overlong::Doubles, Lines::new);
    test.receive("0123456789a\r\n").expect(&["too long: 0123456789a\r\n"]);
    test.receive("0123456789a\r\n").expect(&["0123456789a"]);
}

#[test]
fn so_it_is_where_lines_are_given_up_alone() {
    let test = Test::with(Overlong::Doubles, Lines::only);
    test.receive("=12\r\n0123456789ab\r\n=2\r\nabc\r\n").expect(&[
        "=12",
        "0123456789ab",
        "=2",
        "too long: abc",
    ]);
    test.receive("abcd\r\n").expect(&["abcd"]);
}

#[test]
fn a_limit_set_during_a_pause_counts_for_what_waits() {
    let test = Test::new();
    test.me.pause_producing();
    test.receive("one\r\ntwelve bytes\r\n").expect(&[]);
    test.me.set_max_length(12);
    test.transport.resume_producing();
    test.expect(&["one", "twelve bytes"]);
}

#[test]
fn a_delimiter_counts_from_the_next_line_on_and_for_what_is_sent() {
    let test = Test::new();
    test.receive("/;\r\na\r\nb;/ab\n;c;ab\nd;ab\n").expect(&["/;", "a\r\nb", "/ab\n", "c;", "d;"]);
    test.me.send_line("sent");
    assert_eq!(test.transport.take_value(), b"sentab\n");
}

#[test]
fn a_delimiter_is_found_in_what_has_come_when_more_comes() {
    let test = Test::new();
    test.receive("one;two");
    test.me.set_delimiter(";");
    test.expect(&[]).receive(";").expect(&["one", "two"]);
    test.me.send_line("sent");
    assert_eq!(test.transport.take_value(), b"sent;");
}

/// The limit counts without the delimiter, whichever that is.
#[test]
fn both_may_be_set_at_once() {
    let test = Test::new();
    test.receive("=3 /abcd\r\n123abcd12abcd1234");
    test.expect(&["=3 /abcd", "123", "12"]).receive("abcd").expect(&["too long: 1234abcd"]);
}

/// What else is asked in the same breath is done as well.
#[test]
fn they_are_set_whatever_else_is_asked() {
    let test = Test::new();
    test.receive("=12 clear\r\ngone\r\n").receive("0123456789ab\r\n");
    test.expect(&["=12 clear", "0123456789ab"]);
    test.receive("=2 raw\r\nxy.abcd|abcde|");
    test.expect(&["=2 raw", "raw x", "raw y", "abcd", "too long: abcde|"]);
}

/// The same bytes give the same lines, however they are cut.
#[test]
fn cuts_make_no_difference() {
    let stream = "=12\r\n0123456789ab\r\nraw\r\nx.ab|/\r\n|abc\r\n=2\r\nab\r\n";
    let whole = ["=12", "0123456789ab", "raw", "raw x", "ab", "/\r\n", "abc", "=2", "ab"];
    Test::new().receive(stream).expect(&whole);
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let test = Test::new();
            test.receive(&stream[..first]).receive(&stream[first..second]);
            test.receive(&stream[second..]).expect(&whole);
        }
    }
}

// ----- strings -----

/// Sets the limits that the strings name.
struct Limits {
    log: Log,
    me: Rc<RefCell<Option<StringConnection<Self>>>>,
}

impl Protocol<FramedTransport> for Limits {
    fn connection_made(&mut self, transport: &StringConnection<Self>) {
        self.me.replace(Some(transport.me()));
    }
}

impl StringReceiver for Limits {
    const MAX_LENGTH: usize = 3;

    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        let string = text(string);
        if let Ok(limit) = string.parse() {
            transport.set_max_length(limit);
            assert_eq!(transport.max_length(), limit);
        }
        self.log.borrow_mut().push(string);
    }
}

type Limited<F> = StringTransport<Strings<F, Limits>>;

fn limited<F: Format>() -> (Limited<F>, Log, StringConnection<Limits>) {
    let (log, me) = (Log::default(), Rc::default());
    let limits = Limits { log: Rc::clone(&log), me: Rc::clone(&me) };
    let transport = StringTransport::new(Strings::new(limits));
    let me = me.borrow().clone().unwrap();
    (transport, log, me)
}

fn encode<F: Format>(strings: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for string in strings {
        F::encode(string.as_bytes(), |piece| bytes.extend_from_slice(piece)).unwrap();
    }
    bytes
}

fn check<F: Format>() {
    let strings = ["abc", "10", "0123456789", "2", "ab"];
    let bytes = encode::<F>(&strings);
    for cut in 0..=bytes.len() {
        let (transport, log, _me) = limited::<F>();
        transport.data_received(&bytes[..cut]);
        transport.data_received(&bytes[cut..]);
        assert_eq!(*log.take(), strings);
        assert!(!transport.disconnecting());
        transport.data_received(&encode::<F>(&["abc"]));
        assert!(transport.disconnecting(), "the last limit was 2");
        assert!(log.take().is_empty());
    }

    // From outside, for a string of which a part has come.
    let bytes = encode::<F>(&["abc"]);
    let (transport, log, me) = limited::<F>();
    transport.data_received(&bytes[..bytes.len() - 2]);
    me.set_max_length(2);
    assert!(!transport.disconnecting(), "nothing has come");
    transport.data_received(&bytes[bytes.len() - 2..]);
    assert!(transport.disconnecting());
    assert!(log.take().is_empty());
}

#[test]
fn a_limit_counts_from_the_next_string_on() {
    check::<Int8>();
    check::<Int16>();
    check::<Int32>();
    check::<Netstring>();
}

#[test]
fn the_reason_names_the_limit_that_was_set() {
    struct Reason(Rc<RefCell<Option<Failure>>>);
    impl Protocol<FramedTransport> for Reason {
        fn connection_lost(&mut self, _: &StringConnection<Self>, reason: Failure) {
            self.0.replace(Some(reason));
        }
    }

    impl StringReceiver for Reason {
        fn string_received(&mut self, transport: &StringConnection<Self>, _: &[u8]) {
            transport.set_max_length(1);
        }
    }
    let reason = Rc::default();
    let transport = StringTransport::new(Strings::<Int8, _>::new(Reason(Rc::clone(&reason))));
    transport.data_received(&encode::<Int8>(&["first", "second"]));
    transport.connection_lost(ConnectionDone);
    let expected = StringTooLongError { length: 6, max_length: 1 };
    assert_eq!(reason.take().unwrap().check(), Some(&expected));
}
