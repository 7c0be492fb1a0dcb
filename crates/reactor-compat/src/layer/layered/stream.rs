//! The stream that a [`Layered`] is: its reading, its writing, its opening.
//!
//! Tested in `tests/network/layer.rs` and `tests/network/layer_faults.rs`.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::Layer;
use super::{Layered, Output, SMALL, Source, Way, Writer};
use crate::address::Address;
use crate::network::{Backlog, Security, Stream, StreamEnd};

/// How much of what the protocol wrote is given to a layer at once; and so, how
/// much of it a layer holds.
const PIECE: usize = 16 * 1024;

/// How much of a layer's own may be unsent while it reads on for its own
/// conversation.
const OPENING: usize = 64 * 1024;

impl<S: Stream, L: Layer> AsyncRead for Layered<S, L> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_timer(cx);
        loop {
            if !this.ends.up.is_empty() {
                let data = this.ends.up.as_slice();
                let count = data.len().min(buf.remaining());
                buf.put_slice(&data[..count]);
                this.ends.up.consume(count);
                this.ends.up.trim();
                return Poll::Ready(Ok(()));
            }
            if this.has_failed() {
                return this.poll_failed(cx);
            }
            match this.at_end() {
                Some(false) => {}
                Some(true) if this.ends.way == Way::Told => return this.poll_rest(cx),
                Some(true) => {
                    this.ends.way = Way::Told;
                    return Poll::Ready(Ok(()));
                }
                None => return Poll::Pending,
            }
            let start = buf.filled().len();
            let received = this.poll_receive(cx, buf);
            // What was read for the layer is not what it made of it.
            buf.set_filled(start);
            // Its answer, and what the peer waits for, go out without delay. What was
            // delivered comes before an error: that comes again with the next flush.
            let sent = this.poll_down(cx);
            if this.ends.up.is_empty()
                && !this.has_failed()
                && let Poll::Ready(Err(error)) = sent
            {
                return Poll::Ready(Err(error));
            }
            ready!(received)?;
            let nothing = this.ends.up.is_empty() && this.ends.way == Way::Open;
            if nothing && !this.has_failed() && !this.ends.down.is_empty() {
                // A peer that does not take the answers may have to wait: the
                // connection looks at how much they are before the next read.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

impl<S: Stream, L: Layer> AsyncWrite for Layered<S, L> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_timer(cx);
        if !this.has_failed() {
            // What waits is to wait where it counts against the marks: above.
            ready!(this.poll_down(cx))?;
            ready!(this.poll_ready(cx));
        }
        if this.has_failed() {
            // The protocol is to read what was delivered; what it says to that goes
            // nowhere.
            let unread = !this.ends.up.is_empty();
            return if unread { Poll::Ready(Ok(data.len())) } else { this.poll_failed(cx) };
        }
        this.writer = Writer::Free;
        let piece = &data[..data.len().min(PIECE)];
        this.call(Some(cx), |layer, io| layer.send(io, piece));
        this.owed = this.sent.wrapping_add(this.ends.down.len() as u64);
        if this.has_failed() && this.ends.up.is_empty() {
            return this.poll_failed(cx);
        }
        if let Poll::Ready(Err(error)) = this.poll_down(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_timer(cx);
        if this.has_failed() && this.ends.up.is_empty() {
            return this.poll_failed(cx);
        }
        let flushed = match ready!(this.poll_down(cx)) {
            Ok(()) => ready!(Pin::new(&mut this.below).poll_flush(cx)),
            error => error,
        };
        // The failure comes first, and what was delivered before that.
        Poll::Ready(if this.has_failed() { Ok(()) } else { this.unless_answers(flushed) })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_timer(cx);
        if this.output == Output::Open {
            this.output = Output::Finished;
            this.call(Some(cx), Layer::finish);
        }
        if this.has_failed() {
            return this.poll_failed(cx);
        }
        ready!(this.poll_down(cx))?;
        let shut = ready!(Pin::new(&mut this.below).poll_shutdown(cx));
        this.unless_answers(shut)?;
        this.output = Output::Shut;
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream, L: Layer> Stream for Layered<S, L> {
    fn get_host(&self) -> Address {
        self.ends.host.clone().unwrap_or_else(|| self.below.get_host())
    }

    fn get_peer(&self) -> Address {
        self.ends.peer.clone().unwrap_or_else(|| self.below.get_peer())
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.below.poll_open(cx))?;
        loop {
            self.poll_timer(cx);
            if self.has_failed() {
                return self.poll_failed(cx);
            }
            if let Poll::Ready(Err(error)) = self.poll_down(cx) {
                return Poll::Ready(Err(error));
            }
            if self.ends.open {
                return Poll::Ready(Ok(()));
            }
            match self.at_end() {
                Some(false) if self.ends.down.len() <= OPENING => {}
                Some(true) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Some(false) | None => return Poll::Pending,
            }
            let mut place = [0; SMALL];
            ready!(self.poll_receive(cx, &mut ReadBuf::new(&mut place)))?;
        }
    }

    fn reset_on_drop(&mut self) {
        self.below.reset_on_drop();
    }

    fn end(&self) -> StreamEnd {
        match self.below.end() {
            StreamEnd::Answered => StreamEnd::Answered,
            _ if self.layer.is_answered() => StreamEnd::Answered,
            // The layer has a last word.
            _ => StreamEnd::ShutDown,
        }
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.ends.security.clone().or_else(|| self.below.security())
    }

    fn backlog(&self) -> Backlog {
        let Backlog { unsent, sent } = self.below.backlog();
        Backlog::new(unsent + self.ends.down.len(), sent.wrapping_add(self.sent))
    }

    fn ended_inside(&self) -> bool {
        let inside = matches!(self.ends.way, Way::Ended | Way::Told)
            && self.source == Source::Flowing
            && self.output == Output::Shut;
        inside || self.below.ended_inside()
    }

    fn insist(&mut self) {
        self.below.insist();
    }

    fn acts_alone(&self) -> bool {
        true
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        self.below.with_socket(act);
    }
}
