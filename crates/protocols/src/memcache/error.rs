//! Why a command failed, by name.
//!
//! Mirrors the exceptions of `twisted.protocols.memcache`. Tested in
//! `tests/servers/memcache.rs`.

use std::error::Error;
use std::fmt;

/// The server does not know the command.
///
/// ```
/// assert_eq!(protocols::memcache::NoSuchCommand.to_string(), "no such command");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCommand;

impl fmt::Display for NoSuchCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such command")
    }
}

impl Error for NoSuchCommand {}

/// The command is not right: says the server, or we before it was sent.
///
/// ```
/// use protocols::memcache::ClientError;
///
/// assert_eq!(ClientError::new("Key too long").to_string(), "Key too long");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    message: String,
}

impl ClientError {
    /// One that says so.
    ///
    /// See the [type's example](Self).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ClientError {}

/// Something went wrong in the server.
///
/// ```
/// use protocols::memcache::ServerError;
///
/// assert_eq!(ServerError::new("out of memory").to_string(), "out of memory");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    message: String,
}

impl ServerError {
    /// One that says so.
    ///
    /// See the [type's example](Self).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ServerError {}

/// There is no connection: not yet, or not any more.
///
/// ```
/// assert_eq!(protocols::memcache::NotConnected.to_string(), "not connected");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotConnected;

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not connected")
    }
}

impl Error for NotConnected {}

/// What the server said makes no sense, or is more than may be: the connection
/// is cut, and what waited for an answer fails with this.
///
/// ```
/// use protocols::memcache::BadReply;
///
/// assert_eq!(BadReply::LineTooLong.to_string(), "a line of a reply is too long");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReply {
    /// It is none of the replies there are.
    Unknown,
    /// It is none to the command that waits, or none waits.
    Unexpected,
    /// A line has more than [`MAX_LINE`](super::ReplyParser::MAX_LINE) bytes.
    LineTooLong,
    /// A value is longer than it may be.
    ValueTooLong,
    /// A value does not end where it should.
    Unterminated,
    /// There are more statistics than may be.
    TooManyStats,
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "an unknown reply",
            Self::Unexpected => "a reply that nothing asked for",
            Self::LineTooLong => "a line of a reply is too long",
            Self::ValueTooLong => "a value is too long",
            Self::Unterminated => "a value does not end where it should",
            Self::TooManyStats => "too many statistics",
        })
    }
}

impl Error for BadReply {}
