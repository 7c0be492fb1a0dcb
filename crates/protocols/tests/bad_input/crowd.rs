//! A thousand peers at a time, each of which has its connection keep as much as it
//! can: what they use together is bounded, by what is set where nothing is set.

use deferred::{Deferred, Failure, Trigger};
use protocols::MemoryBudget;
use protocols::amp::{
    Amp, AmpBox, AmpConnection, AmpTransport, Bytes, Command, NoError, Responders,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{ConnectionDone, Protocol};
use serde::{Deserialize, Serialize};

use crate::counting::Count;

const PEERS: usize = 1000;

/// As much as all of them may use.
const ALL: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Echo {
    value: Bytes,
}

impl Command for Echo {
    const NAME: &str = "Echo";
    type Response = Self;
    type Error = NoError;
}

/// A command that is never answered.
#[derive(Serialize, Deserialize)]
struct Wait {
    value: Bytes,
}

impl Command for Wait {
    const NAME: &str = "Wait";
    type Response = ();
    type Error = NoError;
}

/// What is worked on for a peer; it is let go with the connection.
#[derive(Default)]
struct Handler {
    waiting: Vec<Trigger<()>>,
}

impl Protocol<AmpTransport> for Handler {}

type Server = StringTransport<Amp<Handler>>;

/// A server's side of a connection, with nothing set.
fn connect() -> Server {
    let responders = Responders::new()
        .responder(|_: &mut Handler, _: &AmpConnection<Handler>, echo: Echo| Ok(echo))
        .responder(|handler: &mut Handler, _: &AmpConnection<Handler>, _: Wait| {
            let (answer, trigger) = Deferred::new();
            handler.waiting.push(trigger);
            answer
        });
    StringTransport::new(Amp::with_handler(Handler::default(), &responders))
}

fn command(name: &str, value: usize) -> Vec<u8> {
    let value = vec![b'x'; value];
    let parts = [("_ask", b"1".to_vec()), ("_command", name.into()), ("value", value)];
    AmpBox::from(parts).serialize().unwrap()
}

/// A box that does not end, of so many values of such a length.
fn half_a_box(keys: usize, length: usize) -> Vec<u8> {
    let value = vec![b'x'; length];
    let entry = |n: usize| {
        let (key, length) = ((n as u16).to_be_bytes(), (length as u16).to_be_bytes());
        [&[0, 2][..], &key, &length, &value].concat()
    };
    (1..=keys).flat_map(entry).collect()
}

/// As much as a connection reads at a time.
const READ: usize = 32 * 1024;

/// Has a peer send `bytes`, again and again, `most` of them, for as long as it is
/// read from.
fn send(server: &Server, bytes: &[u8], most: usize) {
    let mut sent = 0;
    while sent < most && server.reading() {
        let from = sent % bytes.len();
        let piece = READ.min(bytes.len() - from).min(most - sent);
        server.data_received(&bytes[from..from + piece]);
        sent += piece;
    }
}

/// Has a thousand peers send such bytes, so many of each, and read nothing; how many
/// of the connections ended because there was not enough for all.
#[track_caller]
fn crowd(attacks: &[(Vec<u8>, usize)]) -> usize {
    let mut ended = 0;
    drop(format!("{:?}", Failure::new(ConnectionDone)));
    let count = Count::begin();
    let mut servers: Vec<_> = (0..PEERS).map(|_| connect()).collect();
    for (bytes, most) in attacks {
        servers.retain(|server| {
            send(server, bytes, *most);
            if !server.connected() {
                ended += 1;
                server.connection_lost(ConnectionDone);
            }
            server.connected()
        });
    }
    let most = count.most();
    assert!(most <= ALL, "{} MiB were in use", most >> 20);
    assert!(MemoryBudget::of_thread().used() <= MemoryBudget::OF_THREAD);

    // Others are served meanwhile.
    let honest = connect();
    honest.data_received(&command("Echo", 1000));
    assert!(honest.take_value().starts_with(b"\x00\x07_answer\x00\x011"));

    // And when they are gone, there is nothing left of them.
    for server in servers.iter().chain([&honest]) {
        server.connection_lost(ConnectionDone);
    }
    assert_eq!(MemoryBudget::of_thread().used(), 0);
    ended
}

#[test]
fn boxes_that_do_not_end_are_bounded_together() {
    let half = half_a_box(63, 65_535);
    let most = half.len();
    let ended = crowd(&[(half, most)]);
    assert!(ended > 0);
}

#[test]
fn keys_are_bounded_together() {
    let keys = half_a_box(1023, 1);
    let most = keys.len();
    crowd(&[(keys, most)]);
}

#[test]
fn answers_that_are_not_read_are_bounded_together() {
    let ended = crowd(&[(command("Echo", 65_000), 4 << 20)]);
    assert!(ended > 0);
    let ended = crowd(&[(command("Echo", 1000), 1 << 17)]);
    assert!(ended > 0);
}

#[test]
fn commands_that_are_worked_on_are_bounded_together() {
    let ended = crowd(&[(command("Wait", 65_000), 4 << 20)]);
    assert!(ended > 0);
    let ended = crowd(&[(command("Wait", 500), 1 << 18)]);
    assert!(ended > 0);
}

#[test]
fn all_at_once_is_bounded_together() {
    let waits = command("Wait", 1).repeat(40);
    let echo = command("Echo", 65_000);
    let half = half_a_box(63, 65_535);
    let ended = crowd(&[waits, echo, half].map(|bytes| (bytes.len(), bytes)).map(|(n, b)| (b, n)));
    assert!(ended > 0);
}
