//! [`Table`]: all channels of a connection, as a machine without I/O: frames go in
//! and come out.
//!
//! Mirrors `SSHConnection` of `twisted.conch.ssh.connection`. Tested in
//! `tests/multiplexer/`.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::task::{Context, Poll, Waker};

use deferred::Failure;
use reactor_compat::{ConnectionDone, ConnectionLost, Transport};
use tokio::io::ReadBuf;

use super::channel::{ChannelState, Written};
use super::error::{MultiplexerError, OpenError};
use super::frame::{ChannelId, Frame, GoAwayCause, NUMBERS, Opener, ResetCause};
use super::limits::Limits;

/// How far the connection is.
///
/// ```text
/// New ──made──▶ Open ──the peer goes away──▶ PeerLeaving
///  │             └────────────┬───────we close─┘
///  │                          ▼
///  │                       Leaving ──no channel is left──▶ Left
///  └─we close before it is made─────────────────────────────▲
///
/// any ──lost, or rules were broken──▶ Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Open,
    /// The peer wants no more channels.
    PeerLeaving,
    /// We want none; those that there are end.
    Leaving,
    /// They have, and the connection is to be closed.
    Left,
    Over,
}

/// The connection's readiness for more data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Free,
    HeldUp,
}

/// All channels of a connection.
pub(super) struct Table {
    stage: Stage,
    limits: Limits,
    channels: BTreeMap<ChannelId, ChannelState>,
    /// How many channels each end has opened.
    ours: u32,
    theirs: u32,
    flow: Flow,
    /// Channels with data that waits for its turn.
    turns: VecDeque<ChannelId>,
    /// Frames that are to be written.
    outgoing: Vec<u8>,
    /// To be woken when nothing is borrowed.
    woken: Vec<Waker>,
    /// To be cut when nothing is borrowed, and why.
    failed: Vec<(Transport, Failure)>,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            stage: Stage::New,
            limits,
            channels: BTreeMap::new(),
            ours: 0,
            theirs: 0,
            flow: Flow::Free,
            turns: VecDeque::new(),
            outgoing: Vec::new(),
            woken: Vec::new(),
            failed: Vec::new(),
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    fn say(&mut self, frame: Frame<'_>) {
        frame.encode(&mut self.outgoing);
    }

    /// How many channels can still carry something.
    fn live(&self) -> usize {
        self.channels.values().filter(|channel| !channel.is_over()).count()
    }

    /// Whether one more channel may be opened. Those that are over do not count,
    /// though something of them is there until their protocols are gone; but of
    /// those there may be no more than of the others.
    fn has_room(&self) -> bool {
        let most = self.limits.most_channels();
        self.live() < most && self.len() < most.saturating_mul(2)
    }

    // ----- for the connection -----

    /// The connection is made; whether it is to be closed at once.
    pub(super) fn begin(&mut self) -> bool {
        let left = self.stage == Stage::Left;
        if !left {
            self.stage = Stage::Open;
        }
        left
    }

    /// Whether channels may be opened, as far as their number is none too many.
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether nothing that comes is of any interest.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Handles a frame. Gives a channel that is to be accepted or refused, and its
    /// credit, if the peer opens one.
    pub(super) fn receive(
        &mut self,
        frame: Frame<'_>,
    ) -> Result<Option<(ChannelId, u32)>, MultiplexerError> {
        match frame {
            Frame::Open { id, window } => {
                return Ok(self.peer_opens(id)?.then_some((id, window)));
            }
            Frame::Credit { id, bytes } => self.tell(id, |channel| channel.permit(id, bytes))?,
            Frame::Data { id, data } => self.tell(id, |channel| channel.receive(id, data))?,
            Frame::End { id } => self.tell(id, |channel| channel.end(id))?,
            Frame::Reset { id, cause } => self.tell(id, |channel| channel.reset(id, cause))?,
            Frame::GoAway { cause: GoAwayCause::ProtocolError } => {
                return Err(MultiplexerError::PeerGaveUp);
            }
            Frame::GoAway { cause: GoAwayCause::Closing } => {
                if self.stage == Stage::Open {
                    self.stage = Stage::PeerLeaving;
                }
            }
        }
        Ok(None)
    }

