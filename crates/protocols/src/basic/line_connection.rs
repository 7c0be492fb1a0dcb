//! [`LineConnection`]: a connection on which lines are sent.
//!
//! Tested in `tests/framing/receivers.rs`.

mod limits;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Deferred, Outcome};
use reactor_compat::{Connection, IfGone, Transport};

use super::delimiter::Delimiter;
use super::{LineParser, LineReceiver, Lines};

/// What a [`LineReceiver`]'s methods get: its [`Connection`], with lines.
///
/// It derefs to the connection, and so to the
/// [`Transport`]: all that they can do is said to it. It is cheap to clone, and
/// may be kept.
///
/// ```
/// use protocols::basic::{LineConnection, LineReceiver, Lines};
/// use reactor_compat::testing::StringTransport;
///
/// struct Echo;
///
/// impl LineReceiver for Echo {
///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
///         transport.send_line(line);
///         transport.lose_connection();
///     }
/// }
///
/// let transport = StringTransport::new(Lines::new(Echo));
/// transport.data_received(b"hello\r\nmore\r\n");
/// assert_eq!(transport.take_value(), b"hello\r\n");
/// assert!(transport.disconnecting());
/// ```
pub struct LineConnection<H> {
    shared: Rc<Shared<H>>,
}

/// What comes: lines, or whatever the protocol likes to make of it.
///
/// ```text
/// Lines ──set_raw_mode──▶ Raw
///   ◀────set_line_mode────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Lines,
    Raw,
}

/// Who acts on what is asked of the connection.
///
/// ```text
/// Idle ──data, or something to go on with──▶ Parsing ──parsed──▶ Idle
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The protocol has to be called for it.
    Idle,
    /// The protocol is at work, and looks when the handler has returned.
    Parsing,
}

/// What the handler asked to be done with the bytes not yet parsed.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// To let go of them.
    pub(super) clear: bool,
    /// To go back this many of the bytes that it was lent raw.
    pub(super) unread: usize,
    /// To parse these.
    pub(super) extra: Vec<u8>,
    /// To let lines be this long.
    pub(super) max_length: Option<usize>,
    /// To have lines end with this.
    pub(super) delimiter: Option<Delimiter>,
}

/// What the handles have in common with the protocol.
struct Shared<H> {
    connection: Connection<H>,
    transport: Transport,
    lines: Connection<Lines<H>>,
    /// Of what is sent; shared, so that nothing is borrowed meanwhile.
    delimiter: RefCell<Rc<Delimiter>>,
    max_length: Cell<usize>,
    mode: Cell<Mode>,
    stage: Cell<Stage>,
    /// Where the raw bytes end that the handler has been lent, and how many
    /// they are.
    lent: Cell<(usize, usize)>,
    /// Whether the handler asked for anything, so that one cell is looked at
    /// for each line.
    disturbed: Cell<bool>,
    asked: RefCell<Asked>,
}

impl<H: LineReceiver> LineConnection<H> {
    pub(super) fn new(lines: &Connection<Lines<H>>, parser: &LineParser) -> Self {
        Self {
            shared: Rc::new(Shared {
                connection: lines.project(Lines::handler_mut),
                transport: lines.transport().clone(),
                lines: lines.clone(),
                delimiter: RefCell::new(Rc::new(parser.delimiter().clone())),
                max_length: Cell::new(parser.max_length()),
                mode: Cell::new(Mode::Lines),
                stage: Cell::new(Stage::Idle),
                lent: Cell::default(),
                disturbed: Cell::default(),
                asked: RefCell::default(),
            }),
        }
    }

    /// Sends a line: `line`, and the delimiter.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "sendLine")]
    pub fn send_line(&self, line: impl AsRef<[u8]>) {
        let delimiter = self.shared.delimiter.borrow().clone();
        self.shared.transport.write_sequence([line.as_ref(), delimiter.as_bytes()]);
    }

