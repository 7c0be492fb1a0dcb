//! Putting a layer under the protocol in the middle of a connection: what its
//! handles and its driver know of it.
//!
//! Tested in `tests/network/layer.rs` and `tests/network/tls.rs`.

use std::io;
use std::mem;
use std::rc::Rc;

use deferred::Failure;

use super::Transport;
use super::extras::Protection;
use super::link::Link;
use super::state::{Close, Event, Switch};
use crate::error::{PushLayerError, UnprotectedData};
use crate::layer::{Layer, Layered};
use crate::network::{Security, SharedStream, Stream};

/// How many layers may wait to be put in.
const MOST: usize = 16;

/// Makes the stream above of the one below, and of what was read from that in
/// advance.
pub(crate) type Build = Box<dyn FnOnce(SharedStream, Vec<u8>) -> io::Result<SharedStream>>;

/// A layer that is to be put in.
pub(crate) struct PendingLayer {
    /// How many bytes are still to be sent as they are before it.
    before: usize,
    build: Build,
}

impl Transport {
    /// Puts a layer between the protocol and the network: what was written
    /// before goes out as it is, what is written from now on goes through the
    /// layer, and so does what the peer sends from now on. The last one to be
    /// pushed is the next to the protocol.
    ///
    /// Handles to the transport stay valid. Nothing is read and nothing written
    /// until the layer is in, and [open](crate::Layer::opens).
    ///
    /// What came before the layer and was read already is the layer's, in the order in
    /// which it came. A protocol that keeps some of it gives it back with
    /// [`unread`](Self::unread) when it hears that the
    /// [layer was pushed](crate::Protocol::layer_pushed); the receivers of lines and
    /// strings do. What waits in a [`ConnectionStream`](crate::ConnectionStream), or
    /// another [buffer](Self::add_read_ahead), the layer gets by itself.
    ///
    /// # Errors
    ///
    /// [`PushLayerError`]; the connection is then as it was.
    ///
    /// # Re-entrancy
    ///
    /// The layer is put in when the running callback has returned.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// use reactor_compat::testing::connect;
    /// use reactor_compat::{Connection, Layer, LayerIo, Protocol};
    ///
    /// /// Turns small letters into large ones, and the other way round.
    /// struct SwapCase;
    ///
    /// fn swap(data: &[u8]) -> Vec<u8> {
    ///     data.iter().map(|byte| byte ^ (u8::from(byte.is_ascii_alphabetic()) << 5)).collect()
    /// }
    ///
    /// impl Layer for SwapCase {
    ///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         io.deliver(&swap(data));
    ///     }
    ///
    ///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
    ///         io.write(&swap(data));
    ///     }
    /// }
    ///
    /// struct Shouter;
    ///
    /// impl Protocol for Shouter {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.push_layer(SwapCase).unwrap();
    ///         transport.write("hello");
    ///     }
    /// }
    ///
    /// #[derive(Default)]
    /// struct Hear(Vec<u8>);
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         self.0.extend_from_slice(data);
    ///     }
    /// }
    ///
    /// let pair = connect(Shouter, Hear::default());
    /// pair.flush()?;
    /// assert_eq!(pair.client().inspect(|hear| hear.0.clone()).unwrap(), b"HELLO");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "TLSMemoryBIOProtocol")]
    pub fn push_layer(&self, layer: impl Layer) -> Result<(), PushLayerError> {
        self.push(Box::new(move |below, unread| {
            Ok(SharedStream::new(Layered::with_unread(below, layer, &unread)))
        }))
    }

    /// Puts a stream of one's own making in the place of the one under the
    /// protocol, as [`push_layer`](Self::push_layer) does with a layer: `build`
    /// gets the stream below, and makes one over it.
    ///
    /// If the protocol has [`unread`](Self::unread) something, or something waits in
    /// a [buffer](Self::add_read_ahead), the connection ends, with
    /// [`UnprotectedData`].
    ///
    /// # Errors
    ///
    /// [`PushLayerError`]; the connection is then as it was.
    ///
    /// ```
    /// use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl reactor_compat::Protocol for Silent {}
    ///
    /// let transport = StringTransport::new(Silent);
    /// transport.push_stream(|below| below)?;
    /// assert!(transport.switching());
    /// # Ok::<(), reactor_compat::PushLayerError>(())
    /// ```
    pub fn push_stream<S: Stream>(
        &self,
        build: impl FnOnce(SharedStream) -> S + 'static,
    ) -> Result<(), PushLayerError> {
        self.push(Box::new(move |below, unread| {
            refuse(&unread)?;
            Ok(SharedStream::new(build(below)))
        }))
    }

    fn push(&self, build: Build) -> Result<(), PushLayerError> {
        self.link.push(build)?;
        self.take_read_ahead();
        Ok(())
    }

    /// The same for TLS, which is begun once in this way; `None` if it was.
    #[cfg(feature = "tls")]
    pub(crate) fn push_tls(&self, build: Build) -> Option<Result<(), PushLayerError>> {
        let pushed = self.link.push_tls(build)?;
        if pushed.is_ok() {
            self.take_read_ahead();
        }
        Some(pushed)
    }

