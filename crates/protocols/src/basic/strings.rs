//! [`Strings`]: the protocols of a [`StringReceiver`].
//!
//! Mirrors `NetstringReceiver`, `Int8StringReceiver`, `Int16StringReceiver`
//! and `Int32StringReceiver` of `twisted.protocols.basic`. Tested in
//! `tests/framing/receivers.rs`.

use std::borrow::Cow;
use std::fmt;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, Protocol, short_name};

use super::flow::{Flow, Waiting, flow, when_drained};
use super::{
    Format, Int8, Int16, Int32, Netstring, StringConnection, StringParser, StringReceiver,
};

/// The protocol of a [`StringReceiver`]: gives it the strings of a connection,
/// in the format `F`. It is used by one of its names:
///
/// | name | a string is sent as |
/// |---|---|
/// | [`Netstrings`] | its length in decimal, `:`, the string, `,` |
/// | [`Int8Strings`] | its length in one byte, the string |
/// | [`Int16Strings`] | its length in two bytes, network byte order, the string |
/// | [`Int32Strings`] | its length in four bytes, network byte order, the string |
///
/// ```
/// use protocols::basic::{Int16Strings, StringConnection, StringReceiver};
/// use reactor_compat::{Address, reactor};
///
/// struct Collect(Vec<Vec<u8>>);
///
/// impl StringReceiver for Collect {
///     fn string_received(&mut self, _: &StringConnection<Self>, string: &[u8]) {
///         self.0.push(string.to_vec());
///     }
/// }
///
/// let make = |_peer: Address| Int16Strings::new(Collect(Vec::new()));
/// let port = reactor().listen_tcp(("127.0.0.1", 0), make)?;
/// assert!(port.get_host().port().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Strings<F, H> {
    handler: H,
    parser: StringParser<F>,
    waiting: Waiting,
    connection: Option<StringConnection<H>>,
    /// Why we had the connection closed, if it was for what came.
    refused: Option<Failure>,
}

/// Strings as netstrings; see [`Strings`].
#[doc(alias = "NetstringReceiver")]
pub type Netstrings<H> = Strings<Netstring, H>;

/// Strings behind their length in one byte; see [`Strings`].
#[doc(alias = "Int8StringReceiver")]
pub type Int8Strings<H> = Strings<Int8, H>;

/// Strings behind their length in two bytes; see [`Strings`].
#[doc(alias = "Int16StringReceiver")]
pub type Int16Strings<H> = Strings<Int16, H>;

/// Strings behind their length in four bytes; see [`Strings`].
#[doc(alias = "Int32StringReceiver")]
pub type Int32Strings<H> = Strings<Int32, H>;

impl<F: Format, H: StringReceiver> Strings<F, H> {
    /// Strings of at most `handler`'s length.
    ///
    /// See the [type's example](Self).
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            parser: StringParser::new(H::MAX_LENGTH),
            waiting: Waiting::No,
            connection: None,
            refused: None,
        }
    }

    /// The same with strings of at most `max_length` bytes, until
    /// [another limit](StringConnection::set_max_length) is set.
    ///
    /// ```
    /// # use protocols::basic::{Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl StringReceiver for Silent {
    /// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Netstrings::new(Silent).max_length(3));
    /// transport.data_received(b"4");
    /// assert!(transport.disconnecting());
    /// ```
    #[must_use]
    pub fn max_length(mut self, max_length: usize) -> Self {
        self.parser.set_max_length(max_length);
        self
    }

    /// The handler.
    ///
    /// ```
    /// # use protocols::basic::{Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Named(&'static str);
    /// # impl StringReceiver for Named {
    /// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Netstrings::new(Named("ada")));
    /// assert_eq!(transport.inspect(|strings| strings.handler().0), Some("ada"));
    /// ```
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// How many bytes wait: an unfinished string, or what came behind a pause.
    ///
    /// ```
    /// # use protocols::basic::{Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl StringReceiver for Silent {
    /// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Netstrings::new(Silent));
    /// transport.data_received(b"3:one,3:tw");
    /// assert_eq!(transport.inspect(Netstrings::held), Some(4));
    /// ```
    pub fn held(&self) -> usize {
        self.parser.held()
    }

    pub(super) fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    fn parse(&mut self, strings: &Connection<Self>, mut input: &[u8]) {
        let Some(connection) = self.connection.clone() else { return };
        let transport = connection.string_transport();
        while flow(transport) != Flow::Held {
            self.parser.set_max_length(connection.max_length());
            match self.parser.next_string(&mut input) {
                None => return,
                Some(Ok(string)) => self.handler.string_received(&connection, string),
                Some(Err(error)) => return self.refuse(&connection, error),
            }
        }
        self.parser.hold(&mut input);
        if self.waiting == Waiting::No && self.parser.held() > 0 {
            self.waiting = when_drained(strings, |strings| &mut strings.waiting);
        }
    }

    /// What came is no string, or is too long.
    fn refuse(&mut self, connection: &StringConnection<H>, error: F::Error) {
        let open = connection.connected();
        match F::refused(error) {
            Some(length) => self.handler.length_limit_exceeded(connection, length),
            None => connection.lose_connection(),
        }
        if open && !connection.connected() {
            self.refused = Some(Failure::new(error));
        }
    }
}

impl<F: Format, H: StringReceiver> Protocol for Strings<F, H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<H>().into()
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        let connection = StringConnection::new(transport, self.parser.max_length());
        self.connection = Some(connection.clone());
        self.handler.connection_made(&connection);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.parse(transport, data);
    }

    fn resumed(&mut self, transport: &Connection<Self>) {
        self.parse(transport, &[]);
    }

    fn read_connection_lost(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.read_connection_lost(&connection);
        }
    }

    fn write_connection_lost(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.write_connection_lost(&connection);
        }
    }

    fn handshake_completed(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.handshake_completed(&connection);
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, reason: Failure) {
        let reason = match self.refused.take() {
            Some(refused) if reason.is::<ConnectionDone>() => refused,
            _ => reason,
        };
        if let Some(connection) = self.connection.take() {
            self.handler.connection_lost(&connection, reason);
        }
    }
}

impl<F: Format, H: fmt::Debug> fmt::Debug for Strings<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strings")
            .field("handler", &self.handler)
            .field("held", &self.parser.held())
            .finish_non_exhaustive()
    }
}
