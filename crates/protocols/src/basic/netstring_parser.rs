//! [`NetstringParser`]: from bytes to netstrings.
//!
//! Mirrors `NetstringReceiver` of `twisted.protocols.basic`. Tested in
//! `tests/netstring.rs`.

use super::held::{Held, take};
use super::string_parser::{StringParser, private};
use super::{NetstringParseError, StringTooLongError};

/// From bytes to [netstrings](https://cr.yp.to/proto/netstrings.txt):
/// `5:hello,`.
///
/// A string that lies whole in the bytes given is lent from there. Only an
/// unfinished one is kept, up to the greatest length that one may have.
///
/// ```
/// use protocols::basic::{NetstringParseError, NetstringParser, StringParser};
///
/// let mut parser = NetstringParser::new(16);
/// let mut input = &b"5:hello,5:wor"[..];
/// assert_eq!(parser.next_string(&mut input), Some(Ok(&b"hello"[..])));
/// assert_eq!(parser.next_string(&mut input), None);
/// assert_eq!(parser.next_string(&mut &b"ld,"[..]), Some(Ok(&b"world"[..])));
///
/// let error = NetstringParseError::MissingLength;
/// assert_eq!(parser.next_string(&mut &b"hello"[..]), Some(Err(error)));
/// ```
#[derive(Debug)]
pub struct NetstringParser {
    max_length: usize,
    held: Held,
    /// Whether what came is no netstring; after it nothing can be found.
    broken: bool,
}

/// What is in front of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Nothing but digits yet.
    Partial,
    /// A length, in so many bytes.
    Whole { length: usize, size: usize },
}

impl NetstringParser {
    #[inline]
    fn header(&self, data: &[u8]) -> Result<Header, NetstringParseError> {
        let mut length = 0_usize;
        for (at, &byte) in data.iter().enumerate() {
            match byte {
                b'0'..=b'9' if at > 0 && length == 0 => {
                    return Err(NetstringParseError::MissingLength);
                }
                b'0'..=b'9' => {
                    length = length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                    if length > self.max_length {
                        return Err(self.too_long());
                    }
                }
                b':' if at > 0 => return Ok(Header::Whole { length, size: at + 1 }),
                // Twisted waits for what comes behind a line feed before it
                // finds that it should not be there.
                b'\n' if at > 0 && at + 1 == data.len() => return Ok(Header::Partial),
                _ => return Err(NetstringParseError::MissingLength),
            }
        }
        Ok(Header::Partial)
    }

    #[cold]
    fn too_long(&self) -> NetstringParseError {
        NetstringParseError::TooLong { max_length: self.max_length }
    }

    /// The string in front of what is held, made whole from `input`.
    fn next_held<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], NetstringParseError>> {
        self.held.settle();
        if self.held.is_empty() {
            return self.next_string(input);
        }
        let (length, size) = loop {
            match self.header(self.held.as_slice()) {
                Err(error) => return Some(Err(self.give_up(error))),
                Ok(Header::Whole { length, size }) => break (length, size),
                // A length is a few digits; each byte of it is looked at anew.
                Ok(Header::Partial) if input.is_empty() => return None,
                Ok(Header::Partial) => self.held.push(take(input, 1)),
            }
        };
        let whole = (size + 1).saturating_add(length);
        let missing = whole.saturating_sub(self.held.len());
        if missing > 0 {
            self.held.push(take(input, missing));
        }
        match self.held.as_slice().get(whole - 1) {
            None => None,
            Some(b',') => Some(Ok(&self.held.lend(whole)[size..whole - 1])),
            Some(_) => Some(Err(self.give_up(NetstringParseError::MissingComma))),
        }
    }

    #[cold]
    fn give_up(&mut self, error: NetstringParseError) -> NetstringParseError {
        self.broken = true;
        self.held.clear();
        error
    }
}

impl private::Sealed for NetstringParser {}

impl StringParser for NetstringParser {
    type Error = NetstringParseError;

    fn new(max_length: usize) -> Self {
        Self { max_length, held: Held::default(), broken: false }
    }

    #[inline]
    fn next_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], NetstringParseError>> {
        if !self.held.is_empty() {
            return self.next_held(input);
        }
        if self.broken {
            *input = &[];
            return None;
        }
        match self.header(input) {
            Ok(Header::Partial) => {}
            Ok(Header::Whole { length, size }) => {
                if let Some((string, rest)) = input[size..].split_at_checked(length) {
                    match rest.split_first() {
                        Some((b',', rest)) => {
                            *input = rest;
                            return Some(Ok(string));
                        }
                        Some(_) => {
                            *input = &[];
                            return Some(Err(self.give_up(NetstringParseError::MissingComma)));
                        }
                        None => {}
                    }
                }
            }
            Err(error) => {
                *input = &[];
                return Some(Err(self.give_up(error)));
            }
        }
        self.hold(input);
        None
    }

    fn set_max_length(&mut self, max_length: usize) {
        self.max_length = max_length;
    }

    fn hold(&mut self, input: &mut &[u8]) {
        if !input.is_empty() && !self.broken {
            self.held.push(std::mem::take(input));
        }
    }

    fn held(&self) -> usize {
        self.held.len()
    }

    fn refused(_: NetstringParseError) -> Option<usize> {
        None
    }

    fn encode(string: &[u8], mut write: impl FnMut(&[u8])) -> Result<(), StringTooLongError> {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut length = string.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (length % 10) as u8;
            length /= 10;
            if length == 0 {
                break;
            }
        }
        write(&digits[at..]);
        write(b":");
        write(string);
        write(b",");
        Ok(())
    }
}
