//! [`AmpService`]: calls as a `tower` service; and services as responders.
//!
//! Tested in `tests/amp/service.rs`.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::Protocol;
use tower_service::Service;

use super::{AmpTransport, Command, Responders};

/// The other side of a connection as a `tower` service: one of each [`Command`],
/// whose answer is the response.
///
/// It is ready while no more is unsent than the transport's
/// [marks](reactor_compat::WaterMarks) allow, and fails when the connection is
/// lost. It does not bound how many calls wait for their answers: for that, as
/// for limits of time, there are tower's layers.
///
/// Clones call on the same connection.
///
/// It is a service of *every* command. Where nothing else says which one is meant, as in
/// `service.ready()`, the compiler asks for it (E0283): name any, for it is the same
/// connection that is ready, as in `ServiceExt::<Sum>::ready(&mut service)`.
///
/// # Cancellation
///
/// Dropping the future of a call lets the answer go; the other side does not hear
/// of it.
///
/// ```
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
/// use deferred::testing::success_result_of;
/// use protocols::amp::{Amp, AmpService, CallRemote};
/// use reactor_compat::testing::StringTransport;
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # let server = server();
/// let client = StringTransport::new(Amp::new());
/// let remote = success_result_of(client.connection().remote());
/// let service = ServiceBuilder::new().concurrency_limit(8).service(AmpService::new(remote));
/// let total = deferred::ensure_deferred(service.oneshot(Sum { a: 13, b: 81 }));
/// server.data_received(&client.take_value());
/// client.data_received(&server.take_value());
/// assert_eq!(success_result_of(total), Total { total: 94 });
/// ```
///
/// One call after another:
///
/// ```
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
/// use deferred::Failure;
/// use deferred::testing::success_result_of;
/// use protocols::amp::{Amp, AmpService, CallRemote};
/// use reactor_compat::testing::StringTransport;
/// use tower::{Service, ServiceExt};
///
/// # let server = server();
/// let client = StringTransport::new(Amp::new());
/// let remote = success_result_of(client.connection().remote());
/// let mut service = AmpService::new(remote);
/// let total = deferred::ensure_deferred(async move {
///     let ready = ServiceExt::<Sum>::ready(&mut service).await?;
///     let Total { total } = ready.call(Sum { a: 13, b: 81 }).await?;
///     Ok::<_, Failure>(total)
/// });
/// server.data_received(&client.take_value());
/// client.data_received(&server.take_value());
/// assert_eq!(success_result_of(total), 94);
/// ```
pub struct AmpService {
    remote: AmpTransport,
    /// Fires when the connection takes more.
    drained: Option<Deferred<()>>,
}

impl AmpService {
    /// The service of `remote`.
    ///
    /// See the [type's example](Self).
    pub fn new(remote: AmpTransport) -> Self {
        Self { remote, drained: None }
    }

    /// The other side itself.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, AmpService, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// let client = StringTransport::new(Amp::new());
    /// let service = AmpService::new(success_result_of(client.connection().remote()));
    /// assert!(service.remote().connected());
    /// ```
    pub fn remote(&self) -> &AmpTransport {
        &self.remote
    }
}

impl<C: Command> Service<C> for AmpService {
    type Response = C::Response;
    type Error = Failure;
    type Future = Deferred<C::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let drained = self.drained.get_or_insert_with(|| self.remote.drain());
        let result = ready!(Pin::new(drained).poll(cx));
        self.drained = None;
        Poll::Ready(match self.remote.dispatcher().lost() {
            Some(reason) => Err(reason),
            None => result,
        })
    }

    fn call(&mut self, command: C) -> Deferred<C::Response> {
        self.remote.call_remote(command)
    }
}

/// One that waits for nothing yet.
impl Clone for AmpService {
    fn clone(&self) -> Self {
        Self::new(self.remote.clone())
    }
}

impl fmt::Debug for AmpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AmpService").field(&self.remote).finish()
    }
}

impl<H: Protocol<AmpTransport>> Responders<H> {
    /// Has a `tower` service answer `C`: a clone of it for each command, which is
    /// called when it is ready.
    ///
    /// An error of the service is answered as one of a responder is: one of the
    /// command's errors as that, and any other as `UNKNOWN`. How many commands
    /// wait is bounded by [`Limits::commands`](super::Limits::commands).
    ///
    /// ```
    /// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
    /// # use math::*;
    /// use protocols::amp::Responders;
    /// use std::convert::Infallible;
    /// use tower::service_fn;
    ///
    /// let sum = service_fn(async |Sum { a, b }| Ok::<_, Infallible>(Total { total: a + b }));
    /// let responders = Responders::<()>::new().service::<Sum, _>(sum);
    /// assert_eq!(responders.names().collect::<Vec<_>>(), ["Sum"]);
    /// ```
    #[must_use]
    pub fn service<C, S>(self, service: S) -> Self
    where
        C: Command,
        S: Service<C, Response = C::Response> + Clone + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: 'static,
    {
        let failed = |error: S::Error| {
            let error: Box<dyn Error + Send + Sync> = error.into();
            Failure::find(&*error).cloned().unwrap_or_else(|| Failure::from_boxed(error))
        };
        self.function(move |command: C| {
            let mut service = service.clone();
            ensure_deferred(async move {
                poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
                service.call(command).await.map_err(failed)
            })
        })
    }
}
