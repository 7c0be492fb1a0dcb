//! [`SocksError`]: why a client was refused.
//!
//! Tested in `tests/servers/socks.rs`.

use std::error::Error;
use std::fmt;

/// Why a client was refused.
///
/// ```
/// use protocols::socks::SocksError;
///
/// assert_eq!(SocksError::BadVersion(5).to_string(), "bad version code: 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocksError {
    /// It does not speak SOCKS 4.
    BadVersion(u8),
    /// It wants neither to connect nor to be connected to.
    BadCommand(u8),
    /// The name of its user has more than
    /// [`MAX_FIELD`](super::RequestParser::MAX_FIELD) bytes.
    UserTooLong,
    /// The name of the host has.
    HostTooLong,
    /// The name of the host is no text.
    BadHost,
    /// It is not allowed to do so.
    NotAuthorized,
    /// It did not say in time what it wants, or nobody connected in time.
    TimedOut,
    /// Somebody connected who was not expected.
    WrongPeer,
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadVersion(version) => write!(f, "bad version code: {version}"),
            Self::BadCommand(command) => write!(f, "bad command code: {command}"),
            Self::UserTooLong => f.write_str("the user's name is too long"),
            Self::HostTooLong => f.write_str("the host's name is too long"),
            Self::BadHost => f.write_str("the host's name is no text"),
            Self::NotAuthorized => f.write_str("not authorized"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::WrongPeer => f.write_str("somebody else connected"),
        }
    }
}

impl Error for SocksError {}
