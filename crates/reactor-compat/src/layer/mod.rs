//! [`Layer`]: a machine between a protocol and its network, that changes the
//! bytes on their way.
//!
//! Mirrors what `twisted.protocols.tls` does for TLS, and
//! `twisted.protocols.haproxy` for a header, for any protocol that runs inside
//! another. Tested in `tests/network/layer.rs` and `tests/network/layer_faults.rs`.

mod io;
mod layered;

pub use io::LayerIo;
pub use layered::Layered;

use deferred::Failure;

/// A machine between a protocol and its network, that changes the bytes on their
/// way: telnet's escapes, compression, a cipher, a header, a proxy's
/// conversation.
///
/// It does no I/O. What the peer sends comes to [`receive`](Self::receive), what
/// the protocol writes to [`send`](Self::send), and each says through its
/// [`LayerIo`] what goes on. Writing, producers, water marks, draining, pausing,
/// half-closing, closing and aborting are the connection's: a layer need not know
/// of them.
///
/// It is put under a protocol with
/// [`push_layer`](crate::Transport::push_layer), or over a stream, by a network or
/// an endpoint, with [`Layered`].
///
/// # Re-entrancy
///
/// A layer is called by its connection's task, while nothing else of the
/// connection runs. It may use other transports, and write to its own, which
/// comes to `send` later. A panic in it ends the connection, with the panic as
/// the reason.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
/// use reactor_compat::testing::connect;
/// use reactor_compat::{Connection, Layer, LayerIo, Protocol};
///
/// /// Telnet's escape: a byte of 255 is sent twice.
/// #[derive(Default)]
/// struct Escape {
///     half: bool,
/// }
///
/// impl Layer for Escape {
///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         for byte in data {
///             self.half = *byte == 255 && !self.half;
///             if !self.half {
///                 io.deliver(&[*byte]);
///             }
///         }
///     }
///
///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         for piece in data.split_inclusive(|byte| *byte == 255) {
///             io.write(piece);
///             if piece.ends_with(&[255]) {
///                 io.write(&[255]);
///             }
///         }
///     }
/// }
///
/// #[derive(Default)]
/// struct Talk(Vec<u8>);
///
/// impl Protocol for Talk {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.push_layer(Escape::default()).unwrap();
///         transport.write(&[1, 255, 2]);
///     }
///
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         self.0.extend_from_slice(data);
///     }
/// }
///
/// let pair = connect(Talk::default(), Talk::default());
/// pair.flush()?;
/// assert_eq!(pair.client().inspect(|talk| talk.0.clone()).unwrap(), [1, 255, 2]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
///
/// A layer with a conversation of its own before the protocol's:
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/layer_pair.in")); }
/// # use pair::over;
/// use reactor_compat::{Layer, LayerIo};
///
/// /// Asks for leave first, and says good-bye at the end.
/// struct Leave {
///     granted: bool,
/// }
///
/// impl Layer for Leave {
///     fn opens(&self) -> bool {
///         true
///     }
///
///     fn begin(&mut self, io: &mut LayerIo<'_>) {
///         io.write(b"?");
///     }
///
///     fn receive(&mut self, io: &mut LayerIo<'_>, mut data: &[u8]) {
///         if !self.granted {
///             let Some((b'+', rest)) = data.split_first() else {
///                 return io.fail(std::io::Error::other("the peer says no"));
///             };
///             data = rest;
///             self.granted = true;
///             io.open();
///         }
///         io.deliver(data);
///     }
///
///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         io.write(data);
///     }
///
///     fn finish(&mut self, io: &mut LayerIo<'_>) {
///         io.write(b" (bye)");
///     }
/// }
///
/// // The server's protocol has the layer under it, the client's has not.
/// let pair = over(Leave { granted: false });
/// pair.server().write("hello");
/// pair.flush()?;
/// assert_eq!(pair.below(), b"?"); // nothing else, without leave
/// pair.client().write("+welcome");
/// pair.flush()?;
/// assert_eq!((pair.above(), pair.below()), (b"welcome".to_vec(), b"?hello".to_vec()));
/// pair.server().lose_connection();
/// pair.flush()?;
/// assert_eq!(pair.below(), b"?hello (bye)");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[doc(alias = "TLSMemoryBIOProtocol")]
#[doc(alias = "ProtocolWrapper")]
pub trait Layer: 'static {
    /// Something came from the peer: at least one byte.
    ///
    /// See the [trait's examples](Self).
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]);

    /// The protocol wrote something: at least one byte.
    ///
    /// See the [trait's examples](Self).
    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]);

    /// The layer is in: a chance to write first, or to set a
    /// [time limit](LayerIo::set_timeout).
    ///
    /// See the [trait's examples](Self).
    fn begin(&mut self, io: &mut LayerIo<'_>) {
        let _ = io;
    }

    /// Whether it has a conversation of its own first, at whose end it says
    /// [`open`](LayerIo::open). Until then nothing comes to
    /// [`send`](Self::send), and nothing that it delivers goes to the protocol.
    ///
    /// Asked once, before [`begin`](Self::begin).
    ///
    /// See the [trait's examples](Self).
    fn opens(&self) -> bool {
        false
    }

    /// The peer's end came. Unless a layer says otherwise, so it is for the
    /// protocol; it may deliver something first, or [`fail`](LayerIo::fail)
    /// because it is too early.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/layer_pair.in")); }
    /// # use pair::over;
    /// use reactor_compat::{Layer, LayerIo};
    /// use std::io;
    ///
    /// /// Takes an end for one only behind a full stop.
    /// struct Whole {
    ///     full_stop: bool,
    /// }
    ///
    /// impl Layer for Whole {
    ///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         self.full_stop = data.ends_with(b".");
    ///         io.deliver(data);
    ///     }
    ///
    ///     fn ended(&mut self, io: &mut LayerIo<'_>) {
    ///         if self.full_stop {
    ///             io.end();
    ///         } else {
    ///             io.fail(io::Error::from(io::ErrorKind::UnexpectedEof));
    ///         }
    ///     }
    /// #     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.write(data);
    /// #     }
    /// }
    ///
    /// let pair = over(Whole { full_stop: false });
    /// pair.client().write("half a sent");
    /// pair.client().lose_connection();
    /// pair.flush()?;
    /// assert_eq!(pair.above(), b"half a sent");
    /// assert!(pair.server().reason().unwrap().is::<io::Error>());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    fn ended(&mut self, io: &mut LayerIo<'_>) {
        io.end();
    }

    /// Our own half ends, once what is written here is sent. Called once. What the layer
    /// writes after that end is let go.
    ///
    /// See the [trait's examples](Self).
    fn finish(&mut self, io: &mut LayerIo<'_>) {
        let _ = io;
    }

    /// Whether it takes more from the protocol now: a chance to hold the writer
    /// back until the peer gives leave.
    ///
    /// Asked before each [`send`](Self::send), and again when something came from
    /// the peer or a time limit is over. While it holds the writer back, up to 1 MiB is
    /// read ahead of the protocol, since the leave comes by reading. When the peer has
    /// ended, no leave can come any more: the connection ends with
    /// [`LayerHeldBack`](crate::LayerHeldBack). So both ends need to keep their halves
    /// open until they have sent all.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/layer_pair.in")); }
    /// # use pair::over;
    /// use reactor_compat::{Layer, LayerIo};
    ///
    /// /// Sends once for each byte that comes.
    /// #[derive(Default)]
    /// struct Credit(usize);
    ///
    /// impl Layer for Credit {
    ///     fn receive(&mut self, _: &mut LayerIo<'_>, data: &[u8]) {
    ///         self.0 += data.len();
    ///     }
    ///
    ///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         self.0 -= 1;
    ///         io.write(data);
    ///     }
    ///
    ///     fn ready(&self) -> bool {
    ///         self.0 > 0
    ///     }
    /// }
    ///
    /// let pair = over(Credit::default());
    /// pair.server().write("hello");
    /// pair.flush()?;
    /// assert_eq!((pair.below().len(), pair.server().unsent()), (0, 5));
    /// pair.client().write("+");
    /// pair.flush()?;
    /// assert_eq!((pair.below().len(), pair.server().unsent()), (5, 0));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    fn ready(&self) -> bool {
        true
    }

    /// Whether the peer answers our end with its own, which is to be waited for
    /// when the connection is closed.
    ///
    /// ```
    /// # mod plain { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/plain_stream.in")); }
    /// # use plain::Plain;
    /// use reactor_compat::{Layer, LayerIo, Layered, Stream, StreamEnd};
    ///
    /// /// Says good-bye, and waits for the peer's.
    /// struct Polite;
    ///
    /// impl Layer for Polite {
    ///     fn finish(&mut self, io: &mut LayerIo<'_>) {
    ///         io.write(b"(bye)");
    ///     }
    ///
    ///     fn is_answered(&self) -> bool {
    ///         true
    ///     }
    /// #     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.deliver(data);
    /// #     }
    /// #     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.write(data);
    /// #     }
    /// }
    ///
    /// let (stream, _peer) = tokio::io::duplex(64);
    /// let stream = Layered::new(Plain(stream), Polite);
    /// assert_eq!(stream.end(), StreamEnd::Answered);
    /// ```
    fn is_answered(&self) -> bool {
        false
    }

    /// The time that was [set](LayerIo::set_timeout) is over. Unless a layer says
    /// otherwise, the connection ends, with [`LayerTimeout`](crate::LayerTimeout).
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/layer_pair.in")); }
    /// # use pair::over;
    /// use reactor_compat::{Layer, LayerIo};
    /// use std::time::Duration;
    ///
    /// const INTERVAL: Duration = Duration::from_secs(30);
    ///
    /// /// Says that it is still there.
    /// struct Heartbeat;
    ///
    /// impl Layer for Heartbeat {
    ///     fn begin(&mut self, io: &mut LayerIo<'_>) {
    ///         io.set_timeout(INTERVAL);
    ///     }
    ///
    ///     fn timed_out(&mut self, io: &mut LayerIo<'_>) {
    ///         io.write(b".");
    ///         io.set_timeout(INTERVAL);
    ///     }
    /// #     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.deliver(data);
    /// #     }
    /// #     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.write(data);
    /// #     }
    /// }
    ///
    /// let pair = over(Heartbeat);
    /// pair.flush()?;
    /// pair.advance(INTERVAL)?;
    /// pair.flush()?;
    /// assert_eq!(pair.below(), b".");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    fn timed_out(&mut self, io: &mut LayerIo<'_>) {
        io.fail(Failure::new(crate::error::LayerTimeout));
    }
}
