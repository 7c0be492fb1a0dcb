//! [`Guarded`]: a stream of a user's, whose panics are the end of its connection.
//!
//! Tested in `tests/network/layer_faults.rs`.

use std::cell::OnceCell;
use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use deferred::Failure;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Backlog, Security, Stream, StreamEnd};
use crate::address::Address;
use crate::error::ConnectionEnded;
use crate::guard;

/// A stream of a user's: a panic in it is logged, and the error of all that is done
/// with it from then on.
pub(super) struct Guarded<S: Stream> {
    /// There until it is dropped.
    stream: Option<S>,
    panicked: OnceCell<Failure>,
}

impl<S: Stream> Guarded<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: Some(stream), panicked: OnceCell::new() }
    }

    #[cold]
    fn note(&self, failure: Failure) {
        crate::log::err(failure.clone(), "");
        let _ = self.panicked.set(failure);
    }

    /// Runs the stream, unless it has panicked before.
    #[inline]
    fn poll<R>(&mut self, act: impl FnOnce(&mut S) -> Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if self.panicked.get().is_none()
            && let Some(stream) = &mut self.stream
        {
            match guard::catch(|| act(stream)) {
                Ok(result) if self.panicked.get().is_none() => return result,
                Ok(_) => {}
                Err(failure) => self.note(failure),
            }
        }
        match self.panicked.get() {
            Some(failure) => Poll::Ready(Err(ConnectionEnded::error(failure))),
            None => Poll::Pending,
        }
    }

    /// Looks at the stream; `otherwise` if it panics.
    fn look<R>(&self, otherwise: R, look: impl FnOnce(&S) -> R) -> R {
        let Some(stream) = &self.stream else { return otherwise };
        let result = guard::catch(|| look(stream));
        self.result(result, otherwise)
    }

    /// Changes the stream; `otherwise` if it panics.
    fn act<R>(&mut self, otherwise: R, act: impl FnOnce(&mut S) -> R) -> R {
        let Some(stream) = &mut self.stream else { return otherwise };
        let result = guard::catch(|| act(stream));
        self.result(result, otherwise)
    }

    fn result<R>(&self, result: Result<R, Failure>, otherwise: R) -> R {
        result.unwrap_or_else(|failure| {
            self.note(failure);
            otherwise
        })
    }
}

impl<S: Stream> Drop for Guarded<S> {
    fn drop(&mut self) {
        guard::let_go(self.stream.take());
    }
}

impl<S: Stream> AsyncRead for Guarded<S> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().poll(|stream| Pin::new(stream).poll_read(cx, buf))
    }
}

impl<S: Stream> AsyncWrite for Guarded<S> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll(|stream| Pin::new(stream).poll_write(cx, data))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll(|stream| Pin::new(stream).poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.look(false, S::is_write_vectored)
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(|stream| Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(|stream| Pin::new(stream).poll_shutdown(cx))
    }
}

impl<S: Stream> Stream for Guarded<S> {
    /// Who makes a connection of the stream asks, and has a panic fail the attempt.
    fn get_host(&self) -> Address {
        self.stream.as_ref().map_or(Address::Pipe, S::get_host)
    }

    /// As [`get_host`](Self::get_host).
    fn get_peer(&self) -> Address {
        self.stream.as_ref().map_or(Address::Pipe, S::get_peer)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_open(cx))
    }

    fn reset_on_drop(&mut self) {
        self.act((), S::reset_on_drop);
    }

    fn end(&self) -> StreamEnd {
        self.look(StreamEnd::ShutDown, S::end)
    }

    fn acts_alone(&self) -> bool {
        self.look(false, S::acts_alone)
    }

    fn backlog(&self) -> Backlog {
        self.look(Backlog::default(), S::backlog)
    }

    fn ended_inside(&self) -> bool {
        self.look(false, S::ended_inside)
    }

    fn insist(&mut self) {
        self.act((), S::insist);
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.look(None, S::security)
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        self.look((), |stream| stream.with_socket(act));
    }

    #[cfg(unix)]
    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        match &mut self.stream {
            Some(stream) => stream.send_descriptor(descriptor),
            None => Err(descriptor),
        }
    }

    #[cfg(unix)]
    fn unsent_descriptors(&self) -> usize {
        self.look(0, S::unsent_descriptors)
    }

    #[cfg(unix)]
    fn receive_descriptors(&mut self, wanted: bool) {
        self.act((), |stream| stream.receive_descriptors(wanted));
    }

    #[cfg(unix)]
    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.act(None, S::take_descriptor)
    }

    #[cfg(unix)]
    fn close_descriptors(&mut self) {
        self.act((), S::close_descriptors);
    }
}
