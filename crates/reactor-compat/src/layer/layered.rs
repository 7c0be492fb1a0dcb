//! [`Layered`]: a layer over a stream, which is a stream again.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deferred::Failure;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::{Layer, LayerIo};
use crate::address::Address;
use crate::byte_queue::ByteQueue;
use crate::error::ConnectionEnded;
use crate::guard;
use crate::network::{Security, Stream, StreamEnd};

/// How much of what the protocol wrote is given to a layer at once; and so, how
/// much of it a layer holds.
const PIECE: usize = 16 * 1024;

/// How much is read for a layer that has its own conversation.
const OPENING: usize = 4 * 1024;

/// The direction from the peer: may it send more?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// The layer has heard of the end below.
    Ending,
    /// The protocol is to hear of the end.
    Ended,
}

/// Orders of a layer that are not carried out yet.
#[derive(Debug)]
pub(super) struct Ends {
    /// To the protocol.
    pub(super) up: ByteQueue,
    /// To the network.
    pub(super) down: ByteQueue,
    pub(super) way: Way,
    pub(super) open: bool,
    pub(super) failure: Option<Failure>,
    /// A time limit that was set, or taken back.
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) host: Option<Address>,
    pub(super) peer: Option<Address>,
    pub(super) security: Option<Rc<Security>>,
}

/// A [`Layer`] over a stream: a stream again, which a network, an endpoint or
/// [`push_stream`](crate::Transport::push_stream) may give to a protocol, or put
/// another layer on.
///
/// ```
/// use reactor_compat::{Layer, LayerIo, Layered, Stream};
///
/// struct Nothing;
///
/// impl Layer for Nothing {
///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         io.deliver(data);
///     }
///
///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         io.write(data);
///     }
/// }
///
/// fn twice<S: Stream>(stream: S) -> impl Stream {
///     Layered::new(Layered::new(stream, Nothing), Nothing)
/// }
/// # let _ = twice::<reactor_compat::SharedStream>;
/// ```
pub struct Layered<S, L> {
    below: S,
    layer: L,
    ends: Ends,
    timer: Option<Pin<Box<Sleep>>>,
    writer: Writer,
    output: Output,
}

/// The writer: free, or waiting for the layer to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Free,
    HeldBack,
}

/// How far our own half is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Open,
    /// The layer has said its last.
    Finished,
}

impl<S: Stream, L: Layer> Layered<S, L> {
    /// A layer over a stream.
    ///
    /// See the [type's example](Self).
    pub fn new(below: S, layer: L) -> Self {
        let open = !layer.opens();
        let ends = Ends {
            up: ByteQueue::default(),
            down: ByteQueue::default(),
            way: Way::Open,
            open,
            failure: None,
            timeout: None,
            host: None,
            peer: None,
            security: None,
        };
        let mut layered =
            Self { below, layer, ends, timer: None, writer: Writer::Free, output: Output::Open };
        layered.call(Layer::begin);
        layered
    }

    /// A layer over a stream from which `unread` has been read already: the layer
    /// gets it first.
    ///
    /// ```
    /// use reactor_compat::{Layer, Layered, Stream};
    ///
    /// fn resume<S: Stream, L: Layer>(below: S, layer: L, unread: &[u8]) -> impl Stream {
    ///     Layered::with_unread(below, layer, unread)
    /// }
    /// # struct Nothing;
    /// # impl Layer for Nothing {
    /// #     fn receive(&mut self, _: &mut reactor_compat::LayerIo<'_>, _: &[u8]) {}
    /// #     fn send(&mut self, _: &mut reactor_compat::LayerIo<'_>, _: &[u8]) {}
    /// # }
    /// # let _ = resume::<reactor_compat::SharedStream, Nothing>;
    /// ```
    pub fn with_unread(below: S, layer: L, unread: &[u8]) -> Self {
        let mut layered = Self::new(below, layer);
        if !unread.is_empty() {
            layered.call(|layer, io| layer.receive(io, unread));
        }
        layered
    }

    /// The stream below.
    ///
    /// ```
    /// use reactor_compat::{Layer, Layered, Stream};
    ///
    /// fn peer<S: Stream, L: Layer>(layered: &Layered<S, L>) -> reactor_compat::Address {
    ///     layered.below().get_peer()
    /// }
    /// # struct Nothing;
    /// # impl Layer for Nothing {
    /// #     fn receive(&mut self, _: &mut reactor_compat::LayerIo<'_>, _: &[u8]) {}
    /// #     fn send(&mut self, _: &mut reactor_compat::LayerIo<'_>, _: &[u8]) {}
    /// # }
    /// # let _ = peer::<reactor_compat::SharedStream, Nothing>;
    /// ```
    pub fn below(&self) -> &S {
        &self.below
    }

    /// Runs the layer; a panic in it is the connection's reason.
    #[inline]
    fn call(&mut self, call: impl FnOnce(&mut L, &mut LayerIo<'_>)) {
        let Self { layer, ends, .. } = self;
        if let Err(failure) = guard::catch(|| call(layer, &mut LayerIo::new(ends))) {
            self.ends.failure.get_or_insert(failure);
        }
        self.take_timeout();
    }

    /// Sets the timer that the layer asked for.
    #[inline]
    fn take_timeout(&mut self) {
        if let Some(timeout) = self.ends.timeout.take() {
            self.timer = timeout.map(|time| Box::pin(sleep(time)));
        }
    }

    /// Fails, if the layer has.
    #[inline]
    fn check(&self) -> io::Result<()> {
        match &self.ends.failure {
            None => Ok(()),
            Some(failure) => Err(ConnectionEnded::error(failure)),
        }
    }

    /// Tells the layer that its time is over, if it is.
    #[inline]
    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        let over = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if over {
            self.timer = None;
            self.call(Layer::timed_out);
            self.wake_writer(cx);
        }
    }

