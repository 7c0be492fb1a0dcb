//! [`State`]: the bytes on a wire, and how they move.
//!
//! Tested in `tests/testing/memory_pair.rs`.

use std::io;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use crate::byte_queue::ByteQueue;

/// One of the two ends of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Side {
    Server,
    Client,
}

impl Side {
    pub(in crate::testing) fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// How what one end sends comes to its end.
///
/// ```text
/// Open ──shut down, closed──▶ Ending ──delivered──▶ Ended
///  └────────reset───────▶ Resetting ──delivered───────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Tail {
    Open,
    /// The end is on its way, behind the data.
    Ending,
    /// A reset is on its way, in place of the data.
    Resetting,
    /// Nothing is on its way any more.
    Ended,
}

/// The plug of a wire, which carries nothing when it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plug {
    In,
    Out,
}

/// How a sender learns that what it has sent was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// At once.
    Seen,
    /// When whoever carries the bytes says so.
    Told,
}

/// The bytes that one end sends.
pub(in crate::testing) struct Way {
    /// Sent, and not delivered.
    pub(in crate::testing) flying: ByteQueue,
    /// Delivered, and not read.
    pub(super) landed: ByteQueue,
    /// How many bytes were read of which the sender does not know yet, so that
    /// they count as if they were not.
    pub(in crate::testing) unheard: usize,
    pub(in crate::testing) tail: Tail,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Way {
    fn new() -> Self {
        Self {
            flying: ByteQueue::default(),
            landed: ByteQueue::default(),
            unheard: 0,
            tail: Tail::Open,
            reader: None,
            writer: None,
        }
    }

    /// How many bytes count against the capacity.
    fn load(&self) -> usize {
        self.flying.len() + self.landed.len() + self.unheard
    }

    /// Whether the sender waits for room.
    pub(in crate::testing) fn is_full(&self) -> bool {
        self.writer.is_some()
    }
}

/// The state of an end.
#[derive(Default)]
pub(in crate::testing) struct End {
    /// Why it cannot be used any more.
    broken: Option<(io::ErrorKind, String)>,
    pub(in crate::testing) closed: bool,
}

impl End {
    pub(in crate::testing) fn error(&self) -> Option<io::Error> {
        self.broken.as_ref().map(|(kind, text)| io::Error::new(*kind, text.clone()))
    }
}

/// A wire, and its ends.
pub(in crate::testing) struct State {
    /// The bytes that the server sends, and those that the client does.
    pub(super) ways: [Way; 2],
    pub(super) ends: [End; 2],
    pub(super) capacity: usize,
    pub(super) plug: Plug,
    reads: Reads,
    /// To be woken when nothing is borrowed.
    pub(super) woken: Vec<Waker>,
}

impl State {
    pub(super) fn new(capacity: usize, reads: Reads) -> Self {
        Self {
            ways: [Way::new(), Way::new()],
            ends: [End::default(), End::default()],
            capacity,
            plug: Plug::In,
            reads,
            woken: Vec::new(),
        }
    }

    /// The bytes that `side` sends.
    pub(in crate::testing) fn from(&mut self, side: Side) -> &mut Way {
        &mut self.ways[side as usize]
    }

    pub(in crate::testing) fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    fn wake_reader_of(&mut self, side: Side) {
        let waker = self.from(side).reader.take();
        self.woken.extend(waker);
    }

    pub(super) fn wake_writer_of(&mut self, side: Side) {
        let waker = self.from(side).writer.take();
        self.woken.extend(waker);
    }

    pub(in crate::testing) fn break_end(&mut self, side: Side, why: (io::ErrorKind, String)) {
        self.end(side).broken.get_or_insert(why);
        self.from(side).flying = ByteQueue::default();
        self.wake_writer_of(side);
        self.wake_reader_of(side.other());
    }

