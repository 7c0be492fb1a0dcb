//! Bad input: what never ends, what comes byte by byte, and what is too much.
//!
//! Memory is counted by the allocator of this test binary, and so is work, as
//! bytes that were allocated or moved; no clock is asked. A parser that looked
//! at all its bytes again with each new one would have to look at 16 MiB times
//! 8 MiB, and never come to an end.
//!
//! Of every limit there is, the last test knows the test that exceeds it.

#![cfg(all(
    feature = "amp",
    feature = "codec",
    feature = "finger",
    feature = "ident",
    feature = "memcache",
    feature = "postfix",
    feature = "socks",
    feature = "stateful"
))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

mod counting;
mod receivers;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use counting::Count;
use deferred::Failure;
use deferred::testing::failure_result_of;
use deferred::time::Clock;
use proptest::prelude::*;
use protocols::amp::{
    Amp, AmpBox, AmpConnection, BoxCodec, BoxError, BoxParser, CallRemote, Command, Limits,
    NoError, Responders, TooLong,
};
use protocols::basic::{
    Int32, Int32Strings, LineCodec, LineEvent, LineParser, LineTooLong, Lines, Netstring,
    NetstringParseError, Netstrings, StringCodec, StringParser, StringTooLongError,
};
use protocols::finger::{Denied, Finger};
use protocols::ident::{IdentClient, IdentError, IdentServer, Identity};
use protocols::memcache::{BadReply, MemCacheProtocol, Reply, ReplyParser};
use protocols::postfix::PostfixTCPMapFactory;
use protocols::socks::{RequestParser, SocksError, SocksFactory};
use protocols::stateful::{Stateful, TooManyWanted};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, ConnectionDone, Factory, Protocol, Reactor};
use receivers::{FILLING, Greedy, Orders, Silent};
use serde::{Deserialize, Serialize};
use tokio_util::codec::Decoder;

const SIZE: usize = 16 << 20;

/// What else may be in use, or be moved.
const SLACK: usize = 64 * 1024;

// ----- what a parser keeps of one item that is 16 MiB long -----

/// Feeds all that comes before an item's end, in one piece and byte by byte:
/// it is kept once, in no more than twice the room, and was moved no more than
/// a buffer that doubles moves it. Then the end comes, and the item is whole.
#[track_caller]
fn kept_once<P>(
    make: impl Fn() -> P,
    (begin, end): (&[u8], &[u8]),
    feed: impl Fn(&mut P, &[u8]) -> Option<usize>,
    held: impl Fn(&P) -> usize,
) {
    let body = vec![b'1'; SIZE];
    for size in [SIZE, 1] {
        let mut parser = make();
        let count = Count::begin();
        assert_eq!(feed(&mut parser, begin), None);
        for piece in body.chunks(size) {
            assert_eq!(feed(&mut parser, piece), None);
        }
        let (most, moved, held) = (count.most(), count.moved(), held(&parser));
        assert!((SIZE..SIZE + SLACK).contains(&held), "{held} bytes are held");
        assert!(most <= 2 * SIZE + SLACK, "{most} bytes were in use, pieces of {size}");
        assert!(moved <= 4 * SIZE + SLACK, "{moved} bytes were moved, pieces of {size}");
        assert_eq!(feed(&mut parser, end), Some(SIZE));
    }
}

#[test]
fn a_line_is_kept_once() {
    let feed = |parser: &mut LineParser, mut piece: &[u8]| match parser.next_line(&mut piece)? {
        LineEvent::Line(line) => Some(line.len()),
        LineEvent::TooLong(_) => unreachable!("it is as long as it may be"),
    };
    kept_once(|| LineParser::new(b"\r\n", SIZE), (b"", b"\r\n"), feed, LineParser::held);
}

#[test]
fn a_netstring_is_kept_once() {
    let feed = |parser: &mut StringParser<Netstring>, mut piece: &[u8]| {
        Some(parser.next_string(&mut piece)?.unwrap().len())
    };
    kept_once(|| StringParser::new(SIZE), (b"16777216:", b","), feed, StringParser::held);
}

