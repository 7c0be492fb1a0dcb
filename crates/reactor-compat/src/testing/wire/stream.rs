//! [`MemoryStream`]: one end of a wire, as a stream of Tokio's.
//!
//! Tested in `tests/testing/memory_pair.rs`.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Wire;
use super::state::{Side, Tail};
use crate::address::Address;
use crate::network::{Stream, StreamEnd};

/// One end of a wire, as a stream.
pub(crate) struct MemoryStream {
    wire: Wire,
    side: Side,
    resets: Cell<bool>,
    host: Address,
    peer: Address,
}

impl MemoryStream {
    pub(super) fn new(wire: Wire, side: Side, host: Address, peer: Address) -> Self {
        Self { wire, side, resets: Cell::new(false), host, peer }
    }

    pub(crate) fn host(&self) -> &Address {
        &self.host
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    /// Closes this end; the other one sees a reset.
    pub(in crate::testing) fn reset(self) {
        self.resets.set(true);
    }

    pub(in crate::testing) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Gives the wire as much of `data` as it takes; how much that was.
    pub(in crate::testing) fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.wire.act(self.side, |state| state.write(self.side, data))
    }

    /// Sends nothing more.
    pub(in crate::testing) fn shut_down(&self) -> io::Result<()> {
        self.wire.act(self.side, |state| state.shut_down(self.side))
    }

    /// All that was delivered.
    pub(in crate::testing) fn take_landed(&self) -> Vec<u8> {
        self.wire.change(|state| {
            let data = state.from(self.side.other()).landed.take();
            state.wake_writer_of(self.side.other());
            data
        })
    }

    /// How the connection has ended for this end, if it has: with an error, or
    /// because the other end has said all.
    pub(in crate::testing) fn outcome(&self) -> Option<io::Result<()>> {
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
        self.wire.act(self.side, |state| state.close(self.side, self.resets.get()));
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.act(self.side, |state| state.read(self.side, buf, cx))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wire.act(self.side, |state| match state.write(self.side, data) {
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

impl Stream for MemoryStream {
    fn get_host(&self) -> Address {
        self.host.clone()
    }

    fn get_peer(&self) -> Address {
        self.peer.clone()
    }

    fn reset_on_drop(&mut self) {
        self.resets.set(true);
    }

    fn end(&self) -> StreamEnd {
        StreamEnd::Drop
    }
}
