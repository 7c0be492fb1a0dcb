//! [`Timer`]: the one thing that a driver waits for by the clock.
//!
//! Tested in `tests/faults/general.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

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
pub(super) struct Timer(Option<Waiting>);

struct Waiting {
    wait: Wait,
    /// `None` if its time is too long to ever pass.
    end: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

/// How often something is tried again while its end is waited for.
const STEP: Duration = Duration::from_secs(1);

impl Timer {
    /// Whether `time` has passed since this was first asked. The task is woken
    /// when it has.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>, wait: Wait, time: Duration) -> bool {
        self.waiting(wait, time, time).sleep.as_mut().poll(cx).is_ready()
    }

    /// The same; but the task is woken every second besides, to try again.
    pub(super) fn is_over_in_steps(
        &mut self,
        cx: &mut Context<'_>,
        wait: Wait,
        time: Duration,
    ) -> bool {
        let Waiting { end, sleep, .. } = self.waiting(wait, time, STEP.min(time));
        while sleep.as_mut().poll(cx).is_ready() {
            let now = sleep.deadline();
            if end.is_some_and(|end| now >= end) {
                return true;
            }
            let next = now + STEP;
            sleep.as_mut().reset(end.map_or(next, |end| next.min(end)));
        }
        false
    }

    fn waiting(&mut self, wait: Wait, time: Duration, first: Duration) -> &mut Waiting {
        let same = self.0.take().filter(|waiting| waiting.wait == wait);
        self.0.insert(same.unwrap_or_else(|| Waiting {
            wait,
            end: Instant::now().checked_add(time),
            sleep: Box::pin(sleep(first)),
        }))
    }

    /// Lets it go: there was progress.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.0.is_some() {
            self.0 = None;
        }
    }
}
