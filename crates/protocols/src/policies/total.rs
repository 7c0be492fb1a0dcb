//! [`LimitTotalConnectionsFactory`]: so many connections, and what is said to
//! the rest.
//!
//! Mirrors `LimitTotalConnectionsFactory` of `twisted.protocols.policies`.
//! Tested in `tests/policies/policies.rs`.

use std::borrow::Cow;

use reactor_compat::{Address, Connection, ConnectionEvent, Factory, Protocol};

use super::count::{ConnectionCount, Counted};
use crate::inner::Inner;

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
            Within::Regular(Inner::new(self.wrapped.build_protocol(peer)?))
        } else {
            Within::Overflow(Inner::new(self.overflow.build_protocol(peer)?))
        };
        Some(OrOverflow { within, counted: Some(self.count.add()) })
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
pub enum NeverMade {}

impl Protocol for NeverMade {}

impl Factory for NoOverflow {
    type Protocol = NeverMade;

    fn build_protocol(&mut self, _peer: Address) -> Option<NeverMade> {
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
    counted: Option<Counted>,
}

#[derive(Debug)]
enum Within<P, O> {
    Regular(Inner<P>),
    Overflow(Inner<O>),
}

impl<P: Protocol, O: Protocol> OrOverflow<P, O> {
    fn regular(&mut self) -> Option<&mut P> {
        match &mut self.within {
            Within::Regular(inner) => Some(&mut inner.protocol),
            Within::Overflow(_) => None,
        }
    }

    fn overflow(&mut self) -> Option<&mut O> {
        match &mut self.within {
            Within::Regular(_) => None,
            Within::Overflow(inner) => Some(&mut inner.protocol),
        }
    }
}

impl<P: Protocol, O: Protocol> Protocol for OrOverflow<P, O> {
    fn log_prefix(&self) -> Cow<'static, str> {
        match &self.within {
            Within::Regular(inner) => inner.protocol.log_prefix(),
            Within::Overflow(inner) => inner.protocol.log_prefix(),
        }
    }

    fn receives_descriptors(&self) -> bool {
        match &self.within {
            Within::Regular(inner) => inner.protocol.receives_descriptors(),
            Within::Overflow(inner) => inner.protocol.receives_descriptors(),
        }
    }

    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionLost(_) = event {
            self.counted = None;
        }
        let makes = matches!(event, ConnectionEvent::ConnectionMade);
        match &mut self.within {
            Within::Regular(inner) if makes => inner.connect(connection.project_if(Self::regular)),
            Within::Regular(inner) => inner.handle(event),
            Within::Overflow(inner) if makes => {
                inner.connect(connection.project_if(Self::overflow));
            }
            Within::Overflow(inner) => inner.handle(event),
        }
    }
}
