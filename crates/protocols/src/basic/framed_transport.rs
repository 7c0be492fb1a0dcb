//! [`FramedTransport`]: a transport on which strings are sent.
//!
//! Mirrors `sendString` of `NetstringReceiver` and `IntNStringReceiver`, and the
//! latter's `recvd`, of `twisted.protocols.basic`. Tested in
//! `tests/framing/receivers.rs` and `tests/framing/rest.rs`.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Deferred, Trigger};
use reactor_compat::{Connection, Transport};

use super::requested::{Requested, Requests};
use super::{Format, StringParser, StringReceiver, StringTooLongError, Strings};

/// The connection of a [`StringReceiver`]: what its
/// methods get. It derefs to the [`FramedTransport`], and so to the
/// [`Transport`].
///
/// ```
/// use protocols::basic::{FramedTransport, Netstrings, StringConnection, StringReceiver};
/// use reactor_compat::{Protocol, testing::StringTransport};
///
/// struct Echo;
///
/// impl Protocol<FramedTransport> for Echo {}
///
/// impl StringReceiver for Echo {
///     fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
///         if transport.send_string(string).is_err() {
///             transport.lose_connection();
///         }
///     }
/// }
///
/// let transport = StringTransport::new(Netstrings::new(Echo));
/// transport.data_received(b"5:hello,");
/// assert_eq!(transport.take_value(), b"5:hello,");
/// ```
pub type StringConnection<H> = Connection<H, FramedTransport>;

/// A transport on which strings are sent, each in the frame that says how long
/// it is: that of a [`StringReceiver`].
///
/// It derefs to the [`Transport`]. It is cheap to clone, and may be kept.
///
/// See the example of [`StringConnection`].
#[derive(Clone)]
pub struct FramedTransport {
    shared: Rc<Shared>,
}

struct Shared {
    transport: Transport,
    send: fn(&Transport, &[u8]) -> Result<(), StringTooLongError>,
    #[cfg(feature = "stream")]
    frame: fn(&[u8]) -> Vec<u8>,
    max_length: Cell<usize>,
    requested: Requested<StringRequests>,
}

/// Requests of a handler of strings about the bytes not yet parsed, in their order.
#[derive(Default)]
pub(super) struct StringRequests(Vec<Request>);

enum Request {
    /// To take them away.
    Clear(Trigger<Vec<u8>>),
    /// To have these in their place.
    Set(Vec<u8>),
}

impl StringRequests {
    /// Carries them out.
    pub(super) fn carry_out<F: Format>(self, parser: &mut StringParser<F>, input: &mut &[u8]) {
        for request in self.0 {
            match request {
                // A Deferred that was cancelled wants nothing.
                Request::Clear(to) => drop(to.callback(parser.take_all(input))),
                Request::Set(bytes) => {
                    *input = &[];
                    parser.replace(&bytes);
                }
            }
        }
    }
}

impl Requests for StringRequests {
    fn give_up(self) {
        for request in self.0 {
            if let Request::Clear(to) = request {
                let _ = to.callback(Vec::new());
            }
        }
    }
}

/// A string as it goes over the wire: nothing, if it is one that cannot.
#[cfg(feature = "stream")]
fn frame<F: Format>(string: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // One that came is not too long.
    let _ = F::encode(string, |piece| bytes.extend_from_slice(piece));
    bytes
}

fn send<F: Format>(transport: &Transport, string: &[u8]) -> Result<(), StringTooLongError> {
    F::frame(string, |pieces| transport.write_sequence(pieces))
}

impl FramedTransport {
    pub(super) fn new<F: Format, H: StringReceiver>(
        strings: &Connection<Strings<F, H>>,
        max_length: usize,
    ) -> Self {
        let me = strings.clone();
        Self {
            shared: Rc::new(Shared {
                transport: strings.transport().clone(),
                send: send::<F>,
                #[cfg(feature = "stream")]
                frame: frame::<F>,
                max_length: Cell::new(max_length),
                requested: Requested::new(move || {
                    crate::flow::go_on(&me, |strings, _| strings.parse(&[]));
                }),
            }),
        }
    }

    /// The requests to be carried out.
    pub(super) fn requested(&self) -> &Requested<StringRequests> {
        &self.shared.requested
    }

    /// A string as it goes over the wire.
    #[cfg(feature = "stream")]
    pub(super) fn frame(&self, string: &[u8]) -> Vec<u8> {
        (self.shared.frame)(string)
    }

