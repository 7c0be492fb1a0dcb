//! [`Timer`]: the one thing that a driver waits for by the clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Something that takes no longer than a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A close that makes no progress.
    Grace,
    /// Sending that makes no progress, until reading goes on.
    Stall,
    /// The same, until the connection ends.
    GiveUp,
    /// A peer that does not end after we have.
    Linger,
}

/// The one thing that a driver waits for by the clock: the time counts from when
/// it was first asked about, until it is asked about another or cleared.
#[derive(Default)]
pub(super) struct Timer(Option<(Wait, Pin<Box<Sleep>>)>);

impl Timer {
    /// Whether `time` has passed since this was first asked. The task is woken
    /// when it has.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>, wait: Wait, time: Duration) -> bool {
        match &mut self.0 {
            Some((current, sleep)) if *current == wait => Self::has_passed(sleep, cx),
            timer => {
                let (_, sleep) = timer.insert((wait, Box::pin(sleep(time))));
                Self::has_passed(sleep, cx)
            }
        }
    }

    fn has_passed(sleep: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> bool {
        matches!(sleep.as_mut().poll(cx), Poll::Ready(()))
    }

    /// Lets it go: there was progress.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.0.is_some() {
            self.0 = None;
        }
    }
}
