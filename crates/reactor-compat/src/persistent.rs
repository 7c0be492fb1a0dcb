//! [`PersistentService`]: a `tower` service over connections that are made anew.
//!
//! Has no counterpart in Twisted; `ClientService.whenConnected` is nearest. Tested in
//! `tests/network/persistent.rs`.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use deferred::{CallbackResult, Deferred, Failure};
use tower_service::Service;

use crate::connection::Connection;
use crate::connector::Connector;
use crate::error::{ConnectError, ConnectionGone};
use crate::protocol::Protocol;
use crate::transport::Transport;
use crate::waiters::abandon;

/// A source of connections to one place, one after the other, such as a
/// [`Connector`] whose factory is a
/// [`ReconnectingClientFactory`](crate::ReconnectingClientFactory).
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::{Connection, ConnectionSource, Protocol};
///
/// /// One connection, and no other.
/// struct Only<P>(Connection<P>);
///
/// impl<P: Protocol> ConnectionSource for Only<P> {
///     type Protocol = P;
///
///     fn when_connected(&self) -> Deferred<Connection<P>> {
///         Deferred::succeed(self.0.clone())
///     }
///
///     fn keeps_trying(&self) -> bool {
///         false
///     }
/// }
/// ```
pub trait ConnectionSource: 'static {
    /// The protocol of the connections.
    type Protocol: 'static;

    /// The connection that there is, or the next one; or why an attempt failed.
    fn when_connected(&self) -> Deferred<Connection<Self::Protocol>>;

    /// Whether another attempt is made by itself after one that failed, or after the
    /// loss of a connection.
    fn keeps_trying(&self) -> bool;
}

impl<P: Protocol> ConnectionSource for Connector<P> {
    type Protocol = P;

    fn when_connected(&self) -> Deferred<Connection<P>> {
        Self::when_connected(self)
    }

    fn keeps_trying(&self) -> bool {
        Self::keeps_trying(self)
    }
}

/// A `tower` service that outlives its connections: it is ready when there is one, and
/// a call goes to the one that there is.
///
/// It makes a service of each connection, by a function that is given it. When the
/// connection is lost, it waits for the next; how long is the source's to say, or that of
/// a layer of tower's around it. Calls that were under way fail as that service has it;
/// none is made twice.
///
/// It is not ready, but fails:
///
/// - where the source does not [try again](ConnectionSource::keeps_trying), with why the
///   attempt failed, or the connection was lost;
/// - with the reactor;
/// - while the connection lives, with what the function fails with, or the service itself.
///   A service is not made again of the same connection unless readiness is polled again.
///
/// When it is polled again it begins anew, and waits for the next connection if there is
/// none: for one that somebody else has made, if the source does not try. So it does if
/// the factory is told to stop trying while no attempt is under way. A Deferred of the
/// function that waits when its connection is lost is cancelled.
///
/// Clones have services of their own over the same connections.
///
/// It serves whatever requests the services under it do. Where those are of many types,
/// as all commands are to AMP's `AmpService`, `service.ready()` does not say which is
/// meant, and the compiler asks for it (E0283): name one, as in
/// `ServiceExt::<Sum>::ready(&mut service)`.
///
/// # Cancellation
///
/// Dropping it ends the services that it made, and its waiting; the connections are the
/// source's.
///
/// ```
/// use deferred::{Deferred, Failure};
/// use reactor_compat::{Address, Connection, PersistentService, Protocol, Reactor};
/// use reactor_compat::{ReconnectingClientFactory, task::react_on};
/// use std::process::ExitCode;
/// use std::time::Duration;
/// use tower::{Service, ServiceExt, service_fn};
///
/// /// Hangs up when it has answered once.
/// struct Server;
/// impl Protocol for Server {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///         transport.lose_connection();
///     }
/// }
///
/// /// Asks one thing at a time.
/// #[derive(Default)]
/// struct Client(Option<deferred::Trigger<Vec<u8>>>);
/// impl Protocol for Client {
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         if let Some(asked) = self.0.take() {
///             asked.callback(data.to_vec()).unwrap();
///         }
///     }
/// }
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Server)?;
///     let factory = ReconnectingClientFactory::new(|_: Address| Client::default())
///         .clock(&reactor)
///         .initial_delay(Duration::from_millis(1));
///     let handle = factory.handle();
///     let connector = reactor.connect_tcp(port.get_host().socket_addr().unwrap(), factory);
///     let mut service = PersistentService::new(connector, |connection: Connection<Client>| {
///         Ok(service_fn(move |word: &'static str| {
///             connection.call(move |client, transport| {
///                 let (answer, trigger) = Deferred::new();
///                 client.0 = Some(trigger);
///                 transport.write(word);
///                 answer
///             })
///         }))
///     });
///     // Each over a connection of its own.
///     for word in ["one", "two", "three"] {
///         assert_eq!(service.ready().await?.call(word).await?, word.as_bytes());
///         # let transport = service.transport().cloned();
///         # if let Some(transport) = transport { transport.when_lost().await?; }
///     }
///     handle.stop_trying();
///     Ok(())
/// }
///
/// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
/// ```
pub struct PersistentService<C: ConnectionSource, S: 'static> {
    source: Rc<C>,
    make: Rc<Make<C::Protocol, S>>,
    state: State<C::Protocol, S>,
}

