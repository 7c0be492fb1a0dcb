//! What a receiver refuses, by name.
//!
//! Tested in `tests/framing/receivers.rs`.

use std::error::Error;
use std::fmt;
use std::io;

/// A line was longer than it may be: why a connection ended, or a codec failed.
///
/// ```
/// use protocols::basic::LineTooLong;
///
/// let error = LineTooLong { max_length: 16_384 };
/// assert_eq!(error.to_string(), "a line is longer than 16384 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "lineLengthExceeded")]
pub struct LineTooLong {
    /// How long it may be, without its delimiter.
    pub max_length: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line is longer than {} bytes", self.max_length)
    }
}

impl Error for LineTooLong {}

/// A string is longer than it may be: than its prefix can say, where it was to
/// be sent; than the receiver's limit, where it was received.
///
/// ```
/// use protocols::basic::StringTooLongError;
///
/// let error = StringTooLongError { length: 256, max_length: 255 };
/// assert_eq!(error.to_string(), "a string of 256 bytes, where at most 255 may be");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "lengthLimitExceeded")]
pub struct StringTooLongError {
    /// How long it is.
    pub length: usize,
    /// How long it may be.
    pub max_length: usize,
}

impl fmt::Display for StringTooLongError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, max_length } = self;
        write!(f, "a string of {length} bytes, where at most {max_length} may be")
    }
}

impl Error for StringTooLongError {}

/// What came is no netstring.
///
/// ```
/// use protocols::basic::NetstringParseError;
///
/// let error = NetstringParseError::MissingComma;
/// assert_eq!(error.to_string(), "a netstring does not end with a comma");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetstringParseError {
    /// It does not begin with its length: digits, no zero in front, a colon.
    MissingLength,
    /// It says that it is longer than it may be.
    TooLong {
        /// How long it may be.
        max_length: usize,
    },
    /// It does not end where it said it would.
    MissingComma,
}

impl fmt::Display for NetstringParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLength => f.write_str("a netstring does not begin with its length"),
            Self::TooLong { max_length } => {
                write!(f, "a netstring is longer than {max_length} bytes")
            }
            Self::MissingComma => f.write_str("a netstring does not end with a comma"),
        }
    }
}

impl Error for NetstringParseError {}

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
