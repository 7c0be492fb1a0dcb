//! What goes wrong with streams.

use std::error::Error;
use std::fmt;
use std::io;

use deferred::Failure;

use crate::error::{ConnectionAborted, ConnectionDone, ConnectionLost};

/// The connection of a stream has ended. It is inside of the [`io::Error`]
/// that reading and writing give then.
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

    /// Whether that is what `error` says.
    ///
    /// See the [type's example](Self).
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The error of reading and writing.
    pub(super) fn error(reason: &Failure) -> io::Error {
        let kind = if let Some(lost) = reason.check::<ConnectionLost>() {
            lost.kind().unwrap_or(io::ErrorKind::ConnectionReset)
        } else if reason.is::<ConnectionAborted>() {
            io::ErrorKind::ConnectionAborted
        } else if reason.is::<ConnectionDone>() {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::Other
        };
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

/// The stream of a connection was taken already; or its transport has a
/// producer, which a stream would be.
///
/// ```
/// use deferred::testing::{failure_result_of, success_result_of};
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{ConnectionStream, StreamProtocol, StreamTaken};
///
/// let transport = StringTransport::new(StreamProtocol::new());
/// let _stream = success_result_of(ConnectionStream::of(transport.connection().clone()));
/// let another = ConnectionStream::of(transport.connection().clone());
/// assert!(failure_result_of(another).is::<StreamTaken>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamTaken;

impl fmt::Display for StreamTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream of the connection was taken already")
    }
}

impl Error for StreamTaken {}
