//! [`FramedTransport`]: a transport on which strings are sent.
//!
//! Mirrors `sendString` of `NetstringReceiver` and `IntNStringReceiver` of
//! `twisted.protocols.basic`. Tested in `tests/framing/receivers.rs`.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use reactor_compat::{Connection, Transport};

use super::{Format, StringTooLongError};

/// The connection of a [`StringReceiver`](super::StringReceiver): what its
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
/// it is: that of a [`StringReceiver`](super::StringReceiver).
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
    pub(super) fn new<F: Format>(transport: &Transport, max_length: usize) -> Self {
        let (transport, max_length) = (transport.clone(), Cell::new(max_length));
        Self {
            shared: Rc::new(Shared {
                transport,
                send: send::<F>,
                #[cfg(feature = "stream")]
                frame: frame::<F>,
                max_length,
            }),
        }
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