    /// Whatever comes from here on is given to
    /// [`raw_data_received`](LineReceiver::raw_data_received).
    ///
    /// See the example of [`set_line_mode`](Self::set_line_mode).
    #[doc(alias = "setRawMode")]
    pub fn set_raw_mode(&self) {
        self.shared.mode.set(Mode::Raw);
        self.shared.disturbed.set(true);
    }

    /// Whatever comes from here on is lines again, and `rest` is the first of
    /// it.
    ///
    /// In `raw_data_received`, `rest` is what lies behind the raw data in what
    /// was given; where it is the end of that very slice, nothing is copied.
    /// From `line_received`, `rest` goes behind what has come already.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback, lines are received when it has returned; from
    /// outside, before this returns.
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// use reactor_compat::testing::StringTransport;
    ///
    /// /// Lines that say how many bytes come behind them.
    /// #[derive(Default)]
    /// struct Upload {
    ///     missing: usize,
    ///     files: Vec<String>,
    /// }
    ///
    /// impl LineReceiver for Upload {
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    ///         self.missing = String::from_utf8_lossy(line).parse().unwrap_or(0);
    ///         self.files.push(String::new());
    ///         transport.set_raw_mode();
    ///     }
    ///
    ///     fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
    ///         let (file, rest) = data.split_at(self.missing.min(data.len()));
    ///         self.missing -= file.len();
    ///         self.files.last_mut().unwrap().push_str(&String::from_utf8_lossy(file));
    ///         if self.missing == 0 {
    ///             transport.set_line_mode(rest);
    ///         }
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(Upload::default()));
    /// transport.data_received(b"5\r\nhello3\r\nye");
    /// transport.data_received(b"s");
    /// assert_eq!(transport.inspect(|lines| lines.handler().files.concat()).unwrap(), "helloyes");
    /// ```
    #[doc(alias = "setLineMode")]
    pub fn set_line_mode(&self, rest: &[u8]) {
        self.shared.mode.set(Mode::Lines);
        if rest.is_empty() {
            return;
        }
        self.shared.disturbed.set(true);
        let (end, length) = self.shared.lent.get();
        {
            let mut asked = self.shared.asked.borrow_mut();
            // Memory that is lent is at its place for as long as it is lent.
            if rest.as_ptr_range().end as usize == end && rest.len() <= length {
                asked.unread = rest.len();
            } else {
                asked.extra.extend_from_slice(rest);
            }
        }
        self.go_on();
    }

    /// Lets go of what came behind this line, or of the unfinished one.
    ///
    /// Whoever wants to have it, to give it to somebody else, does not call
    /// this but [`set_raw_mode`](Self::set_raw_mode).
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// use reactor_compat::testing::StringTransport;
    ///
    /// struct OneAtATime(Vec<Vec<u8>>);
    ///
    /// impl LineReceiver for OneAtATime {
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    ///         self.0.push(line.to_vec());
    ///         transport.clear_line_buffer();
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(OneAtATime(Vec::new())));
    /// transport.data_received(b"one\r\ntoo fast\r\n");
    /// transport.data_received(b"two\r\n");
    /// assert_eq!(transport.inspect(|lines| lines.handler().0.concat()).unwrap(), b"onetwo");
    /// ```
    #[doc(alias = "clearLineBuffer")]
    pub fn clear_line_buffer(&self) {
        self.shared.disturbed.set(true);
        {
            let mut asked = self.shared.asked.borrow_mut();
            (asked.clear, asked.unread) = (true, 0);
            asked.extra.clear();
        }
        self.go_on();
    }

    /// [`Connection::call`], with lines.
    ///
    /// ```
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # use std::{cell::RefCell, rc::Rc};
    /// #[derive(Default)]
    /// struct Meeting {
    ///     last: Rc<RefCell<Option<LineConnection<Meeting>>>>,
    /// }
    ///
    /// impl LineReceiver for Meeting {
    ///     fn connection_made(&mut self, transport: &LineConnection<Self>) {
    ///         self.last.replace(Some(transport.me()));
    ///     }
    ///     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// }
    ///
    /// let last = Rc::default();
    /// let transport = StringTransport::new(Lines::new(Meeting { last: Rc::clone(&last) }));
    /// let somebody = last.borrow().clone().unwrap();
    /// somebody.call(|_, transport| transport.send_line("news"));
    /// assert_eq!(transport.take_value(), b"news\r\n");
    /// ```
    pub fn call<R: IfGone>(
        &self,
        visit: impl FnOnce(&mut H, &Self) -> R + 'static,
    ) -> Deferred<R::Value> {
        let me = self.clone();
        self.shared.connection.call(move |handler, _| visit(handler, &me))
    }

    /// [`Connection::wrap`], with lines: a callback for a Deferred that comes
    /// home to the handler.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// # use protocols::basic::{LineConnection, LineReceiver, Lines};
    /// # use reactor_compat::testing::StringTransport;
    /// # fn get_user(name: &[u8]) -> Deferred<String> {
    /// #     Deferred::succeed(String::from_utf8_lossy(name).to_uppercase())
    /// # }
    /// struct Finger;
    ///
    /// impl LineReceiver for Finger {
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, name: &[u8]) {
    ///         get_user(name).add_callback(transport.wrap(Self::got_user));
    ///     }
    /// }
    ///
    /// impl Finger {
    ///     fn got_user(&mut self, transport: &LineConnection<Self>, user: String) {
    ///         transport.send_line(user);
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(Finger));
    /// transport.data_received(b"ada\r\n");
    /// assert_eq!(transport.take_value(), b"ADA\r\n");
    /// ```
    pub fn wrap<A: 'static, R: IfGone>(
        &self,
        visit: impl FnOnce(&mut H, &Self, A) -> R + 'static,
    ) -> impl FnOnce(A) -> Outcome<R::Value> + 'static {
        let me = self.clone();
        self.shared.connection.wrap(move |handler, _, argument| visit(handler, &me, argument))
    }

    /// A clone, under the name that says what it is for.
    ///
    /// See the example of [`call`](Self::call).
    #[must_use]
    pub fn me(&self) -> Self {
        self.clone()
    }

    /// Has the protocol do what was asked, unless it is about to.
    fn go_on(&self) {
        if self.shared.stage.get() == Stage::Idle {
            super::flow::resume(&self.shared.lines);
        }
    }

    // ----- for the protocol -----

    pub(super) fn mode(&self) -> Mode {
        self.shared.mode.get()
    }

    pub(super) fn line_transport(&self) -> &Transport {
        &self.shared.transport
    }

    /// Says that the protocol is at work, for as long as the value lives.
    pub(super) fn parsing(&self) -> Parsing<'_, H> {
        self.shared.stage.set(Stage::Parsing);
        Parsing(self)
    }

    /// Notes what raw data is lent to the handler.
    pub(super) fn lend(&self, raw: &[u8]) {
        self.shared.lent.set((raw.as_ptr_range().end as usize, raw.len()));
    }

    /// It has come back.
    pub(super) fn unlend(&self) {
        self.shared.lent.take();
    }

    /// Whether the next line may be given to the handler without a look at
    /// anything else.
    #[inline]
    pub(super) fn undisturbed(&self) -> bool {
        !self.shared.disturbed.get() && self.shared.transport.reading()
    }

    /// What was asked since this was last called.
    #[inline]
    pub(super) fn take_asked(&self) -> Option<Asked> {
        self.shared.disturbed.take().then(|| self.shared.asked.take())
    }
}

/// While it lives, the protocol is at work; a handler that panics ends that,
/// too.
pub(super) struct Parsing<'a, H>(&'a LineConnection<H>);

impl<H> Drop for Parsing<'_, H> {
    fn drop(&mut self) {
        self.0.shared.stage.set(Stage::Idle);
        self.0.shared.lent.take();
    }
}

impl<H> Clone for LineConnection<H> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<H> Deref for LineConnection<H> {
    type Target = Connection<H>;

    fn deref(&self) -> &Connection<H> {
        &self.shared.connection
    }
}

impl<H> fmt::Debug for LineConnection<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineConnection")
            .field("mode", &self.shared.mode.get())
            .field("connection", &self.shared.connection)
            .finish()
    }
}
