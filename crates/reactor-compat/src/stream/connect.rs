//! Connecting, to read and write.

use deferred::Deferred;

use super::{ConnectionStream, StreamProtocol};
#[cfg(unix)]
use crate::address::UnixAddress;
use crate::address::{Address, Destination};
use crate::reactor::Reactor;

impl Reactor {
    /// Connects to `destination`, and gives the connection as a stream.
    ///
    /// It fails as [`Connector::when_connected`](crate::Connector::when_connected)
    /// does.
    ///
    /// # Cancellation
    ///
    /// Cancelling it gives the attempt up.
    ///
    /// See the example of [`ConnectionStream`].
    pub fn connect_tcp_stream(
        &self,
        destination: impl Into<Destination>,
    ) -> Deferred<ConnectionStream> {
        self.connect_tcp(destination, |_: Address| StreamProtocol::new())
            .when_connected()
            .add_callback(ConnectionStream::of)
    }

    /// Connects to a UNIX socket, and gives the connection as a stream.
    ///
    /// As [`connect_tcp_stream`](Self::connect_tcp_stream).
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{Address, ConnectionStream, Reactor, async_factory, task::react_on};
    /// use std::process::ExitCode;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// async fn ask(reactor: Reactor) -> Result<(), Failure> {
    ///     let greet = async_factory(|mut stream: ConnectionStream, _: Address| async move {
    ///         stream.write_all(b"hello").await?;
    ///         Ok(())
    ///     });
    ///     # let directory = tempfile::tempdir()?;
    ///     # let path = directory.path().join("greet.sock");
    ///     reactor.listen_unix(&path, greet)?;
    ///     let mut text = String::new();
    ///     reactor.connect_unix_stream(&path).await?.read_to_string(&mut text).await?;
    ///     assert_eq!(text, "hello");
    ///     Ok(())
    /// }
    ///
    /// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
    /// ```
    #[cfg(unix)]
    pub fn connect_unix_stream(
        &self,
        address: impl Into<UnixAddress>,
    ) -> Deferred<ConnectionStream> {
        self.connect_unix(address, |_: Address| StreamProtocol::new())
            .when_connected()
            .add_callback(ConnectionStream::of)
    }
}
