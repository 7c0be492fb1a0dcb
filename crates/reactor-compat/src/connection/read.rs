//! Reading: what the peer sends is given to the protocol, its descriptors first.
//!
//! Tested in `tests/behaviour/` and `tests/network/descriptor_passing.rs`.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::Driver;
use super::driver::Step;
#[cfg(unix)]
use crate::address::Address;
#[cfg(unix)]
use crate::network::Stream;
use crate::protocol::{ConnectionEvent, Protocol};
use crate::transport::Event;
#[cfg(unix)]
use crate::transport::Link;

/// Descriptors that may come with what is read.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptors {
    /// The stream is not one of UNIX.
    Never,
    /// The protocol does not take them.
    Unwanted,
    /// The stream looks for them.
    Wanted,
}

#[cfg(unix)]
impl Descriptors {
    pub(super) fn of(link: &Link) -> Self {
        let unix = |address| matches!(address, &Address::Unix(_));
        if unix(&link.host) || unix(&link.peer) { Self::Unwanted } else { Self::Never }
    }
}

impl<P: Protocol> Driver<P> {
    /// Reads once, and gives the protocol what came.
    #[inline]
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Step {
        #[cfg(unix)]
        if self.descriptors != Descriptors::Never {
            self.ask_for_descriptors();
        }
        let mut buffer = self.link.shared.buffers.lend();
        let mut room = ReadBuf::new(&mut buffer);
        let step = match Pin::new(&mut self.setup.stream).poll_read(cx, &mut room) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Ready(Ok(())) if room.filled().is_empty() => self.peer_ended(),
            Poll::Ready(Ok(())) => {
                let data = room.filled();
                #[cfg(unix)]
                self.hand_over_descriptors();
                self.handle(ConnectionEvent::DataReceived(data));
                Step::Again
            }
        };
        self.link.shared.buffers.give_back(buffer);
        step
    }

    /// Has the stream look for descriptors, if the protocol takes them.
    #[cfg(unix)]
    #[cold]
    fn ask_for_descriptors(&mut self) {
        let wanted = match self.setup.cell.inspect(P::receives_descriptors) {
            Some(true) => Descriptors::Wanted,
            Some(false) | None => Descriptors::Unwanted,
        };
        if wanted != self.descriptors {
            self.descriptors = wanted;
            self.setup.stream.receive_descriptors(wanted == Descriptors::Wanted);
        }
    }

    /// Gives the protocol the descriptors that came with what was read.
    #[cfg(unix)]
    #[inline]
    fn hand_over_descriptors(&mut self) {
        if self.descriptors != Descriptors::Wanted {
            return;
        }
        while let Some(descriptor) = self.setup.stream.take_descriptor() {
            self.tell(ConnectionEvent::FileDescriptorReceived(descriptor));
        }
    }

    /// The peer sends no more, and may still read.
    fn peer_ended(&mut self) -> Step {
        self.link.apply(Event::PeerEnded);
        self.tell(ConnectionEvent::ReadConnectionLost);
        Step::Again
    }
}