    /// Delivers up to `most` bytes of what `side` has sent, and the end behind
    /// them; whether there was any of it.
    pub(super) fn deliver(&mut self, side: Side, most: usize) -> bool {
        if self.plug == Plug::Out {
            return false;
        }
        if self.from(side).tail == Tail::Resetting {
            self.from(side).tail = Tail::Ended;
            self.break_end(side.other(), reset());
            return true;
        }
        let count = most.min(self.from(side).flying.len());
        let taken = self.land(side, count);
        let ends = self.from(side).tail == Tail::Ending && self.from(side).flying.is_empty();
        if ends {
            self.land_end(side);
        }
        if count > 0 && !taken {
            self.break_end(side, reset());
        }
        count > 0 || ends
    }

    /// Delivers the first `count` bytes of what `side` has sent; whether there
    /// was somebody to take them.
    pub(in crate::testing) fn land(&mut self, side: Side, count: usize) -> bool {
        let taken = !self.end(side.other()).closed;
        let way = self.from(side);
        if taken && let Some(data) = way.flying.as_slice().get(..count) {
            way.landed.push(data);
        }
        way.flying.consume(count);
        self.wake_reader_of(side);
        taken
    }

    /// Delivers the end of what `side` has sent.
    pub(in crate::testing) fn land_end(&mut self, side: Side) {
        self.from(side).tail = Tail::Ended;
        self.wake_reader_of(side);
    }

    /// `side` hears that `count` bytes that it has sent were read.
    pub(in crate::testing) fn hear_of_reads(&mut self, side: Side, count: usize) {
        let way = self.from(side);
        way.unheard = way.unheard.saturating_sub(count);
        self.wake_writer_of(side);
    }

    pub(super) fn read(
        &mut self,
        side: Side,
        room: &mut ReadBuf<'_>,
        cx: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        let reads = self.reads;
        let way = self.from(side.other());
        if !way.landed.is_empty() {
            let count = way.landed.len().min(room.remaining());
            room.put_slice(&way.landed.as_slice()[..count]);
            way.landed.consume(count);
            match reads {
                Reads::Told => way.unheard += count,
                Reads::Seen => self.wake_writer_of(side.other()),
            }
            return Poll::Ready(Ok(()));
        }
        let ended = way.tail == Tail::Ended;
        if let Some(error) = self.end(side).error() {
            return Poll::Ready(Err(error));
        }
        if ended {
            return Poll::Ready(Ok(()));
        }
        let before = self.from(side.other()).reader.replace(cx.waker().clone());
        self.woken.extend(before.filter(|before| !before.will_wake(cx.waker())));
        Poll::Pending
    }

    pub(super) fn write(&mut self, side: Side, data: &[u8]) -> io::Result<usize> {
        if let Some(error) = self.end(side).error() {
            return Err(error);
        }
        let capacity = self.capacity;
        let way = self.from(side);
        if way.tail != Tail::Open {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = capacity.saturating_sub(way.load());
        let count = room.min(data.len());
        way.flying.push(&data[..count]);
        Ok(count)
    }

    pub(super) fn shut_down(&mut self, side: Side) -> io::Result<()> {
        if let Some(error) = self.end(side).error() {
            return Err(error);
        }
        let way = self.from(side);
        if way.tail == Tail::Open {
            way.tail = Tail::Ending;
        }
        Ok(())
    }

    pub(super) fn close(&mut self, side: Side, resets: bool) {
        let unread = !self.from(side.other()).landed.is_empty();
        // As systems do it: what the peer sent is lost, and it should know.
        let resets = resets || (unread && self.reads == Reads::Told);
        self.end(side).closed = true;
        self.from(side.other()).landed = ByteQueue::default();
        let way = self.from(side);
        if resets && way.tail != Tail::Ended {
            way.flying = ByteQueue::default();
            way.tail = Tail::Resetting;
        } else if way.tail == Tail::Open {
            way.tail = Tail::Ending;
        }
        self.wake_writer_of(side.other());
    }
}

/// The error of an end that was reset.
pub(in crate::testing) fn reset() -> (io::ErrorKind, String) {
    (io::ErrorKind::ConnectionReset, "connection reset by peer".to_owned())
}
