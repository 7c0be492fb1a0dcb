//! What is sent on a receiver's connection before its `connection_made`: it goes out
//! behind what that sends, whatever the receiver, and whatever wraps it.

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use protocols::basic::{
    FramedTransport, Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver,
    LineTransport, Lines, Netstrings, SendLine, SendString, StringConnection, StringReceiver,
};
use protocols::stateful::{State, Stateful, StatefulProtocol};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{AnyProtocol, Connection, ConnectionEvent, ConnectionGone, Protocol, Reactor};
use tokio::io::{AsyncReadExt, DuplexStream};

/// Greets in its own way.
struct Greets;

impl Protocol<LineTransport> for Greets {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("made");
    }
}

impl LineReceiver for Greets {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

impl Protocol<FramedTransport> for Greets {
    fn connection_made(&mut self, transport: &StringConnection<Self>) {
        transport.send_string("made").unwrap();
    }
}

impl StringReceiver for Greets {
    fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
}

impl Protocol for Greets {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("made");
    }
}

impl StatefulProtocol for Greets {
    fn initial_state(&mut self) -> State<Self> {
        State::new(1, |_, _, _| None)
    }
}

/// Runs another protocol.
struct Outer<P>(P);

impl<P: Protocol> Protocol for Outer<P> {
    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        self.0.handle(&connection.project(|this: &mut Self| &mut this.0), event);
    }
}

/// A way to send before there is a connection.
type Send<P> = fn(&Connection<P>) -> Deferred<()>;

fn serve<P: Protocol>(reactor: &Reactor, protocol: P) -> (Connection<P>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(256);
    (reactor.serve(ours, protocol), theirs)
}

/// Sends before the connection is made: what the peer gets.
fn sent_early<P: Protocol>(protocol: P, send: Send<P>) -> String {
    let reactor = MemoryReactor::new();
    let (connection, mut peer) = serve(&reactor, protocol);
    let sent = send(&connection);
    assert_no_result(&sent);
    reactor.settle().unwrap();
    success_result_of(sent);
    connection.lose_connection();
    reactor.settle().unwrap();
    let mut got = String::new();
    let read = deferred::ensure_deferred(async move {
        peer.read_to_string(&mut got).await?;
        Ok::<_, Failure>(got)
    });
    success_result_of(read)
}

/// Sends on a connection that is lost before it is made.
fn lost_before<P: Protocol>(protocol: P, send: Send<P>) -> Deferred<()> {
    let reactor = Reactor::new();
    let (connection, _peer) = serve(&reactor, protocol);
    let sent = send(&connection);
    drop(reactor);
    sent
}

fn send_line(connection: &Connection<Lines<Greets>>) -> Deferred<()> {
    connection.send_line("early");
    connection.receiver().add_callback(|receiver| {
        receiver.send_line("then");
    })
}

fn send_string<P>(connection: &Connection<P>) -> Deferred<()>
where
    Connection<P>: SendString<Handler = Greets>,
{
    let first = connection.send_string("early");
    let receiver = connection.receiver();
    first.add_both(|first| {
        receiver.add_callback(|receiver| {
            first?;
            Ok(receiver.send_string("then")?)
        })
    })
}

fn send_raw(connection: &Connection<Stateful<Greets>>) -> Deferred<()> {
    let handler = connection.project(Stateful::handler_mut);
    handler.call(|_, transport| {
        transport.write("early");
        Ok(())
    })
}

/// A receiver that is sent on early: what its peer gets, and what comes of it if the
/// connection is lost before.
struct Row {
    name: &'static str,
    got: String,
    expected: &'static str,
    lost: Deferred<()>,
}

fn row<P: Protocol>(
    name: &'static str,
    protocol: fn() -> P,
    send: Send<P>,
    expected: &'static str,
) -> Row {
    Row { name, got: sent_early(protocol(), send), expected, lost: lost_before(protocol(), send) }
}

fn table() -> Vec<Row> {
    let lines = "made\r\nearly\r\nthen\r\n";
    vec![
        row("lines", || Lines::new(Greets), send_line, lines),
        row("lines only", || Lines::only(Greets), send_line, lines),
        row("netstrings", || Netstrings::new(Greets), send_string, "4:made,5:early,4:then,"),
        row(
            "strings of 8 bits",
            || Int8Strings::new(Greets),
            send_string,
            "\x04made\x05early\x04then",
        ),
        row(
            "strings of 16 bits",
            || Int16Strings::new(Greets),
            send_string,
            "\0\x04made\0\x05early\0\x04then",
        ),
        row(
            "strings of 32 bits",
            || Int32Strings::new(Greets),
            send_string,
            "\0\0\0\x04made\0\0\0\x05early\0\0\0\x04then",
        ),
        row("states", || Stateful::new(Greets), send_raw, "madeearly"),
        row(
            "lines in another protocol",
            || Outer(Lines::new(Greets)),
            |outer| send_line(&outer.project(|outer| &mut outer.0)),
            lines,
        ),
        row(
            "lines without a type",
            || AnyProtocol::new(Lines::new(Greets)),
            |any| send_line(&any.project_if(AnyProtocol::downcast_mut)),
            lines,
        ),
        row(
            "lines in two others",
            || AnyProtocol::new(Outer(Lines::new(Greets))),
            |any| {
                let outer = any.project_if(AnyProtocol::downcast_mut::<Outer<Lines<Greets>>>);
                send_line(&outer.project(|outer| &mut outer.0))
            },
            lines,
        ),
    ]
}

#[test]
fn what_is_sent_early_goes_out_behind_connection_made() {
    for Row { name, got, expected, lost } in table() {
        assert_eq!(got, expected, "{name}");
        assert!(failure_result_of(lost).is::<ConnectionGone>(), "{name}");
    }
}
