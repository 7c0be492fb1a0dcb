//! [`ClientService`]: one connection to a place, made again whenever it is lost.
//!
//! Mirrors `ClientService` of `twisted.application.internet`. Tested in
//! `tests/network/client_service.rs`, and by the conformance family `client_service`.

mod machine;
mod waiting;

use std::fmt;
use std::rc::Rc;

use deferred::{CallbackResult, Deferred, maybe_deferred};

use super::{BackoffPolicy, RetryPolicy};
use crate::clock_handle::ClockHandle;
use crate::connection::Connection;
use crate::endpoint::{Connect, StreamClientEndpoint};
use crate::factory::{Factory, SharedFactory};
use crate::protocol::Protocol;

use machine::{Machine, Setup};

/// One connection to an endpoint, which is made again after a time when it is lost, or
/// could not be made.
///
/// It is a handle, cheap to clone. It does nothing until it is
/// [started](Self::start_service), and goes on until it is
/// [stopped](Self::stop_service), though all handles are dropped.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{Listen, client_from_string, server_from_string};
/// use reactor_compat::service::ClientService;
/// use reactor_compat::{Connection, Protocol, Reactor};
///
/// struct Greeter;
///
/// impl Protocol for Greeter {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
/// }
///
/// let reactor = Reactor::new();
/// let port = success_result_of(
///     server_from_string(&reactor, "tcp:0:interface=127.0.0.1")?.listen(|_| Greeter),
/// );
/// let place = client_from_string(&reactor, &format!("tcp:{}", port.get_host()))?;
/// let service = ClientService::new(place, |_| Greeter);
/// service.start_service();
/// let (stop, its) = (reactor.clone(), service.clone());
/// let stopped = service
///     .when_connected(None)
///     .add_callback(move |connection| {
///         assert!(connection.connected());
///         its.stop_service()
///     })
///     .add_callback(move |()| Ok(stop.stop()?));
/// reactor.run()?;
/// success_result_of(stopped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # States
///
/// ```text
///               start            connected
/// Init, Stopped ─────▶ Connecting ───────▶ Connected
///                        │    ▲               │   │
///                 failed │    │ time is over  │   │ stop
///                        ▼    │               │   ▼
///                       Waiting ◀───lost──────┘  Disconnecting ──lost──▶ Stopped
///                                                 start │ ▲ stop
///                                                       ▼ │
///                                                   Restarting ──lost──▶ Connecting
/// ```
///
/// | in | `start` | `stop` |
/// |---|---|---|
/// | Init, Stopped | connects | stops at once |
/// | Connecting | | gives the attempt up, and stops |
/// | Waiting | | stops at once |
/// | Connected | | closes the connection, and stops when it is lost |
/// | Disconnecting | connects when the connection is lost | waits for that, too |
/// | Restarting | | stops when the connection is lost, after all |
///
/// # Re-entrancy
///
/// All of it may be called from anywhere, the functions that it is given among them.
#[doc(alias = "twisted.application.internet.ClientService")]
pub struct ClientService<P: Protocol> {
    machine: Rc<Machine<P>>,
}

impl<P: Protocol> ClientService<P> {
    /// A service that connects to `endpoint`, and has `factory` build a protocol for
    /// each connection.
    ///
    /// See the [type's example](Self).
    pub fn new<E, F>(endpoint: E, factory: F) -> Self
    where
        E: StreamClientEndpoint,
        F: Factory<Protocol = P>,
    {
        let (endpoint, factory) = (Rc::new(endpoint), SharedFactory::new(factory));
        let setup = Setup {
            place: endpoint.description(),
            clock: ClockHandle::from(&endpoint.reactor()),
            policy: Rc::new(BackoffPolicy::new()),
            prepare: Rc::new(|_| Deferred::succeed(())),
            connect: Rc::new(move || endpoint.connect(factory.clone())),
        };
        Self { machine: Rc::new(Machine::new(setup)) }
    }

    /// Sets how long it waits before it tries again: [`BackoffPolicy`], unless told
    /// otherwise. What is counted are the failures since the last success; the loss of
    /// a connection is one.
    ///
    /// ```
    /// use reactor_compat::endpoint::client_from_string;
    /// use reactor_compat::service::{ClientService, Delays};
    /// use reactor_compat::{Protocol, reactor};
    /// use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let place = client_from_string(&reactor(), "tcp:example.org:80")?;
    /// let service = ClientService::new(place, |_| Silent)
    ///     .retry_policy(Delays::new([1, 2, 5].map(Duration::from_secs)));
    /// assert!(!service.running());
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    #[doc(alias = "retryPolicy")]
    pub fn retry_policy(self, policy: impl RetryPolicy) -> Self {
        self.with(|setup| setup.policy = Rc::new(policy))
    }

