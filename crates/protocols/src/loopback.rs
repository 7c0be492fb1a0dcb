//! Two protocols that talk to each other, for tests.
//!
//! Mirrors `twisted.protocols.loopback`. Tested in
//! `tests/policies/loopback.rs`.
//!
//! # Layout
//!
//! - [`loopback_async`], [`loopback_async_with`]: in memory; a policy, such as
//!   [`identity_pump_policy`] or [`collapsing_pump_policy`], says in which
//!   pieces what is in the [`LoopbackQueue`] arrives.
//! - [`loopback_tcp`], `loopback_unix`: over real sockets.

mod pump;
mod stream;

use deferred::{Deferred, Trigger, gather_results};
use reactor_compat::{
    Address, CannotListenError, Connection, ConnectionEvent, Connector, Port, Protocol, Reactor,
};

pub use pump::{LoopbackQueue, collapsing_pump_policy, identity_pump_policy};

use self::stream::{Direction, LoopbackStream, Policy};
use crate::policies::{ProtocolWrapper, Watcher};

/// Has two protocols talk to each other, in memory, until one of them closes
/// the connection. The Deferred fires when both have heard that it is lost.
///
/// They are on transports like any other: producers are held up, and nothing
/// happens inside a `write`. What is written arrives as it was written, by the
/// [`identity_pump_policy`]; [`loopback_async_with`] takes another. The reactor
/// has to run.
///
/// ```
/// use protocols::loopback::loopback_async;
/// use protocols::wire::{Discard, Qotd};
/// use reactor_compat::Reactor;
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// let over = loopback_async(&reactor, Qotd::default(), Discard)
///     .add_callback(move |()| Ok(stop.stop()?));
/// reactor.run()?;
/// deferred::testing::success_result_of(over);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "loopbackAsync")]
pub fn loopback_async(
    reactor: &Reactor,
    server: impl Protocol,
    client: impl Protocol,
) -> Deferred<()> {
    loopback_async_with(reactor, server, client, identity_pump_policy)
}

/// The same, with what was written given as `pump_policy` says: it gets what
/// waits for a protocol, and takes from it the piece that arrives next.
///
/// Each piece of a `write_sequence` counts as a write of its own. A piece that
/// is longer than what a transport reads at once arrives in several. With none,
/// what waits goes on waiting, until more is written; what waits when the
/// other one has closed, and is not taken then, is lost.
///
/// ```
/// use protocols::loopback::{LoopbackQueue, loopback_async_with};
/// use protocols::wire::Qotd;
/// use reactor_compat::{Connection, Protocol, Reactor};
///
/// struct Hear;
///
/// impl Protocol for Hear {
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         assert_eq!(data.len(), 1);
///     }
/// }
///
/// fn byte_by_byte(queue: &mut LoopbackQueue) -> Option<Vec<u8>> {
///     let mut string = queue.get()?;
///     let rest = string.split_off(1);
///     if !rest.is_empty() {
///         queue.put_back(rest);
///     }
///     Some(string)
/// }
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// let over = loopback_async_with(&reactor, Qotd::default(), Hear, byte_by_byte)
///     .add_callback(move |()| Ok(stop.stop()?));
/// reactor.run()?;
/// deferred::testing::success_result_of(over);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "pumpPolicy")]
pub fn loopback_async_with(
    reactor: &Reactor,
    server: impl Protocol,
    client: impl Protocol,
    pump_policy: impl Fn(&mut LoopbackQueue) -> Option<Vec<u8>> + 'static,
) -> Deferred<()> {
    let policy: Policy = std::rc::Rc::new(pump_policy);
    let (to_client, to_server) = (Direction::default(), Direction::default());
    let (server, server_closed) = FireOnClose::wrap(server, Some(to_client.clone()));
    let (client, client_closed) = FireOnClose::wrap(client, Some(to_server.clone()));
    let ours = LoopbackStream::new(to_client.clone(), to_server.clone(), policy.clone());
    reactor.serve(ours, server);
    reactor.serve(LoopbackStream::new(to_server, to_client, policy), client);
    gather_results([server_closed, client_closed]).add_callback(|_| ())
}