#[test]
fn a_string_behind_its_length_is_kept_once() {
    let feed = |parser: &mut StringParser<Int32>, mut piece: &[u8]| {
        Some(parser.next_string(&mut piece)?.unwrap().len())
    };
    // The last byte is a part of the string.
    let make = || StringParser::new(SIZE + 1);
    let feed = |parser: &mut _, piece: &[u8]| feed(parser, piece).map(|length| length - 1);
    kept_once(make, (&[1, 0, 0, 1], b"1"), feed, StringParser::held);
}

#[test]
fn a_value_of_memcached_is_kept_once() {
    let feed = |parser: &mut ReplyParser, mut piece: &[u8]| match parser
        .next_reply(&mut piece)
        .unwrap()?
    {
        Reply::Value { data, .. } => Some(data.len()),
        other => unreachable!("{other:?}"),
    };
    let ends = (&b"VALUE foo 0 16777216\r\n"[..], &b"\r\n"[..]);
    kept_once(|| ReplyParser::new(SIZE), ends, feed, ReplyParser::held);
}

#[test]
fn what_a_state_wants_is_kept_once() {
    let feed = |transport: &mut StringTransport<Stateful<Greedy>>, piece: &[u8]| {
        transport.data_received(piece);
        transport.inspect(|stateful| stateful.handler().received()).unwrap()
    };
    let held = |transport: &StringTransport<_>| transport.inspect(Stateful::held).unwrap();
    let make = || StringTransport::new(Stateful::new(Greedy::new(SIZE + 1)));
    let feed = |transport: &mut _, piece: &[u8]| feed(transport, piece).map(|length| length - 1);
    kept_once(make, (b"", b"1"), feed, held);
}

/// What a codec leaves in the buffer is kept there; it is not looked at again.
#[test]
fn codecs_keep_an_item_once() {
    fn feed<D: Decoder<Item = bytes::Bytes, Error = std::io::Error>>(
        (codec, buffer): &mut (D, BytesMut),
        piece: &[u8],
    ) -> Option<usize> {
        buffer.extend_from_slice(piece);
        codec.decode(buffer).unwrap().map(|item| item.len())
    }
    let lines = || (LineCodec::new(b"\r\n", SIZE), BytesMut::new());
    kept_once(lines, (b"", b"\r\n"), feed, |(_, buffer)| buffer.len());
    let strings = || (StringCodec::<Netstring>::new(SIZE), BytesMut::new());
    kept_once(strings, (b"16777216:", b","), feed, |(_, buffer)| buffer.len());
}

/// A box of 16 MiB, in many values.
#[test]
fn a_box_is_kept_once() {
    let limits = Limits { box_size: 2 * SIZE, ..Limits::default() };
    let large: AmpBox = (100..356).map(|n| (n.to_string(), vec![b'1'; 65_535])).collect();
    let wire = large.serialize().unwrap();
    let (last, most_of_it) = wire.split_last().unwrap();
    for size in [SIZE, 1] {
        let mut parser = BoxParser::with_limits(limits);
        let count = Count::begin();
        for piece in most_of_it.chunks(size) {
            assert!(parser.next_box(&mut &*piece).unwrap().is_none());
        }
        assert_eq!(parser.buffered(), most_of_it.len());
        let (most, moved) = (count.most(), count.moved());
        assert!(most <= 2 * wire.len() + SLACK, "{most} bytes were in use, pieces of {size}");
        assert!(moved <= 4 * wire.len() + SLACK, "{moved} bytes were moved, pieces of {size}");
        let found = parser.next_box(&mut std::slice::from_ref(last)).unwrap();
        assert_eq!(found.map(|found| found.len()), Some(256));
    }
    // The codec takes out of the buffer what it keeps itself.
    let (mut codec, mut buffer) = (BoxCodec::with_limits(limits), BytesMut::new());
    let count = Count::begin();
    for piece in most_of_it.chunks(64) {
        buffer.extend_from_slice(piece);
        assert_eq!(codec.decode(&mut buffer).unwrap(), None);
    }
    let (most, moved) = (count.most(), count.moved());
    assert!(most <= 2 * wire.len() + SLACK, "{most} bytes were in use");
    assert!(moved <= 5 * wire.len() + SLACK, "{moved} bytes were moved");
    buffer.extend_from_slice(&[*last]);
    assert_eq!(codec.decode(&mut buffer).unwrap(), Some(large));
}

