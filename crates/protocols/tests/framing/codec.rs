//! The codecs, over Tokio's streams, and beside the parsers.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use proptest::prelude::*;
use protocols::basic::{
    Int16, Int32, LineCodec, LineConnection, LineReceiver, LineTooLong, LineTransport, Netstring,
    NetstringParseError, StringCodec, StringTooLongError,
};
use tokio_util::codec::{Decoder, Encoder, Framed};

use crate::strings::{encode, parse};
use reactor_compat::Protocol;

/// What a codec makes of bytes that come in pieces.
fn decode<D>(mut codec: D, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<D::Error>)
where
    D: Decoder<Item = Bytes, Error = io::Error>,
{
    let (mut buffer, mut items) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(item)) => items.push(item.to_vec()),
                Ok(None) => break,
                Err(error) => return (items, Some(error)),
            }
        }
    }
    (items, None)
}

fn source<E: std::error::Error + Copy + 'static>(error: &io::Error) -> Option<E> {
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    error.get_ref()?.downcast_ref().copied()
}

proptest! {
    #[test]
    fn a_codec_finds_what_the_parser_does(
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), 0_u8..9, prop::sample::select(&b"0123:,"[..])], 0..200),
        size in 1_usize..40,
    ) {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        let (strings, error) = parse::<Int16>(60, pieces.iter().copied());
        let decoded = decode(StringCodec::<Int16>::new(60), &pieces);
        prop_assert_eq!((strings, error), (decoded.0, decoded.1.as_ref().and_then(source)));

        let (strings, error) = parse::<Netstring>(60, pieces.iter().copied());
        let decoded = decode(StringCodec::<Netstring>::new(60), &pieces);
        prop_assert_eq!((strings, error), (decoded.0, decoded.1.as_ref().and_then(source)));
    }
}

#[test]
fn lines_end_wherever_they_are_cut() {
    for size in 1..12 {
        let pieces: Vec<&[u8]> = b"one\r\n\r\ntw\ro\r\nthr".chunks(size).collect();
        let (lines, error) = decode(LineCodec::new(b"\r\n", 16), &pieces);
        assert_eq!(lines, [&b"one"[..], b"", b"tw\ro"]);
        assert!(error.is_none());
    }
}

#[test]
fn limits_have_names() {
    let (lines, error) = decode(LineCodec::new(b"\n", 3), &[b"one\nthree"]);
    assert_eq!(lines, [b"one"]);
    assert_eq!(source(&error.unwrap()), Some(LineTooLong { max_length: 3 }));

    let (_, error) = decode(StringCodec::<Int32>::new(3), &[b"\0\0\0\x04"]);
    let expected = StringTooLongError { length: 4, max_length: 3 };
    assert_eq!(source(&error.unwrap()), Some(expected));

    let (_, error) = decode(StringCodec::<Netstring>::new(3), &[b"3:one;"]);
    assert_eq!(source(&error.unwrap()), Some(NetstringParseError::MissingComma));

    let mut buffer = BytesMut::new();
    let error = StringCodec::<Int16>::new(3).encode([0; 65536], &mut buffer).unwrap_err();
    assert_eq!(source::<StringTooLongError>(&error).unwrap().length, 65536);
    assert!(buffer.is_empty());
}

/// An item is a part of the buffer, not a copy.
#[test]
fn nothing_is_copied() {
    let mut buffer = BytesMut::from(&encode::<Netstring>(&[b"hello".to_vec()])[..]);
    let place = buffer.as_ptr_range();
    let string = StringCodec::<Netstring>::new(9).decode(&mut buffer).unwrap().unwrap();
    assert!(place.contains(&string.as_ptr()));
}

#[tokio::test]
async fn two_ends_talk() {
    let (ours, theirs) = tokio::io::duplex(7);
    let mut ours = Framed::new(ours, LineCodec::new(b"\r\n", 99));
    let mut theirs = Framed::new(theirs, LineCodec::new(b"\r\n", 99));
    let sending = ours.send("a line longer than the pipe");
    let (sent, heard) = futures::future::join(sending, theirs.next()).await;
    sent.unwrap();
    assert_eq!(heard.unwrap().unwrap(), "a line longer than the pipe");
    drop(ours);
    assert!(theirs.next().await.is_none());
}

/// A receiver that has the limits of its kind.
struct Silent;

impl Protocol<LineTransport> for Silent {}

impl LineReceiver for Silent {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
}

#[test]
fn a_codec_that_was_told_nothing_takes_the_lines_of_a_receiver() {
    let longest = vec![b'x'; Silent::MAX_LENGTH];
    let (lines, error) = decode(LineCodec::default(), &[&longest, Silent::DELIMITER]);
    assert_eq!((lines, error.is_none()), (vec![longest.clone()], true));

    let (lines, error) = decode(LineCodec::default(), &[b"x", &longest, Silent::DELIMITER]);
    assert_eq!(lines, Vec::<Vec<u8>>::new());
    let max_length = Silent::MAX_LENGTH;
    assert_eq!(source(&error.unwrap()), Some(LineTooLong { max_length }));
}
