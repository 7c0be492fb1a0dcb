//! [`ChannelState`]: one channel, seen from one of its ends: the data that waits to
//! be read and to be sent, and how far both directions are from their ends.
//!
//! Mirrors `SSHChannel` of `twisted.conch.ssh.channel`. Tested in
//! `tests/multiplexer/`.
//!
//! ```text
//! input    Open ──End, Closed──▶ Ended ──read──▶ Drained ──cut──▶ Noticed
//! output   Awaiting ──accepted──▶ Open ──we end──▶ Ended
//!              └───────────────────┴──Closed──▶ Unread
//! either   ──reset, refused, the connection is lost──▶ cut
//! ```

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};

use deferred::Failure;
use reactor_compat::{ConnectionEnded, ConnectionLost, Transport};
use tokio::io::ReadBuf;

use super::error::{ChannelRefused, MultiplexerError};
use super::frame::{ChannelId, MOST_DATA, ResetCause};

/// How far the peer's direction is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// All has come, and may not be read yet.
    Ended,
    /// The reader knows of the end.
    Drained,
    /// The channel is cut, and has had its chance to close for that it was ended.
    Noticed,
}

/// How far our own direction is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// The peer has not accepted the channel.
    Awaiting,
    Open,
    /// We have said that this was all.
    Ended,
    /// The peer reads no more.
    Unread,
}

/// A channel, seen from one of its ends.
pub(super) struct ChannelState {
    input: Input,
    output: Output,
    /// Why nothing more comes or goes.
    cut: Option<Failure>,
    /// Data that came and was not read: never more than the window.
    inbox: VecDeque<u8>,
    /// How many bytes the peer may send to begin with.
    window: u32,
    /// How many bytes the peer may still send.
    permitted: u32,
    /// How many bytes were read that are not permitted anew yet.
    read: u32,
    /// How many bytes we may send.
    credit: u32,
    /// Data that was taken from the writer, and waits for its turn: one frame at most.
    pending: Vec<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The transport of the protocol there, once it is known.
    transport: Option<Transport>,
}

/// The way of the data that a writer gave.
pub(super) enum Written<'a> {
    /// It goes out now.
    Now(&'a [u8]),
    /// It waits for its turn.
    InTurn(usize),
}

impl ChannelState {
    /// One that we open, or that the peer does with so much credit for us.
    pub(super) fn new(window: u32, credit: Option<u32>) -> Self {
        Self {
            input: Input::Open,
            output: if credit.is_some() { Output::Open } else { Output::Awaiting },
            cut: None,
            inbox: VecDeque::new(),
            window,
            permitted: window,
            read: 0,
            credit: credit.unwrap_or(0),
            pending: Vec::new(),
            reader: None,
            writer: None,
            transport: None,
        }
    }

    pub(super) fn attach(&mut self, transport: Transport) {
        self.transport = Some(transport);
    }

