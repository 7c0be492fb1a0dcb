//! Errors of the receivers: what is too long, or no string.
//!
//! Tested in `tests/framing/receivers.rs`.

use std::io;

use thiserror::Error;

/// A line was longer than it may be: why a connection ended, or a codec failed.
///
/// ```
/// use protocols::basic::LineTooLong;
///
/// let error = LineTooLong { max_length: 16_384 };
/// assert_eq!(error.to_string(), "a line is longer than 16384 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[doc(alias = "lineLengthExceeded")]
#[error("a line is longer than {max_length} bytes")]
pub struct LineTooLong {
    /// How long it may be, without its delimiter.
    pub max_length: usize,
}

/// A string is longer than it may be: than its prefix can say, where it was to
/// be sent; than the receiver's limit, where it was received.
///
/// ```
/// use protocols::basic::StringTooLongError;
///
/// let error = StringTooLongError { length: 256, max_length: 255 };
/// assert_eq!(error.to_string(), "a string of 256 bytes, where at most 255 may be");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[doc(alias = "lengthLimitExceeded")]
#[error("a string of {length} bytes, where at most {max_length} may be")]
pub struct StringTooLongError {
    /// How long it is.
    pub length: usize,
    /// How long it may be.
    pub max_length: usize,
}

/// The bytes that came are no netstring.
///
/// ```
/// use protocols::basic::NetstringParseError;
///
/// let error = NetstringParseError::MissingComma;
/// assert_eq!(error.to_string(), "a netstring does not end with a comma");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetstringParseError {
    /// It does not begin with its length: digits, no zero in front, a colon.
    #[error("a netstring does not begin with its length")]
    MissingLength,
    /// It says that it is longer than it may be.
    #[error("a netstring is longer than {max_length} bytes")]
    TooLong {
        /// How long it may be.
        max_length: usize,
    },
    /// It does not end where it said it would.
    #[error("a netstring does not end with a comma")]
    MissingComma,
}

impl From<LineTooLong> for io::Error {
    fn from(error: LineTooLong) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<StringTooLongError> for io::Error {
    fn from(error: StringTooLongError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<NetstringParseError> for io::Error {
    fn from(error: NetstringParseError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
