//! [`ThrottlingFactory`]: so many bytes a second, so many connections.
//!
//! Mirrors `ThrottlingFactory` and `ThrottlingProtocol` of
//! `twisted.protocols.policies`. Tested in `tests/policies/policies.rs`.

use std::fmt;
use std::rc::Rc;

use reactor_compat::{Address, Connection, ConnectionEvent, Factory, ReactorTime, log};

use super::count::{ConnectionCount, Counted};
use super::meter::Meter;
use super::watcher::{Watcher, WatcherFactory};
use super::wrapper::WrappingFactory;

/// A factory whose connections read and write so many bytes a second, all
/// together or each; and that takes so many connections.
///
/// As in Twisted, what is read and written is counted, and looked at every
/// second. If it was too much, reading is paused, or what is written is kept,
/// for as long as it takes until the average is right: a limit is kept over
/// seconds, not within one. For a limit within a second there is
/// [`htb`](crate::htb).
///
/// Unlike in Twisted, writing is held up with or without a producer; without
/// one, what is kept is bounded by the transport's
/// [water marks](reactor_compat::WaterMarks), which stop it from reading. A
/// connection that comes while the others are held up is held up as well; one
/// that closes is let go at the next look.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::policies::{Throttle, ThrottlingFactory};
/// use protocols::wire::Discard;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let throttle = Throttle::new(&clock).read_limit(10);
/// let mut factory = ThrottlingFactory::new(|_: Address| Discard, throttle);
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// transport.data_received(b"0123456789abcdefghij");
/// clock.advance(Duration::from_secs(1));
/// assert!(!transport.reading(), "it read 20 bytes in a second, and may read 10");
/// clock.advance(Duration::from_secs(1));
/// assert!(transport.reading());
/// ```
pub type ThrottlingFactory<F> = WrappingFactory<F, Throttle>;

impl<F: Factory> WrappingFactory<F, Throttle> {
    /// `wrapped`, held up by `throttle`.
    ///
    /// See the example of [`ThrottlingFactory`].
    pub fn new(wrapped: F, throttle: Throttle) -> Self {
        Self::with(wrapped, throttle)
    }

    /// How many connections there are.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{policies::{Throttle, ThrottlingFactory}, wire::Echo};
    /// # use reactor_compat::{Address, Factory};
    /// let throttle = Throttle::new(&Clock::new()).max_connections(1);
    /// let mut factory = ThrottlingFactory::new(|_: Address| Echo, throttle);
    /// let _first = factory.build_protocol(Address::Pipe);
    /// assert!(factory.build_protocol(Address::Pipe).is_none());
    /// assert_eq!(factory.connection_count().get(), 1);
    /// ```
    #[doc(alias = "connectionCount")]
    pub fn connection_count(&mut self) -> ConnectionCount {
        self.watchers_mut().count.clone()
    }
}

/// Whose bytes are counted together.
enum Scope {
    /// Those of all connections.
    Factory(Option<Rc<Meter>>),
    /// Those of each.
    Connection,
}

/// The limits of a [`ThrottlingFactory`]; it makes its watchers.
///
/// ```
/// use protocols::policies::Throttle;
/// use reactor_compat::Reactor;
///
/// let throttle = Throttle::new(&Reactor::new())
///     .max_connections(1000)
///     .read_limit(1 << 20)
///     .write_limit(1 << 20);
/// # drop(throttle);
/// ```
pub struct Throttle {
    clock: Rc<dyn ReactorTime>,
    max_connections: usize,
    read_limit: Option<u64>,
    write_limit: Option<u64>,
    scope: Scope,
    count: ConnectionCount,
}

impl Throttle {
    /// No limits.
    ///
    /// See the [type's example](Self).
    pub fn new<C: ReactorTime + Clone + 'static>(clock: &C) -> Self {
        Self {
            clock: Rc::new(clock.clone()),
            max_connections: usize::MAX,
            read_limit: None,
            write_limit: None,
            scope: Scope::Factory(None),
            count: ConnectionCount::default(),
        }
    }

    /// Refuses connections while there are so many.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "maxConnectionCount")]
    #[must_use]
    pub fn max_connections(self, max: usize) -> Self {
        Self { max_connections: max, ..self }
    }

    /// Reads so many bytes a second, and at least one.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "readLimit")]
    #[must_use]
    pub fn read_limit(self, limit: u64) -> Self {
        Self { read_limit: Some(limit), ..self }
    }

    /// Writes so many bytes a second, and at least one.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "writeLimit")]
    #[must_use]
    pub fn write_limit(self, limit: u64) -> Self {
        Self { write_limit: Some(limit), ..self }
    }

    /// Has the limits of bytes be those of each connection, where they would
    /// be those of all together.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{policies::{Throttle, ThrottlingFactory}, wire::Discard};
    /// # use reactor_compat::{Address, Factory, testing::StringTransport};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let throttle = Throttle::new(&clock).read_limit(10).per_connection();
    /// let mut factory = ThrottlingFactory::new(|_: Address| Discard, throttle);
    /// let busy = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    /// let quiet = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    /// busy.data_received(&[0; 20]);
    /// clock.advance(Duration::from_secs(1));
    /// assert!(!busy.reading());
    /// assert!(quiet.reading());
    /// ```
    #[must_use]
    pub fn per_connection(self) -> Self {
        Self { scope: Scope::Connection, ..self }
    }

    fn meter(&mut self) -> Rc<Meter> {
        let (clock, reads, writes) = (&self.clock, self.read_limit, self.write_limit);
        let make = || Rc::new(Meter::new(clock.clone(), reads, writes));
        match &mut self.scope {
            Scope::Factory(meter) => meter.get_or_insert_with(make).clone(),
            Scope::Connection => make(),
        }
    }
}

impl WatcherFactory for Throttle {
    type Watcher = ThrottlingProtocol;

    fn build_watcher(&mut self, _peer: Address) -> Option<ThrottlingProtocol> {
        if self.count.get() >= self.max_connections {
            log::msg("Max connection count reached!");
            return None;
        }
        Some(ThrottlingProtocol {
            meter: self.meter(),
            counted: Some(self.count.add()),
            number: None,
        })
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("connections", &self.count.get())
            .field("max_connections", &self.max_connections)
            .field("read_limit", &self.read_limit)
            .field("write_limit", &self.write_limit)
            .finish_non_exhaustive()
    }
}

/// The watcher of one connection: counts what it reads and writes.
///
/// See the example of [`ThrottlingFactory`].
pub struct ThrottlingProtocol {
    meter: Rc<Meter>,
    counted: Option<Counted>,
    /// Its number with the meter.
    number: Option<u64>,
}

impl ThrottlingProtocol {
    fn leave(&mut self) {
        self.counted = None;
        if let Some(number) = self.number.take() {
            self.meter.leave(number);
        }
    }
}

impl Watcher for ThrottlingProtocol {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => self.number = Some(self.meter.join(connection)),
            ConnectionEvent::DataReceived(data) => self.meter.read(data.len()),
            ConnectionEvent::ConnectionLost(_) => self.leave(),
            _ => {}
        }
    }
}

impl Drop for ThrottlingProtocol {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for ThrottlingProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottlingProtocol").field("number", &self.number).finish_non_exhaustive()
    }
}
