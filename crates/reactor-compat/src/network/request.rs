//! [`DialRequest`] and [`ListenRequest`]: a reactor's requests to its network.
//!
//! Tested in `tests/network/own_network.rs`.

use std::fmt;

#[cfg(unix)]
use crate::address::UnixAddress;
use crate::address::{Interface, Target};
#[cfg(unix)]
use crate::options::UnixOptions;
use crate::options::{ConnectOptions, ListenOptions};
use crate::resolver::SharedResolver;

/// A connection that a connector wants.
///
/// ```
/// use reactor_compat::network::{Connecting, DialRequest, Network};
/// use reactor_compat::{Address, ConnectError, Protocol, Reactor, RunError};
/// use std::{cell::RefCell, rc::Rc};
///
/// /// A network that keeps the names that it sees, and leads nowhere.
/// #[derive(Default)]
/// struct Names(RefCell<Vec<String>>);
///
/// impl Network for Names {
///     fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
///         self.0.borrow_mut().push(request.target().to_string());
///         Box::pin(async { Err(ConnectError::NoRoute) })
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let network = Rc::new(Names::default());
/// let reactor = Reactor::with_network(network.clone());
/// let connector = reactor.connect_tcp(("example.org", 80), |_: Address| Silent);
/// let stop = reactor.clone();
/// let connected = connector.when_connected().add_both(move |_| Ok(stop.stop()?));
/// reactor.run()?;
/// deferred::testing::success_result_of(connected);
/// assert_eq!(*network.0.borrow(), ["example.org:80"]);
/// # Ok::<(), RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DialRequest {
    pub(crate) target: Target,
    pub(crate) options: ConnectOptions,
    pub(crate) check_lock: bool,
    pub(crate) secure: bool,
    pub(crate) resolver: SharedResolver,
}

impl DialRequest {
    /// Where to connect to.
    ///
    /// See the [type's example](Self).
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How long it may take, which the connector sees to, and from where.
    ///
    /// See the example of [`ConnectOptions::get_timeout`].
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Whether the server of a UNIX socket has to hold
    /// [its lock](crate::UnixConnectOptions::check_lock).
    ///
    /// ```
    /// use reactor_compat::network::DialRequest;
    ///
    /// fn plain(request: &DialRequest) -> bool {
    ///     !request.checks_lock() && !request.is_secure()
    /// }
    /// # assert_eq!(size_of_val(&plain), 0);
    /// ```
    pub fn checks_lock(&self) -> bool {
        self.check_lock
    }

    /// Whether the connection will speak TLS from the start, which the reactor
    /// sees to.
    ///
    /// See the example of [`checks_lock`](Self::checks_lock).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The reactor's resolver, to look names up.
    ///
    /// See the example of
    /// [`install_resolver`](crate::Reactor::install_resolver).
    pub fn resolver(&self) -> &SharedResolver {
        &self.resolver
    }
}

/// Where a port is to be opened, and how.
///
/// See the example of [`ListenRequest`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ListenTarget {
    /// On one of our own addresses, or on all.
    Tcp(Interface, ListenOptions),
    /// At the name of a UNIX socket.
    #[cfg(unix)]
    Unix(UnixAddress, UnixOptions),
}

impl fmt::Display for ListenTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(interface, _) => interface.fmt(f),
            #[cfg(unix)]
            Self::Unix(address, _) => address.fmt(f),
        }
    }
}

/// A port that a reactor was told to open.
///
/// ```
/// use reactor_compat::network::{ListenRequest, ListenTarget, Listener, Network, SystemNetwork};
/// use reactor_compat::{Address, CannotListenError, Protocol, Reactor};
/// use std::rc::Rc;
///
/// /// A network that does not let anybody in from outside.
/// #[derive(Default)]
/// struct Inside(SystemNetwork);
///
/// impl Network for Inside {
///     fn below(&self) -> Option<&dyn Network> {
///         Some(&self.0)
///     }
///     fn listen(&self, request: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
///         let mut request = request.clone();
///         if let ListenTarget::Tcp(interface, _) = request.target_mut() {
///             *interface = ("127.0.0.1", interface.port()).into();
///         }
///         self.0.listen(&request)
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::with_network(Rc::new(Inside::default()));
/// let port = reactor.listen_tcp(0, |_: Address| Silent)?;
/// assert!(port.get_host().ip().unwrap().is_loopback());
/// # Ok::<(), CannotListenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ListenRequest {
    pub(crate) target: ListenTarget,
    pub(crate) secure: bool,
}

impl ListenRequest {
    /// Where, and how.
    ///
    /// See the example of [`is_secure`](Self::is_secure).
    pub fn target(&self) -> &ListenTarget {
        &self.target
    }

    /// Where, and how, to be changed.
    ///
    /// See the [type's example](Self).
    pub fn target_mut(&mut self) -> &mut ListenTarget {
        &mut self.target
    }

    /// Whether the port will speak TLS from the start, which the reactor sees
    /// to.
    ///
    /// ```
    /// use reactor_compat::network::{ListenRequest, ListenTarget};
    ///
    /// fn is_web(request: &ListenRequest) -> bool {
    ///     let port = match request.target() {
    ///         ListenTarget::Tcp(interface, _) => interface.port(),
    ///         _ => return false,
    ///     };
    ///     port == if request.is_secure() { 443 } else { 80 }
    /// }
    /// # assert_eq!(size_of_val(&is_web), 0);
    /// ```
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}
