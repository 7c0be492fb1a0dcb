//! [`Plan`]: the way in which a connector connects, each time.
//!
//! Tested in `tests/network/connector.rs` and `tests/network/opening.rs`.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use deferred::{Deferred, Failure};
use tokio::time::timeout;

use super::attempt::Attempt;
use crate::address::Target;
use crate::connection::FirstLayer;
use crate::error::{ConnectError, ConnectionEnded};
use crate::network::{DialRequest, Network, SharedStream, Stream};
use crate::options::ConnectOptions;
use crate::reactor::Reactor;
use crate::waiters::abandon;

/// The way in which a connector connects, each time.
pub(crate) struct Plan {
    pub(crate) target: Target,
    way: Way,
    /// The stream that is to be between the socket and the protocol from the
    /// start.
    pub(crate) first_layer: FirstLayer,
}

/// How a connection is made.
enum Way {
    /// By the reactor's network.
    Network {
        options: ConnectOptions,
        /// Whether the server of a UNIX socket has to hold its lock.
        check_lock: bool,
    },
    /// By an endpoint.
    Endpoint(Rc<dyn Fn() -> Deferred<SharedStream>>),
}

impl Plan {
    /// A connection with nothing between socket and protocol.
    pub(crate) fn new(target: Target, options: ConnectOptions) -> Self {
        let way = Way::Network { options, check_lock: false };
        Self { target, way, first_layer: FirstLayer::default() }
    }

    /// A connection that an endpoint makes.
    pub(crate) fn of_endpoint(
        target: Target,
        dial: impl Fn() -> Deferred<SharedStream> + 'static,
    ) -> Self {
        Self { target, way: Way::Endpoint(Rc::new(dial)), first_layer: FirstLayer::default() }
    }

    /// The same, to a server that has to hold the lock of its UNIX socket.
    #[cfg(unix)]
    pub(crate) fn checking_lock(mut self, check: bool) -> Self {
        if let Way::Network { check_lock, .. } = &mut self.way {
            *check_lock = check;
        }
        self
    }

    /// Makes a connection, and opens it, within the time that the options allow.
    pub(super) async fn dial(
        &self,
        reactor: &Reactor,
        attempt: &Attempt,
    ) -> Result<SharedStream, Failure> {
        let (options, check_lock) = match &self.way {
            Way::Network { options, check_lock } => (*options, *check_lock),
            Way::Endpoint(dial) => return open(Dialled(Some(dial())).result(attempt).await?).await,
        };
        let request = DialRequest {
            target: self.target.clone(),
            options,
            check_lock,
            secure: !self.first_layer.is_none(),
            resolver: reactor.name_resolver(),
        };
        let network = reactor.shared().network().map_err(ConnectError::from)?;
        let dialled = timeout(options.get_timeout(), connect(network, &request)).await;
        dialled.map_err(|_| ConnectError::Timeout)?
    }

    /// The same with the stream over it that is to be there from the start.
    pub(super) async fn dial_secured(
        &self,
        reactor: &Reactor,
        attempt: &Attempt,
    ) -> Result<SharedStream, Failure> {
        let stream = self.dial(reactor, attempt).await?;
        open(self.first_layer.over(stream)).await
    }
}

async fn connect(network: &dyn Network, request: &DialRequest) -> Result<SharedStream, Failure> {
    open(network.dial(request).await?).await
}

async fn open(mut stream: SharedStream) -> Result<SharedStream, Failure> {
    poll_fn(|cx| stream.poll_open(cx)).await.map_err(reason_of)?;
    Ok(stream)
}

/// The reason for which a stream is not open.
fn reason_of(error: io::Error) -> Failure {
    match ConnectionEnded::of(&error) {
        Some(ended) => ended.reason().clone(),
        None => ConnectError::of_opening(error).into(),
    }
}

/// What an endpoint is connecting. Unless it is awaited to its end it is cancelled,
/// and nobody wants to know what comes of it.
struct Dialled(Option<Deferred<SharedStream>>);

impl Dialled {
    /// Awaits it, on behalf of an attempt.
    async fn result(mut self, attempt: &Attempt) -> Result<SharedStream, Failure> {
        attempt.set_dialling(self.0.as_ref().map(Deferred::cancel_handle));
        let result = poll_fn(|cx| match &mut self.0 {
            Some(deferred) => Pin::new(deferred).poll(cx),
            None => Poll::Pending,
        });
        let result = result.await;
        attempt.set_dialling(None);
        drop(self.0.take());
        result
    }
}

impl Drop for Dialled {
    fn drop(&mut self) {
        if let Some(deferred) = self.0.take() {
            abandon(deferred);
        }
    }
}
