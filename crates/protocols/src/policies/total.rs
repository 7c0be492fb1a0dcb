//! [`LimitTotalConnectionsFactory`]: so many connections, and what is said to
//! the rest.
//!
//! Mirrors `LimitTotalConnectionsFactory` of `twisted.protocols.policies`.
//! Tested in `tests/policies/policies.rs`.

use std::borrow::Cow;
#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;
use reactor_compat::{Address, Connection, Factory, Protocol};

use super::count::{ConnectionCount, Place};

/// A factory that takes so many connections at a time. The rest are refused,
/// or given to a factory of their own, which may say why.
///
/// As in Twisted, those that are given to the other factory count as well, so
/// bound what they may do: they are for a short farewell.
///
/// ```
/// use protocols::policies::LimitTotalConnectionsFactory;
/// use protocols::wire::{Echo, Qotd};
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory};
///
/// let busy = || Qotd { quote: "Too many connections.\r\n".to_owned() };
/// let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Echo, 1)
///     .overflow(move |_: Address| busy());
/// let first = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// let second = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// assert!(first.connected());
/// assert_eq!(second.take_value(), b"Too many connections.\r\n");
/// assert!(second.disconnecting());
/// ```
#[derive(Debug)]
pub struct LimitTotalConnectionsFactory<F, O = NoOverflow> {
    wrapped: F,
    overflow: O,
    limit: Option<usize>,
    count: ConnectionCount,
}

impl<F: Factory> LimitTotalConnectionsFactory<F> {
    /// `wrapped`, with no more than `limit` connections at a time; `None` for
    /// any number.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "connectionLimit")]
    pub fn new(wrapped: F, limit: impl Into<Option<usize>>) -> Self {
        let count = ConnectionCount::default();
        Self { wrapped, overflow: NoOverflow, limit: limit.into(), count }
    }

    /// Gives the connections that are too many to `overflow`.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "overflowProtocol")]
    pub fn overflow<O: Factory>(self, overflow: O) -> LimitTotalConnectionsFactory<F, O> {
        let Self { wrapped, overflow: NoOverflow, limit, count } = self;
        LimitTotalConnectionsFactory { wrapped, overflow, limit, count }
    }
}

impl<F: Factory, O: Factory> LimitTotalConnectionsFactory<F, O> {
    /// How many connections there are.
    ///
    /// See the example of [`ConnectionCount`].
    #[doc(alias = "connectionCount")]
    pub fn connection_count(&self) -> ConnectionCount {
        self.count.clone()
    }
}

impl<F: Factory, O: Factory> Factory for LimitTotalConnectionsFactory<F, O> {
    type Protocol = OrOverflow<F::Protocol, O::Protocol>;

    fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol> {
        let within = if self.limit.is_none_or(|limit| self.count.get() < limit) {
            Within::Regular(Wired::new(self.wrapped.build_protocol(peer)?))
        } else {
            Within::Overflow(Wired::new(self.overflow.build_protocol(peer)?))
        };
        Some(OrOverflow { within, place: Some(self.count.enter()) })
    }

    fn start_factory(&mut self) {
        self.wrapped.start_factory();
        self.overflow.start_factory();
    }

    fn stop_factory(&mut self) {
        self.wrapped.stop_factory();
        self.overflow.stop_factory();
    }
}

/// The overflow of a factory that refuses the connections that are too many.
///
/// See the example of [`LimitTotalConnectionsFactory`].
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOverflow;

/// The protocol that is never made.
///
/// See the example of [`LimitTotalConnectionsFactory`].
#[derive(Clone, Copy, Debug)]
pub enum Nobody {}

impl Protocol for Nobody {}

impl Factory for NoOverflow {
    type Protocol = Nobody;

    fn build_protocol(&mut self, _peer: Address) -> Option<Nobody> {
        None
    }
}

