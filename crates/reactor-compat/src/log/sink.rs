//! [`Sink`]: one of those that get to see what is logged.
//!
//! Tested in `tests/logging/log_observer.rs`.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;

use super::event::LogEvent;
use super::format::Format;
use crate::guard;

/// Says what time it is.
pub(super) type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Where events go.
pub(super) enum Outlet {
    /// Lines, to something that is written to.
    Lines { format: Format, writer: Mutex<Option<Box<dyn Write + Send>>> },
    /// To a function.
    Observer(Mutex<Option<Observer>>),
}

/// A function that is shown events.
pub(super) type Observer = Arc<dyn Fn(&LogEvent) + Send + Sync>;

/// One of those that get to see what is logged.
pub(super) struct Sink {
    targets: Targets,
    clock: Option<WallClock>,
    outlet: Outlet,
    /// It was closed while it was at work, and is to drop what it has.
    closed: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl Sink {
    pub(super) fn new(targets: Targets, clock: Option<WallClock>, outlet: Outlet) -> Self {
        Self { targets, clock, outlet, closed: AtomicBool::new(false), error: Mutex::new(None) }
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

    /// Shows it an event. What goes wrong is kept, and described.
    pub(super) fn deliver(&self, event: &LogEvent) -> Result<(), String> {
        let timed;
        let event = match &self.clock {
            None => event,
            // It is the user's; one that fails leaves the event its own time.
            Some(clock) => match guard::catch(|| clock()) {
                Ok(now) => {
                    timed = event.at(now);
                    &timed
                }
                Err(_) => event,
            },
        };
        let delivered = match &self.outlet {
            Outlet::Observer(observer) => {
                let observer = lock(observer).clone();
                let observe = || observer.iter().for_each(|observer| observer(event));
                catch_unwind(AssertUnwindSafe(observe)).map_err(|_| "it panicked".to_owned())
            }
            Outlet::Lines { format, writer } => {
                let line = format.line(event);
                let mut writer = lock(writer);
                let write = || match &mut *writer {
                    Some(writer) => writer.write_all(line.as_bytes()).and_then(|()| writer.flush()),
                    None => Ok(()),
                };
                let written = catch_unwind(AssertUnwindSafe(write))
                    .unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
                written.map_err(|error| self.keep(error))
            }
        };
        if self.closed.load(Ordering::Acquire) {
            self.empty();
        }
        delivered
    }

    /// Lets go of what events go to; `now`, unless this thread is just giving
    /// it one, for then it is done right after that.
    pub(super) fn close(&self, now: bool) {
        self.closed.store(true, Ordering::Release);
        if now {
            self.empty();
        }
    }

    fn empty(&self) {
        // What is dropped is the user's, and dropped with no lock held.
        match &self.outlet {
            Outlet::Observer(observer) => {
                let taken = lock(observer).take();
                drop(taken);
            }
            Outlet::Lines { writer, .. } => {
                let taken = lock(writer).take();
                drop(taken);
            }
        }
    }

    fn keep(&self, error: io::Error) -> String {
        let text = error.to_string();
        *lock(&self.error) = Some(error);
        text
    }

    /// What last went wrong with writing.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        lock(&self.error).take()
    }
}

/// Locks, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
