//! [`Format`]: how a string says how long it is.
//!
//! Mirrors `structFormat` and `prefixLength` of `IntNStringReceiver` in
//! `twisted.protocols.basic`. Tested in `tests/framing/int_string.rs`.

use std::error::Error;

use super::StringTooLongError;

pub(super) mod private {
    /// The formats are those of this module.
    pub trait Sealed {}
}

/// Where a string is in the bytes that stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many bytes stand before it.
    pub(super) head: usize,
    /// How many it has.
    pub(super) length: usize,
}

/// How a string says how long it is: [`Netstring`](super::Netstring),
/// [`Int8`], [`Int16`] or [`Int32`].
///
/// ```
/// use protocols::basic::{Format, Int8, Int16, Int32, Netstring};
///
/// fn encode<F: Format>(string: &[u8]) -> Vec<u8> {
///     let mut bytes = Vec::new();
///     F::encode(string, |piece| bytes.extend_from_slice(piece)).expect("it is short");
///     bytes
/// }
///
/// assert_eq!(encode::<Netstring>(b"hello"), b"5:hello,");
/// assert_eq!(encode::<Int8>(b"hello"), b"\x05hello");
/// assert_eq!(encode::<Int16>(b"hello"), b"\0\x05hello");
/// assert_eq!(encode::<Int32>(b"hello"), b"\0\0\0\x05hello");
/// ```
pub trait Format: private::Sealed + 'static {
    /// Why there can be no more strings.
    type Error: Error + Copy + Send + Sync + 'static;

    /// How many bytes stand behind a string.
    #[doc(hidden)]
    const TAIL: usize;

    /// Where the string in front of `data` is, once enough has come to say.
    #[doc(hidden)]
    fn layout(data: &[u8], max_length: usize) -> Result<Option<Layout>, Self::Error>;

    /// Whether that is what stands behind a string.
    #[doc(hidden)]
    fn check_tail(tail: &[u8]) -> Result<(), Self::Error>;

    /// The length of the string that was refused, where the handler is asked
    /// what to do about it.
    #[doc(hidden)]
    fn refused(error: Self::Error) -> Option<usize>;

    /// Gives `string` to `send` as it goes over the wire, in pieces.
    #[doc(hidden)]
    fn frame(string: &[u8], send: impl FnOnce(&[&[u8]])) -> Result<(), StringTooLongError>;

    /// Gives `string` to `write` as it goes over the wire, piece by piece.
    ///
    /// # Errors
    ///
    /// It is longer than its prefix can say; nothing was written.
    fn encode(string: &[u8], mut write: impl FnMut(&[u8])) -> Result<(), StringTooLongError> {
        Self::frame(string, |pieces| pieces.iter().for_each(|piece| write(piece)))
    }
}

/// Strings behind their length in one byte.
///
/// ```
/// use protocols::basic::{Int8, StringParser};
///
/// let mut parser = StringParser::<Int8>::new(99);
/// assert_eq!(parser.next_string(&mut &b"\x05hello"[..]), Some(Ok(&b"hello"[..])));
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Int8StringReceiver")]
pub enum Int8 {}

/// Strings behind their length in two bytes, in network byte order.
///
/// ```
/// use protocols::basic::{Int16, StringParser};
///
/// let mut parser = StringParser::<Int16>::new(99);
/// assert_eq!(parser.next_string(&mut &b"\0\x05hello"[..]), Some(Ok(&b"hello"[..])));
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Int16StringReceiver")]
pub enum Int16 {}

/// Strings behind their length in four bytes, in network byte order.
///
/// ```
/// use protocols::basic::{Int32, StringParser};
///
/// let mut parser = StringParser::<Int32>::new(99);
/// assert_eq!(parser.next_string(&mut &b"\0\0\0\x05hello"[..]), Some(Ok(&b"hello"[..])));
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Int32StringReceiver")]
pub enum Int32 {}

/// The layout that the three share: a string behind its length.
#[inline]
fn behind(
    head: usize,
    length: u32,
    max_length: usize,
) -> Result<Option<Layout>, StringTooLongError> {
    // Where a length does not fit into a usize, no string is that long.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > max_length {
        return Err(StringTooLongError { length, max_length });
    }
    Ok(Some(Layout { head, length }))
}

#[inline]
fn frame<const N: usize, T: TryFrom<usize>>(
    string: &[u8],
    max_length: u32,
    to_bytes: fn(T) -> [u8; N],
    send: impl FnOnce(&[&[u8]]),
) -> Result<(), StringTooLongError> {
    let length = string.len();
    let Ok(prefix) = T::try_from(length) else {
        let max_length = usize::try_from(max_length).unwrap_or(usize::MAX);
        return Err(StringTooLongError { length, max_length });
    };
    send(&[&to_bytes(prefix), string]);
    Ok(())
}

impl private::Sealed for Int8 {}
impl private::Sealed for Int16 {}
impl private::Sealed for Int32 {}

impl Format for Int8 {
    type Error = StringTooLongError;
    const TAIL: usize = 0;

    #[inline]
    fn layout(data: &[u8], max_length: usize) -> Result<Option<Layout>, StringTooLongError> {
        match data.first_chunk() {
            Some(prefix) => behind(1, u8::from_be_bytes(*prefix).into(), max_length),
            None => Ok(None),
        }
    }

    #[inline]
    fn check_tail(_: &[u8]) -> Result<(), StringTooLongError> {
        Ok(())
    }

    fn refused(error: StringTooLongError) -> Option<usize> {
        Some(error.length)
    }

    #[inline]
    fn frame(string: &[u8], send: impl FnOnce(&[&[u8]])) -> Result<(), StringTooLongError> {
        frame(string, u8::MAX.into(), u8::to_be_bytes, send)
    }
}

impl Format for Int16 {
    type Error = StringTooLongError;
    const TAIL: usize = 0;

    #[inline]
    fn layout(data: &[u8], max_length: usize) -> Result<Option<Layout>, StringTooLongError> {
        match data.first_chunk() {
            Some(prefix) => behind(2, u16::from_be_bytes(*prefix).into(), max_length),
            None => Ok(None),
        }
    }

    #[inline]
    fn check_tail(_: &[u8]) -> Result<(), StringTooLongError> {
        Ok(())
    }

    fn refused(error: StringTooLongError) -> Option<usize> {
        Some(error.length)
    }

    #[inline]
    fn frame(string: &[u8], send: impl FnOnce(&[&[u8]])) -> Result<(), StringTooLongError> {
        frame(string, u16::MAX.into(), u16::to_be_bytes, send)
    }
}

impl Format for Int32 {
    type Error = StringTooLongError;
    const TAIL: usize = 0;

    #[inline]
    fn layout(data: &[u8], max_length: usize) -> Result<Option<Layout>, StringTooLongError> {
        match data.first_chunk() {
            Some(prefix) => behind(4, u32::from_be_bytes(*prefix), max_length),
            None => Ok(None),
        }
    }

    #[inline]
    fn check_tail(_: &[u8]) -> Result<(), StringTooLongError> {
        Ok(())
    }

    fn refused(error: StringTooLongError) -> Option<usize> {
        Some(error.length)
    }

    #[inline]
    fn frame(string: &[u8], send: impl FnOnce(&[&[u8]])) -> Result<(), StringTooLongError> {
        frame(string, u32::MAX, u32::to_be_bytes, send)
    }
}
