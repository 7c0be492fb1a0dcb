//! [`Lines`]: the protocol of a [`LineReceiver`].
//!
//! Mirrors `LineReceiver` and `LineOnlyReceiver` of
//! `twisted.protocols.basic`. Tested in `tests/framing/receivers.rs`.

use std::borrow::Cow;
use std::fmt;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, ConnectionEvent, Protocol};

use super::line_transport::Mode;
use super::requested::Requested;
use super::{LineConnection, LineEvent, LineParser, LineReceiver, LineTooLong, LineTransport};
use crate::flow::{Flow, flow, hand_over, refuse_plaintext};
use crate::inner::Inner;
use crate::memory_budget::{Allotment, MemoryBudget};

/// The protocol of a [`LineReceiver`]: gives it the lines of a connection.
///
/// ```
/// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
/// use reactor_compat::{Address, Protocol, reactor};
///
/// struct Shout;
///
/// impl Protocol<LineTransport> for Shout {}
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
///
/// A client that has connected has a `Connection<Lines<H>>`, and speaks on it by
/// [`SendLine`](super::SendLine):
///
/// ```
/// use protocols::basic::SendLine;
/// # use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
/// # use reactor_compat::{Protocol, testing::StringTransport};
/// # struct Silent;
/// # impl Protocol<LineTransport> for Silent {}
/// # impl LineReceiver for Silent {
/// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
/// # }
/// # let transport = StringTransport::new(Lines::new(Silent));
/// # let connection = transport.connection();
/// connection.send_line("hello");
/// assert_eq!(transport.take_value(), b"hello\r\n");
/// ```
#[doc(alias = "LineReceiver")]
pub struct Lines<H> {
    inner: Inner<H, LineTransport>,
    /// The transport of the connection of `inner`, at hand.
    transport: Option<LineTransport>,
    parser: LineParser,
    overlong: Overlong,
    /// Set when a line that was too long had the connection closed.
    too_long: Option<LineTooLong>,
    allotment: Allotment,
}

/// The way of what has come behind a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlong {
    /// `line_length_exceeded` gets it.
    Given,
    /// It is passed over.
    PassedOver,
}

/// The answer to whether there may be more to parse.
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
            inner: Inner::new(handler),
            transport: None,
            parser: LineParser::new(H::DELIMITER, H::MAX_LENGTH),
            overlong: Overlong::Given,
            too_long: None,
            allotment: Allotment::default(),
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
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// #[derive(Default)]
    /// struct Short(Vec<u8>);
    ///
    /// impl Protocol<LineTransport> for Short {}
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
    /// [another](LineTransport::set_delimiter) is set.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Echo;
    /// # impl Protocol<LineTransport> for Echo {}
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
    /// [another limit](LineTransport::set_max_length) is set.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<LineTransport> for Silent {}
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
    /// # use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Named(&'static str);
    /// # impl Protocol<LineTransport> for Named {}
    /// # impl LineReceiver for Named {
    /// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// # }
    /// let transport = StringTransport::new(Lines::new(Named("ada")));
    /// assert_eq!(transport.inspect(|lines| lines.handler().0), Some("ada"));
    /// ```
    pub fn handler(&self) -> &H {
        &self.inner.protocol
    }

    /// How many bytes wait: an unfinished line, or what came behind a pause.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<LineTransport> for Silent {}
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

    /// The handler, to be changed; see
    /// [`project`](reactor_compat::Connection::project).
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// # use reactor_compat::Protocol;
    ///
    /// struct Count(usize);
    ///
    /// impl Protocol<LineTransport> for Count {}
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
        &mut self.inner.protocol
    }

    /// The connection as the handler has it, while there is one.
    pub(super) fn receiver(&self) -> Option<LineConnection<H>> {
        self.inner.connection.clone()
    }

    /// Gives the handler what is held and `input`, for as long as it may have
    /// more.
    pub(super) fn parse(&mut self, mut input: &[u8]) {
        let Some(connection) = &self.inner.connection else { return };
        let Some(transport) = &self.transport else { return };
        let mut parse = Parse {
            handler: &mut self.inner.protocol,
            connection,
            transport,
            parser: &mut self.parser,
            overlong: self.overlong,
            too_long: &mut self.too_long,
        };
        parse.run(&mut input);
        if self.allotment.keep(transport, self.parser.memory()) {
            self.parser.clear();
        }
    }

    /// Has the handler handle what is not data.
    fn pass_on(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                let transport = LineTransport::new(connection, &self.parser);
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
        let reason = match self.too_long {
            Some(error) if reason.is::<ConnectionDone>() => Failure::new(error),
            _ => reason,
        };
        let transport = self.transport.take();
        let requested = transport.as_ref().map(|transport| transport.shared().requested());
        let ending = requested.map(Requested::ending);
        self.inner.handle(ConnectionEvent::ConnectionLost(reason));
        // What it clears now, such as a line without an end, it still gets.
        if let Some(requests) = requested.and_then(Requested::take) {
            requests.carry_out(&mut self.parser, &[], &mut &[][..]);
        }
        drop(ending);
        self.allotment = Allotment::default();
    }
}