    /// Sets the clock that it waits by: the reactor's, unless told otherwise.
    ///
    /// ```
    /// use deferred::time::Clock;
    /// use reactor_compat::endpoint::client_from_string;
    /// use reactor_compat::service::ClientService;
    /// use reactor_compat::{Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let clock = Clock::new();
    /// let place = client_from_string(&reactor(), "tcp:example.org:80")?;
    /// let service = ClientService::new(place, |_| Silent).clock(&clock);
    /// assert!(!service.running());
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        self.with(|setup| setup.clock = clock.into())
    }

    /// Sets what is done with each connection before it counts: to log in, or to see
    /// whether it is fit. If that fails, the attempt has failed; the connection is
    /// then left as it is, for `prepare` to close.
    ///
    /// If the connection is lost meanwhile, or the service is stopped, the Deferred
    /// that `prepare` gave is cancelled.
    ///
    /// ```
    /// use reactor_compat::endpoint::client_from_string;
    /// use reactor_compat::service::ClientService;
    /// use reactor_compat::{Connection, Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let place = client_from_string(&reactor(), "tcp:example.org:80")?;
    /// let service = ClientService::new(place, |_| Silent)
    ///     .prepare_connection(|connection: &Connection<Silent>| {
    ///         connection.write("HELO\r\n");
    ///         Ok(())
    ///     });
    /// assert!(!service.running());
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    #[doc(alias = "prepareConnection")]
    pub fn prepare_connection<R, F>(self, prepare: F) -> Self
    where
        R: CallbackResult,
        F: Fn(&Connection<P>) -> R + 'static,
    {
        self.with(|setup| {
            setup.prepare = Rc::new(move |connection| {
                maybe_deferred(|| prepare(connection)).add_callback(drop)
            });
        })
    }

    fn with(self, change: impl FnOnce(&mut Setup<P>)) -> Self {
        self.machine.set_up(change);
        self
    }

    /// Connects, and goes on connecting again. If it is running, it says so in the log,
    /// and does nothing.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "startService")]
    pub fn start_service(&self) {
        if self.machine.run() {
            self.machine.start();
        } else {
            tracing::warn!("Duplicate ClientService.start_service");
        }
    }

    /// Connects no more, and closes the connection: the Deferred fires when it is lost,
    /// or at once if there is none. Whoever waits for a connection gets a
    /// [`CancelledError`](deferred::CancelledError), unless it is started again before.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred ends the waiting, not the stopping.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "stopService")]
    #[track_caller]
    pub fn stop_service(&self) -> Deferred<()> {
        self.machine.rest();
        self.machine.stop()
    }

    /// Whether it was started, and not stopped since.
    ///
    /// See the example of [`retry_policy`](Self::retry_policy).
    pub fn running(&self) -> bool {
        self.machine.running()
    }

    /// Waits for the connection: that which there is, or the next. With
    /// `fail_after_failures` the Deferred fails with the error of an attempt when so
    /// many more have failed in a row; in any case with a
    /// [`CancelledError`](deferred::CancelledError) when the service is stopped, and at
    /// once if it has been.
    ///
    /// # Cancellation
    ///
    /// Cancelling it ends that Deferred, and nothing else.
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// use reactor_compat::endpoint::client_from_string;
    /// use reactor_compat::service::ClientService;
    /// use reactor_compat::{ConnectError, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// // Port 1 is that of a service that nobody runs.
    /// let reactor = Reactor::new();
    /// let service = ClientService::new(client_from_string(&reactor, "tcp:127.0.0.1:1")?, |_| Silent);
    /// service.start_service();
    /// let (stop, its) = (reactor.clone(), service.clone());
    /// let connected = service.when_connected(1).add_errback(move |failure| {
    ///     let stopped = its.stop_service().add_callback(move |()| Ok(stop.stop()?));
    ///     stopped.add_callback(move |()| Err(failure))
    /// });
    /// reactor.run()?;
    /// assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::ConnectionRefused));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "whenConnected")]
    #[track_caller]
    pub fn when_connected(
        &self,
        fail_after_failures: impl Into<Option<u32>>,
    ) -> Deferred<Connection<P>> {
        self.machine.when_connected(fail_after_failures.into())
    }
}

impl<P: Protocol> Clone for ClientService<P> {
    fn clone(&self) -> Self {
        Self { machine: self.machine.clone() }
    }
}

impl<P: Protocol> fmt::Debug for ClientService<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.machine.fmt(f)
    }
}
