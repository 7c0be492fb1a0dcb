//! The handle to a connection, on the double that tests use.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::OnceCell;
use std::rc::Rc;

use crate::support::{Event, Log, Recorder};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, ConnectionLost, Producer, Transport};

#[test]
fn what_is_written_comes_in_order() {
    let transport = StringTransport::new(Recorder::default());
    transport.write("a");
    transport.write_sequence([b"b".as_slice(), b"", b"c"]);
    transport.write(vec![b'd']);
    assert_eq!(transport.unsent(), 4);
    assert_eq!(transport.take_value(), b"abcd");
}

#[test]
fn the_protocol_hears_what_the_test_says() {
    let log = Log::default();
    let transport = StringTransport::new(Recorder::echo(&log));
    transport.data_received(b"x");
    transport.connection_lost(ConnectionLost::default());
    transport.data_received(b"nobody hears");
    transport.connection_lost(ConnectionDone);
    assert_eq!(log.events(), [Event::Made, Event::Data(b"x".to_vec()), Event::Lost]);
}

#[test]
fn nothing_is_taken_after_a_close_an_abort_or_a_loss() {
    let closing = StringTransport::new(Recorder::default());
    closing.write("before");
    closing.lose_connection();
    closing.write("after");
    assert_eq!(closing.take_value(), b"before");

    let aborting = StringTransport::new(Recorder::default());
    aborting.abort_connection();
    aborting.write("after");
    assert_eq!(aborting.take_value(), b"");

    let lost = StringTransport::new(Recorder::default());
    lost.write("before");
    lost.connection_lost(ConnectionDone);
    lost.write("after");
    assert_eq!(lost.take_value(), b"");
    assert!(!lost.disconnecting());
}

#[test]
fn a_handle_outlives_its_connection() {
    let log = Log::default();
    let transport = StringTransport::new(Recorder::new(&log));
    let handle = transport.transport().clone();
    transport.connection_lost(ConnectionDone);
    drop(transport);
    handle.write("x");
    handle.pause_producing();
    handle.abort_connection();
    assert_eq!(handle.get_peer().socket_addr(), Some(([192, 168, 1, 1], 54321).into()));
    assert!(format!("{handle:?}").contains("Lost"));
}

#[test]
fn its_addresses_are_of_tcp_unless_told() {
    let transport = StringTransport::new(Recorder::default());
    assert_eq!(transport.get_host(), &Address::Tcp(([10, 0, 0, 1], 12345).into()));
    assert_eq!(transport.get_peer(), &Address::Tcp(([192, 168, 1, 1], 54321).into()));
    let told = StringTransport::between(Recorder::default(), Address::Pipe, Address::Pipe);
    assert_eq!((told.get_host(), told.get_peer()), (&Address::Pipe, &Address::Pipe));
}

#[test]
fn nothing_comes_after_a_close() {
    let closes: [fn(&Transport); 3] =
        [Transport::lose_connection, Transport::abort_connection, |transport| {
            Producer::stop_producing(transport)
        }];
    for close in closes {
        let log = Log::default();
        let transport = StringTransport::new(Recorder::new(&log));
        transport.data_received(b"before");
        close(transport.transport());
        transport.data_received(b"after");
        transport.read_connection_lost();
        transport.connection_lost(ConnectionDone);
        assert_eq!(log.events(), [Event::Made, Event::Data(b"before".to_vec()), Event::Done]);
    }
}

/// Nothing comes inside a callback, as on a real connection; that a test tried is said.
#[test]
fn what_is_fed_to_it_inside_a_callback_is_ignored_and_said() {
    type Feed = fn(&StringTransport<Recorder>);
    let feeds: [Feed; 3] = [
        |transport| transport.data_received(b"inside"),
        |transport| transport.read_connection_lost(),
        |transport| transport.connection_lost(ConnectionLost::default()),
    ];
    for feed in feeds {
        let capture = LogCapture::start();
        let log = Log::default();
        let place = Rc::new(OnceCell::<Rc<StringTransport<Recorder>>>::new());
        let inner = Rc::downgrade(&place);
        let recorder = Recorder::new(&log).data(move |_, _| {
            if let Some(transport) = inner.upgrade().as_ref().and_then(|place| place.get()) {
                feed(transport);
            }
        });
        let transport = Rc::new(StringTransport::new(recorder));
        assert!(place.set(transport.clone()).is_ok());
        transport.data_received(b"outside");
        let said = capture.flush(|event| event.level() == tracing::Level::ERROR);
        assert!(said.len() == 1 && said[0].message().contains("inside a callback"), "{said:?}");
        assert!(transport.connected() && !transport.connection().gone());
        transport.connection_lost(ConnectionDone);
        assert_eq!(log.events(), [Event::Made, Event::Data(b"outside".to_vec()), Event::Done]);
    }
}

#[test]
#[should_panic(expected = "part of the test")]
fn a_panic_of_the_protocol_is_the_tests() {
    let recorder = Recorder::default().data(|_, _| panic!("part of the test"));
    StringTransport::new(recorder).data_received(b"x");
}
