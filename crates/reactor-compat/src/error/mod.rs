//! The errors of the reactor, of connections and of connecting, under
//! Twisted's names.
//!
//! Mirrors `twisted.internet.error`. Tested in `tests/network/error.rs`, and where they
//! come from in `tests/runtime/reactor.rs`, `tests/network/tcp.rs` and `tests/network/connector.rs`.

mod connect;
mod connection;
#[cfg(unix)]
mod descriptor;
pub(crate) mod dns;
mod ended;
mod layer;
#[cfg(unix)]
pub(crate) mod process;
mod reactor;

pub use connect::{
    CannotListenError, ConnectError, ConnectingCancelledError, ConnectorBusy, NotConnectingError,
};
pub use connection::{
    AlreadyProducing, ConnectionAborted, ConnectionDone, ConnectionGone, ConnectionLost,
};
#[cfg(unix)]
pub use descriptor::{FileDescriptorOverrun, SendDescriptorError};
pub use ended::ConnectionEnded;
pub use layer::{LayerHeldBack, LayerTimeout, PushLayerError, TooMuchUnsent, UnprotectedData};
pub use reactor::{
    ReactorAlreadyRunning, ReactorNotDriven, ReactorNotRunning, ReactorStopped, ReactorThreadError,
    RemoteObjectBusy, RunError, WouldDeadlock,
};
