//! A memcached server's replies: what the parser makes of them, and what a
//! client does that waits for some.
#![no_main]

use deferred::time::Clock;
use deferred::{Deferred, Failure};
use libfuzzer_sys::fuzz_target;
use protocols::memcache::{BadReply, MemCacheProtocol, Reply, ReplyParser};
use protocols_fuzz::{cut, plan};
use reactor_compat::ConnectionDone;
use reactor_compat::testing::StringTransport;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;

fn parse(max_value: usize, pieces: &[&[u8]]) -> (Vec<Reply>, Option<BadReply>) {
    let (mut parser, mut replies) = (ReplyParser::new(max_value), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match parser.next_reply(&mut piece) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
        assert!(piece.is_empty());
        // A line's key, and a value with its line ending.
        assert!(parser.held() <= ReplyParser::MAX_LINE + max_value + 2);
    }
    (replies, None)
}

type Told = Rc<RefCell<Vec<String>>>;

/// Notes what becomes of a command.
fn tell<T: Debug + 'static>(told: &Told, answer: Deferred<T>) {
    let told = told.clone();
    drop(answer.add_both(move |answer: Result<T, Failure>| {
        told.borrow_mut().push(format!("{:?}", answer.map_err(|failure| failure.to_string())));
    }));
}

/// What became of some commands.
fn converse(max_value: usize, pieces: &[&[u8]]) -> Vec<String> {
    let protocol = MemCacheProtocol::new(&Clock::new()).max_value_length(max_value);
    let client = protocol.client();
    let transport = StringTransport::new(protocol);
    let told = Told::default();
    tell(&told, client.get("foo"));
    tell(&told, client.set("foo", "bar"));
    tell(&told, client.get_multiple(["a", "b"]).add_callback(|all| Ok(BTreeMap::from_iter(all))));
    tell(&told, client.increment("n", 1));
    tell(&told, client.stats(None).add_callback(|all| Ok(BTreeMap::from_iter(all))));
    tell(&told, client.version());
    for piece in pieces {
        transport.data_received(piece);
        if !transport.connected() {
            break;
        }
    }
    transport.connection_lost(ConnectionDone);
    told.take()
}

fuzz_target!(|data: &[u8]| {
    let Some((max_value, sizes, bytes)) = plan(data) else { return };
    let pieces = cut(bytes, sizes);
    assert_eq!(parse(max_value, &[bytes]), parse(max_value, &pieces));
    assert_eq!(converse(max_value, &[bytes]), converse(max_value, &pieces));
});
