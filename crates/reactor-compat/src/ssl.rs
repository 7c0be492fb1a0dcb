//! TLS over TCP from the start: listening and connecting.
//!
//! Mirrors `IReactorSSL` of `twisted.internet.interfaces`. Tested in
//! `tests/network/tls.rs`.

use crate::address::{Destination, Interface, Target};
use crate::connecting::{self, Plan};
use crate::connection::FirstLayer;
use crate::connector::Connector;
use crate::error::CannotListenError;
use crate::factory::{ClientFactory, Factory};
use crate::network::{ListenTarget, SharedStream};
use crate::options::{ConnectOptions, ListenOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;
use crate::tls::{ClientOptions, Config, ServerOptions, TlsConfigError, TlsStream};

/// TLS over each socket of a port or a connector.
fn over_each(config: Config) -> FirstLayer {
    FirstLayer::new(move |below| SharedStream::unguarded(TlsStream::with(below, config.clone())))
}

impl Reactor {
    /// Listens for TCP connections that speak TLS from the start.
    ///
    /// A protocol's `connection_made` is called before the handshake, and may
    /// write at once: it goes out when the handshake is over, of which
    /// [`handshake_completed`](crate::Protocol::handshake_completed) tells.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened.
    ///
    /// See the example of the [module](crate::tls).
    #[doc(alias = "listenSSL")]
    #[doc(alias = "IReactorSSL")]
    #[track_caller]
    pub fn listen_ssl(
        &self,
        interface: impl Into<Interface>,
        factory: impl Factory,
        options: ServerOptions,
    ) -> Result<Port, CannotListenError> {
        let target = ListenTarget::Tcp(interface.into(), ListenOptions::new());
        port::open(self, target, over_each(options.into()), factory)
    }

    /// Connects to a TCP port that speaks TLS from the start.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] if the options come to nothing: the system's
    /// authorities, say, cannot be read. What goes wrong later, the handshake
    /// included, the protocol hears as the reason of its `connection_lost`:
    /// [`TlsError`](crate::tls::TlsError).
    ///
    /// See the example of the [module](crate::tls).
    #[doc(alias = "connectSSL")]
    pub fn connect_ssl<F: ClientFactory>(
        &self,
        destination: impl Into<Destination>,
        factory: F,
        options: ClientOptions,
    ) -> Result<Connector<F::Protocol>, TlsConfigError> {
        let mut plan = Plan::new(Target::Tcp(destination.into()), ConnectOptions::new());
        plan.first_layer = over_each(options.try_into()?);
        Ok(connecting::begin(self, plan, factory))
    }
}
