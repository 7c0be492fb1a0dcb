//! [`Protocol`]: what a connection's data means.
//!
//! Mirrors `twisted.internet.protocol.Protocol`. Tested in `tests/protocol.rs`
//! and `tests/tcp.rs`.

use deferred::Failure;

use crate::connection::Connection;

/// What a connection's data means, and what is to be done about it: one object
/// for each connection, made by a [`Factory`](crate::Factory).
///
/// The callbacks come in this order, and never two at a time:
///
/// 1. [`connection_made`](Self::connection_made), once;
/// 2. [`data_received`](Self::data_received), for whatever comes, in pieces
///    that have nothing to do with those that the peer wrote;
/// 3. [`connection_lost`](Self::connection_lost), once, whatever happened;
///    then the protocol is dropped.
///
/// Each gets a [`Connection`]: the transport to write to, and the way back to
/// this very protocol for whatever answers later.
///
/// A callback that panics is logged, and ends its own connection, whose
/// `connection_lost` then gets the panic as its reason. The reactor and all
/// other connections go on.
///
/// # Re-entrancy
///
/// A callback may do anything: write to, close and abort its own transport and
/// any other, fire Deferreds, stop the reactor. What it asks of transports is
/// done when it has returned. What comes home to it meanwhile through its
/// [`Connection`] waits until it has returned.
///
/// ```
/// use reactor_compat::{Connection, Protocol, testing::StringTransport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let transport = StringTransport::new(Echo);
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"hello");
/// ```
#[doc(alias = "IProtocol")]
#[doc(alias = "dataReceived")]
pub trait Protocol: Sized + 'static {
    /// The connection is there: greet, start a timer, or wait for data.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let _ = transport;
    }

    /// Some data came: at least one byte.
    ///
    /// Buffer what is not complete, and test protocols down to one byte at a
    /// time. `data` is lent from the reactor's own buffer.
    #[doc(alias = "dataReceived")]
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let _ = (transport, data);
    }

    /// The connection is gone.
    ///
    /// `reason` is [`ConnectionDone`](crate::ConnectionDone) for a clean
    /// close, [`ConnectionLost`](crate::ConnectionLost) where it broke,
    /// [`ConnectionAborted`](crate::ConnectionAborted) where we cut it, or the
    /// [`Panic`](deferred::Panic) of a callback. Nothing written to
    /// `transport` goes anywhere any more.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
        let _ = (transport, reason);
    }
}
