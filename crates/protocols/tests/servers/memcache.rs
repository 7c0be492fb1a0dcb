//! A memcached client, after Twisted's `test_memcache`: against a script, and
//! against the real server where there is one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::time::{Clock, ReactorTime};
use deferred::{Deferred, Failure, TimeoutError, ensure_deferred};
use proptest::prelude::*;
use protocols::memcache::{
    BadReply, ClientError, Entry, MemCacheClient, MemCacheProtocol, NoSuchCommand, NotConnected,
    Reply, ReplyParser, ServerError, Value,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, Reactor};
use tempfile::TempDir;

struct Bench {
    clock: Clock,
    client: MemCacheClient,
    transport: StringTransport<MemCacheProtocol>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::new();
        let protocol = MemCacheProtocol::new(&clock);
        let client = protocol.client();
        Self { clock, client, transport: StringTransport::new(protocol) }
    }
}

fn value(data: &str, flags: u32, cas: Option<u64>) -> Option<Value> {
    Some(Value { data: data.into(), flags, cas })
}

/// A command sends `sent`, and `reply` makes it `result`, in one piece and
/// byte by byte.
fn check<T: PartialEq + Debug + 'static>(
    command: impl Fn(&MemCacheClient) -> Deferred<T>,
    sent: &str,
    reply: &str,
    result: T,
) {
    for size in [reply.len(), 1] {
        let bench = Bench::new();
        let answer = command(&bench.client);
        assert_eq!(String::from_utf8(bench.transport.take_value()).unwrap(), sent);
        for piece in reply.as_bytes().chunks(size) {
            bench.transport.data_received(piece);
        }
        assert_eq!(success_result_of(answer), result);
        assert!(bench.clock.get_delayed_calls().is_empty(), "nothing is waited for");
    }
}

fn fails_with<E: std::error::Error + Clone + PartialEq + 'static>(reply: &str, error: &E) {
    let bench = Bench::new();
    let answer = bench.client.set("foo", "bar");
    bench.transport.data_received(reply.as_bytes());
    assert_eq!(failure_result_of(answer).check(), Some(error), "{reply}");
    assert!(bench.transport.connected());
}

#[test]
fn values_are_got() {
    let reply = "VALUE foo 0 3\r\nbar\r\nEND\r\n";
    check(|client| client.get("foo"), "get foo\r\n", reply, value("bar", 0, None));
    check(|client| client.get("foo"), "get foo\r\n", "END\r\n", None);
    let empty = "VALUE foo 7 0\r\n\r\nEND\r\n";
    check(|client| client.get("foo"), "get foo\r\n", empty, value("", 7, None));
    let reply = "VALUE foo 0 3 1234\r\nbar\r\nEND\r\n";
    check(|client| client.gets("foo"), "gets foo\r\n", reply, value("bar", 0, Some(1234)));
}

#[test]
fn data_may_look_like_replies() {
    let reply = "VALUE foo 0 12\r\nEND\r\nSTORED\n\r\nEND\r\n";
    check(|client| client.get("foo"), "get foo\r\n", reply, value("END\r\nSTORED\n", 0, None));
}

#[test]
fn several_values_are_got() {
    let both = "VALUE foo 0 3\r\nbar\r\nVALUE cow 0 7\r\nchicken\r\nEND\r\n";
    let all = |foo, cow| HashMap::from([(b"foo".to_vec(), foo), (b"cow".to_vec(), cow)]);
    let result = all(value("bar", 0, None), value("chicken", 0, None));
    check(|client| client.get_multiple(["foo", "cow"]), "get foo cow\r\n", both, result);
    let one = "VALUE cow 1 3\r\nbar\r\nEND\r\n";
    let result = all(None, value("bar", 1, None));
    check(|client| client.get_multiple(["foo", "cow"]), "get foo cow\r\n", one, result);
    let one = "VALUE cow 1 3 42\r\nbar\r\nEND\r\n";
    let result = all(None, value("bar", 1, Some(42)));
    check(|client| client.gets_multiple(["foo", "cow"]), "gets foo cow\r\n", one, result);
}

