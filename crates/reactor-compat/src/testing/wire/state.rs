//! [`State`]: what is on a wire, and how it moves.
//!
//! Tested in `tests/testing/memory_pair.rs`.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

/// One of the two ends of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Side {
    Server,
    Client,
}

impl Side {
    pub(super) fn other(self) -> Self {
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
pub(super) enum Tail {
    Open,
    /// The end is on its way, behind the data.
    Ending,
    /// A reset is on its way, in place of the data.
    Resetting,
    /// Nothing is on its way any more.
    Ended,
}

/// Whether the wire carries anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plug {
    In,
    Out,
}

/// What one end sends.
pub(super) struct Way {
    /// Sent, and not delivered.
    pub(super) flying: VecDeque<u8>,
    /// Delivered, and not read.
    pub(super) landed: VecDeque<u8>,
    pub(super) tail: Tail,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Way {
    fn new() -> Self {
        Self {
            flying: VecDeque::new(),
            landed: VecDeque::new(),
            tail: Tail::Open,
            reader: None,
            writer: None,
        }
    }
}

/// What an end knows of itself.
#[derive(Default)]
pub(super) struct End {
    /// Why it cannot be used any more.
    broken: Option<(io::ErrorKind, String)>,
    pub(super) closed: bool,
}

impl End {
    pub(super) fn error(&self) -> Option<io::Error> {
        self.broken.as_ref().map(|(kind, text)| io::Error::new(*kind, text.clone()))
    }
}

pub(super) struct State {
    /// What the server sends, and what the client does.
    pub(super) ways: [Way; 2],
    pub(super) ends: [End; 2],
    pub(super) capacity: usize,
    pub(super) plug: Plug,
    /// To be woken when nothing is borrowed.
    pub(super) woken: Vec<Waker>,
}

impl State {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ways: [Way::new(), Way::new()],
            ends: [End::default(), End::default()],
            capacity,
            plug: Plug::In,
            woken: Vec::new(),
        }
    }

    /// What `side` sends.
    pub(super) fn from(&mut self, side: Side) -> &mut Way {
        &mut self.ways[side as usize]
    }

    pub(super) fn end(&mut self, side: Side) -> &mut End {
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

    pub(super) fn break_end(&mut self, side: Side, why: (io::ErrorKind, String)) {
        self.end(side).broken.get_or_insert(why);
        self.from(side).flying.clear();
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
        let nobody = self.end(side.other()).closed;
        let way = self.from(side);
        let count = most.min(way.flying.len());
        let data = way.flying.drain(..count);
        if nobody {
            drop(data)
        } else {
            way.landed.extend(data)
        }
        let ends = way.tail == Tail::Ending && way.flying.is_empty();
        if ends {
            way.tail = Tail::Ended;
        }
        self.wake_reader_of(side);
        if nobody && count > 0 {
            self.break_end(side, reset());
        }
        count > 0 || ends
    }

    pub(super) fn read(
        &mut self,
        side: Side,
        room: &mut ReadBuf<'_>,
        cx: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        let way = self.from(side.other());
        if !way.landed.is_empty() {
            let (first, _) = way.landed.as_slices();
            let count = first.len().min(room.remaining());
            room.put_slice(&first[..count]);
            way.landed.drain(..count);
            self.wake_writer_of(side.other());
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
        let room = capacity.saturating_sub(way.flying.len() + way.landed.len());
        let count = room.min(data.len());
        way.flying.extend(&data[..count]);
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
        self.end(side).closed = true;
        self.from(side.other()).landed.clear();
        let way = self.from(side);
        if resets && way.tail != Tail::Ended {
            way.flying.clear();
            way.tail = Tail::Resetting;
        } else if way.tail == Tail::Open {
            way.tail = Tail::Ending;
        }
        self.wake_writer_of(side.other());
    }
}

fn reset() -> (io::ErrorKind, String) {
    (io::ErrorKind::ConnectionReset, "connection reset by peer".to_owned())
}
