//! Why a connection ended, and what cannot be done with one.

use std::error::Error;
use std::fmt;
use std::io;

use crate::shared_io_error::SharedIoError;

/// The connection was closed cleanly: by the peer, or by
/// [`lose_connection`](crate::Transport::lose_connection) after all that was
/// written had been sent.
///
/// ```
/// use reactor_compat::ConnectionDone;
///
/// let reason = deferred::Failure::new(ConnectionDone);
/// assert!(reason.is::<ConnectionDone>());
/// assert_eq!(reason.to_string(), "connection was closed cleanly");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ConnectionDone")]
#[doc(alias = "ConnectionClosed")]
#[error("connection was closed cleanly")]
pub struct ConnectionDone;

/// The connection broke: it was reset, the network failed, or the reactor
/// stopped under it.
///
/// ```
/// use reactor_compat::ConnectionLost;
/// use std::io;
///
/// let error = ConnectionLost::from(io::Error::from(io::ErrorKind::ConnectionReset));
/// assert_eq!(error.kind(), Some(io::ErrorKind::ConnectionReset));
/// assert_eq!(
///     error.to_string(),
///     "connection to the other side was lost in a non-clean fashion: connection reset"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.ConnectionLost")]
pub struct ConnectionLost {
    why: Why,
}

/// All that is known of how a connection broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Why {
    #[default]
    Unknown,
    Detail(String),
    System(SharedIoError),
}

impl ConnectionLost {
    /// A loss with nothing to say but `detail`.
    ///
    /// ```
    /// let error = reactor_compat::ConnectionLost::because("the cable was cut");
    /// assert!(error.to_string().ends_with(": the cable was cut"));
    /// ```
    pub fn because(detail: impl Into<String>) -> Self {
        Self { why: Why::Detail(detail.into()) }
    }

    /// The kind of the operating system's error, if it was it that broke the
    /// connection. The error itself is the [source](Error::source).
    ///
    /// ```
    /// assert_eq!(reactor_compat::ConnectionLost::default().kind(), None);
    /// ```
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match &self.why {
            Why::System(error) => Some(error.kind()),
            Why::Unknown | Why::Detail(_) => None,
        }
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection to the other side was lost in a non-clean fashion")?;
        match &self.why {
            Why::Unknown => Ok(()),
            Why::Detail(detail) => write!(f, ": {detail}"),
            Why::System(error) => write!(f, ": {error}"),
        }
    }
}

impl Error for ConnectionLost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::System(error) => Some(error.as_source()),
            Why::Unknown | Why::Detail(_) => None,
        }
    }
}

impl From<io::Error> for ConnectionLost {
    fn from(error: io::Error) -> Self {
        Self { why: Why::System(error.into()) }
    }
}

/// We cut the connection ourselves, without regard to what was still unsent:
/// by [`abort_connection`](crate::Transport::abort_connection), or because a
/// close made no progress within its grace.
///
/// ```
/// use reactor_compat::ConnectionAborted;
///
/// assert_eq!(ConnectionAborted::default().unsent(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ConnectionAborted")]
#[error("connection was aborted locally{}", given_up(self.unsent))]
pub struct ConnectionAborted {
    pub(crate) unsent: Option<usize>,
}

impl ConnectionAborted {
    /// How much was given up on, if it was a close that came to no end.
    ///
    /// ```
    /// assert!(reactor_compat::ConnectionAborted::default().unsent().is_none());
    /// ```
    pub fn unsent(&self) -> Option<usize> {
        self.unsent
    }
}

/// How much a close gave up on, behind a colon, if it was one.
fn given_up(unsent: Option<usize>) -> String {
    unsent.map_or_else(String::new, |unsent| {
        format!(": its close came to no end, with {unsent} bytes unsent")
    })
}

/// A call or a result was meant for a protocol whose connection is gone.
///
/// [`Connection`](crate::Connection) says when.
///
/// ```
/// assert_eq!(reactor_compat::ConnectionGone.to_string(), "the connection is gone");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the connection is gone")]
pub struct ConnectionGone;

/// A producer was registered where another one is.
///
/// ```
/// assert_eq!(
///     reactor_compat::AlreadyProducing.to_string(),
///     "a producer is registered already, and was never unregistered"
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("a producer is registered already, and was never unregistered")]
pub struct AlreadyProducing;
