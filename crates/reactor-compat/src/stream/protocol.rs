//! [`StreamProtocol`]: hands what it hears to a stream.

use std::fmt;
use std::rc::Rc;

use deferred::Failure;

use super::pipe::{Pipe, Writer};
use super::{ConnectionStream, StreamTaken};
use crate::connection::Connection;
use crate::producer::ProducerKind;
use crate::protocol::Protocol;

/// A protocol that hands what it hears to a [`ConnectionStream`].
///
/// It is there for whatever connects by a factory: an endpoint, a TLS client,
/// a connector that is used more than once.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{Address, ConnectionStream, Reactor, StreamProtocol, async_factory};
/// use std::process::ExitCode;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let port = reactor.listen_tcp(
///         ("127.0.0.1", 0),
///         async_factory(|mut stream: ConnectionStream, _peer: Address| async move {
///             stream.write_all(b"hello").await?;
///             Ok(())
///         }),
///     )?;
///     let address = port.get_host().socket_addr().unwrap();
///     let connector = reactor.connect_tcp(address, |_: Address| StreamProtocol::new());
///     let mut stream = connector.when_connected().add_callback(ConnectionStream::of).await?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// }
///
/// let reactor = Reactor::new();
/// assert_eq!(reactor_compat::task::react_on(&reactor, ask), ExitCode::SUCCESS);
/// ```
pub struct StreamProtocol {
    pipe: Rc<Pipe>,
    taken: bool,
    /// The function that gets the stream as soon as there is a connection.
    start: Option<Start>,
}

/// Gets a stream.
pub(super) type Start = Box<dyn FnOnce(ConnectionStream)>;

impl StreamProtocol {
    /// One whose stream nobody has taken yet. Until then, what comes is kept,
    /// up to 64 KiB; then the peer is not read any more.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self { pipe: Rc::new(Pipe::new()), taken: false, start: None }
    }

    /// One whose stream `start` gets.
    pub(super) fn starting(start: Start) -> Self {
        Self { start: Some(start), ..Self::new() }
    }

    pub(super) fn take(
        &mut self,
        connection: &Connection<Self>,
    ) -> Result<ConnectionStream, Failure> {
        let writer = Writer(self.pipe.clone());
        if self.taken || connection.register_producer(writer, ProducerKind::Push).is_err() {
            return Err(StreamTaken.into());
        }
        self.taken = true;
        Ok(ConnectionStream::new(self.pipe.clone(), connection.transport().clone()))
    }
}

impl Default for StreamProtocol {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for StreamProtocol {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.add_read_ahead(&self.pipe);
        if let Some(start) = self.start.take() {
            match self.take(transport) {
                Ok(stream) => start(stream),
                Err(_) => transport.abort_connection(),
            }
        }
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.pipe.receive(transport, data);
    }

    /// The stream reads to its end, and may write on.
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        self.pipe.input_ended();
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.pipe.output_ended();
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.pipe.lost(reason);
    }
}

impl fmt::Debug for StreamProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProtocol").field("taken", &self.taken).finish_non_exhaustive()
    }
}
