//! Two streams that are joined, and give what is written as a policy says.
//!
//! It is none of the streams in memory that the reactor's tests have: those are queues
//! of bytes, and move when a test says so; here writes are kept apart for the policy to
//! see, and go on by themselves, in programs as well as in tests.
//!
//! Tested in `tests/policies/loopback.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pump::LoopbackQueue;

/// How much a direction holds before the writer has to wait; and how much more
/// than it holds, if that is not enough for the policy.
const PIPE: usize = 64 * 1024;

pub(super) type Policy = Rc<dyn Fn(&mut LoopbackQueue) -> Option<Vec<u8>>>;

/// One direction. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Direction {
    state: Rc<RefCell<State>>,
}

struct State {
    /// How long the writes are whose bytes are still to come.
    writes: VecDeque<usize>,
    /// What has come of the first of those.
    unfinished: Vec<u8>,
    queue: LoopbackQueue,
    /// How much there may be in it.
    capacity: usize,
    ends: Ends,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            writes: VecDeque::new(),
            unfinished: Vec::new(),
            queue: LoopbackQueue::default(),
            capacity: PIPE,
            ends: Ends::Both,
            reader: None,
            writer: None,
        }
    }
}

/// ```text
/// Both ──writer gone──▶ NoWriter
///   └────reader gone──▶ NoReader (from both)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Both,
    /// The reader may read what there is.
    NoWriter,
    NoReader,
}

impl State {
    /// Takes bytes, and cuts them as they were written. Those that nobody has
    /// announced, as a layer's in between, are a string of their own.
    fn take(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let length = self.writes.front().map_or(data.len(), |whole| *whole);
            let missing = length.saturating_sub(self.unfinished.len());
            let (some, rest) = data.split_at(missing.min(data.len()));
            self.unfinished.extend_from_slice(some);
            data = rest;
            if self.unfinished.len() >= length {
                self.writes.pop_front();
                self.queue.put(std::mem::take(&mut self.unfinished));
            }
        }
    }

    /// What has come is given, whole or not: no more may come before it is.
    fn flush(&mut self) {
        let part = std::mem::take(&mut self.unfinished);
        if part.is_empty() {
            return;
        }
        if let Some(length) = self.writes.front_mut() {
            *length = length.saturating_sub(part.len());
        }
        self.queue.put(part);
    }
}

impl Direction {
    /// A write of so many bytes is on its way.
    pub(super) fn announce(&self, length: usize) {
        self.state.borrow_mut().writes.push_back(length);
    }

    fn write(&self, cx: &Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        if state.ends != Ends::Both {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.queue.bytes() >= state.capacity {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.take(data);
        drop(state);
        self.wake_reader();
        Poll::Ready(Ok(data.len()))
    }

    fn flush(&self) {
        self.state.borrow_mut().flush();
        self.wake_reader();
    }

    /// The next piece; an empty one is the end.
    fn read(&self, cx: &Context<'_>, policy: &Policy) -> Poll<Vec<u8>> {
        // The policy is the user's: nothing is borrowed while it is asked.
        let mut queue = std::mem::take(&mut self.state.borrow_mut().queue);
        let piece = if queue.is_empty() { None } else { policy(&mut queue) };
        let mut state = self.state.borrow_mut();
        queue.append(&mut state.queue);
        state.queue = queue;
        let piece = piece.filter(|piece| !piece.is_empty());
        let held = if piece.is_none() { state.queue.bytes() } else { 0 };
        state.capacity = held.saturating_add(PIPE);
        let waits = piece.is_none() && state.ends == Ends::Both;
        if waits {
            state.reader = Some(cx.waker().clone());
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        if waits { Poll::Pending } else { Poll::Ready(piece.unwrap_or_default()) }
    }

    /// There is one end less.
    fn end(&self, ends: Ends) {
        let (reader, writer) = {
            let mut state = self.state.borrow_mut();
            state.flush();
            if state.ends != Ends::NoReader {
                state.ends = ends;
            }
            (state.reader.take(), state.writer.take())
        };
        wake(reader);
        wake(writer);
    }

    fn wake_reader(&self) {
        let reader = self.state.borrow_mut().reader.take();
        wake(reader);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// One end of two directions.
pub(super) struct LoopbackStream {
    outgoing: Direction,
    incoming: Direction,
    policy: Policy,
    /// A piece, and how much of it was read.
    piece: Vec<u8>,
    read: usize,
}

impl LoopbackStream {
    pub(super) fn new(outgoing: Direction, incoming: Direction, policy: Policy) -> Self {
        Self { outgoing, incoming, policy, piece: Vec::new(), read: 0 }
    }
}

impl AsyncRead for LoopbackStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read >= this.piece.len() {
            match this.incoming.read(cx, &this.policy) {
                Poll::Ready(piece) => (this.piece, this.read) = (piece, 0),
                Poll::Pending => return Poll::Pending,
            }
        }
        let rest = &this.piece[this.read..];
        let count = rest.len().min(room.remaining());
        room.put_slice(&rest[..count]);
        this.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LoopbackStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.end(Ends::NoWriter);
        Poll::Ready(Ok(()))
    }
}

impl Drop for LoopbackStream {
    fn drop(&mut self) {
        self.outgoing.end(Ends::NoWriter);
        self.incoming.end(Ends::NoReader);
    }
}