// ----- what a connection does about 16 MiB that are too much -----

/// As much as a connection reads at a time.
const READ: usize = 64 * 1024;

/// What else may be in use: a backtrace takes some.
const ASIDE: usize = 4 << 20;

/// Has a peer send `begin`, and then 16 MiB of `again`, in large pieces or byte
/// by byte: with no more memory in use than twice the limit, the connection is
/// closed. What comes behind that, as it may, is not kept either.
#[track_caller]
fn closes<P: Protocol>(
    transport: &StringTransport<P>,
    (begin, again): (&[u8], &[u8]),
    size: usize,
    limit: usize,
) {
    let body = again.repeat(SIZE / again.len());
    // The error that closes it may be logged with its backtrace. The first to
    // be written reads the names of all functions; let that be another.
    drop(format!("{:?}", Failure::new(ConnectionDone)));
    let count = Count::begin();
    transport.data_received(begin);
    let mut taken = 0;
    for piece in body.chunks(size) {
        if transport.disconnecting() || !transport.connected() {
            break;
        }
        transport.data_received(piece);
        taken += piece.len();
    }
    assert!(transport.disconnecting() || !transport.connected(), "it is not closed");
    if size == 1 {
        assert!(taken <= limit + 2, "{taken} bytes were taken");
    }
    for piece in body.chunks(4096) {
        transport.data_received(piece);
    }
    let most = count.most();
    assert!(most <= 2 * limit + ASIDE, "{most} bytes were in use, pieces of {size}");
}

/// What the handler of a receiver hears as the reason.
#[track_caller]
fn reason<P: Protocol, E: std::error::Error + Copy + 'static>(
    make: impl Fn(Silent) -> P,
    bytes: (&[u8], &[u8]),
    limit: usize,
) -> E {
    let reasons = [READ, 1].map(|size| {
        let silent = Silent::default();
        let reason = silent.reason.clone();
        let transport = StringTransport::new(make(silent));
        closes(&transport, bytes, size, limit);
        transport.connection_lost(ConnectionDone);
        reason.take().unwrap()
    });
    let [whole, _] = reasons.each_ref().map(|reason| *reason.check::<E>().unwrap());
    whole
}

#[test]
fn lines_that_do_not_end_close_the_connection() {
    let too_long = LineTooLong { max_length: 16_384 };
    assert_eq!(reason::<_, LineTooLong>(Lines::new, (b"", b"x"), 16_384), too_long);
    assert_eq!(reason::<_, LineTooLong>(Lines::only, (b"", b"x"), 16_384), too_long);
    // The beginnings of delimiters are not the end of a line.
    assert_eq!(reason::<_, LineTooLong>(Lines::new, (b"", b"\r"), 16_384), too_long);
}

#[test]
fn strings_that_are_too_long_close_the_connection() {
    type Parse = NetstringParseError;
    let limit = 99_999;
    let endless_length = reason::<_, Parse>(Netstrings::new, (b"", b"1"), limit);
    assert_eq!(endless_length, Parse::TooLong { max_length: limit });
    let zeros = reason::<_, Parse>(Netstrings::new, (b"", b"0"), limit);
    assert_eq!(zeros, Parse::MissingLength);
    let no_comma = reason::<_, Parse>(Netstrings::new, (b"99999:", b"x"), limit);
    assert_eq!(no_comma, Parse::MissingComma);
    let long = reason::<_, StringTooLongError>(Int32Strings::new, (b"", b"\xff"), limit);
    assert_eq!(long, StringTooLongError { length: u32::MAX as usize, max_length: limit });
}