/// A protocol of the one factory of a [`LimitTotalConnectionsFactory`], or of
/// the other.
///
/// See the example of [`LimitTotalConnectionsFactory`].
#[derive(Debug)]
pub struct OrOverflow<P, O> {
    within: Within<P, O>,
    place: Option<Place>,
}

#[derive(Debug)]
enum Within<P, O> {
    Regular(Wired<P>),
    Overflow(Wired<O>),
}

/// A protocol, and its connection once it is made.
#[derive(Debug)]
struct Wired<P> {
    protocol: P,
    connection: Option<Connection<P>>,
}

impl<P: Protocol> Wired<P> {
    fn new(protocol: P) -> Self {
        Self { protocol, connection: None }
    }

    fn made(&mut self, connection: Connection<P>) {
        self.protocol.connection_made(self.connection.insert(connection));
    }

    fn tell(&mut self, callback: impl FnOnce(&mut P, &Connection<P>)) {
        if let Some(connection) = &self.connection {
            callback(&mut self.protocol, connection);
        }
    }
}

impl<P: Protocol, O: Protocol> OrOverflow<P, O> {
    fn regular(&mut self) -> Option<&mut P> {
        match &mut self.within {
            Within::Regular(wired) => Some(&mut wired.protocol),
            Within::Overflow(_) => None,
        }
    }

    fn overflow(&mut self) -> Option<&mut O> {
        match &mut self.within {
            Within::Regular(_) => None,
            Within::Overflow(wired) => Some(&mut wired.protocol),
        }
    }
}

impl<P: Protocol, O: Protocol> Protocol for OrOverflow<P, O> {
    fn log_prefix(&self) -> Cow<'static, str> {
        match &self.within {
            Within::Regular(wired) => wired.protocol.log_prefix(),
            Within::Overflow(wired) => wired.protocol.log_prefix(),
        }
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        match &mut self.within {
            Within::Regular(wired) => wired.made(transport.project_if(Self::regular)),
            Within::Overflow(wired) => wired.made(transport.project_if(Self::overflow)),
        }
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        match &mut self.within {
            Within::Regular(wired) => wired.tell(|this, me| this.data_received(me, data)),
            Within::Overflow(wired) => wired.tell(|this, me| this.data_received(me, data)),
        }
    }

    fn receives_descriptors(&self) -> bool {
        match &self.within {
            Within::Regular(wired) => wired.protocol.receives_descriptors(),
            Within::Overflow(wired) => wired.protocol.receives_descriptors(),
        }
    }

    #[cfg(unix)]
    fn file_descriptor_received(&mut self, _: &Connection<Self>, descriptor: OwnedFd) {
        match &mut self.within {
            Within::Regular(wired) => {
                wired.tell(|this, me| this.file_descriptor_received(me, descriptor));
            }
            Within::Overflow(wired) => {
                wired.tell(|this, me| this.file_descriptor_received(me, descriptor));
            }
        }
    }

    fn handshake_completed(&mut self, _: &Connection<Self>) {
        match &mut self.within {
            Within::Regular(wired) => wired.tell(Protocol::handshake_completed),
            Within::Overflow(wired) => wired.tell(Protocol::handshake_completed),
        }
    }

    fn resumed(&mut self, _: &Connection<Self>) {
        match &mut self.within {
            Within::Regular(wired) => wired.tell(Protocol::resumed),
            Within::Overflow(wired) => wired.tell(Protocol::resumed),
        }
    }

    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        match &mut self.within {
            Within::Regular(wired) => wired.tell(Protocol::read_connection_lost),
            Within::Overflow(wired) => wired.tell(Protocol::read_connection_lost),
        }
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        match &mut self.within {
            Within::Regular(wired) => wired.tell(Protocol::write_connection_lost),
            Within::Overflow(wired) => wired.tell(Protocol::write_connection_lost),
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.place = None;
        match &mut self.within {
            Within::Regular(wired) => wired.tell(|this, me| this.connection_lost(me, reason)),
            Within::Overflow(wired) => wired.tell(|this, me| this.connection_lost(me, reason)),
        }
    }
}
