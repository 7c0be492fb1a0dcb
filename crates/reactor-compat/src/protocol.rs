//! [`Protocol`]: the meaning of a connection's data.
//!
//! Mirrors `twisted.internet.protocol.Protocol`. Tested in `tests/network/protocol.rs`
//! and `tests/network/tcp.rs`.

mod event;

use std::borrow::Cow;
#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;

pub use event::ConnectionEvent;

use crate::connection::Connection;
use crate::transport::Transport;

/// The meaning of a connection's data: one object for each connection, made by
/// a [`Factory`](crate::Factory).
///
/// The callbacks come in this order, and never two at a time:
///
/// 1. [`connection_made`](Self::connection_made), once;
/// 2. [`data_received`](Self::data_received), for whatever comes, in pieces
///    that have nothing to do with those that the peer wrote;
/// 3. [`connection_lost`](Self::connection_lost), once, whatever happened;
///    then the protocol is dropped.
///
/// A call to the protocol that is made before, through the [`Connection`] that
/// [`serve`](crate::Reactor::serve) gives, waits for `connection_made`.
///
/// Each gets a [`Connection`]: the transport to write to, and the way back to
/// this very protocol for whatever answers later.
///
/// A callback that panics is logged, and ends its own connection, whose
/// `connection_lost` then gets the panic as its reason. The reactor and all
/// other connections go on.
///
/// # Re-entrancy
///
/// A callback may do anything: write to, close and abort its own transport and
/// any other, fire Deferreds, stop the reactor. What it asks of transports is
/// done when it has returned. A call to the protocol through its
/// [`Connection`] waits until then as well.
///
/// # One method for a wrapper
///
/// The connection calls one method only, [`handle`](Self::handle), with a
/// [`ConnectionEvent`]; unless a protocol says otherwise it calls the callback
/// of that event. A protocol that runs another one passes the event on, and has
/// so passed on every kind of event that there is or will be.
///
/// # Transports
///
/// `T` is the transport: a [`Transport`] where nothing else is said. Receivers
/// of lines and strings run protocols of transports that send lines or strings.
///
/// ```
/// use reactor_compat::{Connection, Protocol, testing::StringTransport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let transport = StringTransport::new(Echo);
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"hello");
/// ```
#[doc(alias = "IProtocol")]
#[doc(alias = "dataReceived")]
#[doc(alias = "BaseProtocol")]
pub trait Protocol<T: AsRef<Transport> + 'static = Transport>: Sized + 'static {
    /// Its name in the log: that of its type, unless it is there to run
    /// something else, which then gives its name.
    ///
    /// ```
    /// use reactor_compat::Protocol;
    ///
    /// struct Echo;
    /// impl Protocol for Echo {}
    ///
    /// assert_eq!(Echo.log_prefix(), "Echo");
    /// ```
    #[doc(alias = "logPrefix")]
    #[doc(alias = "ILoggingContext")]
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<Self>().into()
    }

    /// Handles whatever happens to the connection: calls the callback of the
    /// event, unless a protocol overrides it to have another one handle the
    /// event.
    ///
    /// A protocol that is switched for another one while it handles an event has
    /// to be switched inside this call: what comes next is handled by whoever is
    /// there when it returns.
    ///
    /// ```
    /// use reactor_compat::{Connection, ConnectionEvent, Protocol, testing::StringTransport};
    ///
    /// /// Counts what happens, and has the protocol inside handle it.
    /// struct Counted<P> {
    ///     events: usize,
    ///     inner: P,
    /// }
    ///
    /// impl<P: Protocol> Protocol for Counted<P> {
    ///     fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
    ///         self.events += 1;
    ///         let inside = connection.project(|this: &mut Self| &mut this.inner);
    ///         self.inner.handle(&inside, event);
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
    /// let transport = StringTransport::new(Counted { events: 0, inner: Echo });
    /// transport.data_received(b"hello");
    /// assert_eq!(transport.take_value(), b"hello");
    /// assert_eq!(transport.inspect(|counted| counted.events), Some(2));
    /// ```
    #[inline(always)]
    fn handle(&mut self, connection: &Connection<Self, T>, event: ConnectionEvent<'_>) {
        event.call(self, connection);
    }

    /// The connection is there: greet, start a timer, or wait for data.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, transport: &Connection<Self, T>) {
        let _ = transport;
    }

    /// Some data came: at least one byte.
    ///
    /// Buffer what is not complete, and test protocols down to one byte at a
    /// time. `data` is lent from the reactor's own buffer.
    #[doc(alias = "dataReceived")]
    fn data_received(&mut self, transport: &Connection<Self, T>, data: &[u8]) {
        let _ = (transport, data);
    }

    /// Whether it takes the descriptors that the other end of a UNIX connection
    /// sends. The system closes them where it does not. It is asked before each
    /// read.
    ///
    /// See the example of
    /// [`send_file_descriptor`](crate::Transport::send_file_descriptor).
    #[doc(alias = "IFileDescriptorReceiver")]
    fn receives_descriptors(&self) -> bool {
        false
    }

    /// The other end of a UNIX connection sent a descriptor: of a protocol
    /// that [receives](Self::receives_descriptors) them.
    ///
    /// It comes before the bytes that it was sent with. It is another
    /// descriptor of the same file, socket or whatever it is; it is closed when
    /// it is dropped, and when another program is started.
    ///
    /// See the example of
    /// [`send_file_descriptor`](crate::Transport::send_file_descriptor).
    #[cfg(unix)]
    #[doc(alias = "fileDescriptorReceived")]
    fn file_descriptor_received(&mut self, transport: &Connection<Self, T>, descriptor: OwnedFd) {
        let transport = transport.transport().as_ref();
        tracing::warn!(
            ?transport,
            ?descriptor,
            "a descriptor came that nobody takes; it is closed"
        );
        drop(descriptor);
    }

    /// A TLS handshake is over: the peer is who it has to be, and what was
    /// written meanwhile goes out now. Of a connection that speaks TLS from the
    /// start, or was told to `start_tls`.
    ///
    /// See the example of
    /// `negotiated_protocol`.
    #[doc(alias = "handshakeCompleted")]
    #[doc(alias = "IHandshakeListener")]
    fn handshake_completed(&mut self, transport: &Connection<Self, T>) {
        let _ = transport;
    }

    /// A layer was pushed, or TLS begun, and is about to be put in; whoever did it, and
    /// whether from a callback or from outside.
    ///
    /// A protocol that keeps what it has not understood yet gives it to the layer now, by
    /// [`unread`](crate::Transport::unread): a part of a message, and what came behind
    /// the message at which the layer was pushed. One that runs another protocol has that
    /// give back first, since what it keeps came first. Nothing is read until the layer is
    /// open. It is called when the connection is closing, too.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// use reactor_compat::testing::connect;
    /// use reactor_compat::{Connection, Layer, LayerIo, Protocol};
    ///
    /// /// Takes words of four bytes.
    /// #[derive(Default)]
    /// struct Words {
    ///     part: Vec<u8>,
    ///     words: Vec<String>,
    /// }
    ///
    /// impl Protocol for Words {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         self.part.extend_from_slice(data);
    ///         while self.part.len() >= 4 {
    ///             let word = self.part.drain(..4).collect();
    ///             self.words.extend(String::from_utf8(word));
    ///         }
    ///     }
    ///
    ///     fn layer_pushed(&mut self, transport: &Connection<Self>) {
    ///         transport.unread(&std::mem::take(&mut self.part));
    ///     }
    /// }
    ///
    /// struct Lowercase;
    ///
    /// impl Layer for Lowercase {
    ///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         io.deliver(&data.to_ascii_lowercase());
    ///     }
    ///
    ///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         io.write(data);
    ///     }
    /// }
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Words::default(), Silent);
    /// pair.client().write("GO! HE");
    /// pair.flush()?;
    /// pair.server().push_layer(Lowercase).unwrap();
    /// pair.client().write("LL");
    /// pair.flush()?;
    /// assert_eq!(pair.server().inspect(|words| words.words.concat()).unwrap(), "GO! hell");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    fn layer_pushed(&mut self, transport: &Connection<Self, T>) {
        let _ = transport;
    }

    /// Reading goes on: somebody said
    /// [`resume_producing`](crate::Transport::resume_producing) to the
    /// transport after it had been paused.
    ///
    /// Called before anything more is read, so that a protocol which stopped in
    /// the middle of some data when it was paused can go on with the rest.
    #[doc(alias = "resumeProducing")]
    fn resumed(&mut self, transport: &Connection<Self, T>) {
        let _ = transport;
    }

    /// The peer has ended its half of the connection: it sends no more, and
    /// may still read.
    ///
    /// Unless a protocol says otherwise, this is the end of the connection:
    /// what is unsent is sent, and `connection_lost` comes with
    /// [`ConnectionDone`](crate::ConnectionDone). One that has more to send
    /// does not call [`lose_connection`](crate::Transport::lose_connection)
    /// before it has sent it.
    ///
    /// ```
    /// use reactor_compat::{Connection, Protocol, testing::StringTransport};
    ///
    /// /// Adds up what it gets, and answers when the peer has sent all.
    /// #[derive(Default)]
    /// struct Sum(u32);
    ///
    /// impl Protocol for Sum {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         self.0 += data.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    ///     }
    ///
    ///     fn read_connection_lost(&mut self, transport: &Connection<Self>) {
    ///         transport.write(self.0.to_string());
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Sum::default());
    /// transport.data_received(&[1, 2, 3]);
    /// transport.read_connection_lost();
    /// assert_eq!(transport.take_value(), b"6");
    /// ```
    #[doc(alias = "readConnectionLost")]
    #[doc(alias = "IHalfCloseableProtocol")]
    fn read_connection_lost(&mut self, transport: &Connection<Self, T>) {
        transport.transport().as_ref().lose_connection();
    }

    /// Our half of the connection has ended, as
    /// [`lose_write_connection`](crate::Transport::lose_write_connection)
    /// asked: all is sent, and the peer told that it was all.
    #[doc(alias = "writeConnectionLost")]
    fn write_connection_lost(&mut self, transport: &Connection<Self, T>) {
        let _ = transport;
    }

    /// The connection is gone.
    ///
    /// `reason` is [`ConnectionDone`](crate::ConnectionDone) for a clean
    /// close, [`ConnectionLost`](crate::ConnectionLost) where it broke,
    /// [`ConnectionAborted`](crate::ConnectionAborted) where we cut it, or the
    /// [`Panic`](deferred::Panic) of a callback. Nothing written to
    /// `transport` goes anywhere any more.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, transport: &Connection<Self, T>, reason: Failure) {
        let _ = (transport, reason);
    }
}

/// The name of a type, without its module and its parameters: what a
/// [`log_prefix`](Protocol::log_prefix) is, mostly.
///
/// ```
/// assert_eq!(reactor_compat::short_name::<Vec<std::time::Duration>>(), "Vec");
/// ```
pub fn short_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(name)
}