#[test]
fn values_are_stored() {
    check(|client| client.set("foo", "bar"), "set foo 0 0 3\r\nbar\r\n", "STORED\r\n", true);
    let entry = || Entry::new("bar").flags(1).expire_time(1234);
    check(|client| client.set("foo", entry()), "set foo 1 1234 3\r\nbar\r\n", "STORED\r\n", true);
    check(|client| client.add("foo", "bar"), "add foo 0 0 3\r\nbar\r\n", "STORED\r\n", true);
    check(|client| client.add("foo", "bar"), "add foo 0 0 3\r\nbar\r\n", "NOT STORED\r\n", false);
    let sent = "replace foo 0 0 3\r\nbar\r\n";
    check(|client| client.replace("foo", "bar"), sent, "STORED\r\n", true);
    check(|client| client.replace("foo", "bar"), sent, "NOT_STORED\r\n", false);
    let sent = "append foo 0 0 3\r\nbar\r\n";
    check(|client| client.append("foo", "bar"), sent, "STORED\r\n", true);
    let sent = "prepend foo 0 0 3\r\nbar\r\n";
    check(|client| client.prepend("foo", "bar"), sent, "NOT_STORED\r\n", false);
    let sent = "cas foo 0 0 3 1234\r\nbar\r\n";
    check(|client| client.check_and_set("foo", "bar", 1234), sent, "STORED\r\n", true);
    check(|client| client.check_and_set("foo", "bar", 1234), sent, "EXISTS\r\n", false);
}

#[test]
fn the_other_commands_work() {
    check(|client| client.delete("bar"), "delete bar\r\n", "DELETED\r\n", true);
    check(|client| client.delete("bar"), "delete bar\r\n", "NOT FOUND\r\n", false);
    check(|client| client.increment("foo", 1), "incr foo 1\r\n", "4\r\n", Some(4));
    check(|client| client.increment("foo", 8), "incr foo 8\r\n", "4  \r\n", Some(4));
    check(|client| client.decrement("foo", 3), "decr foo 3\r\n", "5\r\n", Some(5));
    check(|client| client.decrement("foo", 3), "decr foo 3\r\n", "NOT_FOUND\r\n", None);
    let stats = HashMap::from([(b"foo".to_vec(), b"bar".to_vec()), (b"egg".into(), b"a b".into())]);
    let reply = "STAT foo bar\r\nSTAT egg a b\r\nEND\r\n";
    check(|client| client.stats(None), "stats\r\n", reply, stats.clone());
    check(|client| client.stats(Some("blah")), "stats blah\r\n", reply, stats);
    check(|client| client.version(), "version\r\n", "VERSION 1.1\r\n", b"1.1".to_vec());
    check(|client| client.flush_all(), "flush_all\r\n", "OK\r\n", true);
}

#[test]
fn a_server_refuses_by_name() {
    fails_with("ERROR\r\n", &NoSuchCommand);
    fails_with("CLIENT_ERROR We don't like you\r\n", &ClientError::new("We don't like you"));
    fails_with("SERVER_ERROR Something happened\r\n", &ServerError::new("Something happened"));
}

#[test]
fn commands_are_answered_in_order() {
    let bench = Bench::new();
    let (one, two) = (bench.client.get("foo"), bench.client.get("bar"));
    let three = bench.client.increment("egg", 1);
    let reply = b"VALUE foo 0 3\r\nbar\r\nEND\r\nERROR\r\n7\r\n";
    bench.transport.data_received(reply);
    assert_eq!(success_result_of(one), value("bar", 0, None));
    assert!(failure_result_of(two).is::<NoSuchCommand>());
    assert_eq!(success_result_of(three), Some(7));
}

