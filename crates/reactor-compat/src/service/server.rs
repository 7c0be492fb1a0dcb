//! [`StreamServerEndpointService`]: a port, and its connections.
//!
//! Mirrors `StreamServerEndpointService` of `twisted.application.internet`, and
//! `twisted.application.strports`. Tested in `tests/services/parts.rs` and
//! `tests/services/drain.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, ensure_deferred};

use super::Service;
use super::drain::{Drained, Tell, Tracker};
use crate::clock_handle::ClockHandle;
use crate::connection::{Connection, FirstLayer};
use crate::endpoint::{EndpointError, StreamServerEndpoint, server_from_string};
use crate::factory::{Factory, SharedFactory};
use crate::port::{self, Port};
use crate::reactor::Reactor;

/// Listens at an endpoint while it runs.
///
/// The port is opened with the process's rights of the beginning, by
/// [`privileged_start_service`](Service::privileged_start_service), and accepts while the
/// reactor runs. When the service stops the port is closed; its connections live on, unless
/// they are to be [drained](Self::drain).
///
/// It is a handle, cheap to clone, so that one can be kept to ask for the
/// [port](Self::port).
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::service::{MultiService, strports};
/// use reactor_compat::{Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let services = MultiService::new(&reactor);
/// let web = strports(&reactor, "tcp:0:interface=127.0.0.1", |_| Silent)?;
/// services.add_service(web.clone());
/// success_result_of(services.start_service());
/// println!("listening on {}", web.port().unwrap().get_host());
/// # drop(services.stop_service());
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
pub struct StreamServerEndpointService<F: Factory> {
    inner: Rc<Inner<F>>,
}

struct Inner<F: Factory> {
    endpoint: Box<dyn StreamServerEndpoint>,
    factory: SharedFactory<F>,
    clock: RefCell<ClockHandle>,
    /// How long connections have, and what they are told.
    drain: RefCell<Option<(Duration, Tell<F::Protocol>)>>,
    tracker: Rc<Tracker<F::Protocol>>,
    port: RefCell<Option<Port>>,
    drained: Cell<Option<Drained>>,
}

/// The service of a server endpoint's [string](server_from_string).
///
/// # Errors
///
/// [`EndpointError`] if the string describes none.
///
/// See the example of [`StreamServerEndpointService`].
#[doc(alias = "twisted.application.strports.service")]
pub fn strports<F: Factory>(
    reactor: &Reactor,
    description: &str,
    factory: F,
) -> Result<StreamServerEndpointService<F>, EndpointError> {
    let endpoint = server_from_string(reactor, description)?;
    Ok(StreamServerEndpointService::new(endpoint, factory))
}