#[test]
fn a_state_that_wants_too_much_closes_the_connection() {
    let transport = StringTransport::new(Stateful::new(Greedy::new(usize::MAX)));
    let lost = transport.inspect(|stateful| stateful.handler().reason.clone()).unwrap();
    closes(&transport, (b"", b"x"), READ, 0);
    transport.connection_lost(ConnectionDone);
    let max_length = SIZE + 1;
    let expected = TooManyWanted { wanted: usize::MAX, max_length };
    assert_eq!(lost.take().unwrap().check(), Some(&expected));
}

#[test]
fn the_small_servers_close_the_connection() {
    for size in [READ, 1] {
        let ident = IdentServer::new(|_, _| Ok(Identity::new("UNIX", "ada")));
        closes(&StringTransport::new(Lines::new(ident)), (b"1", b"1"), size, 1000);
        let finger = Lines::new(Finger::new(Denied));
        closes(&StringTransport::new(finger), (b"/W ", b"x"), size, 16_384);
        let table = [("ada", "ada@example.org")];
        let mut postfix = PostfixTCPMapFactory::dict(&Clock::new(), table);
        let postfix = postfix.build_protocol(Address::Pipe).unwrap();
        closes(&StringTransport::new(postfix), (b"get ", b"x"), size, 16_384);
    }
}

#[test]
fn an_ident_client_that_gets_too_long_an_answer_closes_the_connection() {
    for size in [READ, 1] {
        let transport = StringTransport::new(Lines::new(IdentClient::default()));
        let ident = transport.connection().project(Lines::handler_mut);
        let who = ident.call(|client, _| client.lookup(6191, 23));
        closes(&transport, (b"6191, 23 : ", b"x"), size, 1000);
        transport.connection_lost(ConnectionDone);
        assert_eq!(failure_result_of(who).check(), Some(&IdentError::Unknown));
    }
}

#[test]
fn a_memcached_that_says_too_much_is_cut_off() {
    for (begin, again, limit, error) in [
        (&b""[..], b"x", ReplyParser::MAX_LINE, BadReply::LineTooLong),
        (b"VALUE foo 0 ", b"9", ReplyParser::MAX_LINE, BadReply::LineTooLong),
        (b"VALUE foo 0 8388609\r\n", b"x", 0, BadReply::ValueTooLong),
        (b"VALUE foo 0 8388608\r\n", b"x", 8 << 20, BadReply::Unterminated),
    ] {
        for size in [READ, 1] {
            let protocol = MemCacheProtocol::new(&Clock::new());
            let client = protocol.client();
            let transport = StringTransport::new(protocol);
            let got = client.get("foo");
            closes(&transport, (begin, again), size, limit);
            assert_eq!(failure_result_of(got).check(), Some(&error));
        }
    }
}

#[test]
fn more_statistics_than_may_be_are_cut_off() {
    let stats =
        |count: usize| -> String { (0..count).map(|n| format!("STAT {n:07} 1\r\n")).collect() };
    // Each counts for 136 bytes of the 16 MiB that there may be.
    for (count, fits) in [(123_361, true), (123_362, false)] {
        let protocol = MemCacheProtocol::new(&Clock::new());
        let client = protocol.client();
        let transport = StringTransport::new(protocol);
        let got = client.stats(None);
        transport.data_received(stats(count).as_bytes());
        assert_eq!(transport.connected(), fits);
        if !fits {
            assert_eq!(failure_result_of(got).check(), Some(&BadReply::TooManyStats));
        }
    }
}

