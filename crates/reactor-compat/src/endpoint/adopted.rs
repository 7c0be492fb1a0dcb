//! [`AdoptedServerEndpoint`] and [`SystemdServerEndpoint`]: sockets that listen already.
//!
//! Mirrors `AdoptedStreamServerEndpoint` of `twisted.internet.endpoints`, and
//! `twisted.python.systemd`. Tested in `tests/network/endpoint_kinds.rs`, and of
//! systemd in `examples/tests/runs/stdio.rs`.

use std::cell::RefCell;
use std::env;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{LazyLock, Mutex, PoisonError};

use deferred::Deferred;
use listenfd::ListenFd;
use thiserror::Error;

use super::string::{Arguments, EndpointErrorKind};
use super::{EndpointError, Listen, StreamServerEndpoint};
use crate::adopt::{AdoptError, adopt_listener};
use crate::factory::Factory;
use crate::network::Listener;
use crate::port::Port;
use crate::reactor::Reactor;

/// The endpoint's socket listens already, or did: there is one socket, and one port of it.
///
/// ```
/// use deferred::testing::{failure_result_of, success_result_of};
/// use reactor_compat::endpoint::{AdoptedServerEndpoint, AlreadyListened};
/// use reactor_compat::{Protocol, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let endpoint = AdoptedServerEndpoint::new(&reactor(), listener);
/// success_result_of(endpoint.listen(|_| Silent));
/// assert!(failure_result_of(endpoint.listen(|_| Silent)).is::<AlreadyListened>());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this endpoint's socket was given to a port already, or was not there")]
pub struct AlreadyListened;

/// A socket that listens already: one that another program opened.
///
/// It can be listened on once.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::AdoptedServerEndpoint;
/// use reactor_compat::{Protocol, reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let endpoint = AdoptedServerEndpoint::new(&reactor(), listener);
/// let port = success_result_of(endpoint.listen(|_| Silent));
/// assert_eq!(port.get_host().socket_addr(), Some(address));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "AdoptedStreamServerEndpoint")]
pub struct AdoptedServerEndpoint {
    reactor: Reactor,
    socket: Rc<RefCell<Option<OwnedFd>>>,
}

impl AdoptedServerEndpoint {
    /// One of `std`'s listeners, or any descriptor of a TCP or UNIX socket that listens.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, listener: impl Into<OwnedFd>) -> Self {
        let socket = Rc::new(RefCell::new(Some(listener.into())));
        Self { reactor: reactor.clone(), socket }
    }

    /// Listens there: [`Listen::listen`], without a `use`. It fails with an
    /// [`AdoptError`] if the socket is of no use, and with
    /// [`AlreadyListened`] the second time.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl StreamServerEndpoint for AdoptedServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let socket = self.socket.borrow_mut().take();
        adopt(&self.reactor, socket)
    }

    fn description(&self) -> String {
        "a socket that listens already".to_owned()
    }
}

fn adopt(reactor: &Reactor, socket: Option<OwnedFd>) -> Deferred<Box<dyn Listener>> {
    match socket {
        Some(socket) => {
            adopt_listener(reactor, socket).map_or_else(Deferred::fail, Deferred::succeed)
        }
        None => Deferred::fail(AlreadyListened),
    }
}

/// A socket that systemd opened, or another supervisor that starts programs so: with
/// `LISTEN_FDS` in their environment.
///
/// Each can be listened on once, in the whole process. The sockets are not inherited by
/// children; that `LISTEN_FDS` and `LISTEN_PID` are not either is seen to when the first
/// such endpoint is made, which so should be before there are threads.
///
/// ```
/// use reactor_compat::endpoint::{SystemdServerEndpoint, server_from_string};
/// use reactor_compat::reactor;
///
/// // Nobody has opened any for this example.
/// assert!(SystemdServerEndpoint::by_index(&reactor(), 0).is_none());
/// assert!(SystemdServerEndpoint::by_name(&reactor(), "web").is_none());
/// let error = server_from_string(&reactor(), "systemd:domain=INET:index=0").unwrap_err();
/// assert!(error.to_string().contains("no such socket was inherited"));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "ListenFDs")]
pub struct SystemdServerEndpoint {
    reactor: Reactor,
    index: usize,
}

