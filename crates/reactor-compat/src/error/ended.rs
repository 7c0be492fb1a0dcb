//! [`ConnectionEnded`]: the reason of a connection's end, as an error of I/O.
//!
//! Tested in `tests/network/connection_stream.rs`.

use std::error::Error;
use std::fmt;
use std::io;

use deferred::Failure;

#[cfg(unix)]
use super::FileDescriptorOverrun;
use super::{ConnectionAborted, ConnectionDone, ConnectionLost};

/// The reason for which a stream's connection has ended, inside of the
/// [`io::Error`] that reading and writing give then.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{ConnectionAborted, ConnectionEnded, ConnectionStream, StreamProtocol};
/// use tokio::io::AsyncReadExt;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transport = StringTransport::new(StreamProtocol::new());
/// let mut stream = success_result_of(ConnectionStream::of(transport.connection().clone()));
/// transport.connection_lost(ConnectionAborted::default());
/// let error = stream.read(&mut [0; 16]).await.unwrap_err();
/// let ended = ConnectionEnded::of(&error).unwrap();
/// assert!(ended.reason().is::<ConnectionAborted>());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionEnded {
    reason: Failure,
}

impl ConnectionEnded {
    /// Why it has ended: what `connection_lost` was given.
    ///
    /// See the [type's example](Self).
    pub fn reason(&self) -> &Failure {
        &self.reason
    }

    /// The end of a connection, if that is what `error` says.
    ///
    /// See the [type's example](Self).
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The error of reading and writing, for a stream of one's own: a
    /// connection over it ends with `reason`.
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::ConnectionEnded;
    ///
    /// let error = ConnectionEnded::error(&Failure::new(std::fmt::Error));
    /// assert!(ConnectionEnded::of(&error).unwrap().reason().is::<std::fmt::Error>());
    /// ```
    pub fn error(reason: &Failure) -> io::Error {
        let kind = if let Some(lost) = reason.check::<ConnectionLost>() {
            lost.kind().unwrap_or(io::ErrorKind::ConnectionReset)
        } else if reason.is::<ConnectionAborted>() {
            io::ErrorKind::ConnectionAborted
        } else if reason.is::<ConnectionDone>() {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::Other
        };
        Self::with_kind(kind, reason)
    }

    /// The reason of a connection whose stream gave `error`.
    pub(crate) fn reason_of(error: io::Error) -> Failure {
        if let Some(ended) = Self::of(&error) {
            return ended.reason().clone();
        }
        #[cfg(unix)]
        if let Some(overrun) = FileDescriptorOverrun::of(&error) {
            return overrun.into();
        }
        ConnectionLost::from(error).into()
    }

    /// The same, of a kind that says more.
    pub(crate) fn with_kind(kind: io::ErrorKind, reason: &Failure) -> io::Error {
        io::Error::new(kind, Self { reason: reason.clone() })
    }
}

impl fmt::Display for ConnectionEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)
    }
}

impl Error for ConnectionEnded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.reason.value())
    }
}
