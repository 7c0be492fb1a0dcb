//! [`StringConnection`]: a connection on which strings are sent.
//!
//! Tested in `tests/framing/receivers.rs`.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Deferred, Outcome};
use reactor_compat::{Connection, IfGone, Transport};

use super::{Format, StringReceiver, StringTooLongError, Strings};

/// What a [`StringReceiver`]'s methods get: its [`Connection`], with strings.
///
/// It derefs to the connection, and so to the [`Transport`]. It is cheap to
/// clone, and may be kept.
///
/// ```
/// use protocols::basic::{Netstrings, StringConnection, StringReceiver};
/// use reactor_compat::testing::StringTransport;
///
/// struct Echo;
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
pub struct StringConnection<H> {
    shared: Rc<Shared<H>>,
}

struct Shared<H> {
    connection: Connection<H>,
    transport: Transport,
    send: fn(&Transport, &[u8]) -> Result<(), StringTooLongError>,
    max_length: Cell<usize>,
}

fn send<F: Format>(transport: &Transport, string: &[u8]) -> Result<(), StringTooLongError> {
    F::encode(string, |piece| transport.write(piece))
}

impl<H: StringReceiver> StringConnection<H> {
    pub(super) fn new<F: Format>(strings: &Connection<Strings<F, H>>, max_length: usize) -> Self {
        Self {
            shared: Rc::new(Shared {
                connection: strings.project(Strings::handler_mut),
                transport: strings.transport().clone(),
                send: send::<F>,
                max_length: Cell::new(max_length),
            }),
        }
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
    /// See the [type's example](Self).
    #[doc(alias = "sendString")]
    pub fn send_string(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLongError> {
        (self.shared.send)(&self.shared.transport, string.as_ref())
    }

    /// How long a string may be that comes.
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
    /// use protocols::basic::{Int8Strings, StringConnection, StringReceiver};
    /// use reactor_compat::testing::StringTransport;
    ///
    /// /// Trusts whoever knows the password with longer strings.
    /// struct Trust;
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

    /// [`Connection::call`], with strings.
    ///
    /// ```
    /// # use protocols::basic::{Int8Strings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// impl StringReceiver for Silent {
    ///     fn connection_made(&mut self, transport: &StringConnection<Self>) {
    ///         transport.call(|_, transport| Ok(transport.send_string("later")?));
    ///     }
    ///     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// }
    ///
    /// let transport = StringTransport::new(Int8Strings::new(Silent));
    /// assert_eq!(transport.take_value(), b"\x05later");
    /// ```
    pub fn call<R: IfGone>(
        &self,
        visit: impl FnOnce(&mut H, &Self) -> R + 'static,
    ) -> Deferred<R::Value> {
        let me = self.clone();
        self.shared.connection.call(move |handler, _| visit(handler, &me))
    }

    /// [`Connection::wrap`], with strings: a callback for a Deferred that comes
    /// home to the handler.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// # use protocols::basic::{Netstrings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// impl StringReceiver for Silent {
    ///     fn connection_made(&mut self, transport: &StringConnection<Self>) {
    ///         Deferred::succeed("news").add_callback(transport.wrap(Self::got_news));
    ///     }
    ///     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// }
    ///
    /// impl Silent {
    ///     fn got_news(&mut self, transport: &StringConnection<Self>, news: &str) {
    ///         transport.send_string(news).expect("it is short");
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Netstrings::new(Silent));
    /// assert_eq!(transport.take_value(), b"4:news,");
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
    /// ```
    /// # use protocols::basic::{Int8Strings, StringConnection, StringReceiver};
    /// # use reactor_compat::testing::StringTransport;
    /// #[derive(Default)]
    /// struct Remember {
    ///     me: Option<StringConnection<Remember>>,
    /// }
    ///
    /// impl StringReceiver for Remember {
    ///     fn connection_made(&mut self, transport: &StringConnection<Self>) {
    ///         self.me = Some(transport.me());
    ///     }
    ///     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// }
    ///
    /// let transport = StringTransport::new(Int8Strings::new(Remember::default()));
    /// let me = transport.inspect(|strings| strings.handler().me.clone()).flatten();
    /// me.unwrap().send_string("news")?;
    /// assert_eq!(transport.take_value(), b"\x04news");
    /// # Ok::<(), protocols::basic::StringTooLongError>(())
    /// ```
    #[must_use]
    pub fn me(&self) -> Self {
        self.clone()
    }

    pub(super) fn string_transport(&self) -> &Transport {
        &self.shared.transport
    }
}

impl<H> Clone for StringConnection<H> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<H> Deref for StringConnection<H> {
    type Target = Connection<H>;

    fn deref(&self) -> &Connection<H> {
        &self.shared.connection
    }
}

impl<H> fmt::Debug for StringConnection<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StringConnection").field(&self.shared.connection).finish()
    }
}