    /// Whether a channel that the peer opens may be accepted.
    fn peer_opens(&mut self, id: ChannelId) -> Result<bool, MultiplexerError> {
        if id.opener != Opener::They || id.number != self.theirs {
            return Err(MultiplexerError::OutOfTurn(id));
        }
        if self.stage == Stage::PeerLeaving {
            return Err(MultiplexerError::OpenedLate(id));
        }
        self.theirs += 1;
        let accepted = self.stage == Stage::Open && self.has_room();
        if !accepted {
            self.refuse(id);
        }
        Ok(accepted)
    }

    fn refuse(&mut self, id: ChannelId) {
        self.say(Frame::Reset { id, cause: ResetCause::Refused });
    }

    /// Accepts a channel that the peer opened, with so much credit, or refuses it;
    /// whether it is accepted, which may not be possible any more.
    pub(super) fn answer(&mut self, id: ChannelId, credit: Option<u32>) -> bool {
        let possible = self.stage == Stage::Open && self.has_room();
        let Some(credit) = credit.filter(|_| possible) else {
            self.refuse(id);
            return false;
        };
        let window = self.limits.window();
        self.channels.insert(id, ChannelState::new(window, Some(credit)));
        self.say(Frame::Credit { id, bytes: window });
        true
    }

    /// Tells a channel of something, and wakes who waits there. What comes for one
    /// that was, and is no more, was on its way when that ended.
    fn tell(
        &mut self,
        id: ChannelId,
        tell: impl FnOnce(&mut ChannelState) -> Result<(), MultiplexerError>,
    ) -> Result<(), MultiplexerError> {
        if let Some(channel) = self.channels.get_mut(&id) {
            tell(channel)?;
            self.woken.extend(channel.wakers());
            self.failed.extend(channel.failed());
            return Ok(());
        }
        let opened = match id.opener {
            Opener::We => self.ours,
            Opener::They => self.theirs,
        };
        if id.number < opened { Ok(()) } else { Err(MultiplexerError::NotOpened(id)) }
    }

    /// The rules were broken: says so to the peer, and cuts every channel.
    pub(super) fn give_up(&mut self, error: MultiplexerError) {
        if error != MultiplexerError::PeerGaveUp {
            self.say(Frame::GoAway { cause: GoAwayCause::ProtocolError });
        }
        self.cut(&Failure::new(error));
    }

    /// The connection is lost. A channel that had not ended is not done, though
    /// the connection was closed cleanly.
    pub(super) fn lost(&mut self, reason: &Failure) {
        if reason.is::<ConnectionDone>() {
            let lost = ConnectionLost::because("the connection under it was closed");
            self.cut(&Failure::new(lost));
        } else {
            self.cut(reason);
        }
    }

    fn cut(&mut self, reason: &Failure) {
        if mem::replace(&mut self.stage, Stage::Over) == Stage::Over {
            return;
        }
        self.turns.clear();
        for channel in self.channels.values_mut() {
            channel.cut(reason.clone());
            self.woken.extend(channel.wakers());
            self.failed.extend(channel.failed());
        }
    }

    pub(super) fn set_flow(&mut self, flow: Flow) {
        self.flow = flow;
    }

    /// Wants no more channels: says so, and gives the transports of those that
    /// there are, which are to be closed.
    pub(super) fn leave(&mut self) -> Vec<Transport> {
        match self.stage {
            Stage::Open | Stage::PeerLeaving => {}
            Stage::New => {
                self.stage = Stage::Left;
                return Vec::new();
            }
            Stage::Leaving | Stage::Left | Stage::Over => return Vec::new(),
        }
        self.stage = Stage::Leaving;
        self.say(Frame::GoAway { cause: GoAwayCause::Closing });
        self.channels.values().filter_map(ChannelState::transport).cloned().collect()
    }

    /// Whether the connection is to be closed now that the last channel is gone:
    /// said once.
    pub(super) fn take_left(&mut self) -> bool {
        let left = self.stage == Stage::Leaving && self.channels.is_empty();
        if left {
            self.stage = Stage::Left;
        }
        left
    }

