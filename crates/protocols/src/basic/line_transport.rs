//! [`LineTransport`]: a transport on which lines are sent.
//!
//! Mirrors `sendLine`, `setRawMode`, `setLineMode` and `clearLineBuffer` of
//! `twisted.protocols.basic.LineReceiver`. Tested in
//! `tests/framing/receivers.rs`.

mod limits;
mod requests;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Deferred;
use reactor_compat::{Connection, Transport};

pub(super) use self::requests::LineRequests;
use super::delimiter::Delimiter;
use super::requested::Requested;
use super::{LineParser, LineReceiver, Lines};

/// The connection of a [`LineReceiver`]: what its methods get. It derefs to the
/// [`LineTransport`], and so to the [`Transport`].
///
/// ```
/// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
/// use reactor_compat::{Protocol, testing::StringTransport};
///
/// struct Echo;
///
/// impl Protocol<LineTransport> for Echo {}
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
pub type LineConnection<H> = Connection<H, LineTransport>;

/// A transport on which lines are sent: that of a [`LineReceiver`].
///
/// It derefs to the [`Transport`]. It is cheap to clone, and may be kept.
///
/// See the example of [`LineConnection`].
#[derive(Clone)]
pub struct LineTransport {
    shared: Rc<Shared>,
}

/// The kind of data that comes: lines, or whatever the protocol likes to make of it.
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

/// The state that the handles and the protocol share.
pub(super) struct Shared {
    transport: Transport,
    /// The end of a line that is sent, where it is two bytes.
    pair: Cell<Option<[u8; 2]>>,
    /// The same whatever it is; shared, so that nothing is borrowed meanwhile.
    delimiter: RefCell<Rc<Delimiter>>,
    max_length: Cell<usize>,
    mode: Cell<Mode>,
    /// Where the raw bytes end that the handler has been lent, and how many
    /// they are.
    lent: Cell<(usize, usize)>,
    requested: Requested<LineRequests>,
}

impl Shared {
    /// The requests to be carried out.
    #[inline]
    pub(super) fn requested(&self) -> &Requested<LineRequests> {
        &self.requested
    }

    /// Whether the next line may be given to the handler without a look at
    /// anything else.
    #[inline]
    pub(super) fn undisturbed(&self) -> bool {
        !self.requested.any() && self.transport.reading()
    }
}

impl LineTransport {
    pub(super) fn new<H: LineReceiver>(lines: &Connection<Lines<H>>, parser: &LineParser) -> Self {
        let me = lines.clone();
        Self {
            shared: Rc::new(Shared {
                transport: lines.transport().clone(),
                pair: Cell::new(parser.delimiter().pair()),
                delimiter: RefCell::new(Rc::new(parser.delimiter().clone())),
                max_length: Cell::new(parser.max_length()),
                mode: Cell::new(Mode::Lines),
                lent: Cell::default(),
                requested: Requested::new(move || {
                    crate::flow::go_on(&me, |lines, _| lines.parse(&[]));
                }),
            }),
        }
    }

    /// Sends a line: `line`, and the delimiter.
    ///
    /// See the example of [`LineConnection`].
    #[doc(alias = "sendLine")]
    pub fn send_line(&self, line: impl AsRef<[u8]>) {
        match self.shared.pair.get() {
            Some(delimiter) => self.shared.transport.write_sequence([line.as_ref(), &delimiter]),
            None => self.send_with_delimiter(line.as_ref()),
        }
    }

    /// The same, with a delimiter of any length.
    #[cold]
    fn send_with_delimiter(&self, line: &[u8]) {
        let delimiter = self.shared.delimiter.borrow().clone();
        self.shared.transport.write_sequence([line, delimiter.as_bytes()]);
    }

    /// The delimiter as it is.
    #[cfg(feature = "stream")]
    pub(super) fn delimiter(&self) -> Rc<Delimiter> {
        self.shared.delimiter.borrow().clone()
    }

    /// Has all that comes from here on given to
    /// [`raw_data_received`](LineReceiver::raw_data_received).
    ///
    /// See the example of [`set_line_mode`](Self::set_line_mode).
    #[doc(alias = "setRawMode")]
    pub fn set_raw_mode(&self) {
        self.shared.mode.set(Mode::Raw);
        self.shared.requested.note(|_| ());
    }

    /// Has all that comes from here on be lines again, with `rest` as the first
    /// of it.
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
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// /// Lines that say how many bytes come behind them.
    /// #[derive(Default)]
    /// struct Upload {
    ///     missing: usize,
    ///     files: Vec<String>,
    /// }
    ///
    /// impl Protocol<LineTransport> for Upload {}
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
        let (end, length) = self.shared.lent.get();
        // Memory that is lent is at its place for as long as it is lent.
        let is_lent = rest.as_ptr_range().end as usize == end && rest.len() <= length;
        self.shared.requested.request(|requests| {
            if is_lent {
                requests.unread = rest.len();
            } else {
                requests.extra.extend_from_slice(rest);
            }
        });
    }

    /// Takes away what came behind this line, or the unfinished one, and gives
    /// it to the Deferred; after the connection is lost, nothing.
    ///
    /// It is what another protocol has to get that takes over.
    ///
    /// # Re-entrancy
    ///
    /// From outside, the Deferred has fired when this returns, unless another
    /// callback of the connection is running. From inside a callback, it fires
    /// when that has returned, before anything else is parsed.
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// use reactor_compat::{ProtocolCallbacks, Protocol, testing::StringTransport};
    ///
    /// #[derive(Default)]
    /// struct OneAtATime {
    ///     lines: Vec<Vec<u8>>,
    ///     too_fast: Vec<u8>,
    /// }
    ///
    /// impl Protocol<LineTransport> for OneAtATime {}
    ///
    /// impl LineReceiver for OneAtATime {
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    ///         self.lines.push(line.to_vec());
    ///         transport.clear_line_buffer().add_callback_at(transport, |this, _, rest| {
    ///             this.too_fast.extend(rest);
    ///         });
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(OneAtATime::default()));
    /// transport.data_received(b"one\r\ntoo fast\r\n");
    /// transport.data_received(b"two\r\n");
    /// transport.inspect(|lines| {
    ///     assert_eq!(lines.handler().lines.concat(), b"onetwo");
    ///     assert_eq!(lines.handler().too_fast, b"too fast\r\n");
    /// });
    /// ```
    #[doc(alias = "clearLineBuffer")]
    pub fn clear_line_buffer(&self) -> Deferred<Vec<u8>> {
        if self.shared.requested.lost() {
            return Deferred::succeed(Vec::new());
        }
        let (cleared, trigger) = Deferred::new();
        self.shared.requested.request(|requests| requests.clear(trigger));
        cleared
    }

    // ----- for the protocol -----

    pub(super) fn mode(&self) -> Mode {
        self.shared.mode.get()
    }

    /// Notes what raw data is lent to the handler.
    pub(super) fn lend(&self, raw: &[u8]) {
        self.shared.lent.set((raw.as_ptr_range().end as usize, raw.len()));
    }

    /// Notes that it has come back.
    pub(super) fn unlend(&self) {
        self.shared.lent.take();
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Deref for LineTransport {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        &self.shared.transport
    }
}

impl AsRef<Transport> for LineTransport {
    fn as_ref(&self) -> &Transport {
        &self.shared.transport
    }
}

impl fmt::Debug for LineTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineTransport")
            .field("mode", &self.shared.mode.get())
            .field("transport", &self.shared.transport)
            .finish()
    }
}
