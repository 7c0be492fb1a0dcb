//! Boxes: what is found in bytes, however they are cut.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use protocols::amp::{AmpBox, ArgumentError, BoxError, BoxParser, Limits, TooLong};

/// All that is found in chunks, up to an error.
fn parse(chunks: &[&[u8]], limits: Limits) -> (Vec<AmpBox>, Option<BoxError>) {
    let mut parser = BoxParser::with_limits(limits);
    let mut found = Vec::new();
    for chunk in chunks {
        let mut data = *chunk;
        loop {
            match parser.next_box(&mut data) {
                Ok(Some(one)) => found.push(AmpBox::from(one)),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        assert!(data.is_empty(), "what is not complete is kept by the parser");
        assert!(parser.buffered() <= limits.box_size);
    }
    (found, None)
}

fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let (mut rest, mut chunks) = (bytes, Vec::new());
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

fn lent(chunks: &[Vec<u8>]) -> Vec<&[u8]> {
    chunks.iter().map(Vec::as_slice).collect()
}

fn boxes() -> impl Strategy<Value = Vec<AmpBox>> {
    let entries = btree_map(vec(any::<u8>(), 1..20), vec(any::<u8>(), 0..50), 0..6);
    vec(entries.prop_map(|entries| entries.into_iter().collect()), 0..8)
}

fn wire(boxes: &[AmpBox]) -> Vec<u8> {
    boxes.iter().flat_map(|one| one.serialize().unwrap()).collect()
}

proptest! {
    #[test]
    fn boxes_come_out_as_they_went_in_however_they_are_cut(
        sent in boxes(),
        sizes in vec(1_usize..30, 1..10),
    ) {
        let chunks = cut(&wire(&sent), &sizes);
        prop_assert_eq!(parse(&lent(&chunks), Limits::default()), (sent, None));
    }

    #[test]
    fn any_bytes_are_the_same_however_they_are_cut(
        bytes in vec(prop_oneof![4 => Just(0_u8), 3 => 1_u8..4, 1 => any::<u8>()], 0..200),
        sizes in vec(1_usize..9, 1..10),
        keys in 0_usize..4,
        box_size in 0_usize..60,
    ) {
        let limits = Limits { keys, box_size, ..Limits::default() };
        let chunks = cut(&bytes, &sizes);
        prop_assert_eq!(parse(&lent(&chunks), limits), parse(&[&bytes], limits));
    }
}

#[test]
fn an_empty_box_is_a_box() {
    assert_eq!(parse(&[b"\0\0\0\0"], Limits::default()).0, [AmpBox::new(), AmpBox::new()]);
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let bytes = b"\0\x01b\0\x011\0\x01a\0\x012\0\x01b\0\x013\0\0";
    for size in [1, 4, 100] {
        let found = parse(&lent(&cut(bytes, &[size])), Limits::default());
        assert_eq!(found, (vec![AmpBox::from([("a", "2"), ("b", "3")])], None));
    }
}

#[test]
fn the_longest_keys_and_values_fit() {
    let long = AmpBox::from([(vec![b'k'; 255], vec![b'v'; 65_535])]);
    assert_eq!(AmpBox::parse(&long.serialize().unwrap()), Ok(vec![long]));
}

#[test]
fn what_is_longer_is_not_sent() {
    let too_long = |made: AmpBox| match made.serialize().unwrap_err() {
        ArgumentError::TooLong(error) => error,
        other => unreachable!("{other}"),
    };
    let key = too_long(AmpBox::from([(vec![b'k'; 256], "")]));
    assert_eq!(key, TooLong { is_key: true, is_local: true, length: Some(256), key_name: None });
    let value = too_long(AmpBox::from([("k", vec![0; 65_536])]));
    let key_name = Some("k".to_owned());
    let expected = TooLong { is_key: false, is_local: true, length: Some(65_536), key_name };
    assert_eq!(value, expected);
    assert!(AmpBox::from([("", "nameless")]).serialize().is_err());
}

#[test]
fn a_key_that_is_too_long_is_an_error_before_it_is_there() {
    let error = TooLong { is_key: true, is_local: false, length: None, key_name: None };
    let (found, failed) = parse(&[b"\0\0\x01", b"\0"], Limits::default());
    assert_eq!((found.len(), failed), (1, Some(BoxError::TooLong(error.clone()))));

    let mut parser = BoxParser::new();
    for _ in 0..2 {
        let mut data = &b"\x01\0 and so on"[..];
        assert_eq!(parser.next_box(&mut data).unwrap_err(), BoxError::TooLong(error.clone()));
    }
}

#[test]
fn limits_are_exact() {
    let limits = Limits { keys: 2, box_size: 14, ..Limits::default() };
    let fits = b"\0\x01a\0\x011\0\x01b\0\x012\0\0";
    assert_eq!(fits.len(), 14);
    assert_eq!(parse(&[fits], limits).1, None);
    let smaller = Limits { box_size: 13, ..limits };
    assert_eq!(parse(&[fits], smaller).1, Some(BoxError::TooLarge { limit: 13 }));
    let fewer = Limits { keys: 1, ..limits };
    assert_eq!(parse(&[fits], fewer).1, Some(BoxError::TooManyKeys { limit: 1 }));
}

#[test]
fn a_large_box_that_comes_byte_by_byte_is_put_together_once() {
    let large: AmpBox = (0..60).map(|n| (format!("{n:02}"), vec![b'x'; 65_000])).collect();
    let bytes = large.serialize().unwrap();
    let mut parser = BoxParser::new();
    let (mut found, mut calls) = (Vec::new(), 0);
    for byte in bytes.chunks(1) {
        let mut data = byte;
        while let Some(one) = parser.next_box(&mut data).unwrap() {
            found.push(AmpBox::from(one));
        }
        calls += 1;
    }
    assert_eq!(calls, bytes.len());
    assert_eq!(found, [large]);
}

#[test]
fn boxes_can_be_looked_at() {
    let mut made = AmpBox::from([("b", "2"), ("a", "1")]);
    assert_eq!(format!("{made:?}"), r#"AmpBox {"a": "1", "b": "2"}"#);
    assert_eq!((made.len(), made.is_empty()), (2, false));
    assert_eq!(made.insert("a", "3"), Some(b"1".to_vec()));
    assert_eq!(made.remove("b"), Some(b"2".to_vec()));
    assert_eq!(made.iter().collect::<Vec<_>>(), [(&b"a"[..], &b"3"[..])]);
}