/// A callback says the next thing, and the time for that begins.
#[test]
fn an_answer_may_lead_to_the_next_command() {
    let bench = Bench::new();
    let client = bench.client.clone();
    let next = bench.client.get("foo").add_callback(move |_| client.get("bar"));
    bench.transport.take_value();
    bench.transport.data_received(b"END\r\n");
    assert_eq!(bench.transport.take_value(), b"get bar\r\n");
    assert_eq!(bench.clock.get_delayed_calls().len(), 1);
    bench.transport.data_received(b"END\r\n");
    assert_eq!(success_result_of(next), None);
}

#[test]
fn an_answer_that_is_not_waited_for_any_more_is_let_go() {
    let bench = Bench::new();
    let (one, two) = (bench.client.version(), bench.client.version());
    one.cancel();
    drop(failure_result_of(one));
    bench.transport.data_received(b"VERSION 1\r\nVERSION 2\r\n");
    assert_eq!(success_result_of(two), b"2");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let bench = Bench::new();
    let commands = [bench.client.get("foo"), bench.client.get("bar")];
    bench.clock.advance(Duration::from_secs(59));
    assert!(bench.transport.connected());
    bench.clock.advance(Duration::from_secs(1));
    for command in commands {
        assert!(failure_result_of(command).is::<TimeoutError>());
    }
    assert!(bench.transport.disconnecting());
    assert!(failure_result_of(bench.client.get("late")).is::<NotConnected>());
}

#[test]
fn whatever_comes_gives_it_more_time() {
    let bench = Bench::new();
    let got = bench.client.get("foo");
    for piece in [&b"VALUE foo 0 10\r\n"[..], b"12345", b"67890", b"\r\n"] {
        bench.clock.advance(Duration::from_secs(40));
        bench.transport.data_received(piece);
    }
    assert_no_result(&got);
    bench.clock.advance(Duration::from_secs(59));
    bench.transport.data_received(b"END\r\n");
    assert_eq!(success_result_of(got), value("1234567890", 0, None));
    bench.clock.advance(Duration::from_secs(1000));
    assert!(bench.transport.connected(), "nothing is owed");
}

#[test]
fn a_lost_connection_fails_all_commands() {
    let bench = Bench::new();
    let commands = [bench.client.get("foo"), bench.client.get("bar")];
    bench.transport.connection_lost(ConnectionDone);
    for command in commands {
        assert!(failure_result_of(command).is::<ConnectionDone>());
    }
    assert!(failure_result_of(bench.client.set("foo", "bar")).is::<NotConnected>());
    assert!(bench.clock.get_delayed_calls().is_empty());
    let unborn = MemCacheProtocol::new(&bench.clock);
    assert!(failure_result_of(unborn.client().version()).is::<NotConnected>());
}

#[test]
fn keys_that_would_do_harm_are_not_sent() {
    let bench = Bench::new();
    let long = "a".repeat(251);
    for key in [long.as_str(), "", "a b", "a\r\nflush_all", "a\0", "\x7f"] {
        assert!(failure_result_of(bench.client.get(key)).is::<ClientError>(), "{key:?}");
        assert!(failure_result_of(bench.client.set(key, "x")).is::<ClientError>());
        assert!(failure_result_of(bench.client.delete(key)).is::<ClientError>());
        assert!(failure_result_of(bench.client.increment(key, 1)).is::<ClientError>());
        let several = bench.client.get_multiple(["good", key]);
        assert!(failure_result_of(several).is::<ClientError>());
    }
    assert!(failure_result_of(bench.client.stats(Some("a\r\nb"))).is::<ClientError>());
    assert!(bench.transport.take_value().is_empty());
    let edge = bench.client.get("a".repeat(250));
    bench.transport.data_received(b"END\r\n");
    assert_eq!(success_result_of(edge), None);
    assert!(success_result_of(bench.client.get_multiple::<&str>([])).is_empty());
}

