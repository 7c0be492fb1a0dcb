//! Boxes over Tokio's streams, and beside the parser.

use std::error::Error;
use std::io;

use bytes::BytesMut;
use futures::{SinkExt, StreamExt};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use protocols::amp::{AmpBox, ArgumentError, BoxCodec, BoxError, BoxParser, Limits, TooLong};
use tokio_util::codec::{Decoder, Encoder, Framed};

/// What the codec makes of bytes that come in pieces.
fn decode(limits: Limits, pieces: &[&[u8]]) -> (Vec<AmpBox>, Option<BoxError>) {
    let (mut codec, mut buffer) = (BoxCodec::with_limits(limits), BytesMut::new());
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => break,
                Err(error) => return (found, Some(source(&error, io::ErrorKind::InvalidData))),
            }
        }
    }
    (found, None)
}

/// What the parser makes of them.
fn parse(limits: Limits, mut bytes: &[u8]) -> (Vec<AmpBox>, Option<BoxError>) {
    let (mut parser, mut found) = (BoxParser::with_limits(limits), Vec::new());
    loop {
        match parser.next_box(&mut bytes) {
            Ok(Some(one)) => found.push(AmpBox::from(one)),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error)),
        }
    }
}

fn source<E: Error + Clone + 'static>(error: &io::Error, kind: io::ErrorKind) -> E {
    assert_eq!(error.kind(), kind);
    error.get_ref().unwrap().downcast_ref::<E>().unwrap().clone()
}

fn boxes() -> impl Strategy<Value = Vec<AmpBox>> {
    let entries = btree_map(vec(any::<u8>(), 1..20), vec(any::<u8>(), 0..50), 0..6);
    vec(entries.prop_map(|entries| entries.into_iter().collect()), 0..8)
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded_however_it_is_cut(boxes in boxes(), size in 1_usize..40) {
        let (mut codec, mut buffer) = (BoxCodec::new(), BytesMut::new());
        for one in &boxes {
            codec.encode(one, &mut buffer).unwrap();
        }
        let pieces: Vec<&[u8]> = buffer.chunks(size).collect();
        prop_assert_eq!(decode(Limits::default(), &pieces), (boxes, None));
    }

    #[test]
    fn it_finds_what_the_parser_does(
        bytes in vec(prop_oneof![Just(0_u8), 0_u8..9], 0..200),
        size in 1_usize..40,
    ) {
        let limits = Limits { box_size: 30, keys: 3, ..Limits::default() };
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(decode(limits, &pieces), parse(limits, &bytes));
    }
}

#[test]
fn an_error_is_for_ever() {
    let mut codec = BoxCodec::with_limits(Limits { keys: 1, ..Limits::default() });
    let mut buffer = BytesMut::from(&b"\0\x01a\0\0\0\x01b\0\0\0\0"[..]);
    for _ in 0..2 {
        let error = codec.decode(&mut buffer).unwrap_err();
        let error: BoxError = source(&error, io::ErrorKind::InvalidData);
        assert_eq!(error, BoxError::TooManyKeys { limit: 1 });
    }
}

#[test]
fn of_a_box_that_cannot_be_sent_nothing_is_written() {
    let mut buffer = BytesMut::new();
    let long = AmpBox::from([("a", vec![1]), ("b", vec![0; 65_536])]);
    let error = BoxCodec::new().encode(long, &mut buffer).unwrap_err();
    let key_name = Some("b".to_owned());
    let length = Some(65_536);
    let expected = TooLong { is_key: false, is_local: true, length, key_name };
    let error: ArgumentError = source(&error, io::ErrorKind::InvalidInput);
    assert_eq!(error, ArgumentError::TooLong(expected));
    assert!(buffer.is_empty());
}

/// A box that was begun is kept by the codec, and let go at the end of the
/// stream.
#[test]
fn what_is_left_at_the_end_is_let_go() {
    let (mut codec, mut buffer) = (BoxCodec::new(), BytesMut::from(&b"\0\x01a\0\x05b"[..]));
    assert_eq!(codec.decode(&mut buffer).unwrap(), None);
    assert_eq!(codec.decode_eof(&mut buffer).unwrap(), None);
    buffer.extend_from_slice(b"\0\x01a\0\x01b\0\0");
    assert_eq!(codec.decode(&mut buffer).unwrap(), Some(AmpBox::from([("a", "b")])));
}

#[tokio::test]
async fn two_ends_talk() {
    let (ours, theirs) = tokio::io::duplex(7);
    let mut ours = Framed::new(ours, BoxCodec::new());
    let mut theirs = Framed::new(theirs, BoxCodec::new());
    let sent = AmpBox::from([("_command", "Sum"), ("a", "13"), ("b", "81")]);
    let (done, heard) = futures::future::join(ours.send(sent.clone()), theirs.next()).await;
    done.unwrap();
    assert_eq!(heard.unwrap().unwrap(), sent);
    drop(ours);
    assert!(theirs.next().await.is_none());
}
