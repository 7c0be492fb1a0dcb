//! [`Lines`]: the protocol of a [`LineReceiver`].
//!
//! Mirrors `LineReceiver` and `LineOnlyReceiver` of
//! `twisted.protocols.basic`. Tested in `tests/framing/receivers.rs`.

use std::borrow::Cow;
use std::fmt;
#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, Protocol, short_name};

use super::flow::{Flow, Waiting, flow, when_drained};
use super::line_connection::{Asked, Mode};
use super::{LineConnection, LineEvent, LineParser, LineReceiver, LineTooLong};

/// The protocol of a [`LineReceiver`]: gives it the lines of a connection.
///
/// ```
/// use protocols::basic::{LineConnection, LineReceiver, Lines};
/// use reactor_compat::{Address, reactor};
///
/// struct Shout;
///
/// impl LineReceiver for Shout {
///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
///         transport.send_line(line.to_ascii_uppercase());
///     }
/// }
///
/// let port = reactor().listen_tcp(("127.0.0.1", 0), |_peer: Address| Lines::new(Shout))?;
/// assert!(port.get_host().port().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "LineReceiver")]
pub struct Lines<H> {
    handler: H,
    parser: LineParser,
    overlong: Overlong,
    waiting: Waiting,
    connection: Option<LineConnection<H>>,
    /// Set when a line that was too long had the connection closed.
    too_long: Option<LineTooLong>,
}

/// What happens to what has come behind a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlong {
    /// `line_length_exceeded` gets it.
    Given,
    /// It is passed over.
    PassedOver,
}

/// Whether there may be more to parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Again,
    Done,
}