    /// Sends a string, with what says how long it is.
    ///
    /// # Errors
    ///
    /// [`StringTooLongError`] if it is longer than its prefix can say: an
    /// `Int8` string of more than 255 bytes, an `Int16` one of more than
    /// 65,535, an `Int32` one of more than 4 GiB. Nothing is sent then. A
    /// netstring can be sent always.
    ///
    /// See the example of [`StringConnection`].
    #[doc(alias = "sendString")]
    pub fn send_string(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLongError> {
        (self.shared.send)(&self.shared.transport, string.as_ref())
    }

    /// The greatest length of a string that comes, at hand for each string.
    pub(super) fn limit(&self) -> &Cell<usize> {
        &self.shared.max_length
    }

    /// The greatest length of a string that comes.
    ///
    /// See the example of [`set_max_length`](Self::set_max_length).
    #[doc(alias = "MAX_LENGTH")]
    #[inline]
    pub fn max_length(&self) -> usize {
        self.shared.max_length.get()
    }

    /// Sets how long a string may be that comes: from the next one on, which is
    /// behind this one if a string is being received, and may be one of which a
    /// part has come.
    ///
    /// ```
    /// use protocols::basic::{FramedTransport, Int8Strings, StringConnection, StringReceiver};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// /// Trusts whoever knows the password with longer strings.
    /// struct Trust;
    ///
    /// impl Protocol<FramedTransport> for Trust {}
    ///
    /// impl StringReceiver for Trust {
    ///     const MAX_LENGTH: usize = 6;
    ///
    ///     fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
    ///         if string == b"sesame" {
    ///             transport.set_max_length(2 * transport.max_length());
    ///         }
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Int8Strings::new(Trust));
    /// transport.data_received(b"\x06sesame\x0c0123456789ab");
    /// assert!(!transport.disconnecting());
    /// transport.data_received(b"\x0d");
    /// assert!(transport.disconnecting());
    /// ```
    #[doc(alias = "MAX_LENGTH")]
    pub fn set_max_length(&self, max_length: usize) {
        self.shared.max_length.set(max_length);
    }

    /// Takes away what came behind this string, or the unfinished one, and gives it
    /// to the Deferred; after the connection is lost, nothing. Where a string is too
    /// long, its length is the first of it.
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
    /// use protocols::basic::{FramedTransport, Int8Strings, StringConnection, StringReceiver};
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{AnyProtocol, Connection, Protocol, ProtocolSwitch};
    ///
    /// /// Strings, until one of them asks for something else.
    /// struct Strings(ProtocolSwitch);
    ///
    /// impl Protocol<FramedTransport> for Strings {}
    ///
    /// impl StringReceiver for Strings {
    ///     fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
    ///         if string == b"echo" {
    ///             let switch = self.0.clone();
    ///             transport.clear_buffer().add_callback(move |rest| Ok(switch.switch_to(Echo, rest)?));
    ///         }
    ///     }
    /// }
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let protocol = AnyProtocol::with_switch(|switch| Int8Strings::new(Strings(switch)));
    /// let transport = StringTransport::new(protocol);
    /// transport.data_received(b"\x05hello\x04echo\x05no string");
    /// assert_eq!(transport.take_value(), b"\x05no string");
    /// ```
    #[doc(alias = "recvd")]
    pub fn clear_buffer(&self) -> Deferred<Vec<u8>> {
        if self.shared.requested.lost() {
            return Deferred::succeed(Vec::new());
        }
        let (cleared, trigger) = Deferred::new();
        self.shared.requested.request(|requests| requests.0.push(Request::Clear(trigger)));
        cleared
    }

    /// Has `bytes` parsed in the place of what came behind this string, or of the
    /// unfinished one. Strings are found again where one was too long before.
    ///
    /// # Re-entrancy
    ///
    /// As that of [`clear_buffer`](Self::clear_buffer).
    ///
    /// ```
    /// use protocols::basic::{FramedTransport, Int8Strings, StringConnection, StringReceiver};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// /// Each string has a check of two bytes behind it.
    /// #[derive(Default)]
    /// struct Checked(Vec<String>);
    ///
    /// impl Protocol<FramedTransport> for Checked {}
    ///
    /// impl StringReceiver for Checked {
    ///     fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
    ///         self.0.push(String::from_utf8_lossy(string).into_owned());
    ///         let transport = transport.transport().clone();
    ///         transport.clear_buffer().add_callback(move |rest| {
    ///             transport.set_buffer(rest.get(2..).unwrap_or_default());
    ///         });
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Int8Strings::new(Checked::default()));
    /// transport.data_received(b"\x03one--\x03two--\x05th");
    /// assert_eq!(transport.inspect(|strings| strings.handler().0.concat()).unwrap(), "onetwo");
    /// assert_eq!(transport.inspect(Int8Strings::held), Some(3));
    /// ```
    #[doc(alias = "recvd")]
    pub fn set_buffer(&self, bytes: &[u8]) {
        if !self.shared.requested.lost() {
            self.shared.requested.request(|requests| requests.0.push(Request::Set(bytes.to_vec())));
        }
    }
}

impl Deref for FramedTransport {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        &self.shared.transport
    }
}

impl AsRef<Transport> for FramedTransport {
    fn as_ref(&self) -> &Transport {
        &self.shared.transport
    }
}

impl fmt::Debug for FramedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FramedTransport").field(&self.shared.transport).finish()
    }
}
