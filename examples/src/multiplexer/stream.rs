//! [`ChannelStream`]: a channel as a stream, to be served as any other.
//!
//! Tested in `tests/multiplexer/`.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use reactor_compat::{Address, Security, Stream, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::core::Core;
use super::frame::ChannelId;

/// The end of a channel whose stream is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    Ending,
    Resetting,
}

/// A channel as a stream.
pub(super) struct ChannelStream {
    core: Rc<Core>,
    id: ChannelId,
    drops: Drops,
}

impl ChannelStream {
    pub(super) fn new(core: Rc<Core>, id: ChannelId) -> Self {
        Self { core, id, drops: Drops::Ending }
    }

    fn address(&self, of: fn(&Transport) -> &Address) -> Address {
        self.core.transport().map_or(Address::Pipe, |transport| of(&transport).clone())
    }
}

impl AsyncRead for ChannelStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.core.change(|table| table.poll_read(self.id, cx, room))
    }
}

impl AsyncWrite for ChannelStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.core.change(|table| table.poll_write(self.id, cx, data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.change(|table| table.poll_flush(self.id, cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.change(|table| table.poll_shutdown(self.id, cx))
    }
}

impl Stream for ChannelStream {
    fn get_host(&self) -> Address {
        self.address(Transport::get_host)
    }

    fn get_peer(&self) -> Address {
        self.address(Transport::get_peer)
    }

    /// It is open when the peer has accepted it.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.change(|table| table.poll_open(self.id, cx))
    }

    fn reset_on_drop(&mut self) {
        self.drops = Drops::Resetting;
    }

    /// A loss is told though nothing is read or written.
    fn acts_alone(&self) -> bool {
        true
    }

    /// The connection's protection is that of its channels.
    fn security(&self) -> Option<Rc<Security>> {
        let transport = self.core.transport().filter(Transport::is_secure)?;
        let mut security = Security::new();
        if let Some(certificate) = transport.peer_certificate() {
            security = security.with_certificate(certificate);
        }
        if let Some(protocol) = transport.negotiated_protocol() {
            security = security.with_protocol(protocol);
        }
        if let Some(name) = transport.server_name() {
            security = security.with_server_name(name);
        }
        Some(Rc::new(security))
    }
}

impl Drop for ChannelStream {
    fn drop(&mut self) {
        let reset = self.drops == Drops::Resetting;
        let left = self.core.change(|table| table.forget(self.id, reset));
        drop(left);
    }
}