impl<H: LineReceiver> Lines<H> {
    /// Lines of `handler`'s length, with its delimiter.
    ///
    /// See the [type's example](Self).
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            parser: LineParser::new(H::DELIMITER, H::MAX_LENGTH),
            overlong: Overlong::Given,
            waiting: Waiting::No,
            connection: None,
            too_long: None,
        }
    }

    /// The same, by the rules of Twisted's `LineOnlyReceiver`, which is there
    /// because it is faster; here it is not.
    ///
    /// They differ in what is too long: `line_length_exceeded` gets the line
    /// alone, the lines that have come behind it are passed over, and an
    /// unfinished line is too long with the part of a delimiter that it ends
    /// in.
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// use reactor_compat::testing::StringTransport;
    ///
    /// #[derive(Default)]
    /// struct Short(Vec<u8>);
    ///
    /// impl LineReceiver for Short {
    ///     const MAX_LENGTH: usize = 4;
    ///
    ///     fn line_received(&mut self, _: &LineConnection<Self>, _line: &[u8]) {}
    ///
    ///     fn line_length_exceeded(&mut self, _: &LineConnection<Self>, line: &[u8]) {
    ///         self.0 = line.to_vec();
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::only(Short::default()));
    /// transport.data_received(b"too long\r\nnext\r\n");
    /// assert_eq!(transport.inspect(|lines| lines.handler().0.clone()).unwrap(), b"too long");
    /// ```
    #[doc(alias = "LineOnlyReceiver")]
    pub fn only(handler: H) -> Self {
        let mut lines = Self::new(handler);
        lines.parser.give_up_alone();
        lines.overlong = Overlong::PassedOver;
        lines
    }

    /// The same with lines that end in `delimiter`, until
    /// [another](LineConnection::set_delimiter) is set.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Echo;
    /// # impl LineReceiver for Echo {
    /// #     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    /// #         transport.send_line(line);
    /// #     }
    /// # }
    /// let transport = StringTransport::new(Lines::new(Echo).delimiter(b"\0"));
    /// transport.data_received(b"one\0two\0");
    /// assert_eq!(transport.take_value(), b"one\0two\0");
    /// ```
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl AsRef<[u8]>) -> Self {
        self.parser.set_delimiter(delimiter.as_ref().to_vec());
        self
    }

    /// The same with lines of at most `max_length` bytes, until
    /// [another limit](LineConnection::set_max_length) is set.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl LineReceiver for Silent {
    /// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Lines::new(Silent).max_length(3));
    /// transport.data_received(b"four\r\n");
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
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Named(&'static str);
    /// # impl LineReceiver for Named {
    /// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Lines::new(Named("ada")));
    /// assert_eq!(transport.inspect(|lines| lines.handler().0), Some("ada"));
    /// ```
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// How many bytes wait: an unfinished line, or what came behind a pause.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl LineReceiver for Silent {
    /// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Lines::new(Silent));
    /// transport.data_received(b"one\r\ntwo");
    /// assert_eq!(transport.inspect(Lines::held), Some(3));
    /// ```
    pub fn held(&self) -> usize {
        self.parser.held()
    }

    /// What is done about the lines, to be told something; see
    /// [`project`](reactor_compat::Connection::project).
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, Lines};
    ///
    /// struct Count(usize);
    ///
    /// impl LineReceiver for Count {
    ///     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {
    ///         self.0 += 1;
    ///     }
    /// }
    ///
    /// let mut lines = Lines::new(Count(0));
    /// lines.handler_mut().0 = 7;
    /// assert_eq!(lines.handler().0, 7);
    /// ```
    pub fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    fn parse(&mut self, lines: &Connection<Self>, mut input: &[u8]) {
        let Some(connection) = self.connection.clone() else { return };
        let _parsing = connection.parsing();
        if let Some(asked) = connection.take_asked() {
            self.obey(asked, input, &mut input);
        }
        loop {
            if flow(connection.line_transport()) == Flow::Held {
                return self.hold(lines, &mut input);
            }
            let before = input;
            let mode = connection.mode();
            let step = match mode {
                Mode::Lines => self.next_lines(&connection, &mut input),
                Mode::Raw => self.next_raw(&connection, &mut input),
            };
            if let Some(asked) = connection.take_asked() {
                // What is held and what is not go on as one, with what the
                // handler passed on behind it.
                let joins = self.parser.held() > 0 || !asked.extra.is_empty();
                if mode == Mode::Lines && joins {
                    self.parser.hold(&mut input);
                }
                self.obey(asked, before, &mut input);
            }
            if step == Step::Done {
                return self.parser.hold(&mut input);
            }
        }
    }

    /// Gives the handler lines until it wants something else.
    fn next_lines(&mut self, connection: &LineConnection<H>, input: &mut &[u8]) -> Step {
        loop {
            match self.parser.next_line(input) {
                Some(LineEvent::Line(line)) => self.handler.line_received(connection, line),
                Some(LineEvent::TooLong(line)) => {
                    let open = connection.connected();
                    self.handler.line_length_exceeded(connection, line);
                    if open && !connection.connected() {
                        self.too_long = Some(self.parser.too_long());
                    }
                    if self.overlong == Overlong::PassedOver {
                        self.parser.pass_over(input);
                    }
                    return Step::Done;
                }
                None => return Step::Done,
            }
            if !connection.undisturbed() {
                return match flow(connection.line_transport()) {
                    Flow::Closing => self.disregard(input),
                    Flow::Free | Flow::Held => Step::Again,
                };
            }
        }
    }

    fn next_raw(&mut self, connection: &LineConnection<H>, input: &mut &[u8]) -> Step {
        let Some(data) = self.parser.next_raw(input) else { return Step::Done };
        connection.lend(data);
        self.handler.raw_data_received(connection, data);
        connection.unlend();
        Step::Again
    }

    /// The handler closed the connection: what has come is not wanted.
    fn disregard(&mut self, input: &mut &[u8]) -> Step {
        // As in Twisted, a `LineOnlyReceiver` still hears that the line behind
        // the last whole one is too long.
        if self.overlong == Overlong::PassedOver && !self.parser.has_line(input) {
            return Step::Again;
        }
        self.parser.clear();
        *input = &[];
        Step::Done
    }

    /// Does what the handler asked; `before` is what the input was when it was
    /// called.
    fn obey<'a>(&mut self, asked: Asked, before: &'a [u8], input: &mut &'a [u8]) {
        if asked.clear {
            self.parser.clear();
            *input = &[];
        }
        if asked.unread > 0 {
            self.parser.unread(asked.unread, before, input);
        }
        self.parser.hold(&mut &asked.extra[..]);
        if let Some(max_length) = asked.max_length {
            self.parser.set_max_length(max_length);
        }
        if let Some(delimiter) = asked.delimiter {
            self.parser.replace_delimiter(delimiter);
        }
    }

    /// Keeps what has come until the protocol may go on.
    fn hold(&mut self, lines: &Connection<Self>, input: &mut &[u8]) {
        self.parser.hold(input);
        if self.waiting == Waiting::No && self.parser.has_more() {
            self.waiting = when_drained(lines, |lines| &mut lines.waiting);
        }
    }
}

impl<H: LineReceiver> Protocol for Lines<H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<H>().into()
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        let connection = LineConnection::new(transport, &self.parser);
        self.connection = Some(connection.clone());
        self.handler.connection_made(&connection);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.parse(transport, data);
    }

    fn receives_descriptors(&self) -> bool {
        self.handler.receives_descriptors()
    }

    #[cfg(unix)]
    fn file_descriptor_received(&mut self, _transport: &Connection<Self>, descriptor: OwnedFd) {
        if let Some(connection) = self.connection.clone() {
            self.handler.file_descriptor_received(&connection, descriptor);
        }
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
        let reason = match self.too_long {
            Some(error) if reason.is::<ConnectionDone>() => Failure::new(error),
            _ => reason,
        };
        if let Some(connection) = self.connection.take() {
            self.handler.connection_lost(&connection, reason);
        }
    }
}

impl<H: fmt::Debug> fmt::Debug for Lines<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("handler", &self.handler)
            .field("held", &self.parser.held())
            .finish_non_exhaustive()
    }
}
