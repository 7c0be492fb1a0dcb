//! [`Erased`]: a protocol without its type, and its connection.

use std::any::Any;
use std::borrow::Cow;

use super::AnyProtocol;
use crate::connection::Connection;
use crate::protocol::{ConnectionEvent, Protocol};

/// A protocol without its type.
pub(super) trait Erased: Any {
    /// Has it handle [`ConnectionMade`](ConnectionEvent::ConnectionMade), as the
    /// protocol of this number on the connection.
    fn connect(&mut self, whole: &Connection<AnyProtocol>, generation: u64);

    /// Has it handle an event, if it is connected.
    fn handle(&mut self, event: ConnectionEvent<'_>);

    fn receives_descriptors(&self) -> bool;

    fn log_prefix(&self) -> Cow<'static, str>;
}

/// A protocol, and its connection while it has one.
pub(super) struct Typed<P: 'static> {
    protocol: P,
    connection: Option<Connection<P>>,
}

impl<P: Protocol> Typed<P> {
    pub(super) fn boxed(protocol: P) -> Box<dyn Erased> {
        Box::new(Self { protocol, connection: None })
    }

    /// Whether the protocol is a `P`.
    pub(super) fn is(erased: &dyn Erased) -> bool {
        let erased: &dyn Any = erased;
        erased.is::<Self>()
    }

    /// The protocol, if it is a `P`.
    pub(super) fn of(erased: &mut dyn Erased) -> Option<&mut P> {
        let erased: &mut dyn Any = erased;
        erased.downcast_mut::<Self>().map(|typed| &mut typed.protocol)
    }
}

impl<P: Protocol> Erased for Typed<P> {
    fn connect(&mut self, whole: &Connection<AnyProtocol>, generation: u64) {
        let part = whole.project_if(move |any| any.part(generation));
        let connection = self.connection.insert(part);
        self.protocol.handle(connection, ConnectionEvent::ConnectionMade);
    }

    fn handle(&mut self, event: ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionLost(_) = event {
            if let Some(connection) = self.connection.take() {
                self.protocol.handle(&connection, event);
            }
        } else if let Some(connection) = &self.connection {
            self.protocol.handle(connection, event);
        }
    }

    fn receives_descriptors(&self) -> bool {
        self.protocol.receives_descriptors()
    }

    fn log_prefix(&self) -> Cow<'static, str> {
        self.protocol.log_prefix()
    }
}
