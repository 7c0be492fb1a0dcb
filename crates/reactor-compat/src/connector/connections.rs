//! [`Connections`]: the connections of a connector, one after the other.
//!
//! Mirrors the loop around `ClientService.whenConnected` that programs of Twisted's
//! write. Tested in `tests/network/connections.rs`.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deferred::{Deferred, Failure};
use futures_core::Stream;

use crate::connection::Connection;
use crate::protocol::Protocol;
use crate::waiters::abandon;

/// Waits for a connector's next connection; there is `None` when it will make no more.
pub(crate) type Next<P> = Box<dyn Fn() -> Deferred<Option<Connection<P>>>>;

/// The connections of a [`Connector`](crate::Connector), one after the other, as a
/// `Stream`: what [`connections`](crate::Connector::connections) gives.
///
/// Each is given when its `connection_made` has returned. The next one is waited for
/// when that one is lost; one that came and went before the stream was polled again is
/// left out. So the stream keeps no more than one at a time.
///
/// It ends when the reactor stops, or is not driven, or nothing will make the connector
/// connect again: its factory does not [keep trying](crate::ClientFactory::keeps_trying),
/// or was told to [stop](crate::ReconnectHandle::stop_trying). Attempts that fail do not
/// end it, and are not seen here; the factory is told why.
///
/// It may be polled in a coroutine or in a task. It does not keep the connector.
///
/// # Cancellation
///
/// Dropping it ends the waiting, and nothing else: an attempt goes on, and so does a
/// connection.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use deferred::testing::success_result_of;
/// use deferred::{Failure, ensure_deferred};
/// use futures::StreamExt;
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Address, Protocol, ReconnectingClientFactory};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = MemoryReactor::new();
/// let factory = ReconnectingClientFactory::new(|_: Address| Silent).clock(&*reactor);
/// let mut connections = reactor.connect_tcp(("example.org", 80), factory).connections();
/// let client = ensure_deferred(async move {
///     let mut count = 0;
///     while let Some(connection) = connections.next().await {
///         connection.write("hello");
///         count += 1;
///         // And whatever else it says to this server, until it is gone.
///         connection.when_lost().await?;
///     }
///     Ok::<_, Failure>(count)
/// });
/// reactor.settle()?;
/// let server = reactor.tcp_clients()[0].accept()?;
/// reactor.flush()?;
/// assert_eq!(server.read(), b"hello");
/// reactor.stop()?;
/// reactor.settle()?;
/// assert_eq!(success_result_of(client), 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[must_use = "a stream does nothing unless it is polled"]
#[doc(alias = "whenConnected")]
#[doc(alias = "ClientService")]
pub struct Connections<P: Protocol> {
    next: Next<P>,
    state: State<P>,
}

/// The states of the stream.
///
/// ```text
/// Idle ──polled──▶ Waiting ──connected──▶ Connected
///  ▲                  └──no more──▶ Over       │
///  └───────────────lost────────────────────────┘
/// ```
enum State<P: Protocol> {
    Idle,
    Waiting(Deferred<Option<Connection<P>>>),
    /// One was given, and is not lost.
    Connected(Deferred<Failure>),
    Over,
}

impl<P: Protocol> Connections<P> {
    pub(super) fn new(next: Next<P>) -> Self {
        Self { next, state: State::Idle }
    }
}

impl<P: Protocol> Stream for Connections<P> {
    type Item = Connection<P>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Connection<P>>> {
        loop {
            match &mut self.state {
                State::Idle => self.state = State::Waiting((self.next)()),
                State::Waiting(next) => {
                    let next = ready!(Pin::new(next).poll(cx));
                    // It fails only if it is cancelled, and then it is not polled.
                    let Ok(Some(connection)) = next else {
                        self.state = State::Over;
                        return Poll::Ready(None);
                    };
                    self.state = State::Connected(connection.when_lost());
                    return Poll::Ready(Some(connection));
                }
                State::Connected(lost) => {
                    let _reason = ready!(Pin::new(lost).poll(cx));
                    self.state = State::Idle;
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

/// Leaves the lists of those who wait.
impl<P: Protocol> Drop for Connections<P> {
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Over) {
            State::Waiting(next) => abandon(next),
            State::Connected(lost) => abandon(lost),
            State::Idle | State::Over => {}
        }
    }
}

impl<P: Protocol> fmt::Debug for Connections<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Idle => "Idle",
            State::Waiting(_) => "Waiting",
            State::Connected(_) => "Connected",
            State::Over => "Over",
        };
        f.debug_struct("Connections").field("state", &state).finish_non_exhaustive()
    }
}
