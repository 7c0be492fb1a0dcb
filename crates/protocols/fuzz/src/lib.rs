//! What the fuzz targets have in common: how bytes are cut, and that it makes
//! no difference.

use std::io;

use bytes::{Bytes, BytesMut};
use protocols::basic::{Format, StringCodec, StringParser};
use reactor_compat::Protocol;
use reactor_compat::testing::StringTransport;
use tokio_util::codec::Decoder;

/// Cuts `bytes` into pieces, whose sizes are `sizes` again and again; a zero
/// is a piece of its own.
pub fn cut<'a>(mut bytes: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &size in sizes.iter().cycle().take(bytes.len()) {
        let (piece, rest) = bytes.split_at(usize::from(size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

/// The first bytes of what a fuzzer made up: a limit, and how to cut the rest.
pub fn plan(data: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (&limit, data) = data.split_first()?;
    let (sizes, bytes) = data.split_at_checked(4)?;
    Some((usize::from(limit), sizes, bytes))
}

/// The strings of some pieces, and the error that ended them, in words.
fn parse<F: Format>(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<String>) {
    let mut parser = StringParser::<F>::new(limit);
    let mut strings = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(string) = parser.next_string(&mut piece) {
            match string {
                Ok(string) => strings.push(string.to_vec()),
                Err(error) => return (strings, Some(error.to_string())),
            }
        }
        assert!(parser.held() <= limit + 8, "{} bytes are held", parser.held());
    }
    (strings, None)
}

/// The same by the codec.
fn decode<F: Format>(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<String>) {
    let mut codec = StringCodec::<F>::new(limit);
    let (mut buffer, mut strings) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let decoded: io::Result<Option<Bytes>> = codec.decode(&mut buffer);
            match decoded {
                Ok(Some(string)) => strings.push(string.to_vec()),
                Ok(None) => break,
                Err(error) => return (strings, Some(error.to_string())),
            }
        }
    }
    (strings, None)
}

/// However bytes are cut, parser and codec find the same strings.
pub fn check_strings<F: Format>(data: &[u8]) {
    let Some((limit, sizes, bytes)) = plan(data) else { return };
    let pieces = cut(bytes, sizes);
    let whole = parse::<F>(limit, &[bytes]);
    assert_eq!(whole, parse::<F>(limit, &pieces));
    assert_eq!(whole, decode::<F>(limit, &pieces));
}

/// Takes what was written and goes on with what was read, until nothing waits
/// for either.
pub fn relieve<P: Protocol>(transport: &StringTransport<P>) {
    while !transport.disconnecting() && !transport.reading() {
        transport.take_value();
        transport.resume_producing();
    }
}
