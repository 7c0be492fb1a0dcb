//! [`MemCacheProtocol`]: a connection to a memcached server.
//!
//! Mirrors `twisted.protocols.memcache.MemCacheProtocol`. Tested in
//! `tests/servers/memcache.rs`.

use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::{Connection, Protocol, ReactorTime, Transport};

use super::client::Line;
use super::{BadReply, MemCacheClient, ReplyParser};
use crate::flow::{hand_over, refuse_plaintext};
use crate::policies::Timeout;

/// A connection to a memcached server; what is said on it, its
/// [client](Self::client) says.
///
/// A reply that makes no sense cuts the connection.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use deferred::time::Clock;
/// use protocols::memcache::{BadReply, MemCacheProtocol};
/// use reactor_compat::testing::StringTransport;
///
/// let protocol = MemCacheProtocol::new(&Clock::new());
/// let client = protocol.client();
/// let transport = StringTransport::new(protocol);
/// let got = client.get("foo");
/// transport.data_received(b"What?\r\n");
/// assert_eq!(failure_result_of(got).check(), Some(&BadReply::Unknown));
/// assert!(!transport.connected());
/// ```
pub struct MemCacheProtocol {
    line: Rc<Line>,
    parser: ReplyParser,
}

impl MemCacheProtocol {
    /// How long a server that owes an answer may say nothing.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::MemCacheProtocol::TIMEOUT.as_secs(), 60);
    /// ```
    #[doc(alias = "persistentTimeOut")]
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// How long a value may be, unless it is [set](Self::max_value_length).
    /// What memcached takes is a megabyte, unless it is told otherwise.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::MemCacheProtocol::MAX_VALUE_LENGTH, 8 << 20);
    /// ```
    pub const MAX_VALUE_LENGTH: usize = 8 << 20;

    /// One whose server has [a minute](Self::TIMEOUT) to answer, by `clock`.
    ///
    /// See the [type's example](Self).
    pub fn new<C: ReactorTime + Clone + 'static>(clock: &C) -> Self {
        Self::with_timeout(clock, Self::TIMEOUT)
    }

    /// One whose server has so long to answer.
    ///
    /// ```
    /// # use deferred::{TimeoutError, testing::failure_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let protocol = MemCacheProtocol::with_timeout(&clock, Duration::from_secs(5));
    /// let client = protocol.client();
    /// let transport = StringTransport::new(protocol);
    /// let got = client.get("foo");
    /// clock.advance(Duration::from_secs(5));
    /// assert!(failure_result_of(got).is::<TimeoutError>());
    /// assert!(transport.disconnecting());
    /// ```
    #[doc(alias = "timeOut")]
    pub fn with_timeout<C: ReactorTime + Clone + 'static>(clock: &C, period: Duration) -> Self {
        let line = Rc::new(Line::new(Timeout::new(clock), period));
        Self { line, parser: ReplyParser::new(Self::MAX_VALUE_LENGTH) }
    }

    /// Sets how long a value may be that is got.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::memcache::MemCacheProtocol;
    /// let protocol = MemCacheProtocol::new(&Clock::new()).max_value_length(64 << 20);
    /// # drop(protocol);
    /// ```
    #[must_use]
    pub fn max_value_length(mut self, bytes: usize) -> Self {
        self.parser.set_max_value(bytes);
        self
    }

    /// The client that speaks on this connection.
    ///
    /// See the [type's example](Self).
    pub fn client(&self) -> MemCacheClient {
        self.line.client()
    }

    fn read(&mut self, transport: &Transport, mut data: &[u8]) -> Result<(), BadReply> {
        while let Some(reply) = self.parser.next_reply(&mut data)? {
            self.line.answer(reply)?;
            if hand_over(transport, data) {
                break;
            }
        }
        Ok(())
    }
}

impl Protocol for MemCacheProtocol {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.line.made(transport);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.line.heard();
        if let Err(error) = self.read(transport, data) {
            transport.abort_connection();
            self.line.over(&error.into());
        }
    }

    fn layer_pushed(&mut self, transport: &Connection<Self>) {
        hand_over(transport, &self.parser.take_held());
    }

    fn handshake_completed(&mut self, transport: &Connection<Self>) {
        refuse_plaintext(transport, self.parser.held());
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.line.over(&reason);
    }
}

impl std::fmt::Debug for MemCacheProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MemCacheProtocol").field(&self.client()).finish()
    }
}
