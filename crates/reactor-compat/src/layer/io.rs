//! [`LayerIo`]: a layer's answers to the bytes that it is given.

use std::time::Duration;

use deferred::Failure;

use super::layered::{Ends, Way};
use crate::address::Address;
use crate::network::Security;

/// The two sides of a [`Layer`](super::Layer): the protocol above, the network
/// below.
///
/// See the example of [`Layer`](super::Layer).
#[derive(Debug)]
pub struct LayerIo<'a> {
    ends: &'a mut Ends,
}

impl<'a> LayerIo<'a> {
    pub(super) fn new(ends: &'a mut Ends) -> Self {
        Self { ends }
    }

    /// Gives the protocol data that the peer sent.
    ///
    /// It is kept while the protocol does not read.
    ///
    /// See the examples of [`Layer`](super::Layer).
    pub fn deliver(&mut self, data: &[u8]) {
        self.ends.up.push(data);
    }

    /// Sends data to the peer, after all that was written here before.
    ///
    /// See the examples of [`Layer`](super::Layer).
    pub fn write(&mut self, data: &[u8]) {
        self.ends.down.push(data);
    }

    /// Says that the peer sends no more.
    ///
    /// See the example of [`Layer::ended`](super::Layer::ended).
    pub fn end(&mut self) {
        self.ends.way = Way::Ended;
    }

    /// Ends the connection: the protocol's `connection_lost` gets `reason`, once
    /// it was given all that was delivered before. What was written here before goes
    /// out first, if the peer takes it within 5 seconds. The layer is not called again.
    ///
    /// See the example of [`Layer::ended`](super::Layer::ended).
    pub fn fail(&mut self, reason: impl Into<Failure>) {
        self.ends.failure.get_or_insert(reason.into());
    }

    /// Says that the layer's own conversation is over: the protocol's begins.
    ///
    /// It ends the time limit, if one was set.
    ///
    /// See the examples of [`Layer`](super::Layer).
    pub fn open(&mut self) {
        self.ends.open = true;
        self.ends.timeout = Some(None);
    }

    /// Sets how long it may take until the layer's
    /// [`timed_out`](super::Layer::timed_out) is called; `None` for ever.
    ///
    /// See the example of [`Layer::timed_out`](super::Layer::timed_out).
    pub fn set_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.ends.timeout = Some(time.into());
    }

    /// Says what the peer's address is, where that is not the one below. Known to
    /// the protocol if its connection is made after the layer is open.
    ///
    /// ```
    /// # mod plain { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/plain_stream.in")); }
    /// # use plain::Plain;
    /// use reactor_compat::{Address, Layer, LayerIo, Layered, Security, Stream};
    ///
    /// /// A tunnel that somebody else has set up.
    /// struct Tunnel;
    ///
    /// impl Layer for Tunnel {
    ///     fn begin(&mut self, io: &mut LayerIo<'_>) {
    ///         io.set_peer(Address::Tcp(([192, 0, 2, 7], 4000).into()));
    ///         io.set_host(Address::Tcp(([192, 0, 2, 1], 80).into()));
    ///         io.set_security(Security::default());
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
    /// let stream = Layered::new(Plain(stream), Tunnel);
    /// assert_eq!(stream.get_peer().to_string(), "192.0.2.7:4000");
    /// assert_eq!(stream.get_host().to_string(), "192.0.2.1:80");
    /// assert!(stream.security().is_some());
    /// ```
    pub fn set_peer(&mut self, peer: Address) {
        self.ends.peer = Some(peer);
    }

    /// Says what our own address is, where that is not the one below.
    ///
    /// See the example of [`set_peer`](Self::set_peer).
    pub fn set_host(&mut self, host: Address) {
        self.ends.host = Some(host);
    }

    /// Says what protects the connection from here on.
    ///
    /// See the example of [`set_peer`](Self::set_peer).
    pub fn set_security(&mut self, security: Security) {
        self.ends.security = Some(security.into());
    }

    /// How much was delivered, and not read by the protocol.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/layer_pair.in")); }
    /// # use pair::over;
    /// use reactor_compat::{Layer, LayerIo};
    ///
    /// /// Takes a byte for a thousand, and no more than fit into memory.
    /// struct Unpack;
    ///
    /// impl Layer for Unpack {
    ///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         for byte in data {
    ///             if io.undelivered() > 64 * 1024 {
    ///                 return io.fail(std::io::Error::other("too much in too little"));
    ///             }
    ///             io.deliver(&[*byte; 1000]);
    ///         }
    ///     }
    /// #     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    /// #         io.write(data);
    /// #     }
    /// }
    ///
    /// let pair = over(Unpack);
    /// pair.client().write("ab");
    /// pair.flush()?;
    /// assert_eq!(pair.above().len(), 2000);
    /// pair.client().write([0; 200]);
    /// pair.flush()?;
    /// assert!(pair.server().reason().is_some());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn undelivered(&self) -> usize {
        self.ends.up.len()
    }
}