#[test]
fn commands_that_wait_are_bounded() {
    let bench = Bench::new();
    let waiting: Vec<_> =
        (0..MemCacheClient::MAX_PENDING).map(|_| bench.client.version()).collect();
    assert!(failure_result_of(bench.client.version()).is::<ClientError>());
    bench.transport.data_received(b"VERSION 1\r\n");
    let one_more = bench.client.version();
    bench.transport.connection_lost(ConnectionDone);
    let lost = waiting.into_iter().skip(1).chain([one_more]);
    assert!(lost.map(failure_result_of).all(|failure| failure.is::<ConnectionDone>()));
}

/// A server that reads nothing does not fill our memory.
#[test]
fn what_waits_to_be_sent_is_bounded() {
    let bench = Bench::new();
    let large = vec![b'x'; MemCacheClient::MAX_UNSENT / 2];
    let waiting = [(); 2].map(|()| bench.client.set("foo", large.clone()));
    waiting.iter().for_each(assert_no_result);
    assert!(failure_result_of(bench.client.get("foo")).is::<ClientError>());
    bench.transport.take_value();
    assert_no_result(&bench.client.get("foo"));
    assert_eq!(bench.transport.take_value(), b"get foo\r\n");
}

/// What makes no sense cuts the connection, and says why.
#[test]
fn replies_that_make_no_sense_cut_the_connection() {
    let long = "x".repeat(ReplyParser::MAX_LINE + 2);
    let cases = [
        ("VALUE bar 0 7\r\nspamegg\r\nEND\r\n", BadReply::Unexpected),
        ("STORED\r\n", BadReply::Unexpected),
        ("17\r\n", BadReply::Unexpected),
        ("VALUE foo 0 3\r\nbarr\r\n", BadReply::Unterminated),
        ("VALUE foo 0 8388609\r\n", BadReply::ValueTooLong),
        ("VALUE foo 0 18446744073709551615\r\n", BadReply::ValueTooLong),
        ("VALUE foo 0 -3\r\n", BadReply::Unknown),
        ("VALUE foo 0 +3\r\n", BadReply::Unknown),
        ("VALUE foo\r\n", BadReply::Unknown),
        ("\r\n", BadReply::Unknown),
        (&long, BadReply::LineTooLong),
    ];
    for (reply, error) in cases {
        let bench = Bench::new();
        let (got, next) = (bench.client.get("foo"), bench.client.version());
        bench.transport.data_received(reply.as_bytes());
        assert_eq!(failure_result_of(got).check(), Some(&error), "{reply:?}");
        assert_eq!(failure_result_of(next).check(), Some(&error));
        assert!(!bench.transport.connected());
    }
    let bench = Bench::new();
    bench.transport.data_received(b"END\r\n");
    assert!(!bench.transport.connected(), "nothing was asked");
}

/// The replies, and the error, when the bytes come in pieces of such sizes.
fn parse(data: &[u8], sizes: &[usize]) -> (Vec<Reply>, Option<BadReply>) {
    let mut parser = ReplyParser::new(64);
    let mut replies = Vec::new();
    let mut rest = data;
    for size in sizes.iter().cycle() {
        let (mut piece, after) = rest.split_at((*size).min(rest.len()));
        if piece.is_empty() {
            break;
        }
        rest = after;
        loop {
            match parser.next_reply(&mut piece) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

fn reply_bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "STORED",
        "NOT_FOUND",
        "END",
        "ERROR",
        "CLIENT_ERROR no",
        "17",
        "VERSION 1",
        "STAT a b",
        "NOT STORED",
        "what",
        "VALUE a 0 65",
        "VALUE a 0 2",
    ]);
    let line = line.prop_map(|line| format!("{line}\r\n").into_bytes());
    let value = prop::collection::vec(any::<u8>(), 0..64).prop_map(|data| {
        let mut bytes = format!("VALUE key 1 {} 99\r\n", data.len()).into_bytes();
        bytes.extend(data);
        bytes.extend(b"\r\n");
        bytes
    });
    prop::collection::vec(prop_oneof![3 => value, 2 => line], 0..12)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn cuts_make_no_difference(
        data in reply_bytes(),
        sizes in prop::collection::vec(1_usize..30, 1..20),
    ) {
        prop_assert_eq!(parse(&data, &sizes), parse(&data, &[usize::MAX]));
    }

    #[test]
    fn nonsense_does_no_harm(data: Vec<u8>, sizes in prop::collection::vec(1_usize..9, 1..9)) {
        prop_assert_eq!(parse(&data, &sizes), parse(&data, &[usize::MAX]));
    }
}

