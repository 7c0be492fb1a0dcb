//! Why a command failed, by name.
//!
//! Mirrors the exceptions of `twisted.protocols.memcache`. Tested in
//! `tests/servers/memcache.rs`.

use thiserror::Error;

/// The server does not know the command.
///
/// ```
/// assert_eq!(protocols::memcache::NoSuchCommand.to_string(), "no such command");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no such command")]
pub struct NoSuchCommand;

/// The command is not right: says the server, or we before it was sent.
///
/// ```
/// use protocols::memcache::ClientError;
///
/// assert_eq!(ClientError::new("Key too long").to_string(), "Key too long");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
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

/// Something went wrong in the server.
///
/// ```
/// use protocols::memcache::ServerError;
///
/// assert_eq!(ServerError::new("out of memory").to_string(), "out of memory");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
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

/// There is no connection: not yet, or not any more.
///
/// ```
/// assert_eq!(protocols::memcache::NotConnected.to_string(), "not connected");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not connected")]
pub struct NotConnected;

/// An answer of the server makes no sense, or is more than may be: the connection
/// is cut, and what waited for an answer fails with this.
///
/// ```
/// use protocols::memcache::BadReply;
///
/// assert_eq!(BadReply::LineTooLong.to_string(), "a line of a reply is too long");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadReply {
    /// It is none of the replies there are.
    #[error("an unknown reply")]
    Unknown,
    /// It is none to the command that waits, or none waits.
    #[error("a reply that nothing asked for")]
    Unexpected,
    /// A line has more than [`MAX_LINE`](super::ReplyParser::MAX_LINE) bytes.
    #[error("a line of a reply is too long")]
    LineTooLong,
    /// A value is longer than it may be.
    #[error("a value is too long")]
    ValueTooLong,
    /// A value does not end where it should.
    #[error("a value does not end where it should")]
    Unterminated,
    /// There are more statistics than may be.
    #[error("too many statistics")]
    TooManyStats,
}
