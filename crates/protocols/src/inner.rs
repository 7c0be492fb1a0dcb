//! [`Inner`]: a protocol that another one runs, and its connection.
//!
//! Tested in `tests/policies/forwarding.rs`.

use reactor_compat::{Connection, ConnectionEvent, Protocol, Transport};

/// A protocol that another one runs, and its connection: from when it is made
/// until it is lost.
#[derive(Debug)]
pub(crate) struct Inner<P, T: 'static = Transport> {
    pub(crate) protocol: P,
    pub(crate) connection: Option<Connection<P, T>>,
}

impl<P: Protocol<T>, T: AsRef<Transport> + 'static> Inner<P, T> {
    pub(crate) fn new(protocol: P) -> Self {
        Self { protocol, connection: None }
    }

    /// Has it handle an event, if it has a connection.
    #[inline]
    pub(crate) fn handle(&mut self, event: ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionLost(_) = event {
            if let Some(connection) = self.connection.take() {
                self.protocol.handle(&connection, event);
            }
        } else if let Some(connection) = &self.connection {
            self.protocol.handle(connection, event);
        }
    }

    /// Has it handle [`ConnectionMade`](ConnectionEvent::ConnectionMade), with
    /// this connection.
    pub(crate) fn connect(&mut self, connection: Connection<P, T>) {
        let connection = self.connection.insert(connection);
        self.protocol.handle(connection, ConnectionEvent::ConnectionMade);
    }
}
