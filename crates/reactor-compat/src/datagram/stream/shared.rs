//! [`Shared`]: what a stream of datagrams and its protocol have in common.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

use crate::datagram::{DatagramAddress, DatagramError, DatagramTransport};
use crate::waiters::wake;

/// How many datagrams may wait to be taken, and how many bytes of them.
const MOST_DATAGRAMS: usize = 1024;
const MOST_BYTES: usize = 256 * 1024;

/// An item: a datagram and whom it is from, or what became of an earlier one.
pub(super) type Item<A> = Result<(Bytes, A), DatagramError>;

/// ```text
/// New ──the port is open──▶ Open ──it is closed──▶ Closed
///  └───────────there will be none─────────────────▲
/// all of them ──the stream is dropped──▶ Dropped
/// ```
enum Stage<A: DatagramAddress> {
    New,
    Open(DatagramTransport<A>),
    Closed,
    Dropped,
}

/// The state that a stream of datagrams and its protocol share. Nothing is borrowed
/// while a waker runs.
pub(super) struct Shared<A: DatagramAddress> {
    stage: RefCell<Stage<A>>,
    items: RefCell<VecDeque<Item<A>>>,
    /// How many bytes they have together.
    bytes: Cell<usize>,
    dropped: Cell<u64>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

impl<A: DatagramAddress> Shared<A> {
    pub(super) fn new() -> Self {
        Self {
            stage: RefCell::new(Stage::New),
            items: RefCell::default(),
            bytes: Cell::new(0),
            dropped: Cell::new(0),
            reader: Cell::new(None),
            writer: Cell::new(None),
        }
    }

    // ----- for the protocol -----

    pub(super) fn opened(&self, transport: DatagramTransport<A>) {
        if let Stage::Dropped = *self.stage.borrow() {
            drop(transport.stop_listening());
            return;
        }
        self.stage.replace(Stage::Open(transport));
        wake(&self.writer);
    }

    /// Keeps what came, unless too much waits already.
    pub(super) fn receive(&self, item: Item<A>) {
        let length = item.as_ref().map_or(0, |(data, _)| data.len());
        let bytes = self.bytes.get() + length;
        let full = self.items.borrow().len() >= MOST_DATAGRAMS || bytes > MOST_BYTES;
        if full && !self.items.borrow().is_empty() {
            return self.dropped.set(self.dropped.get() + 1);
        }
        self.bytes.set(bytes);
        self.items.borrow_mut().push_back(item);
        wake(&self.reader);
    }

    /// The port is closed, or there will be none.
    pub(super) fn closed(&self) {
        if let Stage::Closed | Stage::Dropped = *self.stage.borrow() {
            return;
        }
        let before = self.stage.replace(Stage::Closed);
        drop(before);
        wake(&self.reader);
        wake(&self.writer);
    }

    // ----- for the stream -----

    pub(super) fn transport(&self) -> Option<DatagramTransport<A>> {
        match &*self.stage.borrow() {
            Stage::Open(transport) => Some(transport.clone()),
            Stage::New | Stage::Closed | Stage::Dropped => None,
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    pub(super) fn waiting(&self) -> usize {
        self.items.borrow().len()
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Item<A>>> {
        let item = self.items.borrow_mut().pop_front();
        if let Some(item) = item {
            let length = item.as_ref().map_or(0, |(data, _)| data.len());
            self.bytes.set(self.bytes.get().saturating_sub(length));
            return Poll::Ready(Some(item));
        }
        if self.is_closed() {
            return Poll::Ready(None);
        }
        self.reader.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Waits for the port to be open.
    fn poll_open(&self, cx: &Context<'_>) -> Poll<Result<DatagramTransport<A>, DatagramError>> {
        if self.is_closed() {
            return Poll::Ready(Err(DatagramError::Closed));
        }
        match self.transport() {
            Some(transport) => Poll::Ready(Ok(transport)),
            None => {
                self.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Waits until the system has taken all that was sent.
    pub(super) fn poll_sent(&self, cx: &Context<'_>) -> Poll<Result<(), DatagramError>> {
        ready!(self.poll_open(cx))?.core().poll_sent(cx).map(Ok)
    }

    /// Closes the port when all is sent, and waits until it is closed.
    pub(super) fn poll_close(&self, cx: &Context<'_>) -> Poll<Result<(), DatagramError>> {
        let transport = match ready!(self.poll_open(cx)) {
            Ok(transport) => transport,
            Err(_) => return Poll::Ready(Ok(())),
        };
        ready!(transport.core().poll_sent(cx));
        drop(transport.stop_listening());
        // It may be closed by now.
        if self.is_closed() {
            return Poll::Ready(Ok(()));
        }
        self.writer.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Closes the port: the stream was dropped.
    pub(super) fn let_go(&self) {
        let before = self.stage.replace(Stage::Dropped);
        drop(self.items.take());
        if let Stage::Open(transport) = before {
            drop(transport.stop_listening());
        }
    }

    fn is_closed(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Closed)
    }
}
