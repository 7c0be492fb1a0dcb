//! [`Strings`]: the protocols of a [`StringReceiver`].
//!
//! Mirrors `NetstringReceiver`, `Int8StringReceiver`, `Int16StringReceiver`
//! and `Int32StringReceiver` of `twisted.protocols.basic`. Tested in
//! `tests/framing/receivers.rs`.

use std::borrow::Cow;
use std::fmt;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, ConnectionEvent, Protocol, Transport};

use super::requested::Requested;
use super::{
    Format, FramedTransport, Int8, Int16, Int32, Netstring, StringConnection, StringParser,
    StringReceiver,
};
use crate::flow::{Flow, flow, hand_over, refuse_plaintext};
use crate::inner::Inner;
use crate::memory_budget::{Allotment, MemoryBudget};

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
/// use protocols::basic::{FramedTransport, Int16Strings, StringConnection, StringReceiver};
/// use reactor_compat::{Address, Protocol, reactor};
///
/// struct Collect(Vec<Vec<u8>>);
///
/// impl Protocol<FramedTransport> for Collect {}
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
///
/// A client that has connected has a `Connection` of it, and speaks on that by
/// [`SendString`](super::SendString):
///
/// ```
/// use protocols::basic::SendString;
/// # use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
/// # use reactor_compat::{Protocol, testing::StringTransport};
/// # struct Silent;
/// # impl Protocol<FramedTransport> for Silent {}
/// # impl StringReceiver for Silent {
/// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
/// # }
/// # let transport = StringTransport::new(Netstrings::new(Silent));
/// # let connection = transport.connection();
/// drop(connection.send_string("hello"));
/// assert_eq!(transport.take_value(), b"5:hello,");
/// ```
pub struct Strings<F, H> {
    inner: Inner<H, FramedTransport>,
    /// The transport of the connection of `inner`, at hand.
    transport: Option<FramedTransport>,
    parser: StringParser<F>,
    /// Why we had the connection closed, if it was for what came.
    refused: Option<Failure>,
    allotment: Allotment,
}

/// Strings as netstrings; see the examples of [`Strings`].
#[doc(alias = "NetstringReceiver")]
pub type Netstrings<H> = Strings<Netstring, H>;

/// Strings behind their length in one byte; see the examples of [`Strings`].
#[doc(alias = "Int8StringReceiver")]
pub type Int8Strings<H> = Strings<Int8, H>;

/// Strings behind their length in two bytes; see the examples of [`Strings`].
#[doc(alias = "Int16StringReceiver")]
pub type Int16Strings<H> = Strings<Int16, H>;

/// Strings behind their length in four bytes; see the examples of [`Strings`].
#[doc(alias = "Int32StringReceiver")]
pub type Int32Strings<H> = Strings<Int32, H>;

impl<F: Format, H: StringReceiver> Strings<F, H> {
    /// Strings of at most `handler`'s length.
    ///
    /// See the [type's example](Self).
    pub fn new(handler: H) -> Self {
        Self {
            inner: Inner::new(handler),
            transport: None,
            parser: StringParser::new(H::MAX_LENGTH),
            refused: None,
            allotment: Allotment::default(),
        }
    }

    /// The same with strings of at most `max_length` bytes, until
    /// [another limit](FramedTransport::set_max_length) is set.
    ///
    /// ```
    /// # use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<FramedTransport> for Silent {}
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

    /// The same, whose peer has to share `budget` with those of other connections.
    ///
    /// See the example of [`MemoryBudget`].
    #[must_use]
    pub fn budget(mut self, budget: &MemoryBudget) -> Self {
        self.allotment = Allotment::Of(budget.clone());
        self
    }

    /// The handler.
    ///
    /// ```
    /// # use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Named(&'static str);
    /// # impl Protocol<FramedTransport> for Named {}
    /// # impl StringReceiver for Named {
    /// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Netstrings::new(Named("ada")));
    /// assert_eq!(transport.inspect(|strings| strings.handler().0), Some("ada"));
    /// ```
    pub fn handler(&self) -> &H {
        &self.inner.protocol
    }

    /// How many bytes wait: an unfinished string, or what came behind a pause.
    ///
    /// ```
    /// # use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<FramedTransport> for Silent {}
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

