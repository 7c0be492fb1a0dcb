//! Two protocols that talk to each other, for tests.
//!
//! Mirrors `loopbackAsync` and `loopbackTCP` of
//! `twisted.protocols.loopback`. Tested in `tests/loopback.rs`.

use deferred::{Deferred, Trigger, gather_results};
use reactor_compat::{Address, CannotListenError, Protocol, Reactor};

use crate::policies::ProtocolWrapper;

/// How much the pipe between the two holds in each direction.
const PIPE: usize = 64 * 1024;

/// Has two protocols talk to each other, in memory, until one of them closes
/// the connection. The Deferred fires when both have heard that it is lost.
///
/// They are on transports like any other: what is written arrives in pieces
/// of any size, producers are held up, and nothing happens inside a `write`.
/// The reactor has to run.
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
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let (server, server_closed) = FireOnClose::wrap(server);
    let (client, client_closed) = FireOnClose::wrap(client);
    reactor.serve(ours, server);
    reactor.serve(theirs, client);
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
    let (server, server_closed) = FireOnClose::wrap(server);
    let (client, client_closed) = FireOnClose::wrap(client);
    let mut server = Some(server);
    let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| server.take())?;
    let address = port.get_host().port().unwrap_or_default();
    let mut client = Some(client);
    let connector = reactor.connect_tcp(("127.0.0.1", address), move |_: Address| client.take());
    let over = connector
        .when_connected()
        .add_callback(move |_| gather_results([server_closed, client_closed]))
        .add_both(move |result| port.stop_listening().add_callback(|()| result.map(|_| ())));
    Ok(over)
}

/// Looks on until the connection is lost, and both it and whom it looks on
/// have heard of it: then it is dropped.
struct FireOnClose {
    closed: Trigger<()>,
}

impl FireOnClose {
    fn wrap<P: Protocol>(protocol: P) -> (ProtocolWrapper<Self, P>, Deferred<()>) {
        let (deferred, closed) = Deferred::new();
        (ProtocolWrapper::new(Self { closed }, protocol), deferred)
    }
}

impl Protocol for FireOnClose {}

impl Drop for FireOnClose {
    fn drop(&mut self) {
        // Whoever cancelled it does not want to know.
        let _ = self.closed.callback(());
    }
}
