//! TLS over streams of any kind: over TLS, over a layer, over memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use crate::support::{Event, Log, Recorder};
use reactor_compat::testing::{MemoryReactor, Pair};
use reactor_compat::tls::{
    ClientOptions, Identity, ServerOptions, StartTlsError, TlsOptions, TlsStream, TrustRoots,
};
use reactor_compat::{Layer, LayerIo, Transport};

/// A server that is its own authority, and a client that knows it.
fn options() -> (ServerOptions, ClientOptions) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Identity::from_pem(&certificate, key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    (server, ClientOptions::new("localhost").unwrap().trust_roots(roots))
}

fn pair() -> (Pair<Recorder, Recorder>, Log, Log) {
    let (ours, theirs) = (Log::default(), Log::default());
    let pair = MemoryReactor::new().connect(Recorder::echo(&ours), Recorder::new(&theirs));
    (pair, ours, theirs)
}

fn push_tls(transport: &Transport, options: impl Into<TlsOptions>) {
    let options = options.into();
    transport
        .push_stream(move |below| TlsStream::new(below, options).expect("the options are right"))
        .unwrap();
}

/// All of it, both ways and to its end.
fn converses(pair: &Pair<Recorder, Recorder>, ours: &Log, theirs: &Log) {
    let much: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    pair.client().write(&much);
    pair.flush().unwrap();
    assert!(pair.server().is_secure() && pair.client().is_secure());
    assert!(ours.data() == much && theirs.data() == much);
    pair.client().lose_connection();
    pair.flush().unwrap();
    assert_eq!((ours.end(), theirs.end()), (Some(Event::Done), Some(Event::Done)));
}

#[test]
fn tls_over_memory() {
    let (pair, ours, theirs) = pair();
    let (server, client) = options();
    pair.server().start_tls(server.clone()).unwrap();
    pair.client().start_tls(client).unwrap();
    assert_eq!(pair.server().start_tls(server), Err(StartTlsError::AlreadySecure));
    converses(&pair, &ours, &theirs);
}

#[test]
fn tls_over_tls() {
    let (pair, ours, theirs) = pair();
    for _ in 0..2 {
        let (server, client) = options();
        push_tls(pair.server(), server);
        push_tls(pair.client(), client);
    }
    converses(&pair, &ours, &theirs);
}

/// Turns every bit round.
struct Invert;

impl Layer for Invert {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.deliver(&data.iter().map(|byte| !byte).collect::<Vec<_>>());
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(&data.iter().map(|byte| !byte).collect::<Vec<_>>());
    }
}

#[test]
fn tls_over_a_layer_and_under_one() {
    let (pair, ours, theirs) = pair();
    let (server, client) = options();
    for transport in [pair.server().connection(), pair.client().connection()] {
        transport.push_layer(Invert).unwrap();
    }
    pair.server().start_tls(server).unwrap();
    pair.client().start_tls(client).unwrap();
    for transport in [pair.server().connection(), pair.client().connection()] {
        transport.push_layer(Invert).unwrap();
    }
    converses(&pair, &ours, &theirs);
}

#[test]
fn start_tls_in_mid_connection_over_a_layer() {
    let (pair, ours, theirs) = pair();
    for transport in [pair.server().connection(), pair.client().connection()] {
        transport.push_layer(Invert).unwrap();
    }
    pair.client().write("plain");
    pair.flush().unwrap();
    assert_eq!((ours.data(), theirs.data()), (b"plain".to_vec(), b"plain".to_vec()));
    let (server, client) = options();
    pair.server().start_tls(server).unwrap();
    pair.client().start_tls(client).unwrap();
    pair.client().write("secret");
    pair.flush().unwrap();
    assert!(pair.server().is_secure());
    assert_eq!(ours.data(), b"plainsecret");
}
