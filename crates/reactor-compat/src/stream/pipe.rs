//! [`Pipe`]: the state that a connection's protocol and its stream share.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use deferred::Failure;
use tokio::io::ReadBuf;

use crate::error::{ConnectionDone, ConnectionEnded};
use crate::producer::Producer;
use crate::transport::{Outbox, ReadAhead, Transport};
use crate::waiters::wake;

/// When this much waits to be read, no more is taken from the peer; at most
/// one buffer of the reactor's comes on top.
const HIGH: usize = 64 * 1024;

/// When no more than this waits to be read, the peer is read again.
const LOW: usize = 16 * 1024;

/// How much is taken of one write.
pub(super) const MOST_WRITTEN: usize = 64 * 1024;

/// The stream's side of writing.
///
/// ```text
/// Free ◀──producer is told──▶ Held ──shutdown──▶ Ending ──sent──▶ Ended
///  └──────────────shutdown────────────────────────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Free,
    /// Nothing, until what was written is sent.
    Held,
    /// Nothing more: the peer is about to be told.
    Ending,
    /// The peer has been told.
    Ended,
}

/// The peer's side: will more come?
///
/// ```text
/// Open ──▶ Ended ──▶ Lost
///   └───────────────▶
/// ```
enum Input {
    Open,
    /// It has ended its half.
    Ended,
    /// The connection is gone.
    Lost(Failure),
}

/// The state that a connection's protocol and its stream share. Neither of its
/// parts is borrowed while a waker runs.
pub(super) struct Pipe {
    received: RefCell<Outbox>,
    input: RefCell<Input>,
    output: Cell<Output>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

impl Pipe {
    pub(super) fn new() -> Self {
        Self {
            received: RefCell::default(),
            input: RefCell::new(Input::Open),
            output: Cell::new(Output::Free),
            reader: Cell::new(None),
            writer: Cell::new(None),
        }
    }

    // ----- for the protocol -----

    /// Some data came.
    pub(super) fn receive(&self, transport: &Transport, data: &[u8]) {
        let waiting = {
            let mut received = self.received.borrow_mut();
            received.push(data, &transport.link().shared.buffers);
            received.len()
        };
        if waiting >= HIGH {
            transport.pause_producing();
        }
        wake(&self.reader);
    }

    /// The peer has ended its half.
    pub(super) fn input_ended(&self) {
        self.input.replace(Input::Ended);
        wake(&self.reader);
    }

    /// The peer has been told that we have ended ours.
    pub(super) fn output_ended(&self) {
        self.output.set(Output::Ended);
        wake(&self.writer);
    }

    /// The connection is gone.
    pub(super) fn lost(&self, reason: Failure) {
        self.input.replace(Input::Lost(reason));
        wake(&self.reader);
        wake(&self.writer);
    }

    // ----- for the stream -----

    pub(super) fn poll_read(
        &self,
        transport: &Transport,
        cx: &Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut received = self.received.borrow_mut();
        if received.is_empty() {
            return self.poll_end(cx);
        }
        let data = received.unsent();
        let count = data.len().min(buf.remaining());
        buf.put_slice(data.get(..count).unwrap_or_default());
        received.consume(count);
        if received.is_empty() {
            received.clear(&transport.link().shared.buffers);
        }
        let low = received.len() <= LOW;
        drop(received);
        if low {
            transport.resume_producing();
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing more will come.
    fn poll_end(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match &*self.input.borrow() {
            Input::Open => {
                self.reader.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Input::Ended => Poll::Ready(Ok(())),
            Input::Lost(reason) if reason.is::<ConnectionDone>() => Poll::Ready(Ok(())),
            Input::Lost(reason) => Poll::Ready(Err(ConnectionEnded::error(reason))),
        }
    }

    /// Ready when something can be written.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if let Input::Lost(reason) = &*self.input.borrow() {
            return Poll::Ready(Err(ConnectionEnded::error(reason)));
        }
        match self.output.get() {
            Output::Free => Poll::Ready(Ok(())),
            Output::Held => {
                self.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Output::Ending | Output::Ended => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Ready when the peer has been told that nothing more is written.
    pub(super) fn poll_ended(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match &*self.input.borrow() {
            _ if self.output.get() == Output::Ended => Poll::Ready(Ok(())),
            Input::Lost(reason) if reason.is::<ConnectionDone>() => Poll::Ready(Ok(())),
            Input::Lost(reason) => Poll::Ready(Err(ConnectionEnded::error(reason))),
            Input::Open | Input::Ended => {
                self.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Writes nothing more; whether that is news.
    pub(super) fn end_output(&self) -> bool {
        let news = matches!(self.output.get(), Output::Free | Output::Held);
        if news {
            self.output.set(Output::Ending);
        }
        news
    }
}

/// Bytes that wait to be read when a layer is pushed are the layer's.
impl ReadAhead for Pipe {
    fn take_read_ahead(&self, transport: &Transport) -> Vec<u8> {
        if matches!(*self.input.borrow(), Input::Lost(_)) {
            // It belongs to a protocol that was replaced, and may read to its end.
            return Vec::new();
        }
        let mut received = self.received.take();
        let data = received.unsent().to_vec();
        received.clear(&transport.link().shared.buffers);
        transport.resume_producing();
        data
    }
}

/// The stream, as the producer of what the transport sends.
pub(super) struct Writer(pub(super) Rc<Pipe>);

impl Producer for Writer {
    fn pause_producing(&self) {
        if self.0.output.get() == Output::Free {
            self.0.output.set(Output::Held);
        }
    }

    fn resume_producing(&self) {
        if self.0.output.get() == Output::Held {
            self.0.output.set(Output::Free);
            wake(&self.0.writer);
        }
    }

    /// The connection is lost, of which the protocol is about to hear.
    fn stop_producing(&self) {}
}