impl<F: Factory> StreamServerEndpointService<F> {
    /// An endpoint, and what makes the protocols of its connections.
    ///
    /// ```
    /// use reactor_compat::endpoint::TcpServerEndpoint;
    /// use reactor_compat::service::StreamServerEndpointService;
    /// use reactor_compat::{Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let endpoint = TcpServerEndpoint::new(&reactor(), 8000);
    /// let service = StreamServerEndpointService::new(endpoint, |_| Silent);
    /// assert!(service.port().is_none());
    /// ```
    pub fn new(endpoint: impl StreamServerEndpoint, factory: F) -> Self {
        let inner = Inner {
            clock: RefCell::new(ClockHandle::from(&endpoint.reactor())),
            endpoint: Box::new(endpoint),
            factory: SharedFactory::new(factory),
            drain: RefCell::default(),
            tracker: Tracker::new(),
            port: RefCell::default(),
            drained: Cell::new(None),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Has stopping wait for the connections: each is closed, once what was written is
    /// sent ([`lose_connection`](crate::Transport::lose_connection)); those that are left
    /// after `time` are aborted. The log says how many.
    ///
    /// [`stop_now`](Service::stop_now) aborts those that are left at once.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::service::{Drained, Service, strports};
    /// use reactor_compat::testing::MemoryReactor;
    /// use reactor_compat::{Connection, Protocol};
    /// use std::time::Duration;
    ///
    /// /// It says a last word, and waits for the client to go.
    /// struct Slow;
    /// impl Protocol for Slow {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let service = strports(&reactor, "tcp:80", |_| Slow)?
    ///     .drain_with(Duration::from_secs(5), |connection: &Connection<Slow>| {
    ///         connection.write("the server is about to stop");
    ///     });
    /// success_result_of(service.start_service());
    /// let (quick, slow) =
    ///     (reactor.tcp_servers()[0].connect()?, reactor.tcp_servers()[0].connect()?);
    /// reactor.flush()?;
    ///
    /// let stopping = service.stop_service();
    /// reactor.flush()?;
    /// assert_eq!(quick.read(), b"the server is about to stop");
    /// quick.end()?;
    /// reactor.flush()?;
    /// reactor.advance(Duration::from_secs(5))?;
    /// success_result_of(stopping);
    /// assert_eq!(service.last_drain(), Some(Drained { finished: 1, aborted: 1 }));
    /// # drop(slow);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn drain(self, time: Duration) -> Self {
        self.drain_with(time, |connection| connection.lose_connection())
    }

    /// Has stopping wait for the connections, which are told by `tell` instead of being
    /// closed.
    ///
    /// See the example of [`drain`](Self::drain).
    #[must_use]
    pub fn drain_with(
        self,
        time: Duration,
        tell: impl Fn(&Connection<F::Protocol>) + 'static,
    ) -> Self {
        *self.inner.drain.borrow_mut() = Some((time, Rc::new(tell)));
        self
    }

    /// Sets the clock that draining goes by: the reactor's, unless told otherwise.
    ///
    /// ```
    /// use deferred::time::Clock;
    /// use reactor_compat::service::strports;
    /// use reactor_compat::{Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let service = strports(&reactor(), "tcp:8000", |_| Silent)?.clock(&Clock::new());
    /// assert_eq!(service.connections(), 0);
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        *self.inner.clock.borrow_mut() = clock.into();
        self
    }

    /// The port, while it is open.
    ///
    /// See the [type's example](Self).
    pub fn port(&self) -> Option<Port> {
        self.inner.port.borrow().clone()
    }

    /// How many connections are open.
    ///
    /// See the example of [`clock`](Self::clock).
    pub fn connections(&self) -> usize {
        self.inner.tracker.open()
    }

    /// What became of the connections when it was last stopped, if they were drained.
    ///
    /// See the example of [`drain`](Self::drain).
    pub fn last_drain(&self) -> Option<Drained> {
        self.inner.drained.get()
    }
}

impl<F: Factory> Inner<F> {
    fn listen(self: &Rc<Self>) -> Deferred<()> {
        if self.port.borrow().is_some() {
            return Deferred::succeed(());
        }
        let inner = self.clone();
        self.endpoint.bind().add_callback(move |listener| {
            let (reactor, factory) = (inner.endpoint.reactor(), inner.factory.clone());
            let (layer, observe) = (FirstLayer::default(), Some(inner.tracker.observe()));
            let port = port::listen_observed(&reactor, listener, layer, factory, observe);
            *inner.port.borrow_mut() = Some(port);
            Ok(())
        })
    }

    async fn stop(self: Rc<Self>) {
        let port = self.port.take();
        let closed = port.map(|port| port.stop_listening());
        let drain = self.drain.borrow().clone();
        if let Some((time, tell)) = drain {
            let clock = self.clock.borrow().clone();
            // It does not fail.
            let drained = self.tracker.drain(&clock, time, &tell).await.unwrap_or_default();
            self.drained.set(Some(drained));
            let (Drained { finished, aborted }, place) = (drained, self.endpoint.description());
            tracing::info!("{place} is drained: {finished} ended, {aborted} were aborted");
        }
        if let Some(closed) = closed {
            // Nor does this.
            let _ = closed.await;
        }
    }
}

impl<F: Factory> Service for StreamServerEndpointService<F> {
    fn privileged_start_service(&self) -> Deferred<()> {
        self.inner.listen()
    }

    fn start_service(&self) -> Deferred<()> {
        self.inner.listen()
    }

    fn stop_service(&self) -> Deferred<()> {
        let inner = self.inner.clone();
        ensure_deferred(async move {
            inner.stop().await;
            Ok(())
        })
    }

    fn stop_now(&self) {
        self.inner.tracker.abort_all();
    }
}

impl<F: Factory> Clone for StreamServerEndpointService<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<F: Factory> fmt::Debug for StreamServerEndpointService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServerEndpointService")
            .field("endpoint", &self.inner.endpoint.description())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
