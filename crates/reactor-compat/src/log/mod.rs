//! Logging: Twisted's own lines, on [`tracing`].
//!
//! ```
//! use reactor_compat::{log, reactor};
//!
//! log::start_logging(std::io::stdout())?;
//! reactor().call_when_running(|| {
//!     log::msg("In func as event handler");
//!     reactor().stop().unwrap();
//! });
//! reactor().run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! | here | in Twisted |
//! |---|---|
//! | [`msg`], [`err`]: say something | `log.msg`, `log.err` |
//! | [`call_with_system`], [`call_with_logger`], [`SYSTEM`] | `log.callWithContext`, `log.callWithLogger` |
//! | [`start_logging`], [`start_logging_with_observer`], [`Logging`] | `log.startLogging` |
//! | [`HandOver`], [`flush`]: what happens when nobody reads a log | |
//! | [`LogHandle`], [`ThreadLog`]: what was started | `FileLogObserver.stop` |
//! | [`layer()`], [`spans`], [`LogLayer`]: for a subscriber of your own | |
//! | [`TwistedFormat`], [`JsonFormat`], [`Zone`]: what a line looks like | `FileLogObserver.formatTime`, `jsonFileLogObserver` |
//! | [`add_observer`], [`LogEvent`], [`FieldValue`] | `log.addObserver`, `eventDict` |
//! | [`LogCapture`]: what a test looks at | `flushLoggedErrors` |
//! | [`LogFile`], [`DailyLogFile`], [`RotatingLogFile`], [`LogReader`] | `twisted.python.logfile` |
//!
//! [`msg`] and [`err`] are `tracing` events, and all of this crate's own are
//! too: without [`start_logging`] they go to whatever subscriber the program
//! has. The rest of the module is there with the feature `logging`.
//!
//! Mirrors `twisted.python.log` and `twisted.python.logfile`. Tested in
//! `tests/logging/log.rs`, `tests/logging/log_observer.rs` and `tests/logging/logfile.rs`.

mod at_work;
mod emit;
mod fallback;
#[cfg_attr(
    not(feature = "logging"),
    allow(dead_code, unused_imports, reason = "there are no logs, only errors on standard error")
)]
mod lines;
#[cfg_attr(not(feature = "logging"), allow(dead_code, reason = "nobody reads fields"))]
mod safe_format;
mod traceback;

#[cfg(feature = "logging")]
mod capture;
#[cfg(feature = "logging")]
mod error;
#[cfg(feature = "logging")]
mod event;
#[cfg(feature = "logging")]
mod fields;
#[cfg(feature = "logging")]
mod file;
#[cfg(feature = "logging")]
mod filter;
#[cfg(feature = "logging")]
mod format;
#[cfg(feature = "logging")]
mod global;
#[cfg(feature = "logging")]
mod hub;
#[cfg(feature = "logging")]
mod layer;
#[cfg(feature = "logging")]
mod logging;
#[cfg(feature = "logging")]
mod observer;
#[cfg(feature = "logging")]
mod records;
#[cfg(feature = "logging")]
mod sink;
#[cfg(feature = "logging")]
mod span_data;
#[cfg(feature = "logging")]
mod thread;
#[cfg(feature = "logging")]
mod value;
#[cfg(feature = "logging")]
mod zone;

pub use emit::{SYSTEM, TARGET, call_with_logger, call_with_system, err, msg, system_span};
pub use fallback::discard_logs;
pub use lines::{HandOver, flush};

#[cfg(feature = "logging")]
pub use self::{
    capture::LogCapture,
    error::{LoggingError, UnknownZone},
    event::{LogEvent, LogSpan},
    file::{
        ByDay, BySize, DailyLogFile, DailyLogFileBuilder, LogDate, LogFile, LogFileBuilder,
        LogFileError, LogReader, RotatingLogFile, RotatingLogFileBuilder, Rotation,
    },
    format::{JsonFormat, TwistedFormat},
    global::{LogHandle, start_logging, start_logging_with_observer},
    layer::{LogLayer, SpanLayer, layer, spans},
    logging::Logging,
    observer::{ObserverGuard, add_observer},
    thread::ThreadLog,
    value::FieldValue,
    zone::Zone,
};
