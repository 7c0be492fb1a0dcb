//! ident, finger and Postfix's tables: the same bytes get the same answers,
//! however they are cut, and whether these are there at once or not.
#![no_main]

use deferred::{Deferred, Failure, Trigger};
use libfuzzer_sys::fuzz_target;
use protocols::basic::{LineReceiver, Lines};
use protocols::finger::{Finger, FingerHandler};
use protocols::ident::{IdentClient, IdentError, IdentServer, Identity};
use protocols::postfix::{PostfixTCPMapFactory, quote, unquote};
use protocols_fuzz::{cut, plan};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, Factory, Transport};
use std::cell::RefCell;
use std::rc::Rc;

/// What was said, and whether the connection was closed then. `idle` does what
/// the server waits for, and says whether there was anything.
fn serve<H: LineReceiver>(
    lines: Lines<H>,
    pieces: &[&[u8]],
    mut idle: impl FnMut() -> bool,
) -> (Vec<u8>, bool) {
    let transport = StringTransport::new(lines);
    let mut said = Vec::new();
    for piece in pieces {
        transport.data_received(piece);
        loop {
            said.extend(transport.take_value());
            if transport.disconnecting() {
                break;
            }
            if !idle() && transport.reading() {
                break;
            }
            transport.resume_producing();
        }
        if transport.disconnecting() {
            break;
        }
        let held = transport.inspect(Lines::held).unwrap_or_default();
        // A line that is as long as may be, and half of a delimiter.
        assert!(held <= H::MAX_LENGTH + 1, "{held} bytes are held");
    }
    let closed = transport.disconnecting();
    transport.connection_lost(ConnectionDone);
    (said, closed)
}

fn ident(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let server = IdentServer::new(|ours, theirs| match ours.port % 3 {
        0 => Ok(Identity::new("UNIX", format!("{}\r\n{}", ours.port, theirs.port))),
        1 => Err(IdentError::HiddenUser.into()),
        _ => Err(IdentError::Unknown.into()),
    });
    serve(Lines::new(server), pieces, || false)
}

/// Says all that it is asked.
struct Gossip;

impl FingerHandler for Gossip {
    fn forward_query(&mut self, transport: &Transport, verbose: bool, user: &[u8], host: &[u8]) {
        transport.write(format!("{verbose} {user:?} at {host:?}\n"));
    }

    fn get_domain(&mut self, transport: &Transport, verbose: bool) {
        transport.write(format!("{verbose}\n"));
    }

    fn get_user(&mut self, transport: &Transport, verbose: bool, user: &[u8]) {
        transport.write(format!("{verbose} {user:?}\n"));
        if user == b"l" {
            transport.lose_connection();
        }
    }
}

fn finger(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    serve(Lines::new(Finger::new(Gossip)), pieces, || false)
}

fn postfix(pieces: &[&[u8]], at_once: bool) -> (Vec<u8>, bool) {
    let waiting: Rc<RefCell<Vec<Trigger<Option<Vec<u8>>>>>> = Rc::default();
    let asked = waiting.clone();
    let mut factory =
        PostfixTCPMapFactory::new(&deferred::time::Clock::new(), move |key: &[u8]| {
            let value = (key.len() % 2 == 0).then(|| key.to_vec());
            if at_once {
                return Deferred::succeed(value);
            }
            let (later, trigger) = Deferred::new();
            asked.borrow_mut().push(trigger);
            later.add_callback(move |_: Option<Vec<u8>>| Ok(value))
        });
    let Some(server) = factory.build_protocol(Address::Pipe) else { return Default::default() };
    serve(server, pieces, || {
        let fired = waiting.take();
        assert!(fired.len() <= 1, "requests are answered one at a time");
        let any = !fired.is_empty();
        for trigger in fired {
            let _ = trigger.callback(None);
        }
        any
    })
}

/// What a client makes of answers.
fn ask(pieces: &[&[u8]]) -> Vec<String> {
    let transport = StringTransport::new(Lines::new(IdentClient::default()));
    let ident = transport.connection().project(Lines::handler_mut);
    let told = Rc::new(RefCell::new(Vec::new()));
    for port in 1..9 {
        let who = ident.call(move |client, _| client.lookup(port, 23));
        let told = told.clone();
        drop(who.add_both(move |who: Result<Identity, Failure>| {
            let who = who.map_err(|failure| failure.to_string());
            told.borrow_mut().push(format!("{who:?}"));
        }));
    }
    for piece in pieces {
        transport.data_received(piece);
        if transport.disconnecting() {
            break;
        }
    }
    transport.connection_lost(ConnectionDone);
    told.take()
}

fuzz_target!(|data: &[u8]| {
    let Some((_, sizes, bytes)) = plan(data) else { return };
    let pieces = cut(bytes, sizes);
    assert_eq!(ident(&[bytes]), ident(&pieces));
    assert_eq!(finger(&[bytes]), finger(&pieces));
    assert_eq!(ask(&[bytes]), ask(&pieces));
    let whole = postfix(&[bytes], true);
    assert_eq!(whole, postfix(&pieces, true));
    assert_eq!(whole, postfix(&pieces, false));

    let quoted = quote(bytes);
    assert!(quoted.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(unquote(quoted.as_bytes()), bytes);
    assert!(unquote(bytes).len() <= bytes.len());
});
