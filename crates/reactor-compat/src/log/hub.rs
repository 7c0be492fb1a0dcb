//! [`Hub`]: hands what is logged to all who want to see it.
//!
//! Mirrors `twisted.logger.LogPublisher`. Tested in `tests/logging/log_observer.rs`.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::at_work::unless_at_work;
use super::emit::SYSTEM;
use super::event::LogEvent;
use super::records;
use super::sink::Sink;

/// Hands what is logged to all who want to see it.
pub(super) struct Hub {
    /// Whether records of the `log` crate are to come here. In a subscriber
    /// of others that is theirs to say.
    records: bool,
    sinks: RwLock<Arc<[Arc<Sink>]>>,
}

impl Hub {
    /// The hub of a subscriber of ours.
    pub(super) fn of_our_own() -> Self {
        Self { records: true, sinks: RwLock::default() }
    }

    /// The hub of a layer in a subscriber of others.
    pub(super) fn of_others() -> Self {
        Self { records: false, sinks: RwLock::default() }
    }

    fn sinks(&self) -> Arc<[Arc<Sink>]> {
        self.sinks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, change: impl FnOnce(&[Arc<Sink>]) -> Arc<[Arc<Sink>]>) {
        let old = {
            let mut sinks = self.sinks.write().unwrap_or_else(PoisonError::into_inner);
            let new = change(&sinks);
            std::mem::replace(&mut *sinks, new)
        };
        drop(old);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Adds one.
    pub(super) fn add(&self, sink: Arc<Sink>) {
        self.replace(|sinks| sinks.iter().cloned().chain([sink]).collect());
        if self.records {
            records::include(self.level());
        }
    }

    /// Removes one, and lets go of what it has.
    pub(super) fn remove(&self, sink: &Arc<Sink>) {
        self.replace(|sinks| sinks.iter().filter(|one| !Arc::ptr_eq(one, sink)).cloned().collect());
        if unless_at_work(sink.worker(), || sink.close(true)).is_none() {
            sink.close(false);
        }
    }

    /// Whether `sink` is one of them.
    pub(super) fn has(&self, sink: &Arc<Sink>) -> bool {
        self.sinks().iter().any(|one| Arc::ptr_eq(one, sink))
    }

    /// The lowest level of which anybody wants anything.
    pub(super) fn level(&self) -> LevelFilter {
        self.sinks().iter().map(|sink| sink.level()).max().unwrap_or(LevelFilter::OFF)
    }

    /// Whether anybody wants this; spans that say who speaks are wanted at
    /// whatever level they are.
    pub(super) fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let sinks = self.sinks();
        let speaker = metadata.is_span() && metadata.fields().field(SYSTEM).is_some();
        !sinks.is_empty() && (speaker || sinks.iter().any(|sink| sink.wants_metadata(metadata)))
    }

    /// Shows an event to all who want it. `make` is called if anybody does.
    pub(super) fn publish(&self, target: &str, level: Level, make: impl FnOnce() -> LogEvent) {
        let sinks = self.sinks();
        let mut wanting = sinks.iter().filter(|sink| sink.wants(target, &level)).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let event = make();
        for sink in wanting {
            if let Some(Err(error)) = unless_at_work(sink.worker(), || sink.deliver(&event)) {
                Self::complain(&sinks, sink, &error);
            }
        }
    }

    /// Tells the others that one is broken.
    fn complain(sinks: &[Arc<Sink>], broken: &Arc<Sink>, error: &str) {
        let text = format!("Temporarily disabling observer due to exception: {error}");
        let event = LogEvent::own(Level::ERROR, text);
        for sink in sinks.iter().filter(|sink| !Arc::ptr_eq(sink, broken)) {
            if sink.wants(event.target(), &event.level()) {
                // If it is broken as well, there is nobody to tell.
                let _ = unless_at_work(sink.worker(), || sink.deliver(&event));
            }
        }
    }
}
