//! Lines, beside a search that begins anew each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::basic::{LineEvent, LineParser};
use protocols_fuzz::{cut, plan};

const DELIMITERS: [&[u8]; 5] = [b"\r\n", b"\n", b"aa", b"aba", b"abaab"];

fn parse(delimiter: &'static [u8], limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut parser = LineParser::new(delimiter, limit);
    let mut lines = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(event) = parser.next_line(&mut piece) {
            match event {
                LineEvent::Line(line) => lines.push(line.to_vec()),
                LineEvent::TooLong(_) => return (lines, true),
            }
        }
        assert!(parser.held() < limit + delimiter.len());
    }
    (lines, false)
}

/// The lines that a split gives, up to one that is too long.
fn split(delimiter: &[u8], limit: usize, bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut lines, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(delimiter.len()).position(|window| window == delimiter) {
        if at > limit {
            return (lines, true);
        }
        lines.push(rest[..at].to_vec());
        rest = &rest[at + delimiter.len()..];
    }
    (lines, rest.len() >= limit + delimiter.len())
}

fuzz_target!(|data: &[u8]| {
    let Some((limit, sizes, bytes)) = plan(data) else { return };
    let delimiter = DELIMITERS[usize::from(sizes[0]) % DELIMITERS.len()];
    let expected = split(delimiter, limit, bytes);
    assert_eq!(parse(delimiter, limit, &[bytes]), expected);
    assert_eq!(parse(delimiter, limit, &cut(bytes, sizes)), expected);
});
