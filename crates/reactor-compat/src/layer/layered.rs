//! [`Layered`]: a layer over a stream, which is a stream again.

mod leave;
mod stream;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deferred::Failure;
use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};

use super::{Layer, LayerIo};
use crate::address::Address;
use crate::byte_queue::ByteQueue;
use crate::error::ConnectionEnded;
use crate::guard;
use crate::network::{Security, Stream};

/// How much is read at once where the protocol has given no room.
const SMALL: usize = 4 * 1024;

/// How long the last word of a layer that has failed may take.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The direction from the peer: may it send more?
///
/// ```text
/// Open ──the end below──▶ Ending ──end()──▶ Ended ──heard──▶ Told
///   └────────────────end()─────────────────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// The layer has heard of the end below.
    Ending,
    /// The protocol is to hear of the end.
    Ended,
    /// The protocol has heard of it.
    Told,
}

/// The stream below: does anything more come from it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Flowing,
    Over,
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
    /// The layer's time limit; once it has failed, that of its last word.
    timer: Option<Pin<Box<Sleep>>>,
    source: Source,
    writer: Writer,
    output: Output,
    /// How much was given to the stream below.
    sent: u64,
    /// How much will have been, when all that the layer made of the protocol's is.
    owed: u64,
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
    /// The stream below is shut down: what the layer still writes is let go, as
    /// what a protocol writes is.
    Shut,
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
        let mut layered = Self {
            below,
            layer,
            ends,
            timer: None,
            source: Source::Flowing,
            writer: Writer::Free,
            output: Output::Open,
            sent: 0,
            owed: 0,
        };
        layered.call(None, Layer::begin);
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
            layered.call(None, |layer, io| layer.receive(io, unread));
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

    /// Runs the layer, unless it has failed; a panic in it is the connection's reason.
    #[inline]
    fn call(&mut self, cx: Option<&mut Context<'_>>, call: impl FnOnce(&mut L, &mut LayerIo<'_>)) {
        let Self { layer, ends, .. } = self;
        if ends.failure.is_some() {
            return;
        }
        if let Err(failure) = guard::catch(|| call(layer, &mut LayerIo::new(ends))) {
            crate::log::err(failure.clone(), "");
            self.ends.failure.get_or_insert(failure);
        }
        self.take_timeout(cx);
    }

    /// Sets the timer that the layer asked for, and has the task woken by it.
    #[inline]
    fn take_timeout(&mut self, cx: Option<&mut Context<'_>>) {
        if self.ends.failure.is_some() {
            self.timer = None;
        } else if let Some(timeout) = self.ends.timeout.take() {
            self.timer = timeout.map(|time| Box::pin(sleep(time)));
            if let (Some(timer), Some(cx)) = (&mut self.timer, cx)
                && timer.as_mut().poll(cx).is_ready()
            {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// Tells the layer that its time is over, if it is.
    #[inline]
    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        if self.timer.is_some() && self.ends.failure.is_none() {
            self.poll_time_limit(cx);
        }
    }

    fn poll_time_limit(&mut self, cx: &mut Context<'_>) {
        let over = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if over {
            self.timer = None;
            self.call(Some(cx), Layer::timed_out);
            self.wake_writer(cx);
        }
    }

    /// Whether the layer has failed.
    #[inline]
    fn has_failed(&self) -> bool {
        self.ends.failure.is_some()
    }

    /// The error of a layer that has failed, once its last word is sent. A peer that
    /// does not take it does not hold up the end for long.
    #[cold]
    fn poll_failed<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let Some(failure) = self.ends.failure.clone() else { return Poll::Pending };
        if self.poll_down(cx).is_pending() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LAST_WORD)));
            ready!(timer.as_mut().poll(cx));
        } else {
            // What it cannot pass on now it will not.
            let _ = Pin::new(&mut self.below).poll_flush(cx);
        }
        Poll::Ready(Err(ConnectionEnded::error(&failure)))
    }

    /// Gives the stream below what the layer wrote.
    #[inline]
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output == Output::Shut {
            drop(self.ends.down.take_memory());
        }
        while !self.ends.down.is_empty() {
            let data = self.ends.down.as_slice();
            let count = match ready!(Pin::new(&mut self.below).poll_write(cx, data)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => count,
                Err(error) => {
                    self.unless_answers(Err(error))?;
                    drop(self.ends.down.take_memory());
                    break;
                }
            };
            self.ends.down.consume(count);
            self.sent = self.sent.wrapping_add(count as u64);
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
            self.source = Source::Over;
            self.ends.way = Way::Ending;
            self.call(Some(cx), Layer::ended);
        } else {
            self.call(Some(cx), |layer, io| layer.receive(io, data));
        }
        self.wake_writer(cx);
        Poll::Ready(Ok(()))
    }

    /// After the protocol has heard of an end that the layer found in what the peer
    /// sent: reads on, and lets it go, until the peer ends in truth.
    #[cold]
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended_inside() {
            return Poll::Ready(Ok(()));
        }
        let mut place = [0; SMALL];
        let mut room = ReadBuf::new(&mut place);
        ready!(Pin::new(&mut self.below).poll_read(cx, &mut room))?;
        if room.filled().is_empty() {
            self.source = Source::Over;
            if !self.below.ended_inside() {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the peer's end is there for the reader; `None` if it is not known yet.
    #[inline]
    fn at_end(&self) -> Option<bool> {
        match self.ends.way {
            Way::Open => Some(false),
            Way::Ended | Way::Told => Some(true),
            // It may deliver something later, when its time is over.
            Way::Ending => self.timer.is_none().then_some(true),
        }
    }
}

/// The layer is never pinned.
impl<S: Unpin, L> Unpin for Layered<S, L> {}

impl<S: fmt::Debug, L> fmt::Debug for Layered<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered")
            .field("below", &self.below)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}
