//! [`Preamble`]: a stream that begins with a conversation of its own.
//!
//! Tested in `tests/network/endpoint_kinds.rs`.

use std::future::Future;
use std::io::{self, IoSlice};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::address::Address;
use crate::byte_queue::ByteQueue;
use crate::network::{Backlog, Security, SharedStream, Stream, StreamEnd};

/// A stream that begins with a conversation of its own: a header that says who the
/// client is, a proxy that is asked. When that is over it is the stream below, but for
/// its addresses; what was read too far comes first.
pub(super) struct Preamble {
    below: SharedStream,
    state: State,
    heard: Heard,
}

/// How far it is.
///
/// ```text
/// Waiting ──the stream below is open──▶ Talking ──over──▶ Open
/// ```
enum State {
    Waiting(Option<Box<dyn FnOnce(SharedStream) -> Talk>>),
    Talking(Talk),
    Open,
}

/// A conversation.
pub(super) type Talk = Pin<Box<dyn Future<Output = io::Result<Heard>>>>;

/// What was learnt in a conversation.
#[derive(Default)]
pub(super) struct Heard {
    /// What was read too far.
    pub(super) unread: ByteQueue,
    pub(super) host: Option<Address>,
    pub(super) peer: Option<Address>,
}

impl Preamble {
    /// A conversation, begun when the stream `below` is open, as a stream.
    pub(super) fn over<T>(
        below: SharedStream,
        talk: impl FnOnce(SharedStream) -> T + 'static,
    ) -> SharedStream
    where
        T: Future<Output = io::Result<Heard>> + 'static,
    {
        let talk = Box::new(|stream| -> Talk { Box::pin(talk(stream)) });
        let state = State::Waiting(Some(talk));
        SharedStream::unguarded(Self { below, state, heard: Heard::default() })
    }
}

impl AsyncRead for Preamble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unread = &mut self.heard.unread;
        if unread.is_empty() {
            return Pin::new(&mut self.below).poll_read(cx, buf);
        }
        let data = unread.as_slice();
        let count = data.len().min(buf.remaining());
        buf.put_slice(&data[..count]);
        unread.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Preamble {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.below).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.below).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.below.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_shutdown(cx)
    }
}

impl Stream for Preamble {
    fn get_host(&self) -> Address {
        self.heard.host.clone().unwrap_or_else(|| self.below.get_host())
    }

    fn get_peer(&self) -> Address {
        self.heard.peer.clone().unwrap_or_else(|| self.below.get_peer())
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Open => return Poll::Ready(Ok(())),
                State::Waiting(talk) => {
                    ready!(self.below.poll_open(cx))?;
                    let Some(talk) = talk.take() else { return Poll::Pending };
                    self.state = State::Talking(talk(self.below.clone()));
                }
                State::Talking(talk) => {
                    self.heard = ready!(talk.as_mut().poll(cx))?;
                    self.state = State::Open;
                }
            }
        }
    }

    fn reset_on_drop(&mut self) {
        self.below.reset_on_drop();
    }

    fn end(&self) -> StreamEnd {
        self.below.end()
    }

    fn acts_alone(&self) -> bool {
        self.below.acts_alone()
    }

    fn backlog(&self) -> Backlog {
        self.below.backlog()
    }

    fn ended_inside(&self) -> bool {
        self.below.ended_inside()
    }

    fn insist(&mut self) {
        self.below.insist();
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.below.security()
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        self.below.with_socket(act);
    }

    #[cfg(unix)]
    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        self.below.send_descriptor(descriptor)
    }

    #[cfg(unix)]
    fn unsent_descriptors(&self) -> usize {
        self.below.unsent_descriptors()
    }

    #[cfg(unix)]
    fn receive_descriptors(&mut self, wanted: bool) {
        self.below.receive_descriptors(wanted);
    }

    #[cfg(unix)]
    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.below.take_descriptor()
    }

    #[cfg(unix)]
    fn close_descriptors(&mut self) {
        self.below.close_descriptors();
    }
}
