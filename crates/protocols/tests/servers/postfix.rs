//! Postfix's table lookups, after Twisted's `test_postfix`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::Clock;
use deferred::{Deferred, Trigger};
use proptest::prelude::*;
use protocols::basic::Lines;
use protocols::postfix::{PostfixTCPMapFactory, PostfixTCPMapServer, quote, unquote};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, Factory};

type Server = StringTransport<Lines<PostfixTCPMapServer>>;

fn connect(mut factory: PostfixTCPMapFactory) -> Server {
    StringTransport::new(factory.build_protocol(Address::Pipe).unwrap())
}

fn table(clock: &Clock) -> Server {
    let entries = [("foo", "ThisIs Foo"), ("bar", " bar really is found\r\n")];
    connect(PostfixTCPMapFactory::dict(clock, entries))
}

/// Twisted's `PostfixTCPMapServerTestCase.data`.
const CHAT: [(&str, &str); 8] = [
    ("get", "400 Command 'get' takes 1 parameters.\n"),
    ("get foo", "200 ThisIs%20Foo\n"),
    ("get bar", "200 %20bar%20really%20is%20found%0D%0A\n"),
    ("get baz", "500 \n"),
    ("foo", "400 unknown command\n"),
    ("put", "400 Command 'put' takes 2 parameters.\n"),
    ("put foo", "400 Command 'put' takes 2 parameters.\n"),
    ("put foo bar", "500 put is not implemented yet.\n"),
];

#[test]
fn each_request_has_its_answer() {
    let server = table(&Clock::new());
    for (request, answer) in CHAT {
        server.data_received(format!("{request}\n").as_bytes());
        assert_eq!(String::from_utf8(server.take_value()).unwrap(), answer, "{request}");
    }
}

#[test]
fn what_makes_no_sense_is_unknown() {
    let server = table(&Clock::new());
    server.data_received(b"\n \n\xff\n  get  foo\n");
    let answers = "400 unknown command\n".repeat(3) + "200 ThisIs%20Foo\n";
    assert_eq!(server.take_value(), answers.as_bytes());
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    type Waiting = Rc<RefCell<Vec<(Vec<u8>, Trigger<Option<Vec<u8>>>)>>>;
    let waiting = Waiting::default();
    let asked = waiting.clone();
    let server = connect(PostfixTCPMapFactory::new(&Clock::new(), move |key: &[u8]| {
        let (value, trigger) = Deferred::new();
        asked.borrow_mut().push((key.to_vec(), trigger));
        value
    }));
    server.data_received(b"get one\nget two\n");
    assert_eq!(waiting.borrow().len(), 1, "one at a time");
    let (key, trigger) = waiting.borrow_mut().remove(0);
    assert_eq!(key, b"one");
    trigger.callback(Some(b"1".to_vec())).unwrap();
    assert_eq!(server.take_value(), b"200 1\n");
    // A real transport does this by itself.
    server.resume_producing();
    let (key, trigger) = waiting.borrow_mut().remove(0);
    assert_eq!(key, b"two");
    trigger.errback(std::io::Error::other("no\ntable")).unwrap();
    assert_eq!(server.take_value(), b"400 no table\n");
}

#[test]
fn an_idle_connection_is_closed() {
    let clock = Clock::new();
    let server = table(&clock);
    clock.advance(Duration::from_secs(599));
    server.data_received(b"get foo\n");
    clock.advance(Duration::from_secs(599));
    assert!(server.connected());
    clock.advance(Duration::from_secs(1));
    assert!(server.disconnecting());
}

proptest! {
    #[test]
    fn what_is_quoted_is_unquoted(data: Vec<u8>) {
        let quoted = quote(&data);
        prop_assert!(quoted.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(unquote(quoted.as_bytes()), data);
    }

    /// However the bytes are cut.
    #[test]
    fn cuts_make_no_difference(cuts in prop::collection::vec(1_usize..9, 1..40)) {
        let all: String = CHAT.map(|(request, _)| format!("{request}\n")).concat();
        let server = table(&Clock::new());
        let mut rest = all.as_bytes();
        for cut in cuts.iter().cycle() {
            let (some, after) = rest.split_at((*cut).min(rest.len()));
            if some.is_empty() {
                break;
            }
            server.data_received(some);
            rest = after;
        }
        let answers = CHAT.map(|(_, answer)| answer).concat();
        prop_assert_eq!(String::from_utf8(server.take_value()).unwrap(), answers);
    }
}
