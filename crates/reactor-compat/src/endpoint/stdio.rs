//! [`StandardIoEndpoint`]: standard input and output.
//!
//! Mirrors `StandardIOEndpoint` of `twisted.internet.endpoints`. Tested in
//! `tests/testing/stdio.rs`.

use std::io;
use std::task::{Context, Poll};

use deferred::Deferred;

use super::{Listen, StreamServerEndpoint};
use crate::address::Address;
use crate::factory::Factory;
use crate::network::{Listener, SharedStream};
use crate::port::Port;
use crate::reactor::Reactor;

/// Standard input and output: a server with one client, which is there at once.
///
/// The Deferred of [`listen`](Listen::listen) has a port that waits for nobody else. It
/// fails as [`Reactor::standard_io`] does.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::StandardIoEndpoint;
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Connection, Protocol};
///
/// struct Greet;
///
/// impl Protocol for Greet {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
/// }
///
/// let reactor = MemoryReactor::new();
/// success_result_of(StandardIoEndpoint::new(&reactor).listen(|_| Greet));
/// reactor.flush()?;
/// assert_eq!(reactor.take_standard_peer().unwrap().read(), b"hello");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "StandardIOEndpoint")]
pub struct StandardIoEndpoint {
    reactor: Reactor,
}

impl StandardIoEndpoint {
    /// Standard input and output.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor) -> Self {
        Self { reactor: reactor.clone() }
    }

    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl StreamServerEndpoint for StandardIoEndpoint {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let opened = self.reactor.shared().network().and_then(|network| network.standard_io());
        match opened {
            Ok(stream) => Deferred::succeed(Box::new(OneClient(Some(stream)))),
            Err(error) => Deferred::fail(error),
        }
    }

    fn description(&self) -> String {
        "standard input and output".to_owned()
    }
}

/// The listener whose only client is there already.
struct OneClient(Option<SharedStream>);

impl Listener for OneClient {
    fn get_host(&self) -> Address {
        Address::Pipe
    }

    fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        self.0.take().map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
    }
}