/// Makes a service of a connection.
type Make<P, S> = dyn Fn(Connection<P>) -> Deferred<S>;

/// The service of a connection: an `S`, or a Deferred while it is being made.
struct Made<S> {
    service: S,
    transport: Transport,
    lost: Deferred<Failure>,
}

/// ```text
/// Idle ──polled──▶ Waiting ──connected──▶ Making ──made──▶ Connected
///  ▲──────failed──────┘                     │                 │
///  └──lost── Ending ◀─────it is closing─────┤─────────────────┤
///  ▲──────────────────failed, or lost───────┘─────────────────┘
/// ```
enum State<P: 'static, S: 'static> {
    Idle,
    Waiting(Deferred<Connection<P>>),
    Making(Made<Deferred<S>>),
    Connected(Made<S>),
    /// The connection is ending.
    Ending(Deferred<Failure>),
}

impl<C: ConnectionSource, S: 'static> PersistentService<C, S> {
    /// The service over the connections of `source`, of each of which `make` makes a
    /// service: at once, or as a Deferred.
    ///
    /// See the [type's example](Self).
    pub fn new<R: CallbackResult<Value = S>>(
        source: C,
        make: impl Fn(Connection<C::Protocol>) -> R + 'static,
    ) -> Self {
        let make = Rc::new(make);
        let make = move |connection| {
            let make = make.clone();
            Deferred::succeed(connection).add_callback(move |connection| make(connection))
        };
        Self { source: Rc::new(source), make: Rc::new(make), state: State::Idle }
    }

    /// The transport of the connection that its calls go to, if there is one.
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, PersistentService, Protocol, Reactor};
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// let service = PersistentService::new(connector, |_: Connection<Silent>| Ok(()));
    /// assert!(service.transport().is_none());
    /// ```
    pub fn transport(&self) -> Option<&Transport> {
        match &self.state {
            State::Connected(made) => Some(&made.transport),
            State::Idle | State::Waiting(_) | State::Making(_) | State::Ending(_) => None,
        }
    }

    /// Has a service made of a connection.
    fn make(&self, connection: Connection<C::Protocol>) -> Made<Deferred<S>> {
        let (transport, lost) = (connection.transport().clone(), connection.when_lost());
        Made { service: (self.make)(connection), transport, lost }
    }

    /// Goes on when the service is made; the error is to be told, as the connection
    /// lives.
    fn poll_made(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let State::Making(making) = &mut self.state else { return Poll::Ready(Ok(())) };
        let result = match Pin::new(&mut making.service).poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                let reason = ready!(poll_lost(&mut making.lost, cx));
                return self.lost(&reason, cx);
            }
        };
        let State::Making(making) = mem::replace(&mut self.state, State::Idle) else {
            return Poll::Ready(Ok(()));
        };
        let Made { transport, lost, .. } = making;
        match result {
            Ok(service) => self.state = State::Connected(Made { service, transport, lost }),
            Err(failure) if transport.connected() => return Poll::Ready(Err(failure)),
            // It fails because its connection does.
            Err(_) => self.state = State::Ending(lost),
        }
        Poll::Ready(Ok(()))
    }

    /// The connection is lost: the next one is waited for, if the source tries.
    fn lost(&mut self, reason: &Failure, cx: &Context<'_>) -> Poll<Result<(), Failure>> {
        mem::replace(&mut self.state, State::Idle).let_go();
        if !self.goes_on(reason) {
            return Poll::Ready(Err(reason.clone()));
        }
        // A source may not have noticed yet.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether to wait for another connection, after an attempt has failed or a connection
    /// was lost.
    fn goes_on(&self, failure: &Failure) -> bool {
        let over = failure.check().is_some_and(ConnectError::is_final);
        !over && self.source.keeps_trying()
    }
}

