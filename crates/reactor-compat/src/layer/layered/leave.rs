//! Waiting of a [`Layered`] for leave to send: it reads ahead, since leave comes by
//! reading, and gives up when none can come.
//!
//! Tested in `tests/network/layer_faults.rs` and `tests/testing/layer_model.rs`.

use std::io;
use std::task::{Context, Poll};

use deferred::Failure;
use tokio::io::ReadBuf;

use super::super::Layer;
use super::{Layered, SMALL, Way, Writer};
use crate::error::{ConnectionEnded, LayerHeldBack};
use crate::network::Stream;

/// How much is read ahead of the protocol, for a layer that waits for leave to send.
const AHEAD: usize = 1024 * 1024;

/// How many pieces are read ahead before others have their turn.
const PIECES: usize = 16;

impl<S: Stream, L: Layer> Layered<S, L> {
    /// Has the writer try again, if it was held back and the layer has heard
    /// something.
    #[inline]
    pub(super) fn wake_writer(&mut self, cx: &Context<'_>) {
        if self.writer == Writer::HeldBack && (self.layer.ready() || self.at_end() == Some(true)) {
            self.writer = Writer::Free;
            cx.waker().wake_by_ref();
        }
    }

    /// Waits until the layer takes data of the protocol, or has failed, and reads for
    /// it while it does not.
    #[inline]
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.layer.ready() { Poll::Ready(()) } else { self.poll_leave(cx) }
    }

    #[cold]
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.writer = Writer::HeldBack;
        self.read_ahead(cx);
        if self.has_failed() || self.layer.ready() {
            return Poll::Ready(());
        }
        if self.at_end() != Some(true) {
            return Poll::Pending;
        }
        // No leave can come any more.
        self.ends.failure = Some(Failure::new(LayerHeldBack { taken: 0 }));
        Poll::Ready(())
    }

    /// A result of the stream below; that it holds back nothing but this layer's
    /// answers is none: a peer that has ended needs them no more.
    #[inline]
    pub(super) fn unless_answers(&self, result: io::Result<()>) -> io::Result<()> {
        result.or_else(|error| self.unless_held_back(error))
    }

    #[cold]
    fn unless_held_back(&self, error: io::Error) -> io::Result<()> {
        let refused = LayerHeldBack { taken: 0 };
        let held_back = ConnectionEnded::of(&error)
            .and_then(|ended| ended.reason().check::<LayerHeldBack>().copied());
        if held_back != Some(refused) {
            return Err(error);
        }
        match usize::try_from(self.owed.saturating_sub(self.sent)).unwrap_or(usize::MAX) {
            0 => Ok(()),
            taken => Err(ConnectionEnded::error(&Failure::new(LayerHeldBack { taken }))),
        }
    }

    /// Reads for a layer that waits for leave to send, though the protocol may not be
    /// reading: the leave comes in what the peer sends.
    #[cold]
    fn read_ahead(&mut self, cx: &mut Context<'_>) {
        for _ in 0..PIECES {
            let wanted = self.ends.way == Way::Open && !self.has_failed() && !self.layer.ready();
            if !wanted || self.ends.up.len() >= AHEAD || !self.ends.down.is_empty() {
                return;
            }
            let mut place = [0; SMALL];
            match self.poll_receive(cx, &mut ReadBuf::new(&mut place)) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    // What was delivered comes first.
                    self.ends.failure.get_or_insert(ConnectionEnded::reason_of(error));
                }
            }
            // An error comes again, when that is flushed.
            let _ = self.poll_down(cx);
        }
        cx.waker().wake_by_ref();
    }
}
