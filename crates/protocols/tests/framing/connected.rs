//! Receivers as somebody has them who has connected: the way to speak on them.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, ensure_deferred};
use protocols::basic::{
    FramedTransport, Int16Strings, LineConnection, LineReceiver, LineTransport, Lines, SendLine,
    SendString, StringConnection, StringReceiver,
};
use reactor_compat::endpoint::client_from_string;
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, Connection, ConnectionDone, ConnectionGone, Protocol, Reactor};

/// Gives the first line or string that it hears.
struct Hears(Option<deferred::Trigger<Vec<u8>>>);

impl Hears {
    fn new() -> (Self, Deferred<Vec<u8>>) {
        let (heard, trigger) = Deferred::new();
        (Self(Some(trigger)), heard)
    }

    fn hear(&mut self, what: &[u8]) {
        if let Some(trigger) = self.0.take() {
            trigger.callback(what.to_vec()).unwrap();
        }
    }
}

impl Protocol<LineTransport> for Hears {}

impl LineReceiver for Hears {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.hear(line);
    }
}

impl Protocol<FramedTransport> for Hears {}

impl StringReceiver for Hears {
    fn string_received(&mut self, _: &StringConnection<Self>, string: &[u8]) {
        self.hear(string);
    }
}

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

/// Serves with `server`, connects `client`, has `speak` speak on its
/// connection, and gives what it hears.
fn over_tcp<S: Protocol, C: Protocol>(
    server: impl Fn() -> S + 'static,
    client: impl Fn(Hears) -> C + 'static,
    speak: impl Fn(&Connection<C>) + 'static,
) -> Vec<u8> {
    let reactor = Reactor::new();
    let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| server()).unwrap();
    let address = format!("tcp:127.0.0.1:{}", port.get_host().port().unwrap());
    let endpoint = client_from_string(&reactor, &address).unwrap();
    let (hears, heard) = Hears::new();
    let mut client = Some(client(hears));
    let stop = reactor.clone();
    let heard = ensure_deferred(async move {
        let connection = endpoint.connect(move |_: Address| client.take()).await?;
        speak(&connection);
        let heard = heard.await?;
        stop.stop()?;
        Ok(heard)
    });
    reactor.run().unwrap();
    success_result_of(heard)
}

#[test]
fn who_connects_speaks() {
    let heard =
        over_tcp(|| Lines::new(Echo), Lines::new, |connection| connection.send_line("hello"));
    assert_eq!(heard, b"hello");
    let heard = over_tcp(
        || Int16Strings::new(Echo),
        Int16Strings::new,
        |connection| drop(connection.send_string("hello")),
    );
    assert_eq!(heard, b"hello");
}

/// Both are one transport: what is set on the one counts for the other.
#[test]
fn the_receiver_is_the_handlers_own_connection() {
    let transport = StringTransport::new(Lines::new(Echo));
    let receiver = success_result_of(transport.connection().receiver());
    receiver.set_delimiter("\0");
    receiver.set_max_length(4);
    transport.data_received(b"one\0");
    transport.connection().send_line("two");
    assert_eq!(transport.take_value(), b"one\0two\0");
    transport.data_received(b"three\0");
    assert!(transport.disconnecting());
}

/// From inside a callback it is sent when that has returned: nothing is lost,
/// and nothing overtakes what the callback sends.
#[test]
fn what_is_sent_from_inside_a_callback_waits_for_its_end() {
    #[derive(Default)]
    struct Inside(Rc<RefCell<Option<Connection<Lines<Self>>>>>);

    impl Protocol<LineTransport> for Inside {}

    impl LineReceiver for Inside {
        fn line_received(&mut self, transport: &LineConnection<Self>, _: &[u8]) {
            self.0.borrow().as_ref().unwrap().send_line("second");
            transport.send_line("first");
        }
    }

    let outside = Rc::default();
    let transport = StringTransport::new(Lines::new(Inside(Rc::clone(&outside))));
    outside.replace(Some(transport.connection().clone()));
    transport.data_received(b"go\r\n");
    assert_eq!(transport.take_value(), b"first\r\nsecond\r\n");
}

#[test]
fn nobody_speaks_on_a_connection_that_is_lost() {
    let transport = StringTransport::new(Lines::new(Echo));
    let connection = transport.connection().clone();
    transport.connection_lost(ConnectionDone);
    connection.send_line("late");
    assert!(failure_result_of(connection.receiver()).is::<ConnectionGone>());
    assert!(transport.take_value().is_empty());

    let transport = StringTransport::new(Int16Strings::new(Echo));
    let connection = transport.connection().clone();
    transport.connection_lost(ConnectionDone);
    let late: Failure = failure_result_of(connection.send_string("late"));
    assert!(late.is::<ConnectionGone>());
}
