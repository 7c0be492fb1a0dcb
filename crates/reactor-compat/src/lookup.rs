//! The names that a reactor looks up, and the resolver that does it.
//!
//! Mirrors `PluggableResolverMixin` of `twisted.internet.base`, and
//! `IReactorCore.resolve`. Tested in `tests/network/resolver.rs`.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;

use deferred::{Deferred, Failure, Trigger};
use tokio::sync::oneshot;

use crate::error::ReactorStopped;
use crate::network::names_of;
use crate::reactor::{Extension, Reactor};
use crate::resolver::{DnsLookupError, Resolver, SharedResolver};

/// The resolver of a reactor.
#[derive(Default)]
struct Installed(RefCell<Option<SharedResolver>>);

impl Extension for Installed {}

impl Reactor {
    /// Has names looked up by `resolver` from now on; gives the one that did
    /// it before. Lookups that are under way go on as they are.
    ///
    /// See the example of [`Resolver`].
    #[doc(alias = "installNameResolver")]
    #[doc(alias = "installResolver")]
    #[doc(alias = "IReactorPluggableNameResolver")]
    #[doc(alias = "IReactorPluggableResolver")]
    pub fn install_resolver(&self, resolver: impl Resolver) -> SharedResolver {
        let before = self.name_resolver();
        let replaced = self.extension::<Installed>().0.replace(Some(SharedResolver::new(resolver)));
        drop(replaced);
        before
    }

    /// The resolver that looks names up: that of the reactor's
    /// [network](crate::network::Network::resolve), unless another was
    /// [installed](Self::install_resolver).
    ///
    /// ```
    /// use reactor_compat::{Reactor, resolver::HostsResolver};
    ///
    /// // The other reactor does as this one does, but for one name.
    /// let (reactor, other) = (Reactor::new(), Reactor::new());
    /// let hosts = HostsResolver::new().host("db.test", [std::net::Ipv4Addr::LOCALHOST]);
    /// other.install_resolver(hosts.otherwise(reactor.name_resolver()));
    /// ```
    #[doc(alias = "nameResolver")]
    pub fn name_resolver(&self) -> SharedResolver {
        let installed = self.extension::<Installed>().0.borrow().clone();
        installed.unwrap_or_else(|| names_of(self.get_network()))
    }

    /// Looks a host's name up: one of its addresses, an IPv4 address if it has
    /// any. An address is its own, and an empty name stands for `0.0.0.0`.
    ///
    /// It fails with a [`DnsLookupError`] if there is no address, and with
    /// [`ReactorStopped`] if the reactor stops before there is an answer.
    /// Nothing but [`add_timeout`](Deferred::add_timeout) limits how long it
    /// takes.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred ends the lookup.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::{Reactor, resolver::HostsResolver};
    /// use std::net::{Ipv4Addr, Ipv6Addr};
    ///
    /// let reactor = Reactor::new();
    /// let hosts = HostsResolver::new().host("six.test", [Ipv6Addr::LOCALHOST]);
    /// reactor.install_resolver(hosts);
    /// let stop = reactor.clone();
    /// let address = reactor.resolve("six.test").add_callback(move |address| {
    ///     stop.stop()?;
    ///     Ok(address)
    /// });
    /// reactor.run()?;
    /// assert_eq!(success_result_of(address), Ipv6Addr::LOCALHOST);
    /// assert_eq!(success_result_of(reactor.resolve("127.0.0.1")), Ipv4Addr::LOCALHOST);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[track_caller]
    pub fn resolve(&self, name: &str) -> Deferred<IpAddr> {
        if name.is_empty() {
            return Deferred::succeed(Ipv4Addr::UNSPECIFIED.into());
        }
        if let Ok(address) = name.parse() {
            return Deferred::succeed(address);
        }
        let missing = DnsLookupError::new(name, "no addresses");
        self.resolve_host_name(name, 0).add_callback(move |found| {
            let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
            Ok(address.ok_or(missing)?.ip())
        })
    }

    /// Looks a host's name up: all of its addresses, with port number `port`,
    /// the one to try first in front.
    ///
    /// It fails as [`resolve`](Self::resolve) does, and with a
    /// [`ReactorNotDriven`](crate::ReactorNotDriven) if nobody runs the reactor.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred ends the lookup.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::{Reactor, resolver::HostsResolver};
    /// use std::net::{Ipv4Addr, Ipv6Addr};
    ///
    /// let reactor = Reactor::new();
    /// let (four, six) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    /// let hosts = HostsResolver::new().host("both.test", [six]).host("both.test", [four]);
    /// reactor.install_resolver(hosts);
    /// let stop = reactor.clone();
    /// let addresses = reactor.resolve_host_name("both.test", 80).add_callback(move |found| {
    ///     stop.stop()?;
    ///     Ok(found)
    /// });
    /// reactor.run()?;
    /// assert_eq!(success_result_of(addresses), [(six, 80).into(), (four, 80).into()]);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "resolveHostName")]
    #[track_caller]
    pub fn resolve_host_name(&self, name: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
        if let Ok(address) = name.parse() {
            return Deferred::succeed(vec![SocketAddr::new(address, port)]);
        }
        if let Err(error) = self.check_driven() {
            return Deferred::fail(error);
        }
        let (cancel, cancelled) = oneshot::channel();
        let (addresses, trigger) = Deferred::with_canceller(move |_| {
            // Only a lookup that has ended does not hear of it.
            let _ = cancel.send(());
        });
        let answer = Answer(Some(trigger));
        let (resolver, name) = (self.name_resolver(), name.to_owned());
        self.spawn(async move {
            let answer = answer;
            let found = unless(cancelled, resolver.look_up(&name, port)).await;
            answer.give(found);
        });
        addresses
    }
}

/// Awaits `lookup`, unless it is cancelled before; then it is dropped.
async fn unless<T>(cancelled: oneshot::Receiver<()>, lookup: impl Future<Output = T>) -> Option<T> {
    let (mut cancelled, mut lookup) = (Some(cancelled), pin!(lookup));
    poll_fn(move |cx| {
        match cancelled.as_mut().map(|cancelled| Pin::new(cancelled).poll(cx)) {
            Some(Poll::Ready(Ok(()))) => return Poll::Ready(None),
            // Nobody can cancel it any more.
            Some(Poll::Ready(Err(_))) => cancelled = None,
            Some(Poll::Pending) | None => {}
        }
        lookup.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Owes a Deferred an answer. If none is given, the lookup ended with the
/// reactor.
struct Answer(Option<Trigger<Vec<SocketAddr>>>);

impl Answer {
    /// `None` if it was cancelled, and has its answer.
    fn give(mut self, found: Option<Result<Vec<SocketAddr>, DnsLookupError>>) {
        if let (Some(trigger), Some(found)) = (self.0.take(), found) {
            // Whoever cancelled it does not want to know.
            let _ = trigger.fire(found.map_err(Failure::from));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // That the reactor has stopped is an error only for those who wait.
        if let Some(trigger) = self.0.take().filter(Trigger::is_held) {
            let _ = trigger.errback(ReactorStopped);
        }
    }
}