/// The parts at work when lines are found.
struct Parse<'a, H> {
    handler: &'a mut H,
    connection: &'a LineConnection<H>,
    transport: &'a LineTransport,
    parser: &'a mut LineParser,
    overlong: Overlong,
    too_long: &'a mut Option<LineTooLong>,
}

impl<H: LineReceiver> Parse<'_, H> {
    /// Gives the handler what there is, and keeps the rest; why there is one.
    #[inline]
    fn run(&mut self, input: &mut &[u8]) {
        let _parsing = self.transport.shared().requested().parsing();
        if self.transport.shared().requested().any() {
            self.carry_out(Mode::Lines, input, input);
        }
        loop {
            if flow(self.transport) == Flow::Held {
                return self.hold(input);
            }
            let before = *input;
            let mode = self.transport.mode();
            let step = match mode {
                Mode::Lines => self.next_lines(input),
                Mode::Raw => self.next_raw(input),
            };
            if self.transport.shared().requested().any() {
                self.carry_out(mode, before, input);
            }
            if step == Step::Done {
                return self.hold(input);
            }
        }
    }

    /// Gives the handler lines until it wants something else.
    #[inline]
    fn next_lines(&mut self, input: &mut &[u8]) -> Step {
        let (connection, transport) = (self.connection, self.transport);
        let (handler, parser) = (&mut *self.handler, &mut *self.parser);
        // At hand for each line.
        let shared = transport.shared();
        loop {
            match parser.next_line(input) {
                Some(LineEvent::Line(line)) => handler.line_received(connection, line),
                Some(LineEvent::TooLong(line)) => {
                    let open = transport.connected();
                    handler.line_length_exceeded(connection, line);
                    if open && !transport.connected() {
                        *self.too_long = Some(parser.too_long());
                    }
                    if self.overlong == Overlong::PassedOver {
                        parser.pass_over(input);
                    }
                    return Step::Done;
                }
                None => return Step::Done,
            }
            if !shared.undisturbed() {
                return match flow(transport) {
                    Flow::Closing => self.disregard(input),
                    Flow::Free | Flow::Held => Step::Again,
                };
            }
        }
    }

    fn next_raw(&mut self, input: &mut &[u8]) -> Step {
        let Some(data) = self.parser.next_raw(input) else { return Step::Done };
        self.transport.lend(data);
        self.handler.raw_data_received(self.connection, data);
        self.transport.unlend();
        Step::Again
    }

    /// Drops what has come: the handler closed the connection.
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

    /// Does what the handler requested; `before` is what the input was when it
    /// was called.
    #[cold]
    fn carry_out<'a>(&mut self, mode: Mode, before: &'a [u8], input: &mut &'a [u8]) {
        while let Some(requests) = self.transport.shared().requested().take() {
            // What is held and what is not go on as one, with what the handler
            // passed on behind it.
            if mode == Mode::Lines && (self.parser.held() > 0 || requests.adds()) {
                self.parser.hold(input);
            }
            requests.carry_out(self.parser, before, input);
        }
    }

    /// Keeps what has come. A layer that was pushed gets it when it is put in.
    fn hold(&mut self, input: &mut &[u8]) {
        self.parser.hold(input);
    }
}

impl<H: LineReceiver> Protocol for Lines<H> {
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

impl<H: fmt::Debug> fmt::Debug for Lines<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("handler", &self.inner.protocol)
            .field("held", &self.parser.held())
            .finish_non_exhaustive()
    }
}
