//! The machine for lines: whatever the cutting, the same lines; nothing looked
//! at twice, nothing kept that need not be.

use proptest::prelude::*;
use protocols::basic::{LineEvent, LineParser};

/// What a parser made of some pieces, until a line was too long.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    lines: Vec<Vec<u8>>,
    too_long: bool,
}

fn parse<'a>(mut parser: LineParser, pieces: impl IntoIterator<Item = &'a [u8]>) -> Made {
    let mut made = Made { lines: Vec::new(), too_long: false };
    for mut piece in pieces {
        while let Some(event) = parser.next_line(&mut piece) {
            match event {
                LineEvent::Line(line) => made.lines.push(line.to_vec()),
                LineEvent::TooLong(_) => {
                    made.too_long = true;
                    return made;
                }
            }
        }
    }
    made
}

/// What `bytes.split(delimiter)` of Python gives, but for the last piece.
fn split(bytes: &[u8], delimiter: &[u8]) -> Vec<Vec<u8>> {
    let (mut lines, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(delimiter.len()).position(|window| window == delimiter) {
        lines.push(rest[..at].to_vec());
        rest = &rest[at + delimiter.len()..];
    }
    lines
}

const DELIMITERS: [&[u8]; 6] = [b"\r\n", b"\n", b"aa", b"aba", b"abaab", b"\r\r\n"];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'a'), Just(b'b'), Just(b'\r'), Just(b'\n'), any::<u8>()];
    prop::collection::vec(byte, 0..200)
}

/// `bytes`, in pieces of these sizes, and the rest.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &size in sizes {
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

proptest! {
    #[test]
    fn lines_are_what_a_split_gives(bytes in bytes(), delimiter in prop::sample::select(&DELIMITERS[..])) {
        let made = parse(LineParser::new(delimiter, 1000), [&bytes[..]]);
        prop_assert_eq!(made.lines, split(&bytes, delimiter));
    }

    #[test]
    fn any_cutting_gives_the_same_lines(
        bytes in bytes(),
        sizes in prop::collection::vec(0_usize..12, 0..60),
        delimiter in prop::sample::select(&DELIMITERS[..]),
        max_length in 0_usize..30,
    ) {
        let whole = parse(LineParser::new(delimiter, max_length), [&bytes[..]]);
        let cut = parse(LineParser::new(delimiter, max_length), cut(&bytes, &sizes));
        prop_assert_eq!(&whole, &cut);
        let single = parse(LineParser::new(delimiter, max_length), bytes.chunks(1));
        prop_assert_eq!(&whole, &single);
    }
}

#[test]
fn a_line_that_came_whole_is_lent_from_the_piece_it_came_in() {
    let mut parser = LineParser::new(b"\r\n", 80);
    let data = b"one\r\ntwo\r\n";
    let mut input = &data[..];
    while let Some(event) = parser.next_line(&mut input) {
        let LineEvent::Line(line) = event else { panic!("{event:?}") };
        assert!(data.as_ptr_range().contains(&line.as_ptr()));
    }
    assert_eq!(parser.held(), 0);
}

/// A line may be as long as the limit, and no longer, wherever its delimiter
/// is cut.
#[test]
fn the_limit_is_exact() {
    for cut_at in 0..=7 {
        let fits = b"12345\r\n".split_at(cut_at);
        let made = parse(LineParser::new(b"\r\n", 5), [fits.0, fits.1]);
        assert_eq!(made, Made { lines: vec![b"12345".to_vec()], too_long: false });
        let long = b"123456\r".split_at(cut_at);
        assert!(parse(LineParser::new(b"\r\n", 5), [long.0, long.1]).too_long);
    }
    let unfinished = parse(LineParser::new(b"\r\n", 5), [&b"12345\r"[..]]);
    assert!(!unfinished.too_long, "the rest of the delimiter may come");
}

#[test]
fn what_is_too_long_comes_with_all_that_is_behind_it() {
    let mut parser = LineParser::new(b"\n", 3);
    assert_eq!(parser.next_line(&mut &b"12"[..]), None);
    let mut input = &b"34\nmore\nthan"[..];
    assert_eq!(parser.next_line(&mut input), Some(LineEvent::TooLong(b"1234\nmore\nthan")));
    assert_eq!(parser.next_line(&mut &b"ok\n"[..]), Some(LineEvent::Line(b"ok")));
}

/// 16 MiB without a delimiter, a byte at a time or in large pieces: no more is
/// ever kept than a line may have.
#[test]
fn what_is_kept_is_bounded() {
    for size in [1, 1000, 65536] {
        let piece = vec![b'x'; size];
        let mut parser = LineParser::new(b"\r\n", 16384);
        let mut too_long = 0;
        for _ in 0..(16 << 20) / size {
            let mut input = &piece[..];
            while let Some(event) = parser.next_line(&mut input) {
                assert!(matches!(event, LineEvent::TooLong(_)));
                too_long += 1;
            }
            assert!(parser.held() <= 16384 + 1);
        }
        assert!(too_long > 200, "{too_long}");
    }
}
