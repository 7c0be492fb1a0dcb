//! [`Openings`]: connections that were accepted, and are not open yet.
//!
//! Tested in `tests/network/opening.rs`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deferred::Failure;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::guard;
use crate::network::{SharedStream, Stream};

/// How long a stream may take to open.
const TIME: Duration = Duration::from_secs(30);

/// How many are opened at a time.
const MOST: usize = 1024;

/// Connections that were accepted, and are not open yet, each with a task of
/// its own. Dropping it closes them.
#[derive(Default)]
pub(super) struct Openings {
    tasks: JoinSet<io::Result<SharedStream>>,
    /// The oldest one first, some that have ended among them.
    handles: VecDeque<AbortHandle>,
}

impl Openings {
    /// One more; closes the oldest one if there are too many.
    pub(super) fn add(&mut self, stream: SharedStream) {
        if self.handles.len() >= MOST {
            self.handles.retain(|handle| !handle.is_finished());
        }
        if self.handles.len() >= MOST
            && let Some(oldest) = self.handles.pop_front()
        {
            tracing::debug!("too many connections are being opened; the oldest one is closed");
            oldest.abort();
        }
        let handle = self.tasks.spawn_local(open(stream));
        self.handles.push_back(handle);
    }

    /// The next one that has opened, or will not.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        loop {
            match ready!(self.tasks.poll_join_next(cx)) {
                Some(Ok(opened)) => return Poll::Ready(opened),
                // Else it was too old.
                Some(Err(error)) => {
                    if let Ok(panic) = error.try_into_panic() {
                        guard::log("a stream", &Failure::from_panic(panic));
                    }
                }
                None => {
                    self.handles.clear();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Opens a stream, in the time that it may take.
async fn open(mut stream: SharedStream) -> io::Result<SharedStream> {
    match timeout(TIME, poll_fn(|cx| stream.poll_open(cx))).await {
        Ok(opened) => opened.map(|()| stream),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long to open")),
    }
}
