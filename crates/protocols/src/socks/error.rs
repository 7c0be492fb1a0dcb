//! [`SocksError`]: why a client was refused.
//!
//! Tested in `tests/servers/socks.rs`.

use thiserror::Error;

/// Why a client was refused.
///
/// ```
/// use protocols::socks::SocksError;
///
/// assert_eq!(SocksError::BadVersion(5).to_string(), "bad version code: 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SocksError {
    /// It does not speak SOCKS 4.
    #[error("bad version code: {0}")]
    BadVersion(u8),
    /// It wants neither to connect nor to be connected to.
    #[error("bad command code: {0}")]
    BadCommand(u8),
    /// The name of its user has more than
    /// [`MAX_FIELD`](super::RequestParser::MAX_FIELD) bytes.
    #[error("the user's name is too long")]
    UserTooLong,
    /// The name of the host has.
    #[error("the host's name is too long")]
    HostTooLong,
    /// The name of the host is no text.
    #[error("the host's name is no text")]
    BadHost,
    /// It is not allowed to do so.
    #[error("not authorized")]
    NotAuthorized,
    /// It did not say in time what it wants, or nobody connected in time.
    #[error("it took too long")]
    TimedOut,
    /// Another peer connected than the one expected.
    #[error("somebody else connected")]
    WrongPeer,
}