    /// Has the writer try again, if it was held back and the layer has heard
    /// something.
    #[inline]
    fn wake_writer(&mut self, cx: &Context<'_>) {
        if self.writer == Writer::HeldBack && self.layer.ready() {
            self.writer = Writer::Free;
            cx.waker().wake_by_ref();
        }
    }

    /// Gives the stream below what the layer wrote.
    #[inline]
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ends.down.is_empty() {
            let data = self.ends.down.as_slice();
            let count = ready!(Pin::new(&mut self.below).poll_write(cx, data))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.ends.down.consume(count);
        }
        self.ends.down.trim();
        Poll::Ready(Ok(()))
    }

    /// Reads from below into `room`, and gives it to the layer.
    #[inline]
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.below).poll_read(cx, room))?;
        let data = room.filled();
        if data.is_empty() {
            self.ends.way = Way::Ending;
            self.call(Layer::ended);
        } else {
            let Self { layer, ends, .. } = self;
            if let Err(failure) = guard::catch(|| layer.receive(&mut LayerIo::new(ends), data)) {
                self.ends.failure.get_or_insert(failure);
            }
            self.take_timeout();
        }
        self.wake_writer(cx);
        Poll::Ready(Ok(()))
    }
}

/// The layer is never pinned.
impl<S: Unpin, L> Unpin for Layered<S, L> {}

impl<S: Stream, L: Layer> AsyncRead for Layered<S, L> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.ends.up.is_empty() {
                let data = this.ends.up.as_slice();
                let count = data.len().min(buf.remaining());
                buf.put_slice(&data[..count]);
                this.ends.up.consume(count);
                this.ends.up.trim();
                return Poll::Ready(Ok(()));
            }
            this.check()?;
            match this.ends.way {
                Way::Open => {}
                Way::Ended => return Poll::Ready(Ok(())),
                // It may deliver something later, when its time is over.
                Way::Ending if this.timer.is_none() => return Poll::Ready(Ok(())),
                Way::Ending => {
                    this.poll_timer(cx);
                    let nothing = this.ends.up.is_empty() && this.ends.failure.is_none();
                    if nothing && this.timer.is_some() {
                        return Poll::Pending;
                    }
                    continue;
                }
            }
            let start = buf.filled().len();
            let received = this.poll_receive(cx, buf);
            // What was read for the layer is not what it made of it.
            buf.set_filled(start);
            // Its answer, and what the peer waits for, go out without delay.
            if let Poll::Ready(Err(error)) = this.poll_down(cx) {
                return Poll::Ready(Err(error));
            }
            ready!(received)?;
        }
    }
}

impl<S: Stream, L: Layer> AsyncWrite for Layered<S, L> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        // What waits is to wait where it counts against the marks: above.
        ready!(this.poll_down(cx))?;
        if !this.layer.ready() {
            this.writer = Writer::HeldBack;
            return Poll::Pending;
        }
        let piece = &data[..data.len().min(PIECE)];
        this.call(|layer, io| layer.send(io, piece));
        this.check()?;
        if let Poll::Ready(Err(error)) = this.poll_down(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_timer(cx);
        this.check()?;
        ready!(this.poll_down(cx))?;
        Pin::new(&mut this.below).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.output == Output::Open {
            this.output = Output::Finished;
            this.call(Layer::finish);
        }
        ready!(this.poll_down(cx))?;
        Pin::new(&mut this.below).poll_shutdown(cx)
    }
}

impl<S: Stream, L: Layer> Stream for Layered<S, L> {
    fn get_host(&self) -> Address {
        self.ends.host.clone().unwrap_or_else(|| self.below.get_host())
    }

    fn get_peer(&self) -> Address {
        self.ends.peer.clone().unwrap_or_else(|| self.below.get_peer())
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.below.poll_open(cx))?;
        loop {
            self.check()?;
            if let Poll::Ready(Err(error)) = self.poll_down(cx) {
                return Poll::Ready(Err(error));
            }
            if self.ends.open {
                return Poll::Ready(Ok(()));
            }
            if self.ends.way == Way::Ended {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.poll_timer(cx);
            let mut place = [0; OPENING];
            let received = self.poll_receive(cx, &mut ReadBuf::new(&mut place));
            if received.is_pending() && self.ends.failure.is_none() {
                return Poll::Pending;
            }
            if let Poll::Ready(Err(error)) = received {
                return Poll::Ready(Err(error));
            }
        }
    }

    fn reset_on_drop(&mut self) {
        self.below.reset_on_drop();
    }

    fn end(&self) -> StreamEnd {
        match self.below.end() {
            StreamEnd::Answered => StreamEnd::Answered,
            _ if self.layer.is_answered() => StreamEnd::Answered,
            // The layer has a last word.
            _ => StreamEnd::ShutDown,
        }
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.ends.security.clone().or_else(|| self.below.security())
    }

    fn insist(&mut self) {
        self.below.insist();
    }

    fn acts_alone(&self) -> bool {
        true
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        self.below.with_socket(act);
    }
}

impl<S: fmt::Debug, L> fmt::Debug for Layered<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered")
            .field("below", &self.below)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}