/// The sockets that the process was started with.
struct Inherited {
    sockets: ListenFd,
    names: Vec<String>,
}

static INHERITED: LazyLock<Mutex<Inherited>> = LazyLock::new(|| {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.split(':').map(str::to_owned).collect();
    Mutex::new(Inherited { sockets: ListenFd::from_env(), names })
});

fn inherited<R>(act: impl FnOnce(&mut Inherited) -> R) -> R {
    act(&mut INHERITED.lock().unwrap_or_else(PoisonError::into_inner))
}

impl SystemdServerEndpoint {
    /// The socket with that number, from 0; `None` if there are not so many.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "inheritedDescriptors")]
    pub fn by_index(reactor: &Reactor, index: usize) -> Option<Self> {
        let there = inherited(|inherited| index < inherited.sockets.len());
        there.then(|| Self { reactor: reactor.clone(), index })
    }

    /// The socket with that name, which is said by `FileDescriptorName` in systemd's
    /// description of the socket; the last of several. `None` if there is none.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "inheritedNamedDescriptors")]
    pub fn by_name(reactor: &Reactor, name: &str) -> Option<Self> {
        let index = inherited(|inherited| {
            let names = inherited.names.iter().take(inherited.sockets.len());
            let named = names.enumerate().rfind(|(_, known)| *known == name);
            named.map(|(index, _)| index)
        });
        Some(Self { reactor: reactor.clone(), index: index? })
    }

    /// The endpoint of a string.
    pub(super) fn of_arguments(
        reactor: &Reactor,
        arguments: &Arguments<'_>,
    ) -> Result<Self, EndpointError> {
        if !matches!(arguments.required("domain")?, "INET" | "INET6" | "UNIX") {
            return Err(arguments.fault("domain", "INET, INET6 or UNIX"));
        }
        let missing = |parameter| {
            let why = "no such socket was inherited: is the program started by systemd?";
            arguments.fault_of(parameter, EndpointErrorKind::Other(why.to_owned()))
        };
        match (arguments.number("index", i64::MIN..=i64::MAX)?, arguments.text("name")) {
            (Some(index), None) => {
                Self::by_index(reactor, from_the_end(index)).ok_or_else(|| missing("index"))
            }
            (None, Some(name)) => Self::by_name(reactor, name).ok_or_else(|| missing("name")),
            _ => {
                let why = "exactly one of index and name is to be given";
                Err(arguments.fault_of("name", EndpointErrorKind::Other(why.to_owned())))
            }
        }
    }

    /// Listens there: [`Listen::listen`], without a `use`. It fails as that of
    /// [`AdoptedServerEndpoint`] does.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::endpoint::{AlreadyListened, SystemdServerEndpoint};
    /// use reactor_compat::{Port, Protocol, Reactor};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// fn listen(reactor: &Reactor) -> Deferred<Port> {
    ///     match SystemdServerEndpoint::by_name(reactor, "web") {
    ///         Some(endpoint) => endpoint.listen(|_| Silent),
    ///         None => reactor.listen_tcp(8080, |_| Silent).map_or_else(Deferred::fail, Deferred::succeed),
    ///     }
    /// }
    /// # let _ = (listen, AlreadyListened);
    /// ```
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

/// As in Python, the last has number -1 too.
fn from_the_end(index: i64) -> usize {
    let count = inherited(|inherited| inherited.sockets.len());
    let back = || count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
    usize::try_from(index).ok().or_else(back).unwrap_or(usize::MAX)
}

impl StreamServerEndpoint for SystemdServerEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let taken = inherited(|inherited| {
            let tcp = inherited.sockets.take_tcp_listener(self.index);
            tcp.map(|socket| socket.map(OwnedFd::from)).or_else(|_| {
                let unix = inherited.sockets.take_unix_listener(self.index);
                unix.map(|socket| socket.map(OwnedFd::from))
            })
        });
        match taken {
            Ok(socket) => adopt(&self.reactor, socket),
            Err(error) => Deferred::fail(AdoptError::from(error)),
        }
    }

    fn description(&self) -> String {
        format!("socket {} of those inherited", self.index)
    }
}
