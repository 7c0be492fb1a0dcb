//! Records of the `log` crate, which come as `tracing` events of a special
//! kind.
//!
//! Tested in `tests/logging/log.rs`.

use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata};

/// Calls `call` with what an event says of itself; if it is a record of the
/// `log` crate, with what that said.
#[cfg(feature = "log-records")]
pub(super) fn with_metadata<R>(event: &Event<'_>, call: impl FnOnce(&Metadata<'_>) -> R) -> R {
    use tracing_log::NormalizeEvent;

    match event.normalized_metadata() {
        Some(metadata) => call(&metadata),
        None => call(event.metadata()),
    }
}

/// Calls `call` with what an event says of itself.
#[cfg(not(feature = "log-records"))]
pub(super) fn with_metadata<R>(event: &Event<'_>, call: impl FnOnce(&Metadata<'_>) -> R) -> R {
    call(event.metadata())
}

/// Has records of the `log` crate come here, up to `level` at least, unless
/// they go elsewhere already.
#[cfg(feature = "log-records")]
pub(super) fn include(level: LevelFilter) {
    use std::sync::OnceLock;
    use tracing_log::log::{LevelFilter as LogLevel, max_level, set_max_level};

    static OURS: OnceLock<bool> = OnceLock::new();
    let level = match level.into_level() {
        None => LogLevel::Off,
        Some(level) => tracing_log::AsLog::as_log(&level).to_level_filter(),
    };
    let install = || tracing_log::LogTracer::builder().with_max_level(LogLevel::Off).init();
    if *OURS.get_or_init(|| install().is_ok()) {
        set_max_level(level.max(max_level()));
    }
}

/// Without the feature `log-records` there are none.
#[cfg(not(feature = "log-records"))]
pub(super) fn include(_level: LevelFilter) {}
