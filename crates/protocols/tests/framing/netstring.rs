//! The machine for netstrings.

use proptest::prelude::*;
use protocols::basic::{Netstring, NetstringParseError, StringParser};

use crate::strings::{check_bound, check_cuttings, encode, parse};

fn error(bytes: &[u8]) -> Option<NetstringParseError> {
    parse::<Netstring>(100, [bytes]).1
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        prop_assert_eq!(parse::<Netstring>(300, [&encode::<Netstring>(&strings)[..]]), (strings, None));
    }

    #[test]
    fn any_cutting_gives_the_same_strings(
        strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
        noise in prop::collection::vec(prop::sample::select(&b"0123456789:,\n a\xff"[..]), 0..20),
        sizes in prop::collection::vec(0_usize..12, 0..60),
        max_length in 1_usize..40,
    ) {
        let bytes = [encode::<Netstring>(&strings), noise].concat();
        check_cuttings::<Netstring>(&bytes, &sizes, max_length)?;
    }
}

#[test]
fn what_is_none_is_refused() {
    use NetstringParseError::{MissingComma, MissingLength, TooLong};
    let too_long = TooLong { max_length: 100 };
    for (bytes, expected) in [
        (&b""[..], None),
        (b"5", None),
        (b"5:hello", None),
        (b"0:,", None),
        (b":,", Some(MissingLength)),
        (b"x", Some(MissingLength)),
        (b"05:hello,", Some(MissingLength)),
        (b"00:,", Some(MissingLength)),
        (b"-1:a,", Some(MissingLength)),
        (b"5 :hello,", Some(MissingLength)),
        (b"5:hello;", Some(MissingComma)),
        (b"5:hellooo,", Some(MissingComma)),
        (b"100", None),
        (b"101", Some(too_long)),
        (b"99999999999999999999999999999999999999", Some(too_long)),
    ] {
        assert_eq!(error(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

/// The regular expression that Twisted uses takes a line feed at the very end
/// for nothing.
#[test]
fn a_line_feed_is_refused_once_something_comes_behind_it() {
    assert_eq!(error(b"5\n"), None);
    assert_eq!(error(b"5\n:"), Some(NetstringParseError::MissingLength));
    assert_eq!(error(b"\n"), Some(NetstringParseError::MissingLength));
}

#[test]
fn nothing_is_found_behind_what_is_no_netstring() {
    let mut parser = StringParser::<Netstring>::new(99);
    let mut input = &b"5:hello;5:hello,"[..];
    assert!(parser.next_string(&mut input).unwrap().is_err());
    assert_eq!(parser.next_string(&mut input), None);
    assert_eq!(parser.next_string(&mut &b"5:hello,"[..]), None);
}

#[test]
fn what_is_kept_is_bounded() {
    check_bound::<Netstring>(b"99999:", 99_999);
}