impl<C, S, R> Service<R> for PersistentService<C, S>
where
    C: ConnectionSource,
    S: Service<R, Error: Into<Failure>> + 'static,
{
    type Response = S::Response;
    type Error = Failure;
    type Future = PersistentCall<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            match &mut self.state {
                State::Idle => self.state = State::Waiting(self.source.when_connected()),
                State::Waiting(connection) => match ready!(Pin::new(connection).poll(cx)) {
                    Ok(connection) => self.state = State::Making(self.make(connection)),
                    Err(failure) => {
                        self.state = State::Idle;
                        if !self.goes_on(&failure) {
                            return Poll::Ready(Err(failure));
                        }
                    }
                },
                State::Making(_) => ready!(self.poll_made(cx))?,
                State::Connected(made) => {
                    if let Poll::Ready(reason) = poll_lost(&mut made.lost, cx) {
                        return self.lost(&reason, cx);
                    }
                    if made.transport.connected() {
                        match ready!(made.service.poll_ready(cx)) {
                            Ok(()) => return Poll::Ready(Ok(())),
                            Err(error) if made.transport.connected() => {
                                self.state = State::Idle;
                                return Poll::Ready(Err(error.into()));
                            }
                            // It fails because its connection does.
                            Err(_) => {}
                        }
                    }
                    if let State::Connected(made) = mem::replace(&mut self.state, State::Idle) {
                        self.state = State::Ending(made.lost);
                    }
                }
                State::Ending(lost) => {
                    let reason = ready!(poll_lost(lost, cx));
                    return self.lost(&reason, cx);
                }
            }
        }
    }

    /// Calls the service of the connection that there is. Without one, which it has only
    /// after it was ready, the call fails.
    fn call(&mut self, request: R) -> PersistentCall<S::Future> {
        PersistentCall(match &mut self.state {
            State::Connected(made) => Some(Box::pin(made.service.call(request))),
            State::Idle | State::Waiting(_) | State::Making(_) | State::Ending(_) => None,
        })
    }
}

/// Waits for the reason of a connection's loss.
fn poll_lost(lost: &mut Deferred<Failure>, cx: &mut Context<'_>) -> Poll<Failure> {
    Pin::new(lost).poll(cx).map(|reason| reason.unwrap_or_else(|failure| failure))
}

impl<P: 'static, S: 'static> State<P, S> {
    /// Waits for nothing any more; nobody is to hear of what was waited for.
    fn let_go(self) {
        match self {
            Self::Waiting(connection) => abandon(connection),
            Self::Making(making) => abandon(making.service),
            Self::Idle | Self::Connected(_) | Self::Ending(_) => {}
        }
    }
}

/// A call of a [`PersistentService`].
///
/// See the example there.
#[must_use = "futures do nothing unless they are polled"]
pub struct PersistentCall<F>(Option<Pin<Box<F>>>);

impl<F, T, E> Future for PersistentCall<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Failure>,
{
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        match &mut self.0 {
            Some(call) => call.as_mut().poll(cx).map_err(Into::into),
            None => Poll::Ready(Err(ConnectionGone.into())),
        }
    }
}

/// One that waits for nothing yet.
impl<C: ConnectionSource, S: 'static> Clone for PersistentService<C, S> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), make: self.make.clone(), state: State::Idle }
    }
}

impl<C: ConnectionSource, S: 'static> Drop for PersistentService<C, S> {
    fn drop(&mut self) {
        mem::replace(&mut self.state, State::Idle).let_go();
    }
}

impl<C: ConnectionSource, S: 'static> fmt::Debug for PersistentService<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Idle => "Idle",
            State::Waiting(_) => "Waiting",
            State::Making(_) => "Making",
            State::Connected(_) => "Connected",
            State::Ending(_) => "Ending",
        };
        f.debug_struct("PersistentService").field("state", &state).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for PersistentCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistentCall").field("called", &self.0.is_some()).finish()
    }
}
