//! [`Netstring`]: strings behind their length in decimal.
//!
//! Mirrors `NetstringReceiver` of `twisted.protocols.basic`. Tested in
//! `tests/framing/netstring.rs`.

use super::format::{Format, Layout, private};
use super::{NetstringParseError, StringTooLongError};

/// [Netstrings](https://cr.yp.to/proto/netstrings.txt): the length in decimal,
/// a colon, the string, a comma.
///
/// ```
/// use protocols::basic::{Netstring, NetstringParseError, StringParser};
///
/// let mut parser = StringParser::<Netstring>::new(99);
/// assert_eq!(parser.next_string(&mut &b"5:hello,"[..]), Some(Ok(&b"hello"[..])));
///
/// let error = NetstringParseError::MissingComma;
/// assert_eq!(parser.next_string(&mut &b"5:hello;"[..]), Some(Err(error)));
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "NetstringReceiver")]
pub enum Netstring {}

impl private::Sealed for Netstring {}

impl Format for Netstring {
    type Error = NetstringParseError;
    const TAIL: usize = 1;

    #[inline]
    fn layout(data: &[u8], max_length: usize) -> Result<Option<Layout>, NetstringParseError> {
        let mut length = 0_usize;
        for (at, &byte) in data.iter().enumerate() {
            match byte {
                b'0'..=b'9' if at > 0 && length == 0 => break_off()?,
                b'0'..=b'9' => {
                    length = length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                    if length > max_length {
                        return Err(NetstringParseError::TooLong { max_length });
                    }
                }
                b':' if at > 0 => return Ok(Some(Layout { head: at + 1, length })),
                // Twisted waits for what comes behind a line feed before it
                // finds that it should not be there.
                b'\n' if at > 0 && at + 1 == data.len() => return Ok(None),
                _ => break_off()?,
            }
        }
        Ok(None)
    }

    #[inline]
    fn check_tail(tail: &[u8]) -> Result<(), NetstringParseError> {
        if tail == b"," { Ok(()) } else { Err(NetstringParseError::MissingComma) }
    }

    fn refused(_: NetstringParseError) -> Option<usize> {
        None
    }

    fn frame(string: &[u8], send: impl FnOnce(&[&[u8]])) -> Result<(), StringTooLongError> {
        let mut head = [b':'; 21];
        let mut at = head.len() - 1;
        let mut length = string.len();
        loop {
            at -= 1;
            head[at] = b'0' + (length % 10) as u8;
            length /= 10;
            if length == 0 {
                break;
            }
        }
        send(&[&head[at..], string, b","]);
        Ok(())
    }
}

#[cold]
fn break_off() -> Result<(), NetstringParseError> {
    Err(NetstringParseError::MissingLength)
}