    /// Takes what is to be written, and who is to be woken or cut. Where the connection
    /// takes more, the next channel in turn has its frame among it.
    pub(super) fn take_work(&mut self, work: &mut Work) {
        if self.flow == Flow::Free && self.outgoing.is_empty() {
            self.take_turn();
        }
        mem::swap(&mut work.outgoing, &mut self.outgoing);
        mem::swap(&mut work.woken, &mut self.woken);
        mem::swap(&mut work.failed, &mut self.failed);
    }

    fn take_turn(&mut self) {
        while let Some(id) = self.turns.pop_front() {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            let data = channel.take_pending();
            // It was cut meanwhile, and has nothing to say.
            if data.is_empty() {
                continue;
            }
            self.woken.extend(channel.wakers());
            return self.say(Frame::Data { id, data: &data });
        }
    }

    // ----- for the channels -----

    /// Opens a channel.
    pub(super) fn open(&mut self) -> Result<ChannelId, OpenError> {
        match self.stage {
            Stage::Open => {}
            Stage::New | Stage::Over => return Err(OpenError::NotConnected),
            Stage::PeerLeaving | Stage::Leaving | Stage::Left => return Err(OpenError::Closing),
        }
        if !self.has_room() {
            return Err(OpenError::TooMany { limit: self.limits.most_channels() });
        }
        if self.ours == NUMBERS {
            return Err(OpenError::UsedUp);
        }
        let id = ChannelId { opener: Opener::We, number: self.ours };
        self.ours += 1;
        let window = self.limits.window();
        self.channels.insert(id, ChannelState::new(window, None));
        self.say(Frame::Open { id, window });
        Ok(id)
    }

    /// Notes the transport of the protocol that has the channel.
    pub(super) fn attach(&mut self, id: ChannelId, transport: Transport) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.attach(transport);
        }
    }

    fn channel(&mut self, id: ChannelId) -> io::Result<&mut ChannelState> {
        self.channels.get_mut(&id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn poll_open(&mut self, id: ChannelId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.channel(id)?.poll_open(cx)
    }

    pub(super) fn poll_read(
        &mut self,
        id: ChannelId,
        cx: &Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.channel(id)?.poll_read(cx, room).map_ok(|permitted| {
            if let Some(bytes) = permitted {
                self.say(Frame::Credit { id, bytes });
            }
        })
    }

    pub(super) fn poll_write(
        &mut self,
        id: ChannelId,
        cx: &Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let at_once = self.flow == Flow::Free;
        self.channel(id)?.poll_write(cx, data, at_once).map_ok(|written| match written {
            Written::Now(data) => {
                self.say(Frame::Data { id, data });
                data.len()
            }
            Written::InTurn(count) => {
                self.turns.push_back(id);
                count
            }
        })
    }

    pub(super) fn poll_flush(&mut self, id: ChannelId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let again = self.channel(id)?.flush(cx)?;
        self.woken.extend(again);
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shutdown(
        &mut self,
        id: ChannelId,
        cx: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.channel(id)?.poll_shutdown(cx).map_ok(|tell| {
            if tell {
                self.say(Frame::End { id });
            }
        })
    }

    /// Nobody has the channel any more: tells the peer what it has to know, and
    /// gives what is left, to be dropped where nothing is borrowed.
    pub(super) fn forget(&mut self, id: ChannelId, reset: bool) -> Option<ChannelState> {
        let mut channel = self.channels.remove(&id)?;
        self.turns.retain(|turn| *turn != id);
        if channel.is_over() {
            return Some(channel);
        }
        if reset {
            self.say(Frame::Reset { id, cause: ResetCause::Aborted });
            return Some(channel);
        }
        let (ends, reads) = channel.last_words();
        let pending = channel.take_pending();
        if ends && !pending.is_empty() {
            self.say(Frame::Data { id, data: &pending });
        }
        if ends {
            self.say(Frame::End { id });
        }
        if reads {
            self.say(Frame::Reset { id, cause: ResetCause::Closed });
        }
        Some(channel)
    }
}

/// Work that is done when nothing is borrowed.
#[derive(Default)]
pub(super) struct Work {
    pub(super) outgoing: Vec<u8>,
    pub(super) woken: Vec<Waker>,
    pub(super) failed: Vec<(Transport, Failure)>,
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.outgoing.is_empty() && self.woken.is_empty() && self.failed.is_empty()
    }
}
