//! The handle to a connection, on the double that tests use.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use crate::support::{Event, Log, Recorder};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, ConnectionLost};

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
    assert_eq!(handle.get_peer(), &Address::Pipe);
    assert!(format!("{handle:?}").contains("Lost"));
}

#[test]
#[should_panic(expected = "part of the test")]
fn a_panic_of_the_protocol_is_the_tests() {
    let recorder = Recorder::default().data(|_, _| panic!("part of the test"));
    StringTransport::new(recorder).data_received(b"x");
}
