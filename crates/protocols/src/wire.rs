//! The small servers of the early RFCs.
//!
//! Mirrors `twisted.protocols.wire`. Tested in `tests/servers/wire.rs`.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use reactor_compat::{Connection, Producer, ProducerKind, Protocol, Transport};

/// Writes back whatever it gets (RFC 862).
///
/// ```
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Echo);
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"hello");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

/// Ignores whatever it gets (RFC 863).
///
/// ```
/// use protocols::wire::Discard;
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Discard);
/// transport.data_received(b"hello");
/// assert!(transport.take_value().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Protocol for Discard {}

/// The bytes that [`Chargen`] writes.
const NOISE: &[u8] =
    br##"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~ !"#$%&?"##;

/// Writes noise for as long as it is read (RFC 864).
///
/// ```
/// use protocols::wire::Chargen;
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Chargen);
/// assert!(transport.take_value().starts_with(b"@ABC"));
/// assert!(transport.take_value().starts_with(b"@ABC"), "what is read is written again");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Chargen;

impl Protocol for Chargen {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let noise = Noise { to: transport.transport().clone() };
        if transport.register_producer(noise, ProducerKind::Pull).is_err() {
            transport.abort_connection();
        }
    }
}

struct Noise {
    to: Transport,
}

impl Producer for Noise {
    fn pause_producing(&self) {}

    fn resume_producing(&self) {
        self.to.write(NOISE);
    }

    fn stop_producing(&self) {}
}

/// Writes one text and hangs up: what [`Qotd`] and [`Who`] do.
fn say(transport: &Transport, text: &[u8]) {
    transport.write(text);
    transport.lose_connection();
}

/// Writes a quote of the day (RFC 865).
///
/// ```
/// use protocols::wire::Qotd;
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Qotd::default());
/// assert_eq!(transport.take_value(), b"An apple a day keeps the doctor away.\r\n");
/// assert!(transport.transport().disconnecting());
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "QOTD")]
pub struct Qotd {
    /// The quote, with its line ending.
    pub quote: String,
}

impl Default for Qotd {
    fn default() -> Self {
        Self { quote: "An apple a day keeps the doctor away.\r\n".to_owned() }
    }
}

impl Protocol for Qotd {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        say(transport, self.quote.as_bytes());
    }
}

/// Writes who is logged in (RFC 866).
///
/// ```
/// use protocols::wire::Who;
/// use reactor_compat::testing::StringTransport;
///
/// assert_eq!(StringTransport::new(Who::default()).take_value(), b"root\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Who {
    /// The users, each with its line ending.
    pub users: String,
}

impl Default for Who {
    fn default() -> Self {
        Self { users: "root\r\n".to_owned() }
    }
}

impl Protocol for Who {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        say(transport, self.users.as_bytes());
    }
}

/// Writes the time, in words, UTC (RFC 867).
///
/// ```
/// use protocols::wire::Daytime;
/// use reactor_compat::testing::StringTransport;
/// use std::time::UNIX_EPOCH;
///
/// let transport = StringTransport::new(Daytime { now: || UNIX_EPOCH });
/// assert_eq!(transport.take_value(), b"Thu Jan  1 00:00:00 1970\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Daytime {
    /// The clock that it asks for the time.
    pub now: fn() -> SystemTime,
}

impl Default for Daytime {
    fn default() -> Self {
        Self { now: SystemTime::now }
    }
}

impl Protocol for Daytime {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        // A clock that is thousands of years off has no time to tell.
        let now = Timestamp::try_from((self.now)()).unwrap_or(Timestamp::UNIX_EPOCH);
        say(transport, now.strftime("%a %b %e %H:%M:%S %Y\r\n").to_string().as_bytes());
    }
}

/// Writes the time as four bytes (RFC 868).
///
/// Twisted writes the seconds since 1970, where the RFC counts from 1900; so do
/// we, and as there they come round in 2106.
///
/// ```
/// use protocols::wire::Time;
/// use reactor_compat::testing::StringTransport;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let transport = StringTransport::new(Time { now: || UNIX_EPOCH + Duration::from_secs(258) });
/// assert_eq!(transport.take_value(), [0, 0, 1, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Time {
    /// The clock that it asks for the time.
    pub now: fn() -> SystemTime,
}

impl Default for Time {
    fn default() -> Self {
        Self { now: SystemTime::now }
    }
}

impl Protocol for Time {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let since = (self.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let [.., a, b, c, d] = since.as_secs().to_be_bytes();
        say(transport, &[a, b, c, d]);
    }
}
