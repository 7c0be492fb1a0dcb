//! [`StreamTaken`]: the error of a stream that was taken already.

use std::error::Error;
use std::fmt;

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
