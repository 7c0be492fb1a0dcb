//! [`SocksFactory`]: the factory of a SOCKS server, with what it allows.
//!
//! Mirrors `SOCKSv4Factory` of `twisted.protocols.socks`. Tested in
//! `tests/servers/socks.rs`.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CallbackResult, Deferred, maybe_deferred};
use reactor_compat::{Address, Factory, Reactor, ReactorTime};

use super::{Exchange, Query, Socks};
use crate::policies::Timeout;

/// The factory of a SOCKS server.
///
/// Unlike Twisted's, which lets everybody connect to everything, it has to be
/// told what is allowed: a client's request is given to `authorize` when its
/// host has been looked up, which says yes or no, at once or by a Deferred.
///
/// A client has a minute to say what it wants; whoever is to connect to it has
/// two. Nothing else bounds how long a connection lasts.
///
/// ```
/// use protocols::socks::SocksFactory;
/// use reactor_compat::Reactor;
///
/// let reactor = Reactor::new();
/// let factory = SocksFactory::new(&reactor, |query| Ok(query.port == 443))
///     .log(|exchange| println!("{exchange}"));
/// let port = reactor.listen_tcp(("127.0.0.1", 0), factory)?;
/// # drop(port);
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[doc(alias = "SOCKSv4Factory")]
pub struct SocksFactory {
    terms: Terms,
}

type Authorize = Rc<dyn Fn(&Query) -> Deferred<bool>>;
type Log = Rc<dyn Fn(&Exchange<'_>)>;

/// The terms on which all its protocols serve.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) reactor: Reactor,
    pub(super) authorize: Authorize,
    pub(super) log: Option<Log>,
    timeout: Rc<dyn Fn() -> Timeout>,
    pub(super) request_time: Duration,
    pub(super) bind_time: Duration,
}

impl SocksFactory {
    /// One that connects through `reactor`, as `authorize` allows.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "authorize")]
    pub fn new<R: CallbackResult<Value = bool>>(
        reactor: &Reactor,
        authorize: impl Fn(&Query) -> R + 'static,
    ) -> Self {
        let clock = reactor.clone();
        let terms = Terms {
            reactor: reactor.clone(),
            authorize: Rc::new(move |query| maybe_deferred(|| authorize(query))),
            log: None,
            timeout: Rc::new(move || Timeout::new(&clock)),
            request_time: Duration::from_secs(60),
            bind_time: Duration::from_secs(120),
        };
        Self { terms }
    }

    /// Shows `log` all that is passed on.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "logging")]
    #[must_use]
    pub fn log(mut self, log: impl Fn(&Exchange<'_>) + 'static) -> Self {
        self.terms.log = Some(Rc::new(log));
        self
    }

    /// Sets how long a client may take to say what it wants, and how long is
    /// waited for whoever is to connect to it.
    ///
    /// ```
    /// # use protocols::socks::SocksFactory;
    /// # use reactor_compat::Reactor;
    /// # use std::time::Duration;
    /// let factory = SocksFactory::new(&Reactor::new(), |_| Ok(true))
    ///     .times(Duration::from_secs(5), Duration::from_secs(30));
    /// # drop(factory);
    /// ```
    #[must_use]
    pub fn times(mut self, request: Duration, bind: Duration) -> Self {
        self.terms.request_time = request;
        self.terms.bind_time = bind;
        self
    }

    /// Measures those times by `clock`.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::socks::SocksFactory;
    /// # use reactor_compat::{Address, Factory, Reactor, testing::StringTransport};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let mut factory = SocksFactory::new(&Reactor::new(), |_| Ok(true)).clock(&clock);
    /// let client = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    /// clock.advance(Duration::from_secs(60));
    /// assert!(client.disconnecting());
    /// ```
    #[must_use]
    pub fn clock<C: ReactorTime + Clone + 'static>(mut self, clock: &C) -> Self {
        let clock = clock.clone();
        self.terms.timeout = Rc::new(move || Timeout::new(&clock));
        self
    }
}

impl Factory for SocksFactory {
    type Protocol = Socks;

    fn build_protocol(&mut self, _peer: Address) -> Option<Socks> {
        Some(Socks::new(self.terms.clone(), (self.terms.timeout)()))
    }
}

impl fmt::Debug for SocksFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocksFactory")
            .field("request_time", &self.terms.request_time)
            .field("bind_time", &self.terms.bind_time)
            .finish_non_exhaustive()
    }
}