/// The same over TCP, on a port of 127.0.0.1 that is closed in the end.
///
/// It fails if the connection cannot be made.
///
/// # Errors
///
/// [`CannotListenError`] if there is no such port.
///
/// ```
/// use protocols::loopback::loopback_tcp;
/// use protocols::wire::{Discard, Qotd};
/// use reactor_compat::Reactor;
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// let over = loopback_tcp(&reactor, Qotd::default(), Discard)?
///     .add_callback(move |()| Ok(stop.stop()?));
/// reactor.run()?;
/// deferred::testing::success_result_of(over);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "loopbackTCP")]
pub fn loopback_tcp(
    reactor: &Reactor,
    server: impl Protocol,
    client: impl Protocol,
) -> Result<Deferred<()>, CannotListenError> {
    let (server, server_closed) = FireOnClose::wrap(server, None);
    let (client, client_closed) = FireOnClose::wrap(client, None);
    let port = reactor.listen_tcp(("127.0.0.1", 0), once(server))?;
    let address = port.get_host().port().unwrap_or_default();
    let connector = reactor.connect_tcp(("127.0.0.1", address), once(client));
    Ok(until_over(&connector, [server_closed, client_closed], port))
}

/// The same over a UNIX socket in the folder for temporary files, which is
/// removed in the end.
///
/// It fails if the connection cannot be made.
///
/// # Errors
///
/// [`CannotListenError`] if there can be no such socket.
///
/// ```
/// use protocols::loopback::loopback_unix;
/// use protocols::wire::{Discard, Qotd};
/// use reactor_compat::Reactor;
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// let over = loopback_unix(&reactor, Qotd::default(), Discard)?
///     .add_callback(move |()| Ok(stop.stop()?));
/// reactor.run()?;
/// deferred::testing::success_result_of(over);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(unix)]
#[doc(alias = "loopbackUNIX")]
pub fn loopback_unix(
    reactor: &Reactor,
    server: impl Protocol,
    client: impl Protocol,
) -> Result<Deferred<()>, CannotListenError> {
    let (server, server_closed) = FireOnClose::wrap(server, None);
    let (client, client_closed) = FireOnClose::wrap(client, None);
    let path = unheard_of_path();
    let port = reactor.listen_unix(path.as_path(), once(server))?;
    let connector = reactor.connect_unix(path.as_path(), once(client));
    Ok(until_over(&connector, [server_closed, client_closed], port))
}

/// A path that nobody can have thought of.
#[cfg(unix)]
fn unheard_of_path() -> std::path::PathBuf {
    use std::hash::{BuildHasher, RandomState};

    let random = RandomState::new().hash_one(std::process::id());
    std::env::temp_dir().join(format!("loopback-{random:016x}"))
}

/// A factory of one protocol.
fn once<P: Protocol>(protocol: P) -> impl FnMut(Address) -> Option<P> + 'static {
    let mut protocol = Some(protocol);
    move |_| protocol.take()
}

/// Fires when both have heard that the connection is lost, and the port is
/// closed.
fn until_over<P: Protocol>(
    connector: &Connector<P>,
    closed: [Deferred<()>; 2],
    port: Port,
) -> Deferred<()> {
    connector
        .when_connected()
        .add_callback(move |_| gather_results(closed))
        .add_both(move |result| port.stop_listening().add_callback(|()| result.map(|_| ())))
}

/// Fires when it is dropped: when the connection is lost, and the protocol
/// within has heard of it.
struct FireOnClose {
    closed: Trigger<()>,
    /// Where it announces what is written.
    direction: Option<Direction>,
}

impl FireOnClose {
    fn wrap<P: Protocol>(
        protocol: P,
        direction: Option<Direction>,
    ) -> (ProtocolWrapper<Self, P>, Deferred<()>) {
        let (deferred, closed) = Deferred::new();
        (ProtocolWrapper::new(Self { closed, direction }, protocol), deferred)
    }
}

impl Watcher for FireOnClose {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        if let (ConnectionEvent::ConnectionMade, Some(direction)) = (event, self.direction.take()) {
            connection.tap_writes(move |data| direction.announce(data.len()));
        }
    }
}

impl Drop for FireOnClose {
    fn drop(&mut self) {
        // Whoever cancelled it does not want to know.
        let _ = self.closed.callback(());
    }
}