    /// The handler, to be changed; see
    /// [`project`](reactor_compat::Connection::project).
    ///
    /// ```
    /// use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::Protocol;
    ///
    /// struct Count(usize);
    ///
    /// impl Protocol<FramedTransport> for Count {}
    ///
    /// impl StringReceiver for Count {
    ///     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {
    ///         self.0 += 1;
    ///     }
    /// }
    ///
    /// let mut strings = Netstrings::new(Count(0));
    /// strings.handler_mut().0 = 7;
    /// assert_eq!(strings.handler().0, 7);
    /// ```
    pub fn handler_mut(&mut self) -> &mut H {
        &mut self.inner.protocol
    }

    /// The connection as the handler has it, while there is one.
    pub(super) fn receiver(&self) -> Option<StringConnection<H>> {
        self.inner.connection.clone()
    }

    /// Gives the handler what is held and `input`, for as long as it may have
    /// more, and counts what is held then.
    pub(super) fn parse(&mut self, input: &[u8]) {
        let Some(framed) = self.transport.clone() else { return };
        self.find(&framed, input);
        if self.allotment.keep(&framed, self.parser.memory()) {
            self.parser.clear();
        }
    }

    fn find(&mut self, framed: &FramedTransport, mut input: &[u8]) {
        let Some(connection) = &self.inner.connection else { return };
        let (transport, limit): (&Transport, _) = (framed, framed.limit());
        let _parsing = framed.requested().parsing();
        carry_out(framed, &mut self.parser, &mut input);
        while flow(transport) != Flow::Held {
            self.parser.set_max_length(limit.get());
            match self.parser.next_string(&mut input) {
                None => return,
                Some(Ok(string)) => self.inner.protocol.string_received(connection, string),
                Some(Err(error)) => {
                    let open = transport.connected();
                    match F::refused(error) {
                        Some(length) => {
                            self.inner.protocol.length_limit_exceeded(connection, length);
                        }
                        None => transport.lose_connection(),
                    }
                    if open && !transport.connected() {
                        self.refused = Some(Failure::new(error));
                    }
                }
            }
            carry_out(framed, &mut self.parser, &mut input);
        }
        // A layer that was pushed gets it when it is put in.
        self.parser.hold(&mut input);
    }

    /// Has the handler handle what is not data.
    fn pass_on(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                let transport = FramedTransport::new(connection, self.parser.max_length());
                let inside = connection.project(Self::handler_mut);
                self.transport = Some(transport.clone());
                self.allotment.begin(connection);
                self.inner.connect(inside.with_transport(transport));
            }
            ConnectionEvent::ConnectionLost(reason) => self.lost(reason),
            ConnectionEvent::Resumed => {
                self.inner.handle(event);
                self.parse(&[]);
            }
            ConnectionEvent::LayerPushed => {
                // The handler's part came first.
                self.inner.handle(event);
                if hand_over(connection, self.parser.held_bytes()) {
                    self.parser.clear();
                }
                self.allotment.keep(connection, self.parser.memory());
            }
            ConnectionEvent::HandshakeCompleted => {
                refuse_plaintext(connection, self.parser.held());
                self.inner.handle(event);
            }
            event => self.inner.handle(event),
        }
    }

    fn lost(&mut self, reason: Failure) {
        let reason = match self.refused.take() {
            Some(refused) if reason.is::<ConnectionDone>() => refused,
            _ => reason,
        };
        let transport = self.transport.take();
        let requested = transport.as_ref().map(FramedTransport::requested);
        let ending = requested.map(Requested::ending);
        self.inner.handle(ConnectionEvent::ConnectionLost(reason));
        // What it clears now, such as a string without an end, it still gets.
        if let Some(requests) = requested.and_then(Requested::take) {
            requests.carry_out(&mut self.parser, &mut &[][..]);
        }
        drop(ending);
        self.allotment = Allotment::default();
    }
}

/// Does what the handler requested.
#[inline]
fn carry_out<F: Format>(framed: &FramedTransport, parser: &mut StringParser<F>, input: &mut &[u8]) {
    while let Some(requests) = framed.requested().take() {
        requests.carry_out(parser, input);
    }
}

impl<F: Format, H: StringReceiver> Protocol for Strings<F, H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        self.inner.protocol.log_prefix()
    }

    fn receives_descriptors(&self) -> bool {
        self.inner.protocol.receives_descriptors()
    }

    #[inline]
    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::DataReceived(data) => self.parse(data),
            event => self.pass_on(connection, event),
        }
    }
}

impl<F: Format, H: fmt::Debug> fmt::Debug for Strings<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strings")
            .field("handler", &self.inner.protocol)
            .field("held", &self.parser.held())
            .finish_non_exhaustive()
    }
}