// ----- the real server -----

/// A memcached on a socket of its own, which ends with the test.
struct Memcached {
    child: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Memcached {
    /// One that listens, if the program is there.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("memcached");
        let spawned = Command::new("memcached")
            .args(["-u", "root", "-vv", "-s"])
            .arg(&socket)
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => panic!("memcached cannot be started: {error}"),
        };
        // It says so when it listens.
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        while UnixStream::connect(&socket).is_err() {
            said.next().expect("memcached should go on").unwrap();
        }
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { child, socket, _folder: folder })
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn every_command(client: MemCacheClient) -> Result<(), Failure> {
    assert!(client.flush_all().await?);
    assert!(!client.version().await?.is_empty());
    assert!(client.stats(None).await?.contains_key(&b"pid"[..]));
    assert!(client.set("foo", Entry::new("bar").flags(5)).await?);
    assert_eq!(client.get("foo").await?, value("bar", 5, None));
    assert!(!client.add("foo", "egg").await?);
    assert!(client.append("foo", "!").await?);
    assert!(client.prepend("foo", "?").await?);
    let got = client.gets("foo").await?.unwrap();
    assert_eq!(got.data, b"?bar!");
    assert!(client.check_and_set("foo", "new", got.cas.unwrap()).await?);
    assert!(!client.check_and_set("foo", "newer", got.cas.unwrap()).await?);
    assert!(client.replace("foo", "41").await?);
    assert_eq!(client.increment("foo", 1).await?, Some(42));
    assert_eq!(client.decrement("foo", 100).await?, Some(0));
    assert_eq!(client.increment("nothing", 1).await?, None);
    let large: Vec<u8> = (0..900_000_u32).map(|n| n as u8).collect();
    assert!(client.set("large", large.clone()).await?);
    assert_eq!(client.get("large").await?.unwrap().data, large);
    let too_large = client.set("huge", vec![0; 2 << 20]).await.unwrap_err();
    assert!(too_large.is::<ServerError>(), "{too_large}");
    assert!(client.delete("foo").await?);
    assert!(!client.delete("foo").await?);
    let pipelined: Vec<_> = (0..1000).map(|n| client.set(format!("k{n}"), n.to_string())).collect();
    for stored in pipelined {
        assert!(stored.await?);
    }
    let all = client.get_multiple((0..1000).map(|n| format!("k{n}"))).await?;
    assert!((0..1000).all(|n| {
        let value = all[format!("k{n}").as_bytes()].as_ref();
        value.unwrap().data == n.to_string().as_bytes()
    }));
    Ok(())
}

#[test]
fn every_command_on_a_real_server() {
    let Some(server) = Memcached::start() else {
        eprintln!("SKIPPED: there is no memcached here to talk to");
        return;
    };
    let reactor = Reactor::new();
    let clock = reactor.clone();
    let done = reactor
        .connect_unix(&server.socket, move |_: Address| MemCacheProtocol::new(&clock))
        .when_connected()
        .add_callback(|connection| connection.call(|protocol, _| Ok(protocol.client())))
        .add_callback(|client| ensure_deferred(every_command(client)));
    let stop = reactor.clone();
    let done = done.add_both(move |result| {
        stop.stop()?;
        result
    });
    reactor.run().unwrap();
    success_result_of(done);
}
