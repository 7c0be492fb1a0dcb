//! [`async_factory`]: protocol code as an `async fn`, for ports and connectors.

use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;

use deferred::{CallbackResult, Deferred, Failure};

use super::{ConnectionStream, StreamProtocol};
use crate::address::Address;
use crate::error::ConnectionEnded;
use crate::factory::{ClientFactory, Factory};

/// A factory whose connections are each served by an `async fn`: it gets the
/// connection as a stream, and the peer's address.
///
/// It begins as soon as there is a connection, in the connection's `tracing`
/// span, and runs on the reactor's thread. When it returns, the stream is
/// dropped, unless it gave it away, and so the connection closed. If it fails
/// or panics, that is logged, and ends its connection; but an error that only
/// says that [the connection has ended](ConnectionEnded) is no news to anybody.
///
/// When the connection is lost it is not stopped: it finds out by reading or
/// writing.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{Address, ConnectionStream, Reactor, async_factory, task::react_on};
/// use std::process::ExitCode;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// async fn echo(mut stream: ConnectionStream, _peer: Address) -> Result<(), Failure> {
///     let mut buffer = [0; 1024];
///     loop {
///         let count = stream.read(&mut buffer).await?;
///         if count == 0 {
///             return Ok(());
///         }
///         stream.write_all(&buffer[..count]).await?;
///     }
/// }
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let port = reactor.listen_tcp(("127.0.0.1", 0), async_factory(echo))?;
///     let mut stream = reactor.connect_tcp_stream(port.get_host().socket_addr().unwrap()).await?;
///     stream.write_all(b"hello").await?;
///     stream.shutdown().await?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// }
///
/// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
/// ```
pub fn async_factory<F, R>(serve: F) -> AsyncFactory<F>
where
    F: Fn(ConnectionStream, Address) -> R + 'static,
    R: Future<Output: CallbackResult<Value = ()>> + 'static,
{
    AsyncFactory { serve: Rc::new(serve) }
}

/// The factory of an `async fn`, made by [`async_factory`].
///
/// ```
/// use reactor_compat::{Address, ConnectionStream, Factory, async_factory};
///
/// let mut factory = async_factory(|_: ConnectionStream, _: Address| async {});
/// assert!(factory.clone().build_protocol(Address::Pipe).is_some());
/// ```
pub struct AsyncFactory<F> {
    serve: Rc<F>,
}

impl<F, R> Factory for AsyncFactory<F>
where
    F: Fn(ConnectionStream, Address) -> R + 'static,
    R: Future<Output: CallbackResult<Value = ()>> + 'static,
{
    type Protocol = StreamProtocol;

    fn build_protocol(&mut self, peer: Address) -> Option<StreamProtocol> {
        let serve = self.serve.clone();
        Some(StreamProtocol::starting(Box::new(move |stream| run(serve, stream, peer))))
    }
}

impl<F, R> ClientFactory for AsyncFactory<F>
where
    F: Fn(ConnectionStream, Address) -> R + 'static,
    R: Future<Output: CallbackResult<Value = ()>> + 'static,
{
}

fn run<F, R>(serve: Rc<F>, stream: ConnectionStream, peer: Address)
where
    F: Fn(ConnectionStream, Address) -> R + 'static,
    R: Future<Output: CallbackResult<Value = ()>> + 'static,
{
    let transport = stream.transport().clone();
    let served = Deferred::from_coroutine(async move { serve(stream, peer).await });
    drop(served.add_errback(move |failure| {
        log(failure);
        // The stream may have been given away.
        transport.unregister_producer();
        transport.lose_connection();
    }));
}

fn log(failure: Failure) {
    let of_connection = failure.check::<io::Error>().and_then(ConnectionEnded::of).is_some();
    if of_connection {
        tracing::debug!(%failure, "what served a connection has ended with it");
    } else {
        crate::log::err(failure, "");
    }
}

impl<F> Clone for AsyncFactory<F> {
    fn clone(&self) -> Self {
        Self { serve: self.serve.clone() }
    }
}

impl<F> fmt::Debug for AsyncFactory<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFactory").finish_non_exhaustive()
    }
}
