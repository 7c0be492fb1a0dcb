//! The machine for strings behind their length in binary.

use proptest::prelude::*;
use protocols::basic::{Format, Int8, Int16, Int32, StringParser, StringTooLongError};

use crate::strings::{check_bound, check_cuttings, encode, parse};

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..255), 0..20)) {
        prop_assert_eq!(parse::<Int8>(255, [&encode::<Int8>(&strings)[..]]), (strings.clone(), None));
        prop_assert_eq!(parse::<Int16>(255, [&encode::<Int16>(&strings)[..]]), (strings.clone(), None));
        prop_assert_eq!(parse::<Int32>(255, [&encode::<Int32>(&strings)[..]]), (strings, None));
    }

    #[test]
    fn any_cutting_gives_the_same_strings(
        bytes in prop::collection::vec(prop_oneof![Just(0), 0_u8..20, any::<u8>()], 0..300),
        sizes in prop::collection::vec(0_usize..12, 0..60),
        max_length in 0_usize..300,
    ) {
        check_cuttings::<Int8>(&bytes, &sizes, max_length)?;
        check_cuttings::<Int16>(&bytes, &sizes, max_length)?;
        check_cuttings::<Int32>(&bytes, &sizes, max_length)?;
    }
}

#[test]
fn a_string_that_came_whole_is_lent_from_the_piece_it_came_in() {
    let data = b"\0\x03one\0\x03two";
    let mut parser = StringParser::<Int16>::new(80);
    let mut input = &data[..];
    let mut seen = 0;
    while let Some(string) = parser.next_string(&mut input) {
        assert!(data.as_ptr_range().contains(&string.unwrap().as_ptr()));
        seen += 1;
    }
    assert_eq!((seen, parser.held()), (2, 0));
}

#[test]
fn the_limit_is_exact() {
    let error = StringTooLongError { length: 4, max_length: 3 };
    assert_eq!(parse::<Int8>(3, [&b"\x03abc"[..]]), (vec![b"abc".to_vec()], None));
    assert_eq!(parse::<Int8>(3, [&b"\0\x04"[..]]), (vec![Vec::new()], Some(error)));
}

#[test]
fn nothing_is_found_behind_what_is_too_long() {
    let mut parser = StringParser::<Int8>::new(3);
    assert!(parser.next_string(&mut &b"\x04"[..]).unwrap().is_err());
    assert_eq!(parser.next_string(&mut &b"\x01a"[..]), None);
    assert_eq!(parser.held(), 0);
}

/// A prefix that lies about what comes costs no more memory than what came.
#[test]
fn what_is_kept_is_bounded() {
    check_bound::<Int32>(&99_999_u32.to_be_bytes(), 99_999);
}

#[test]
fn what_a_prefix_cannot_say_is_not_sent() {
    let mut written = 0;
    let error = Int8::encode(&[0; 256], |piece| written += piece.len()).unwrap_err();
    assert_eq!((error, written), (StringTooLongError { length: 256, max_length: 255 }, 0));
    let error = Int16::encode(&[0; 65536], |piece| written += piece.len()).unwrap_err();
    assert_eq!((error.max_length, written), (65535, 0));
}