#[test]
fn a_socks_client_whose_names_do_not_end_is_refused() {
    let names = [
        (&b"\x04\x01\0\x50\x01\x02\x03\x04"[..], SocksError::UserTooLong),
        (b"\x04\x01\0\x50\0\0\0\x01ada\0", SocksError::HostTooLong),
    ];
    for (begin, error) in names {
        let mut parser = RequestParser::default();
        assert_eq!(parser.feed(begin), Ok(None));
        assert_eq!(parser.feed(&[b'x'; 256]), Err(error));
        for size in [READ, 1] {
            let mut factory = SocksFactory::new(&Reactor::new(), |_| Ok(true));
            let socks = factory.build_protocol(Address::Pipe).unwrap();
            let transport = StringTransport::new(socks);
            closes(&transport, (begin, b"x"), size, 256);
            assert_eq!(transport.take_value(), [0, 91, 0, 0, 0, 0, 0, 0]);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Ask;

impl Command for Ask {
    const NAME: &str = "Ask";
    type Response = ();
    type Error = NoError;
}

#[test]
fn boxes_that_are_too_large_close_the_connection() {
    let too_long = TooLong { is_key: true, is_local: false, length: None, key_name: None };
    let value = [&b"\0\x01k\xff\xff"[..], &[b'x'; 65_535]].concat();
    let limit = 4 << 20;
    for (pattern, limit, error) in [
        (&b"\x01"[..], 2, BoxError::TooLong(too_long)),
        (b"\0\x01k\0\0", 1025 * 5, BoxError::TooManyKeys { limit: 1024 }),
        (&value, limit, BoxError::TooLarge { limit }),
    ] {
        for size in [READ, 1] {
            let transport = StringTransport::new(Amp::new());
            let call = transport.connection().call_remote(Ask);
            closes(&transport, (b"", pattern), size, limit);
            transport.connection_lost(ConnectionDone);
            assert_eq!(failure_result_of(call).check(), Some(&error));
        }
    }
}

// ----- what waits, and is taken up again and again -----

/// Protocols that pause at each item: that of a megabyte of items which came at
/// once the rest is kept, is not that it is moved each time.
#[track_caller]
fn taken_up<P: Protocol>(protocol: P, item: &[u8]) {
    let count = (1 << 20) / item.len();
    let bytes = item.repeat(count);
    let transport = StringTransport::new(protocol);
    let moving = Count::begin();
    transport.data_received(&bytes);
    for _ in 0..count {
        assert!(transport.paused());
        transport.take_value();
        transport.resume_producing();
    }
    assert!(transport.reading(), "all has been taken up");
    let moved = moving.moved();
    assert!(moved <= 8 * bytes.len() + SLACK + count * 1024, "{moved} bytes were moved");
}

#[test]
fn what_waits_is_not_moved_each_time() {
    taken_up(Lines::new(Orders::default()), b"p\r\n");
    taken_up(Netstrings::new(Orders::default()), b"1:p,");
    taken_up(Stateful::new(Orders::default()), b"p");
    let pausing = Responders::new().responder(|_: &mut (), peer: &AmpConnection<()>, Ask| {
        peer.transport().pause_producing();
        Ok(())
    });
    taken_up(Amp::with_responders(&pausing), b"\0\x08_command\0\x03Ask\0\0");
}

// ----- the same events, however the bytes are cut -----

/// Pieces of such sizes, again and again.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// What a protocol says, and whether it closes the connection. It is never
/// held up for long.
fn says<P: Protocol>(protocol: P, pieces: &[&[u8]]) -> (String, bool) {
    let transport = StringTransport::new(protocol);
    let mut said = Vec::new();
    for piece in pieces {
        transport.data_received(piece);
        while !transport.disconnecting() && !transport.reading() {
            said.extend(transport.take_value());
            transport.resume_producing();
        }
        said.extend(transport.take_value());
        if transport.disconnecting() {
            break;
        }
    }
    let closed = transport.disconnecting();
    transport.connection_lost(ConnectionDone);
    said.retain(|byte| *byte != FILLING);
    (said.escape_ascii().to_string(), closed)
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..9, 1..9)
}

/// Words that mean something to a server, and some that do not.
fn text(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(prop::sample::select(words), 0..40);
    words.prop_map(|words| words.concat().into_bytes())
}

proptest! {
    /// A receiver of lines that pauses, goes raw and back, sends much, closes.
    #[test]
    fn cuts_make_no_difference_to_lines(
        bytes in text(&["p", "raw", "much", "close", "x", "\n", "\n", "\n", "12345678901"]),
        sizes in sizes(),
    ) {
        let make = || Lines::new(Orders::default()).delimiter(b"\n").max_length(30);
        prop_assert_eq!(says(make(), &cut(&bytes, &sizes)), says(make(), &[&bytes]));
    }

    #[test]
    fn cuts_make_no_difference_to_strings(
        bytes in text(&["5:pause,", "4:much,", "0:,", "3:abc,", "1", ":", ",", "99:"]),
        sizes in sizes(),
    ) {
        let make = || Netstrings::new(Orders::default()).max_length(30);
        prop_assert_eq!(says(make(), &cut(&bytes, &sizes)), says(make(), &[&bytes]));
    }

    #[test]
    fn cuts_make_no_difference_to_ident(
        bytes in text(&["6191, 23\r\n", "6191", ",", "23", "\r\n", "\r", "0", "-", " "]),
        sizes in sizes(),
    ) {
        let make = || Lines::new(IdentServer::new(|_, _| Ok(Identity::new("UNIX", "ada"))));
        prop_assert_eq!(says(make(), &cut(&bytes, &sizes)), says(make(), &[&bytes]));
    }

    #[test]
    fn cuts_make_no_difference_to_finger(
        bytes in text(&["ada", "/W", " ", "@", "example.org", "\r\n", "\r", "\n"]),
        sizes in sizes(),
    ) {
        let make = || Lines::new(Finger::new(Denied));
        prop_assert_eq!(says(make(), &cut(&bytes, &sizes)), says(make(), &[&bytes]));
    }

    #[test]
    fn cuts_make_no_difference_to_amp(
        bytes in text(&[
            "\0\x04_ask\0\x011", "\0\x08_command\0\x03Ask", "\0\0", "\0\x01a\0\x0213", "\0", "a",
            "\0\x04_ask\0\x012\0\x08_command\0\x03Ask\0\0", "\0\x07_answer\0\x011", "\x01",
        ]),
        sizes in sizes(),
    ) {
        let responders = Responders::new().function(|Ask| Ok(()));
        let make = || Amp::with_responders(&responders);
        prop_assert_eq!(says(make(), &cut(&bytes, &sizes)), says(make(), &[&bytes]));
    }
}

// ----- every limit -----

/// Each limit, and the test that exceeds it.
const LIMITS: &[(&str, &str, &str, &str)] = &[
    ("amp/decimal.rs", "MAX_EXPONENT", "amp/arguments.rs", "decimals_have_their_ends"),
    (
        "amp/limits.rs",
        "MAX_KEY_LENGTH",
        "amp/boxes.rs",
        "a_key_that_is_too_long_is_an_error_before_it_is_there",
    ),
    (
        "amp/limits.rs",
        "MAX_VALUE_LENGTH",
        "amp/errors.rs",
        "arguments_that_are_too_long_are_not_sent",
    ),
    (
        "amp/limits.rs",
        "box_size",
        "bad_input/main.rs",
        "boxes_that_are_too_large_close_the_connection",
    ),
    (
        "amp/limits.rs",
        "commands",
        "amp/errors.rs",
        "too_many_commands_that_are_worked_on_end_the_connection",
    ),
    (
        "amp/limits.rs",
        "descriptors",
        "amp/descriptors.rs",
        "too_many_descriptors_that_no_box_names_end_the_connection",
    ),
    ("amp/limits.rs", "keys", "bad_input/main.rs", "boxes_that_are_too_large_close_the_connection"),
    ("amp/limits.rs", "unsent", "amp/calls.rs", "a_write_that_waits_is_not_overtaken_by_answers"),
    ("amp/python.rs", "MAX_DIGITS", "amp/arguments.rs", "numbers_are_read_as_python_reads_them"),
    (
        "basic/line_receiver.rs",
        "MAX_LENGTH",
        "bad_input/main.rs",
        "lines_that_do_not_end_close_the_connection",
    ),
    (
        "basic/stream/shared.rs",
        "MAX_WAITING",
        "framing/stream.rs",
        "what_waits_to_be_taken_is_bounded",
    ),
    (
        "basic/string_receiver.rs",
        "MAX_LENGTH",
        "bad_input/main.rs",
        "strings_that_are_too_long_close_the_connection",
    ),
    ("ident.rs", "MAX_LENGTH", "bad_input/main.rs", "the_small_servers_close_the_connection"),
    (
        "ident/client.rs",
        "MAX_LENGTH",
        "bad_input/main.rs",
        "an_ident_client_that_gets_too_long_an_answer_closes_the_connection",
    ),
    ("ident/client.rs", "MAX_QUERIES", "servers/ident.rs", "queries_are_bounded"),
    ("ident/proc.rs", "MAX_LINE", "../src/ident/proc.rs", "a_line_is_not_read_without_end"),
    ("ident/proc.rs", "MAX_TABLE", "../src/ident/proc.rs", "a_table_is_not_read_without_end"),
    (
        "memcache/client.rs",
        "MAX_KEY_LENGTH",
        "servers/memcache.rs",
        "keys_that_would_do_harm_are_not_sent",
    ),
    ("memcache/client.rs", "MAX_PENDING", "servers/memcache.rs", "commands_that_wait_are_bounded"),
    ("memcache/client.rs", "MAX_UNSENT", "servers/memcache.rs", "what_waits_to_be_sent_is_bounded"),
    (
        "memcache/command.rs",
        "MAX_STATS",
        "bad_input/main.rs",
        "more_statistics_than_may_be_are_cut_off",
    ),
    (
        "memcache/protocol.rs",
        "MAX_VALUE_LENGTH",
        "bad_input/main.rs",
        "a_memcached_that_says_too_much_is_cut_off",
    ),
    (
        "memcache/reply.rs",
        "MAX_LINE",
        "bad_input/main.rs",
        "a_memcached_that_says_too_much_is_cut_off",
    ),
    ("policies/by_peer.rs", "MAX", "policies/policies.rs", "each_peer_has_its_own_limit"),
    (
        "socks/request.rs",
        "MAX",
        "bad_input/main.rs",
        "a_socks_client_whose_names_do_not_end_is_refused",
    ),
    (
        "socks/request.rs",
        "MAX_FIELD",
        "bad_input/main.rs",
        "a_socks_client_whose_names_do_not_end_is_refused",
    ),
    ("socks/server.rs", "MAX_AHEAD", "servers/socks.rs", "what_is_sent_ahead_is_bounded"),
    (
        "stateful.rs",
        "MAX_LENGTH",
        "bad_input/main.rs",
        "a_state_that_wants_too_much_closes_the_connection",
    ),
];

/// The limits that the sources name: constants, and the fields of `Limits`.
fn limits_in(folder: &Path, root: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            limits_in(&path, root, found);
            continue;
        }
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let field = line.strip_prefix("    pub ").filter(|_| file == "amp/limits.rs");
            let constant = line.split_once("const MAX").filter(|_| !line.contains("//"));
            let constant = constant.map(|(_, rest)| format!("MAX{rest}"));
            let declared = constant.or(field.map(str::to_owned));
            if let Some((name, _)) = declared.as_deref().and_then(|text| text.split_once(':')) {
                found.insert((file.clone(), name.to_owned()));
            }
        }
    }
}

#[test]
fn every_limit_has_a_test_that_exceeds_it() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.join("src");
    let mut found = BTreeSet::new();
    limits_in(&root, &root, &mut found);
    let known = LIMITS.iter().map(|(file, name, ..)| (file.to_string(), name.to_string()));
    assert_eq!(found, known.collect());
    for (_, limit, file, test) in LIMITS {
        let path = package.join("tests").join(file);
        let tests = fs::read_to_string(&path).expect(file);
        assert!(tests.contains(&format!("fn {test}(")), "{limit} has no test {test} in {file}");
    }
}
