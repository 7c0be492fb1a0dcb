//! [`Sink`]: one of those that get to see what is logged.
//!
//! Tested in `tests/logging/log_observer.rs`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;

use super::at_work::Worker;
use super::event::LogEvent;
use super::format::Format;
use super::lines::{Delivery, Lines, LostLine, Writer};
use crate::panics;

/// Says what time it is.
pub(super) type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A function that is shown events.
pub(super) type Observer = Arc<dyn Fn(&LogEvent) + Send + Sync>;

/// Where events go.
enum Outlet {
    /// Lines, to something that is written to.
    Lines { format: Format, lines: Lines },
    /// To a function.
    Observer(Mutex<Option<Observer>>),
}

/// One of those that get to see what is logged.
pub(super) struct Sink {
    worker: Worker,
    targets: Targets,
    clock: Option<WallClock>,
    outlet: Outlet,
    /// It was closed while it was at work, and is to drop what it has.
    closed: AtomicBool,
}

impl Sink {
    /// One that writes lines.
    pub(super) fn lines(
        targets: Targets,
        clock: Option<WallClock>,
        format: Format,
        writer: Writer,
        delivery: Delivery,
    ) -> Self {
        let worker = Worker::new();
        let lost_line = lost_line(format.clone(), clock.clone());
        let lines = Lines::new(writer, delivery, worker, lost_line);
        Self::new(worker, targets, clock, Outlet::Lines { format, lines })
    }

    /// One that shows events to a function.
    pub(super) fn observer(targets: Targets, clock: Option<WallClock>, observer: Observer) -> Self {
        Self::new(Worker::new(), targets, clock, Outlet::Observer(Mutex::new(Some(observer))))
    }

    fn new(worker: Worker, targets: Targets, clock: Option<WallClock>, outlet: Outlet) -> Self {
        Self { worker, targets, clock, outlet, closed: AtomicBool::new(false) }
    }

    pub(super) fn worker(&self) -> Worker {
        self.worker
    }

    /// Whether it wants to see what is said of this target at this level.
    pub(super) fn wants(&self, target: &str, level: &Level) -> bool {
        self.targets.would_enable(target, level)
    }

    /// Whether it wants to see this, by what is known of it beforehand.
    pub(super) fn wants_metadata(&self, metadata: &Metadata<'_>) -> bool {
        self.wants(metadata.target(), metadata.level())
    }

    /// The lowest level of which it wants anything.
    pub(super) fn level(&self) -> LevelFilter {
        let levels = self.targets.iter().map(|(_, level)| level);
        levels.chain(self.targets.default_level()).max().unwrap_or(LevelFilter::OFF)
    }

    /// Shows it an event. What goes wrong is described.
    pub(super) fn deliver(&self, event: &LogEvent) -> Result<(), String> {
        let timed = timed(event, self.clock.as_ref());
        let event = timed.as_ref().unwrap_or(event);
        let delivered = match &self.outlet {
            Outlet::Observer(observer) => {
                let observer = lock(observer).clone();
                let observe = || observer.iter().for_each(|observer| observer(event));
                panics::catch(observe).map_err(|failure| failure.get_error_message())
            }
            Outlet::Lines { format, lines } => {
                lines.write(format.line(event));
                lines.take_complaint().map_or(Ok(()), Err)
            }
        };
        if self.closed.load(Ordering::Acquire) {
            self.empty(false);
        }
        delivered
    }

    /// Lets go of what events go to; `now`, unless this thread is just giving
    /// it one, for then it is done right after that.
    pub(super) fn close(&self, now: bool) {
        self.closed.store(true, Ordering::Release);
        match &self.outlet {
            _ if now => self.empty(true),
            // What is handed over to a thread is not this one's to wait for.
            Outlet::Lines { lines, .. } => lines.close_later(),
            Outlet::Observer(_) => {}
        }
    }

    fn empty(&self, may_wait: bool) {
        match &self.outlet {
            Outlet::Observer(observer) => {
                // What is dropped is the user's, and dropped with no lock held.
                let taken = lock(observer).take();
                drop(taken);
            }
            Outlet::Lines { lines, .. } => lines.close(may_wait),
        }
    }

    /// The last error of writing.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        match &self.outlet {
            Outlet::Lines { lines, .. } => lines.take_error(),
            Outlet::Observer(_) => None,
        }
    }

    /// How many lines were lost because nobody read them.
    pub(super) fn lost(&self) -> u64 {
        match &self.outlet {
            Outlet::Lines { lines, .. } => lines.lost(),
            Outlet::Observer(_) => 0,
        }
    }
}

/// The event at the time of another clock. It is the user's; one that panics
/// leaves the event its own time.
fn timed(event: &LogEvent, clock: Option<&WallClock>) -> Option<LogEvent> {
    let now = panics::catch(|| clock.map(|clock| clock())).ok().flatten();
    now.map(|now| event.at(now))
}

/// The line in the place of lines that were lost.
fn lost_line(format: Format, clock: Option<WallClock>) -> LostLine {
    Arc::new(move |lost| {
        let (lines, were) = if lost == 1 { ("line", "was") } else { ("lines", "were") };
        let text = format!("{lost} {lines} of this log {were} lost, since nobody read it");
        let event = LogEvent::own(Level::WARN, text);
        format.line(timed(&event, clock.as_ref()).as_ref().unwrap_or(&event))
    })
}

/// Locks, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
