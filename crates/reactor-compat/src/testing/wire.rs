//! [`Wire`]: what two ends in memory send each other, and what becomes of it
//! on the way.
//!
//! Mirrors the buffers of `FakeTransport` in `twisted.test.iosim`. Tested in
//! `tests/memory_pair.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::address::Address;

/// How much fits on the way in one direction, unless a test says otherwise.
const CAPACITY: usize = 64 * 1024;

/// One of the two ends of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

impl Side {
    fn other(self) -> Self {
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
enum Tail {
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
enum Plug {
    In,
    Out,
}

/// What one end sends.
struct Way {
    /// Sent, and not delivered.
    flying: VecDeque<u8>,
    /// Delivered, and not read.
    landed: VecDeque<u8>,
    tail: Tail,
    reader: Option<Waker>,
    writer: Option<Waker>,
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
struct End {
    /// Why it cannot be used any more.
    broken: Option<(io::ErrorKind, String)>,
    closed: bool,
}

impl End {
    fn error(&self) -> Option<io::Error> {
        self.broken.as_ref().map(|(kind, text)| io::Error::new(*kind, text.clone()))
    }
}

struct State {
    /// What the server sends, and what the client does.
    ways: [Way; 2],
    ends: [End; 2],
    capacity: usize,
    plug: Plug,
    /// To be woken when nothing is borrowed.
    woken: Vec<Waker>,
}

impl State {
    /// What `side` sends.
    fn from(&mut self, side: Side) -> &mut Way {
        &mut self.ways[side as usize]
    }

    fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    fn wake_reader_of(&mut self, side: Side) {
        let waker = self.from(side).reader.take();
        self.woken.extend(waker);
    }

    fn wake_writer_of(&mut self, side: Side) {
        let waker = self.from(side).writer.take();
        self.woken.extend(waker);
    }

    fn break_end(&mut self, side: Side, why: (io::ErrorKind, String)) {
        self.end(side).broken.get_or_insert(why);
        self.from(side).flying.clear();
        self.wake_writer_of(side);
        self.wake_reader_of(side.other());
    }

    /// Delivers up to `most` bytes of what `side` has sent, and the end behind
    /// them; whether there was any of it.
    fn deliver(&mut self, side: Side, most: usize) -> bool {
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

    fn read(
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

    fn write(&mut self, side: Side, data: &[u8]) -> io::Result<usize> {
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

    fn shut_down(&mut self, side: Side) -> io::Result<()> {
        if let Some(error) = self.end(side).error() {
            return Err(error);
        }
        let way = self.from(side);
        if way.tail == Tail::Open {
            way.tail = Tail::Ending;
        }
        Ok(())
    }

    fn close(&mut self, side: Side, resets: bool) {
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

/// The wire between two ends in memory: what they send each other stays on it
/// until the test has it delivered.
///
/// It carries 64 KiB each way before it takes no more, which what has been
/// delivered and not been read counts against, as it does in a kernel.
///
/// Clones are the same wire.
///
/// ```
/// use reactor_compat::testing::connect;
/// use reactor_compat::{ConnectionLost, Protocol};
/// use std::io::ErrorKind;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let pair = connect(Silent, Silent);
/// pair.client().write("hello");
/// pair.pump()?;
/// pair.wire().lose(ErrorKind::TimedOut);
/// pair.flush()?;
/// let reason = pair.server().reason().unwrap();
/// assert_eq!(reason.check::<ConnectionLost>().unwrap().kind(), Some(ErrorKind::TimedOut));
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IOPump")]
pub struct Wire {
    state: Rc<RefCell<State>>,
}

impl Wire {
    pub(super) fn new() -> Self {
        let state = State {
            ways: [Way::new(), Way::new()],
            ends: [End::default(), End::default()],
            capacity: CAPACITY,
            plug: Plug::In,
            woken: Vec::new(),
        };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Does something to the wire, and then wakes whom it concerns.
    fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let (result, woken) = {
            let mut state = self.state.borrow_mut();
            (act(&mut state), std::mem::take(&mut state.woken))
        };
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// The stream of one of its ends, which is at `host`.
    pub(super) fn stream(&self, side: Side, host: Address, peer: Address) -> MemoryStream {
        MemoryStream { wire: self.clone(), side, resets: Cell::new(false), host, peer }
    }

    /// Delivers up to `most` bytes each way; whether there were any.
    pub(super) fn deliver(&self, most: usize) -> bool {
        // The client's first: it is the one who asks.
        self.change(|state| {
            let asked = state.deliver(Side::Client, most);
            let answered = state.deliver(Side::Server, most);
            asked || answered
        })
    }

    /// Whether both ends are closed, so that nothing can happen to it.
    pub(super) fn over(&self) -> bool {
        self.state.borrow().ends.iter().all(|end| end.closed)
    }

    /// How many bytes are on it, sent and not delivered, both ways.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.client().write("four");
    /// pair.settle()?;
    /// assert_eq!(pair.wire().in_flight(), 4);
    /// pair.flush()?;
    /// assert_eq!(pair.wire().in_flight(), 0);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn in_flight(&self) -> usize {
        self.state.borrow().ways.iter().map(|way| way.flying.len()).sum()
    }

    /// Sets how many bytes it carries each way before it takes no more. What it
    /// carries already stays.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.wire().set_capacity(3);
    /// pair.client().write("four");
    /// pair.settle()?;
    /// assert_eq!((pair.wire().in_flight(), pair.client().unsent()), (3, 1));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn set_capacity(&self, bytes: usize) {
        self.change(|state| {
            state.capacity = bytes;
            state.wake_writer_of(Side::Server);
            state.wake_writer_of(Side::Client);
        });
    }

    /// Breaks it: what is on it is lost, and both ends get the error when they
    /// next look, which they do at once.
    ///
    /// See the [type's example](Self).
    pub fn lose(&self, error: impl Into<io::Error>) {
        let error: io::Error = error.into();
        let why = (error.kind(), error.to_string());
        self.change(|state| {
            for side in [Side::Server, Side::Client] {
                state.break_end(side, why.clone());
                state.from(side).tail = Tail::Ended;
            }
        });
    }

    /// Has it deliver nothing until it is [plugged in](Self::plug_in) again,
    /// without a word to either end: a cable that is out, a host that is gone.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// pair.wire().unplug();
    /// pair.client().abort_connection();
    /// pair.flush()?;
    /// assert!(pair.client().reason().is_some());
    /// assert!(pair.server().connected(), "it has not heard of that");
    /// pair.wire().plug_in();
    /// pair.flush()?;
    /// assert!(!pair.server().connected());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn unplug(&self) {
        self.change(|state| state.plug = Plug::Out);
    }

    /// Has it deliver again.
    ///
    /// See the example of [`unplug`](Self::unplug).
    pub fn plug_in(&self) {
        self.change(|state| state.plug = Plug::In);
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        let [server, client] = &state.ways;
        f.debug_struct("Wire")
            .field("from_server", &server.flying.len())
            .field("from_client", &client.flying.len())
            .field("capacity", &state.capacity)
            .field("plug", &state.plug)
            .finish_non_exhaustive()
    }
}

/// One end of a wire, as a stream.
pub(crate) struct MemoryStream {
    wire: Wire,
    side: Side,
    resets: Cell<bool>,
    host: Address,
    peer: Address,
}

impl MemoryStream {
    pub(crate) fn host(&self) -> &Address {
        &self.host
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    /// Has the other end see a reset when this one is dropped.
    pub(crate) fn reset_on_drop(&self) {
        self.resets.set(true);
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Gives the wire as much of `data` as it takes; how much that was.
    pub(super) fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.wire.change(|state| state.write(self.side, data))
    }

    /// Sends nothing more.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        self.wire.change(|state| state.shut_down(self.side))
    }

    /// All that was delivered.
    pub(super) fn take_landed(&self) -> Vec<u8> {
        self.wire.change(|state| {
            let data = state.from(self.side.other()).landed.drain(..).collect();
            state.wake_writer_of(self.side.other());
            data
        })
    }

    /// How the connection has ended for this end, if it has: with an error, or
    /// because the other end has said all.
    pub(super) fn outcome(&self) -> Option<io::Result<()>> {
        self.wire.change(|state| {
            if let Some(error) = state.end(self.side).error() {
                return Some(Err(error));
            }
            (state.from(self.side.other()).tail == Tail::Ended).then_some(Ok(()))
        })
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.wire.change(|state| state.close(self.side, self.resets.get()));
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.change(|state| state.read(self.side, buf, cx))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wire.change(|state| match state.write(self.side, data) {
            Ok(0) if !data.is_empty() => {
                let before = state.from(self.side).writer.replace(cx.waker().clone());
                state.woken.extend(before.filter(|before| !before.will_wake(cx.waker())));
                Poll::Pending
            }
            written => Poll::Ready(written),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut_down())
    }
}
