//! What the tests of the machines for strings have in common.

use proptest::prelude::*;
use protocols::basic::{Format, StringParser};

/// The strings in some pieces, and what ended them.
pub(crate) fn parse<'a, F: Format>(
    max_length: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<F::Error>) {
    let mut parser = StringParser::<F>::new(max_length);
    let mut strings = Vec::new();
    for mut piece in pieces {
        while let Some(string) = parser.next_string(&mut piece) {
            match string {
                Ok(string) => strings.push(string.to_vec()),
                Err(error) => return (strings, Some(error)),
            }
        }
    }
    (strings, None)
}

pub(crate) fn encode<F: Format>(strings: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for string in strings {
        F::encode(string, |piece| bytes.extend_from_slice(piece)).expect("it is short");
    }
    bytes
}

/// Bytes give the same strings, and the same error, cut like this, not at all,
/// and into single ones.
pub(crate) fn check_cuttings<F>(
    bytes: &[u8],
    sizes: &[usize],
    max_length: usize,
) -> Result<(), TestCaseError>
where
    F: Format<Error: PartialEq>,
{
    let whole = parse::<F>(max_length, [bytes]);
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for &size in sizes {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    prop_assert_eq!(&whole, &parse::<F>(max_length, pieces));
    prop_assert_eq!(&whole, &parse::<F>(max_length, bytes.chunks(1)));
    Ok(())
}

/// A string of `length`, announced by `head`, is kept as it comes and no
/// further, and 16 MiB of them a byte at a time keep no more than one.
pub(crate) fn check_bound<F: Format>(head: &[u8], length: usize) {
    let mut parser = StringParser::<F>::new(length);
    let string = [head, &vec![b'x'; length]].concat();
    let mut encoded = Vec::new();
    F::encode(&vec![b'x'; length], |piece| encoded.extend_from_slice(piece)).expect("it is short");
    assert!(encoded.starts_with(&string));
    let mut strings = 0;
    for _ in 0..(16 << 20) / encoded.len() {
        for byte in encoded.chunks(1) {
            let mut input = byte;
            while let Some(found) = parser.next_string(&mut input) {
                assert_eq!(found.expect("it may be that long").len(), length);
                strings += 1;
            }
            assert!(parser.held() <= encoded.len());
        }
    }
    assert!(strings > 100);
    assert_eq!(parser.next_string(&mut &[][..]).map(|found| found.is_ok()), None);
    assert_eq!(parser.held(), 0);
}
