//! [`Source`]: how one hears that a descriptor is ready.
//!
//! The runtime says so once, when it becomes ready; a descriptor's owner is to
//! hear of it as long as it is. So the system is asked before each call, and
//! what the runtime said is forgotten when it is no longer true.
//!
//! Tested in `tests/network/descriptor.rs`.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::io_driver::need_io;

/// Events that a descriptor is ready for, or is to be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Events {
    pub(super) read: bool,
    pub(super) write: bool,
    /// The other end is gone, or the descriptor is broken.
    pub(super) hung_up: bool,
}

/// Where we hear of events.
pub(super) enum Source {
    /// From the runtime.
    Watched(AsyncFd<OwnedFd>),
    /// From nobody: it is always ready, as files are.
    Always,
}

impl Source {
    /// Has the runtime watch a duplicate of `fd`.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        need_io()?;
        let fd = fd.try_clone_to_owned()?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that may change their descriptor; \
                      an OwnedFd does not"
        )]
        let watched = AsyncFd::with_interest(fd, Interest::READABLE | Interest::WRITABLE);
        match watched {
            Ok(watched) => Ok(Self::Watched(watched)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Self::Always),
            Err(error) => Err(error),
        }
    }

    /// Which of the events that are `wanted` have come. `Ready(None)` says
    /// that the runtime remembers what is over, and has to be asked by a new
    /// source.
    pub(super) fn poll(
        &self,
        cx: &mut Context<'_>,
        wanted: Events,
    ) -> Poll<io::Result<Option<Events>>> {
        let watched = match self {
            Self::Watched(watched) => watched,
            Self::Always => return Poll::Ready(Ok(Some(wanted))),
        };
        for _ in 0..2 {
            let read = match wanted.read.then(|| watched.poll_read_ready(cx)) {
                Some(Poll::Ready(guard)) => Some(guard?),
                Some(Poll::Pending) | None => None,
            };
            let write = match wanted.write.then(|| watched.poll_write_ready(cx)) {
                Some(Poll::Ready(guard)) => Some(guard?),
                Some(Poll::Pending) | None => None,
            };
            if read.is_none() && write.is_none() {
                return Poll::Pending;
            }
            let events = ask(watched.get_ref(), wanted)?;
            if events != Events::default() {
                return Poll::Ready(Ok(Some(events)));
            }
            for mut guard in [read, write].into_iter().flatten() {
                guard.clear_ready();
            }
        }
        Poll::Ready(Ok(None))
    }
}

/// Asks the system, without waiting.
fn ask(fd: &OwnedFd, wanted: Events) -> io::Result<Events> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, wanted.read);
    flags.set(PollFlags::OUT, wanted.write);
    let mut asked = [PollFd::new(fd, flags)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    while let Err(error) = poll(&mut asked, Some(&now)) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    let said = asked[0].revents();
    Ok(Events {
        read: said.contains(PollFlags::IN),
        write: said.contains(PollFlags::OUT),
        hung_up: said.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
    })
}