    /// Whether a layer is being put in: from [`push_layer`](Self::push_layer) or
    /// `start_tls` until it is open.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert!(!StringTransport::new(Silent).switching());
    /// ```
    #[inline]
    pub fn switching(&self) -> bool {
        self.link.state().switch != Switch::None
    }

    /// Gives back what was read beyond the point at which a layer was pushed: the
    /// layer gets it first. For protocols that keep what they have not
    /// understood yet; it is called in the callback in which the layer was
    /// pushed, or in [`layer_pushed`](crate::Protocol::layer_pushed). What is given
    /// later came later.
    ///
    /// TLS takes none of it: a peer, or whoever is between us, could have sent it
    /// unprotected. The connection then ends, with
    /// [`UnprotectedData`]. So it does if there is no
    /// layer to get it.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.unread(b"");
    /// assert!(transport.connected());
    /// transport.unread(b"nobody gets this");
    /// assert!(!transport.connected());
    /// ```
    pub fn unread(&self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        if self.link.state().switch == Switch::Draining {
            self.link.extras().unread.extend_from_slice(data);
        } else {
            self.link.fail(UnprotectedData { bytes: data.len() }.into());
        }
    }
}

/// Refuses what was read before a switch, unless there is nothing.
pub(super) fn refuse(unread: &[u8]) -> io::Result<()> {
    if unread.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(UnprotectedData { bytes: unread.len() });
    Err(crate::error::ConnectionEnded::error(&failure))
}

impl Link {
    /// Notes that a layer is to be put in behind all that was written.
    pub(crate) fn push(&self, build: Build) -> Result<(), PushLayerError> {
        if self.state().close != Close::Open {
            return Err(PushLayerError::NotConnected);
        }
        let unsent = self.unsent();
        {
            let pending = &mut self.extras().pending;
            if pending.len() >= MOST {
                return Err(PushLayerError::TooMany);
            }
            let earlier: usize = pending.iter().map(|pending| pending.before).sum();
            pending.push_back(PendingLayer { before: unsent.saturating_sub(earlier), build });
        }
        self.apply(Event::Push);
        self.wake();
        Ok(())
    }

    /// The same for TLS, which is begun once in this way; `None` if it was.
    pub(crate) fn push_tls(&self, build: Build) -> Option<Result<(), PushLayerError>> {
        if !matches!(self.extras().protection, Protection::None) {
            return None;
        }
        let pushed = self.push(build);
        if pushed.is_ok() {
            self.extras().protection = Protection::Begun;
        }
        Some(pushed)
    }

    /// The connection is new, and its stream is to be opened before anything is
    /// read or written.
    pub(crate) fn open_first(&self) {
        self.apply(Event::Push);
        self.apply(Event::LayerIn);
    }

    /// The connection is new, and its stream is protected already: the protocol hears of
    /// that as soon as it is made.
    pub(crate) fn secure_from_the_start(&self, security: Rc<Security>) {
        self.extras().protection = Protection::Given(security);
        self.open_first();
    }

    /// How much is to be sent as it is before the next layer.
    pub(super) fn before_layer(&self) -> usize {
        self.extra(|extras| extras.pending.front().map(|pending| pending.before)).unwrap_or(0)
    }

    /// So much was sent, of what was written before a layer, if one waits.
    #[inline]
    pub(crate) fn sent(&self, count: usize) {
        if self.state().switch == Switch::Draining {
            self.sent_before_layer(count);
        }
    }

    fn sent_before_layer(&self, count: usize) {
        if let Some(pending) = self.extras().pending.front_mut() {
            pending.before = pending.before.saturating_sub(count);
        }
    }

    /// Puts the next layer over `below`, now that all is sent that was written
    /// before it.
    pub(crate) fn put_layer(&self, below: SharedStream) -> io::Result<SharedStream> {
        let (pending, unread) = {
            let mut extras = self.extras();
            let mut unread = mem::take(&mut extras.unread);
            unread.append(&mut extras.ahead);
            extras.bottom.get_or_insert_with(|| below.clone());
            (extras.pending.pop_front(), unread)
        };
        self.apply(Event::LayerIn);
        match pending {
            Some(pending) => (pending.build)(below, unread),
            None => Ok(below),
        }
    }

    /// The stream under all layers that were pushed, if any was.
    pub(super) fn bottom(&self) -> Option<SharedStream> {
        self.extra(|extras| extras.bottom.clone())
    }

    /// The layer is open; whether something protects the connection that did not
    /// before. The next layer is put in, if one waits.
    pub(crate) fn layer_is_open(&self, security: Option<Rc<Security>>) -> bool {
        self.apply(Event::LayerOpen);
        if security.is_none() && self.is_plain() {
            return false;
        }
        let mut extras = self.extras();
        if !extras.pending.is_empty() {
            self.apply(Event::Push);
        }
        let Some(security) = security else { return false };
        let before = mem::replace(&mut extras.protection, Protection::Secure(security.clone()));
        !matches!(before, Protection::Secure(before) if Rc::ptr_eq(&before, &security))
    }

    /// The protection of the connection, if there is any.
    pub(crate) fn security(&self) -> Option<Rc<Security>> {
        self.extra(|extras| match &extras.protection {
            Protection::Given(security) | Protection::Secure(security) => Some(security.clone()),
            Protection::None | Protection::Begun => None,
        })
    }
}
