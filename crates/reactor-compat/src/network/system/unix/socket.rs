//! [`UnixSocket`]: a UNIX socket, and the descriptors that pass through it.
//!
//! Mirrors `_SendmsgMixin` of `twisted.internet.unix`. Tested in
//! `tests/network/descriptor_passing.rs`.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use crate::address::{Address, UnixAddress};
use crate::network::{Stream, StreamEnd};

/// How many descriptors one message can carry on Linux; and how many that came
/// are kept until they are handed over. More are closed.
const MOST_RECEIVED: usize = 253;

/// Descriptors that are not to survive the start of another program.
#[cfg(not(target_vendor = "apple"))]
const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const RECEIVE: RecvFlags = RecvFlags::empty();

/// A peer that is gone is an error, not a signal.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// A UNIX socket, which the runtime knows if it is one of Tokio's.
pub(in super::super) struct UnixSocket<S = UnixStream> {
    pub(in super::super) stream: S,
    pub(in super::super) peer: UnixAddress,
    pub(in super::super) passing: Passing,
}

/// The descriptors that pass through a socket, where any do.
#[derive(Default)]
pub(in super::super) struct Passing(Option<Box<Descriptors>>);

/// The descriptors that pass through a socket.
#[derive(Default)]
struct Descriptors {
    /// Set while the protocol wants those that come.
    wanted: bool,
    received: VecDeque<OwnedFd>,
    /// To be sent with the next bytes, one with each.
    unsent: VecDeque<OwnedFd>,
}

impl<S> UnixSocket<S> {
    pub(in super::super) fn new(stream: S, peer: UnixAddress) -> Self {
        Self { stream, peer, passing: Passing::default() }
    }
}

impl UnixSocket {
    /// One that was just made.
    pub(in super::super) fn connected(stream: UnixStream) -> io::Result<Self> {
        let peer = net::SocketAddr::from(stream.peer_addr()?).into();
        Ok(Self::new(stream, peer))
    }
}

impl UnixSocket<net::UnixStream> {
    /// Makes it known to the runtime that this is called in.
    pub(in super::super) fn register(self) -> io::Result<UnixSocket> {
        let Self { stream, peer, passing } = self;
        Ok(UnixSocket { stream: UnixStream::from_std(stream)?, peer, passing })
    }
}

impl Passing {
    /// Looks for descriptors from now on, wherever there is something to read,
    /// or does so no longer.
    pub(in super::super) fn receive(&mut self, wanted: bool) {
        match &mut self.0 {
            None if !wanted => {}
            descriptors => descriptors.get_or_insert_default().wanted = wanted,
        }
    }

    pub(in super::super) fn take_received(&mut self) -> Option<OwnedFd> {
        self.0.as_mut()?.received.pop_front()
    }

    /// Sends a descriptor, with one of the bytes that are written next.
    pub(in super::super) fn send(&mut self, descriptor: OwnedFd) {
        self.0.get_or_insert_default().unsent.push_back(descriptor);
    }

    /// Closes all descriptors that wait, and looks for none.
    pub(in super::super) fn close(&mut self) {
        self.0 = None;
    }

    /// How many descriptors wait to be sent.
    pub(in super::super) fn unsent(&self) -> usize {
        self.0.as_ref().map_or(0, |descriptors| descriptors.unsent.len())
    }
}

impl Descriptors {
    /// Reads, and keeps the descriptors that come along.
    fn poll_receive(
        &mut self,
        stream: &UnixStream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let read = stream.try_io(Interest::READABLE, || {
                receive(stream, buf.initialize_unfilled(), &mut self.received)
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Writes, with the descriptor that is next. Each but the last has a
    /// message of its own, with one byte of the data, for a receiver may have
    /// room for no more than one.
    fn poll_send(
        &mut self,
        stream: &UnixStream,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let data = match self.unsent.len() {
            0 | 1 => data,
            _ => data.get(..1).unwrap_or_default(),
        };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let next = self.unsent.front();
            match stream.try_io(Interest::WRITABLE, || send(stream, data, next)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    self.unsent.pop_front();
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }
}

/// Reads a message into `room`; its descriptors go to `received`.
fn receive(
    socket: &UnixStream,
    room: &mut [u8],
    received: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_RECEIVED))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(room)];
    let message = retry_on_intr(|| recvmsg(socket, &mut room, &mut control, RECEIVE))?;
    if message.flags.contains(ReturnFlags::CTRUNC) {
        tracing::warn!(
            "a peer sent more descriptors at once than are taken; the system closed them"
        );
    }
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                keep(descriptor, received);
            }
        }
    }
    Ok(message.bytes)
}

fn keep(descriptor: OwnedFd, received: &mut VecDeque<OwnedFd>) {
    #[cfg(target_vendor = "apple")]
    let _ = rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC);
    if received.len() < MOST_RECEIVED {
        received.push_back(descriptor);
    }
}

/// Writes some of `data`, and a descriptor with it.
fn send(socket: &UnixStream, data: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.iter().map(|descriptor| descriptor.as_fd()).collect();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    Ok(retry_on_intr(|| sendmsg(socket, &[IoSlice::new(data)], &mut control, SEND))?)
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, passing, .. } = self.get_mut();
        match &mut passing.0 {
            Some(descriptors) if descriptors.wanted => descriptors.poll_receive(stream, cx, buf),
            _ => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, passing, .. } = self.get_mut();
        match &mut passing.0 {
            Some(descriptors) if !descriptors.unsent.is_empty() => {
                descriptors.poll_send(stream, cx, data)
            }
            _ => Pin::new(stream).poll_write(cx, data),
        }
    }

    /// Sockets keep nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Stream for UnixSocket {
    fn get_host(&self) -> Address {
        let host = self.stream.local_addr().map(net::SocketAddr::from);
        host.map_or(Address::Pipe, |host| Address::Unix(host.into()))
    }

    fn get_peer(&self) -> Address {
        Address::Unix(self.peer.clone())
    }

    fn end(&self) -> StreamEnd {
        StreamEnd::Drop
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        act(&SockRef::from(&self.stream));
    }

    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        self.passing.send(descriptor);
        Ok(())
    }

    fn unsent_descriptors(&self) -> usize {
        self.passing.unsent()
    }

    fn receive_descriptors(&mut self, wanted: bool) {
        self.passing.receive(wanted);
    }

    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.passing.take_received()
    }

    fn close_descriptors(&mut self) {
        self.passing.close();
    }
}
