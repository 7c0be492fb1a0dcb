//! [`TimeoutFactory`]: idle connections are closed.
//!
//! Mirrors `TimeoutFactory` and `TimeoutProtocol` of
//! `twisted.protocols.policies`. Tested in `tests/policies/policies.rs`.

use std::time::Duration;

use reactor_compat::{Address, Connection, ConnectionEvent, Factory, ReactorTime};

use super::timeout::{Timeout, TimeoutMixin};
use super::watcher::{Watcher, WatcherFactory};
use super::wrapper::WrappingFactory;

/// A factory whose connections are closed when nothing has been read or
/// written for a while.
///
/// Twisted's default is 30 minutes, [`IdleTimeouts::PERIOD`].
///
/// ```
/// use deferred::time::Clock;
/// use protocols::policies::TimeoutFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let mut factory = TimeoutFactory::new(|_: Address| Echo, &clock, Duration::from_secs(3));
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// clock.advance(Duration::from_secs(2));
/// transport.data_received(b"hello");
/// clock.advance(Duration::from_secs(2));
/// assert!(transport.connected());
/// clock.advance(Duration::from_secs(1));
/// assert!(transport.disconnecting());
/// ```
pub type TimeoutFactory<F> = WrappingFactory<F, IdleTimeouts>;

impl<F: Factory> WrappingFactory<F, IdleTimeouts> {
    /// `wrapped`, whose connections are closed when they have been idle for
    /// `period`; with `None`, for as long as their
    /// [watcher](super::ProtocolWrapper::watcher_mut) is told.
    ///
    /// See the example of [`TimeoutFactory`].
    pub fn new<C: ReactorTime + Clone + 'static>(
        wrapped: F,
        clock: &C,
        period: impl Into<Option<Duration>>,
    ) -> Self {
        let clock = clock.clone();
        let timeout = Box::new(move || Timeout::new(&clock));
        Self::with(wrapped, IdleTimeouts { timeout, period: period.into() })
    }
}

/// Makes the watchers of a [`TimeoutFactory`].
///
/// See the example of [`TimeoutFactory`].
pub struct IdleTimeouts {
    timeout: Box<dyn Fn() -> Timeout>,
    period: Option<Duration>,
}

impl IdleTimeouts {
    /// Twisted's default, 30 minutes.
    ///
    /// ```
    /// # use protocols::policies::IdleTimeouts;
    /// assert_eq!(IdleTimeouts::PERIOD.as_secs(), 1800);
    /// ```
    pub const PERIOD: Duration = Duration::from_secs(30 * 60);
}

impl WatcherFactory for IdleTimeouts {
    type Watcher = TimeoutProtocol;

    fn build_watcher(&mut self, _peer: Address) -> Option<TimeoutProtocol> {
        Some(TimeoutProtocol { timeout: (self.timeout)(), period: self.period })
    }
}

/// The watcher of one connection: closes it when it has been idle for too
/// long.
///
/// It is a [`TimeoutMixin`], so its limit can be changed.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::policies::{TimeoutFactory, TimeoutMixin};
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let mut factory = TimeoutFactory::new(|_: Address| Echo, &clock, Duration::from_secs(3));
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// let watcher = transport.connection().project(|wrapper| wrapper.watcher_mut());
/// watcher.call(|this, transport| {
///     this.set_timeout(transport, None);
/// });
/// clock.advance(Duration::from_secs(10));
/// assert!(transport.connected());
/// ```
#[derive(Debug)]
pub struct TimeoutProtocol {
    timeout: Timeout,
    period: Option<Duration>,
}

impl TimeoutMixin for TimeoutProtocol {
    fn timeout(&mut self) -> &mut Timeout {
        &mut self.timeout
    }
}

impl Watcher for TimeoutProtocol {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                self.set_timeout(connection, self.period);
                let reset = self.timeout.resetter();
                connection.tap_writes(move |_data| reset());
            }
            ConnectionEvent::DataReceived(_) => self.reset_timeout(),
            ConnectionEvent::ConnectionLost(_) => {
                self.set_timeout(connection, None);
            }
            _ => {}
        }
    }
}
