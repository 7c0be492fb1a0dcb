//! [`Port`]: a port that is open, of TCP or UNIX sockets.
//!
//! Mirrors `IListeningPort`, and `twisted.internet.tcp.Port`. Tested in
//! `tests/network/tcp.rs`.

mod accept;
mod opening;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use deferred::{Deferred, Trigger};

use accept::Acceptor;

use crate::address::Address;
use crate::connection::{ConnectionObserver, FirstLayer};
use crate::error::CannotListenError;
use crate::factory::Factory;
use crate::guard;
use crate::network::{ListenRequest, ListenTarget, Listener};
use crate::reactor::{Inventory, OpenPort, Reactor, Registered, Registration};

/// A port that is open, until told to [stop listening](Self::stop_listening).
///
/// It is a handle, cheap to clone; dropping all of them leaves the port open.
///
/// ```
/// # use reactor_compat::{Address, Protocol, Reactor};
/// # struct Silent;
/// # impl Protocol for Silent {}
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
/// println!("listening on {}", port.get_host());
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IListeningPort")]
pub struct Port {
    core: Rc<PortCore>,
}

/// The states of a port.
///
/// ```text
/// Listening ──stop_listening, reactor stops──▶ Stopping ──▶ Stopped
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It accepts, or will when the reactor runs.
    Listening,
    /// It is closed, and its factory does not know yet.
    Stopping,
    /// All is over.
    Stopped,
}

struct PortCore {
    host: Address,
    /// The kind of its connections, for the log.
    kind: &'static str,
    made_at: &'static Location<'static>,
    state: Cell<State>,
    /// Until it is closed; taken out while it is in use.
    listener: Cell<Option<Box<dyn Listener>>>,
    waker: RefCell<Option<Waker>>,
    stopped: RefCell<Vec<Trigger<()>>>,
}

/// Has the reactor's network open a port, which accepts while the reactor runs.
#[track_caller]
pub(crate) fn open(
    reactor: &Reactor,
    target: ListenTarget,
    first_layer: FirstLayer,
    factory: impl Factory,
) -> Result<Port, CannotListenError> {
    let listener = bind(reactor, target, !first_layer.is_none())?;
    Ok(listen(reactor, listener, first_layer, factory))
}

/// Has the reactor's network bind a listener.
pub(crate) fn bind(
    reactor: &Reactor,
    target: ListenTarget,
    secure: bool,
) -> Result<Box<dyn Listener>, CannotListenError> {
    let request = ListenRequest { target, secure };
    let failed = |error: io::Error| CannotListenError::new(&request.target, error);
    reactor.check_drivable().map_err(|error| failed(error.into()))?;
    let network = reactor.shared().network().map_err(failed)?;
    network.listen(&request)
}

/// Gives an observer for each connection.
pub(crate) type Observe<P> = Rc<dyn Fn() -> Rc<dyn ConnectionObserver<P>>>;

/// Has a port that is open accept while the reactor runs.
#[track_caller]
pub(crate) fn listen(
    reactor: &Reactor,
    listener: Box<dyn Listener>,
    first_layer: FirstLayer,
    factory: impl Factory,
) -> Port {
    listen_observed(reactor, listener, first_layer, factory, None)
}

/// The same, with somebody who hears of each connection.
#[track_caller]
pub(crate) fn listen_observed<F: Factory>(
    reactor: &Reactor,
    listener: Box<dyn Listener>,
    first_layer: FirstLayer,
    mut factory: F,
    observe: Option<Observe<F::Protocol>>,
) -> Port {
    let host = listener.get_host();
    match host.port() {
        Some(port) => tracing::info!("{} starting on {port}", factory.log_prefix()),
        None => tracing::info!("{} starting on '{host}'", factory.log_prefix()),
    }
    guard::run("a factory", || factory.do_start());
    let kind = match (&host, &first_layer) {
        (Address::Unix(_), _) => "UNIX",
        (_, first_layer) if first_layer.is_none() => "TCP",
        _ => "TLS",
    };
    let core = Rc::new(PortCore {
        host,
        kind,
        made_at: Location::caller(),
        state: Cell::new(State::Listening),
        listener: Cell::new(Some(listener)),
        waker: RefCell::default(),
        stopped: RefCell::default(),
    });
    let live: Rc<dyn Registered> = core.clone();
    let registration = Registration::new(reactor.shared(), Rc::downgrade(&live));
    reactor.spawn(Acceptor::new(
        reactor.downgrade(),
        core.clone(),
        first_layer,
        factory,
        observe,
        registration,
    ));
    Port { core }
}

impl Port {
    /// The address that it listens on, with the number that the system chose
    /// where 0 was asked for.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let port = Reactor::new().listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
    /// assert!(port.get_host().ip().unwrap().is_loopback());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> &Address {
        &self.core.host
    }

    /// Closes the port. Connections that were accepted live on.
    ///
    /// The socket is closed when this returns; the Deferred fires when the
    /// factory has been told, which takes a running reactor. A port that is
    /// closed already gives a Deferred of the same end.
    ///
    /// ```
    /// use reactor_compat::{Address, Protocol, Reactor};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
    /// let stop = reactor.clone();
    /// let stopped = port.stop_listening().add_callback(move |()| Ok(stop.stop()?));
    /// reactor.run()?;
    /// deferred::testing::success_result_of(stopped);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "stopListening")]
    #[doc(alias = "loseConnection")]
    pub fn stop_listening(&self) -> Deferred<()> {
        if self.core.state.get() == State::Stopped {
            return Deferred::succeed(());
        }
        let (stopped, trigger) = Deferred::new();
        self.core.stopped.borrow_mut().push(trigger);
        self.core.shut_down();
        stopped
    }
}

impl PortCore {
    fn listening(&self) -> bool {
        self.state.get() == State::Listening
    }

    /// Puts the listener back after use, unless the port was closed meanwhile.
    fn put_back(&self, listener: Box<dyn Listener>) {
        if self.listening() {
            self.listener.set(Some(listener));
        } else {
            guard::let_go(listener);
        }
    }

    /// It is over: closes the socket.
    fn close(&self) {
        if self.state.replace(State::Stopped) != State::Stopped {
            match self.host.port() {
                Some(port) => tracing::info!("({} Port {port} Closed)", self.kind),
                None => tracing::info!("({} Port {} Closed)", self.kind, self.host),
            }
        }
        guard::let_go(self.listener.take());
    }

    /// Tells those who wait for the end.
    fn tell(&self) {
        for trigger in self.stopped.take() {
            // Whoever cancelled it does not want to know.
            let _ = trigger.callback(());
        }
    }
}

impl Registered for PortCore {
    fn describe(&self, inventory: &mut Inventory) {
        inventory.ports.push(OpenPort { host: self.host.clone(), made_at: self.made_at });
    }

    fn shut_down(&self) {
        if self.state.get() == State::Listening {
            self.state.set(State::Stopping);
            guard::let_go(self.listener.take());
            let waker = self.waker.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("host", &self.core.host)
            .field("state", &self.core.state.get())
            .finish_non_exhaustive()
    }
}