    pub(super) fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }

    /// Whether nothing more can come or go.
    pub(super) fn is_over(&self) -> bool {
        let ended = self.input != Input::Open && matches!(self.output, Output::Ended);
        ended || self.cut.is_some() || self.output == Output::Unread
    }

    /// The transport that is to be cut at once, and why: it need not be reading or
    /// writing to notice. Not before all that came is read, and the end of it.
    pub(super) fn failed(&self) -> Option<(Transport, Failure)> {
        let told = matches!(self.input, Input::Open | Input::Drained) && self.inbox.is_empty();
        let reason = self.cut.clone().filter(|_| told)?;
        Some((self.transport.clone()?, reason))
    }

    /// Those who wait for something to happen.
    pub(super) fn wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.reader.take().into_iter().chain(self.writer.take())
    }

    // ----- from the peer -----

    /// Fails if nothing may come on the channel, or nothing but its acceptance.
    fn check(&self, id: ChannelId, accepting: bool) -> Result<(), MultiplexerError> {
        if self.cut.is_some() || self.output == Output::Unread {
            return Err(MultiplexerError::AfterEnd(id));
        }
        if self.output == Output::Awaiting && !accepting {
            return Err(MultiplexerError::NotAccepted(id));
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, id: ChannelId, data: &[u8]) -> Result<(), MultiplexerError> {
        self.check(id, false)?;
        if self.input != Input::Open {
            return Err(MultiplexerError::AfterEnd(id));
        }
        let left =
            u32::try_from(data.len()).ok().and_then(|count| self.permitted.checked_sub(count));
        self.permitted = left.ok_or(MultiplexerError::WindowExceeded(id))?;
        self.inbox.extend(data);
        Ok(())
    }

    pub(super) fn permit(&mut self, id: ChannelId, bytes: u32) -> Result<(), MultiplexerError> {
        self.check(id, true)?;
        let credit = self.credit.checked_add(bytes);
        self.credit = credit.ok_or(MultiplexerError::CreditOverflow(id))?;
        if self.output == Output::Awaiting {
            self.output = Output::Open;
        }
        Ok(())
    }

    pub(super) fn end(&mut self, id: ChannelId) -> Result<(), MultiplexerError> {
        self.check(id, false)?;
        if self.input != Input::Open {
            return Err(MultiplexerError::AfterEnd(id));
        }
        self.input = Input::Ended;
        Ok(())
    }

    pub(super) fn reset(
        &mut self,
        id: ChannelId,
        cause: ResetCause,
    ) -> Result<(), MultiplexerError> {
        self.check(id, true)?;
        let unread = !self.pending.is_empty();
        match cause {
            ResetCause::Refused => self.cut(Failure::new(ChannelRefused)),
            ResetCause::Closed if !unread => {
                if self.input == Input::Open {
                    self.input = Input::Ended;
                }
                self.output = Output::Unread;
            }
            ResetCause::Aborted | ResetCause::Closed => {
                self.inbox = VecDeque::new();
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                self.cut(Failure::new(ConnectionLost::from(error)));
            }
        }
        Ok(())
    }

    /// Nothing more comes or goes.
    pub(super) fn cut(&mut self, reason: Failure) {
        self.pending = Vec::new();
        self.cut.get_or_insert(reason);
    }

    // ----- from the protocol -----

    /// Fails if the channel is cut.
    fn alive(&self) -> io::Result<()> {
        self.cut.as_ref().map_or(Ok(()), |reason| Err(ConnectionEnded::error(reason)))
    }

    pub(super) fn poll_open(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.output != Output::Awaiting {
            return Poll::Ready(Ok(()));
        }
        self.alive()?;
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Reads what has come; how much more the peer is permitted for that, if it is
    /// worth a frame.
    pub(super) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<u32>>> {
        if !self.inbox.is_empty() {
            let (first, _) = self.inbox.as_slices();
            let count = first.len().min(room.remaining());
            room.put_slice(&first[..count]);
            self.inbox.drain(..count);
            return Poll::Ready(Ok(self.permit_anew(count)));
        }
        self.inbox = VecDeque::new();
        if self.input == Input::Ended {
            self.input = Input::Drained;
        }
        if self.input != Input::Open {
            return Poll::Ready(Ok(None));
        }
        self.alive()?;
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn permit_anew(&mut self, count: usize) -> Option<u32> {
        // It came within the window, which is a number of 32 bits.
        self.read = self.read.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        let wanted = self.input == Input::Open && self.cut.is_none();
        if !wanted || self.read < self.window.div_ceil(2) {
            return None;
        }
        let bytes = std::mem::take(&mut self.read);
        self.permitted += bytes;
        Some(bytes)
    }

    /// Takes some of `data`, if there is credit for any; `at_once` if nobody else
    /// is to go first.
    pub(super) fn poll_write<'a>(
        &mut self,
        cx: &Context<'_>,
        data: &'a [u8],
        at_once: bool,
    ) -> Poll<io::Result<Written<'a>>> {
        self.alive()?;
        if matches!(self.output, Output::Ended | Output::Unread) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
        let count = data.len().min(MOST_DATA).min(credit);
        if count == 0 || !self.pending.is_empty() {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // No more than the credit, which is a number of 32 bits.
        self.credit -= u32::try_from(count).unwrap_or(self.credit);
        let data = &data[..count];
        if at_once {
            return Poll::Ready(Ok(Written::Now(data)));
        }
        self.pending.extend_from_slice(data);
        Poll::Ready(Ok(Written::InTurn(count)))
    }

    /// Waits for nothing: what waits for its turn goes out by itself. It tells of a
    /// loss that nobody reads or writes to notice, once all that came is read. A
    /// waker is to be woken.
    pub(super) fn flush(&mut self, cx: &Context<'_>) -> io::Result<Option<Waker>> {
        let mut again = None;
        match self.input {
            Input::Open if self.inbox.is_empty() => self.alive()?,
            Input::Open | Input::Ended => {}
            Input::Drained if self.cut.is_some() => {
                // All has come: who closes for that does so now, and lost nothing.
                self.input = Input::Noticed;
                again = Some(cx.waker().clone());
            }
            Input::Drained => {}
            Input::Noticed => self.alive()?,
        }
        self.writer = Some(cx.waker().clone());
        Ok(again)
    }

    /// Ends our half, once nothing waits for its turn; whether the peer is to be
    /// told.
    pub(super) fn poll_shutdown(&mut self, cx: &Context<'_>) -> Poll<io::Result<bool>> {
        self.alive()?;
        if !self.pending.is_empty() {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let tell = self.output == Output::Open;
        if tell {
            self.output = Output::Ended;
        }
        Poll::Ready(Ok(tell))
    }

    /// Takes the data whose turn it is.
    pub(super) fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// The last words when nobody is left here: that this is our end, and that
    /// nobody reads, as far as either has to be said.
    pub(super) fn last_words(&self) -> (bool, bool) {
        (self.output == Output::Open, self.input == Input::Open)
    }
}
