//! [`IntNStringParser`]: from bytes to strings behind their length in binary.
//!
//! Mirrors `IntNStringReceiver` of `twisted.protocols.basic`. Tested in
//! `tests/int_string.rs`.

use std::fmt;
use std::marker::PhantomData;

use super::StringTooLongError;
use super::held::{Held, take};
use super::string_parser::{StringParser, private};

/// The integer in front of a string: `u8`, `u16` or `u32`, in network byte
/// order.
///
/// ```
/// use protocols::basic::Prefix;
///
/// assert_eq!(u16::SIZE, 2);
/// assert_eq!(u16::MAX_STRING, 65_535);
/// ```
pub trait Prefix: private::Sealed + 'static {
    /// How many bytes it has.
    const SIZE: usize;

    /// The longest string that it can be in front of.
    const MAX_STRING: usize;

    /// Splits it off the front of `data`; `None` if that is too short.
    #[doc(hidden)]
    fn split(data: &[u8]) -> Option<(usize, &[u8])>;

    /// Gives the prefix of a string of `length` to `with`.
    #[doc(hidden)]
    fn encode<R>(length: usize, with: impl FnOnce(&[u8]) -> R) -> Result<R, StringTooLongError>;
}

fn too_long(length: usize, max_length: usize) -> StringTooLongError {
    StringTooLongError { length, max_length }
}

impl Prefix for u8 {
    const SIZE: usize = 1;
    const MAX_STRING: usize = Self::MAX as usize;

    #[inline]
    fn split(data: &[u8]) -> Option<(usize, &[u8])> {
        let (prefix, rest) = data.split_first_chunk()?;
        Some((usize::from(Self::from_be_bytes(*prefix)), rest))
    }

    #[inline]
    fn encode<R>(length: usize, with: impl FnOnce(&[u8]) -> R) -> Result<R, StringTooLongError> {
        let prefix = Self::try_from(length).map_err(|_| too_long(length, Self::MAX_STRING))?;
        Ok(with(&prefix.to_be_bytes()))
    }
}

impl Prefix for u16 {
    const SIZE: usize = 2;
    const MAX_STRING: usize = Self::MAX as usize;

    #[inline]
    fn split(data: &[u8]) -> Option<(usize, &[u8])> {
        let (prefix, rest) = data.split_first_chunk()?;
        Some((usize::from(Self::from_be_bytes(*prefix)), rest))
    }

    #[inline]
    fn encode<R>(length: usize, with: impl FnOnce(&[u8]) -> R) -> Result<R, StringTooLongError> {
        let prefix = Self::try_from(length).map_err(|_| too_long(length, Self::MAX_STRING))?;
        Ok(with(&prefix.to_be_bytes()))
    }
}

impl Prefix for u32 {
    const SIZE: usize = 4;
    const MAX_STRING: usize = Self::MAX as usize;

    #[inline]
    fn split(data: &[u8]) -> Option<(usize, &[u8])> {
        let (prefix, rest) = data.split_first_chunk()?;
        // Where a length does not fit into a usize, no string is that long.
        Some((usize::try_from(Self::from_be_bytes(*prefix)).unwrap_or(usize::MAX), rest))
    }

    #[inline]
    fn encode<R>(length: usize, with: impl FnOnce(&[u8]) -> R) -> Result<R, StringTooLongError> {
        let prefix = Self::try_from(length).map_err(|_| too_long(length, Self::MAX_STRING))?;
        Ok(with(&prefix.to_be_bytes()))
    }
}

/// From bytes to strings that have their length in front, as an integer.
///
/// A string that lies whole in the bytes given is lent from there. Only an
/// unfinished one is kept, up to the greatest length that one may have.
///
/// ```
/// use protocols::basic::{IntNStringParser, StringParser, StringTooLongError};
///
/// let mut parser = IntNStringParser::<u16>::new(16);
/// let mut input = &b"\0\x05hello\0\x05wor"[..];
/// assert_eq!(parser.next_string(&mut input), Some(Ok(&b"hello"[..])));
/// assert_eq!(parser.next_string(&mut input), None);
/// assert_eq!(parser.next_string(&mut &b"ld"[..]), Some(Ok(&b"world"[..])));
///
/// let error = StringTooLongError { length: 17, max_length: 16 };
/// assert_eq!(parser.next_string(&mut &b"\0\x11"[..]), Some(Err(error)));
/// ```
pub struct IntNStringParser<N> {
    max_length: usize,
    held: Held,
    /// What was wrong with a string; after it nothing can be found.
    broken: bool,
    prefix: PhantomData<fn() -> N>,
}

impl<N: Prefix> IntNStringParser<N> {
    /// The string in front of what is held, made whole from `input`.
    fn next_held<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], StringTooLongError>> {
        self.held.settle();
        if self.held.is_empty() {
            return self.next_string(input);
        }
        let missing = N::SIZE.saturating_sub(self.held.len());
        if missing > 0 {
            self.held.push(take(input, missing));
        }
        let (length, rest) = N::split(self.held.as_slice())?;
        if length > self.max_length {
            return Some(Err(self.give_up(length)));
        }
        let missing = length.saturating_sub(rest.len());
        if missing > 0 {
            self.held.push(take(input, missing));
        }
        let whole = length.saturating_add(N::SIZE);
        (self.held.len() >= whole).then(|| Ok(&self.held.lend(whole)[N::SIZE..]))
    }

    #[cold]
    fn give_up(&mut self, length: usize) -> StringTooLongError {
        self.broken = true;
        self.held.clear();
        StringTooLongError { length, max_length: self.max_length }
    }
}

impl<N: Prefix> private::Sealed for IntNStringParser<N> {}

impl<N: Prefix> StringParser for IntNStringParser<N> {
    type Error = StringTooLongError;

    fn new(max_length: usize) -> Self {
        Self { max_length, held: Held::default(), broken: false, prefix: PhantomData }
    }

    #[inline]
    fn next_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], StringTooLongError>> {
        if !self.held.is_empty() {
            return self.next_held(input);
        }
        if self.broken {
            *input = &[];
            return None;
        }
        if let Some((length, rest)) = N::split(input) {
            if length > self.max_length {
                *input = &[];
                return Some(Err(self.give_up(length)));
            }
            if let Some((string, rest)) = rest.split_at_checked(length) {
                *input = rest;
                return Some(Ok(string));
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

    fn refused(error: StringTooLongError) -> Option<usize> {
        Some(error.length)
    }

    fn encode(
        string: &[u8],
        mut write: impl FnMut(&[u8]),
    ) -> Result<(), StringTooLongError> {
        N::encode(string.len(), |prefix| {
            write(prefix);
            write(string);
        })
    }
}

impl<N> fmt::Debug for IntNStringParser<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntNStringParser")
            .field("max_length", &self.max_length)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
