//! [`ConnectionEvent`]: something that happens to a connection.
//!
//! Mirrors the callbacks of `IProtocol`, `IHalfCloseableProtocol`,
//! `IFileDescriptorReceiver` and `IHandshakeListener`. Tested in
//! `tests/network/protocol.rs`.

#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;

use super::Protocol;
use crate::connection::Connection;
use crate::transport::Transport;

/// Something that happens to a connection, which its protocol
/// [handles](Protocol::handle).
///
/// A protocol that runs another one gives it the event as it is; one that only
/// watches looks at a reference first.
///
/// ```
/// use reactor_compat::ConnectionEvent;
///
/// let event = ConnectionEvent::DataReceived(b"hello");
/// assert!(matches!(event, ConnectionEvent::DataReceived(data) if data.len() == 5));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionEvent<'a> {
    /// The connection is there: [`Protocol::connection_made`].
    ConnectionMade,
    /// Some data came: [`Protocol::data_received`].
    DataReceived(&'a [u8]),
    /// The other end of a UNIX connection sent a descriptor:
    /// [`Protocol::file_descriptor_received`].
    #[cfg(unix)]
    FileDescriptorReceived(OwnedFd),
    /// A TLS handshake is over: [`Protocol::handshake_completed`].
    HandshakeCompleted,
    /// A layer was pushed, and is about to be put in: [`Protocol::layer_pushed`].
    LayerPushed,
    /// Reading goes on after it was held up: [`Protocol::resumed`].
    Resumed,
    /// The peer sends no more: [`Protocol::read_connection_lost`].
    ReadConnectionLost,
    /// Our half has ended: [`Protocol::write_connection_lost`].
    WriteConnectionLost,
    /// The connection is gone: [`Protocol::connection_lost`].
    ConnectionLost(Failure),
}

impl ConnectionEvent<'_> {
    /// Calls the callback of this event at `protocol`: what
    /// [`Protocol::handle`] does unless it is overridden.
    ///
    /// ```
    /// use reactor_compat::{Connection, ConnectionEvent, Protocol, testing::StringTransport};
    ///
    /// /// Hears nothing of pauses.
    /// struct Calm;
    ///
    /// impl Protocol for Calm {
    ///     fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
    ///         if !matches!(event, ConnectionEvent::Resumed) {
    ///             event.call(self, connection);
    ///         }
    ///     }
    ///
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Calm);
    /// transport.data_received(b"hello");
    /// assert_eq!(transport.take_value(), b"hello");
    /// ```
    #[inline(always)]
    pub fn call<P, T>(self, protocol: &mut P, connection: &Connection<P, T>)
    where
        P: Protocol<T>,
        T: AsRef<Transport> + 'static,
    {
        match self {
            Self::ConnectionMade => protocol.connection_made(connection),
            Self::DataReceived(data) => protocol.data_received(connection, data),
            #[cfg(unix)]
            Self::FileDescriptorReceived(descriptor) => {
                protocol.file_descriptor_received(connection, descriptor);
            }
            Self::HandshakeCompleted => protocol.handshake_completed(connection),
            Self::LayerPushed => protocol.layer_pushed(connection),
            Self::Resumed => protocol.resumed(connection),
            Self::ReadConnectionLost => protocol.read_connection_lost(connection),
            Self::WriteConnectionLost => protocol.write_connection_lost(connection),
            Self::ConnectionLost(reason) => protocol.connection_lost(connection, reason),
        }
    }
}
