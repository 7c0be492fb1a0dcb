//! [`SharedFactory`]: one factory for several ports and connectors.
//!
//! Mirrors `Factory.numPorts` of `twisted.internet.protocol`. Tested in
//! `tests/network/shared_factory.rs`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use deferred::Failure;

use super::{ClientFactory, Factory};
use crate::address::Address;
use crate::connector::Connector;

/// One factory for several ports and connectors: it is started with the first of
/// them, and stopped with the last.
///
/// It is a handle, cheap to clone; each clone is a factory.
///
/// # Re-entrancy
///
/// The factory inside is borrowed while one of its methods runs. It may listen and
/// connect there, with a handle to itself as the factory, too. A method that is
/// called meanwhile all the same is left out: [`with`](Self::with) gives `None`,
/// and no protocol is built.
///
/// ```
/// use reactor_compat::{Address, Factory, Protocol, Reactor, SharedFactory};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// #[derive(Default)]
/// struct Count {
///     starts: usize,
/// }
///
/// impl Factory for Count {
///     type Protocol = Silent;
///
///     fn build_protocol(&mut self, _: Address) -> Option<Silent> {
///         Some(Silent)
///     }
///
///     fn start_factory(&mut self) {
///         self.starts += 1;
///     }
/// }
///
/// let reactor = Reactor::new();
/// let factory = SharedFactory::new(Count::default());
/// reactor.listen_tcp(("127.0.0.1", 0), factory.clone())?;
/// reactor.listen_tcp(("127.0.0.1", 0), factory.clone())?;
/// assert_eq!(factory.with(|count| count.starts), Some(1));
/// assert_eq!(factory.users(), 2);
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[doc(alias = "numPorts")]
pub struct SharedFactory<F> {
    inner: Rc<Inner<F>>,
}

struct Inner<F> {
    factory: RefCell<F>,
    /// How many ports and connectors use it.
    users: Cell<usize>,
}

/// A handle that does not keep the factory: for the factory itself.
///
/// See the example of [`SharedFactory::new_cyclic`].
pub struct WeakFactory<F> {
    inner: Weak<Inner<F>>,
}

impl<F> SharedFactory<F> {
    /// A factory that can be shared.
    ///
    /// See the [type's example](Self).
    pub fn new(factory: F) -> Self {
        Self { inner: Rc::new(Inner { factory: RefCell::new(factory), users: Cell::new(0) }) }
    }

    /// A factory that has a handle to itself.
    ///
    /// ```
    /// use reactor_compat::{Address, Factory, Protocol, Reactor, SharedFactory, WeakFactory};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// /// Opens another port for each connection.
    /// struct More {
    ///     reactor: Reactor,
    ///     own: WeakFactory<More>,
    /// }
    ///
    /// impl Factory for More {
    ///     type Protocol = Silent;
    ///
    ///     fn build_protocol(&mut self, _: Address) -> Option<Silent> {
    ///         self.reactor.listen_tcp(("127.0.0.1", 0), self.own.upgrade()?).ok()?;
    ///         Some(Silent)
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let inner = reactor.clone();
    /// let mut factory = SharedFactory::new_cyclic(|own| More { reactor: inner, own });
    /// assert!(factory.build_protocol(Address::Pipe).is_some());
    /// assert_eq!(factory.users(), 1);
    /// ```
    pub fn new_cyclic(make: impl FnOnce(WeakFactory<F>) -> F) -> Self {
        let inner = Rc::new_cyclic(|inner| {
            let factory = make(WeakFactory { inner: inner.clone() });
            Inner { factory: RefCell::new(factory), users: Cell::new(0) }
        });
        Self { inner }
    }

    /// Runs `visit` with the factory; `None` while one of its methods runs.
    ///
    /// See the [type's example](Self).
    pub fn with<R>(&self, visit: impl FnOnce(&mut F) -> R) -> Option<R> {
        self.inner.factory.try_borrow_mut().ok().map(|mut factory| visit(&mut factory))
    }

    /// How many ports and connectors use it now.
    ///
    /// See the [type's example](Self).
    pub fn users(&self) -> usize {
        self.inner.users.get()
    }

    /// A handle that does not keep it.
    ///
    /// ```
    /// use reactor_compat::SharedFactory;
    ///
    /// let factory = SharedFactory::new("a factory, say");
    /// let weak = factory.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(factory);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn downgrade(&self) -> WeakFactory<F> {
        WeakFactory { inner: Rc::downgrade(&self.inner) }
    }
}

impl<F> WeakFactory<F> {
    /// The factory, if it is still there.
    ///
    /// See the example of [`SharedFactory::downgrade`].
    pub fn upgrade(&self) -> Option<SharedFactory<F>> {
        self.inner.upgrade().map(|inner| SharedFactory { inner })
    }
}

impl<F: Factory> Factory for SharedFactory<F> {
    type Protocol = F::Protocol;

    fn build_protocol(&mut self, peer: Address) -> Option<F::Protocol> {
        self.with(|factory| factory.build_protocol(peer)).flatten()
    }

    fn log_prefix(&self) -> Cow<'static, str> {
        self.with(|factory| factory.log_prefix()).unwrap_or_else(|| "Factory".into())
    }

    fn noisy(&self) -> bool {
        self.with(|factory| factory.noisy()).unwrap_or_default()
    }

    fn do_start(&mut self) {
        let before = self.inner.users.get();
        self.inner.users.set(before + 1);
        if before == 0 {
            self.with(Factory::do_start);
        }
    }

    fn do_stop(&mut self) {
        let left = self.inner.users.get().saturating_sub(1);
        self.inner.users.set(left);
        if left == 0 {
            self.with(Factory::do_stop);
        }
    }
}

impl<F: ClientFactory> ClientFactory for SharedFactory<F> {
    fn started_connecting(&mut self, connector: &Connector<F::Protocol>) {
        self.with(|factory| factory.started_connecting(connector));
    }

    fn client_connection_failed(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        self.with(|factory| factory.client_connection_failed(connector, reason));
    }

    fn client_connection_lost(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        self.with(|factory| factory.client_connection_lost(connector, reason));
    }

    fn keeps_trying(&self) -> bool {
        self.with(|factory| factory.keeps_trying()).unwrap_or(false)
    }
}

impl<F> Clone for SharedFactory<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<F> Clone for WeakFactory<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<F> fmt::Debug for SharedFactory<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFactory").field("users", &self.users()).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for WeakFactory<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakFactory")
    }
}
