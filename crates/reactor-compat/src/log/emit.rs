//! Saying something: [`msg`], [`err`], and whose words they are.
//!
//! Mirrors `msg`, `err`, `callWithContext` and `callWithLogger` of
//! `twisted.python.log`. Tested in `tests/logging/log.rs`.

use std::error::Error;
use std::fmt::Display;

use deferred::Failure;
use tracing::Span;

use super::safe_format::SafeStr;
use super::{fallback, traceback};
use crate::panics;

/// The name of the field that says which part of a program speaks: what
/// Twisted's lines have in brackets.
///
/// An event may have the field itself; if it has not, its system is that of
/// the innermost span around it that has the field, and `-` if none does. The
/// reactor opens such a span around a protocol's callbacks, and
/// [`call_with_system`] opens one around whatever you like; any span of
/// `tracing` with this field will do.
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// let span = tracing::info_span!("session", system = "Echo,0,127.0.0.1");
/// span.in_scope(|| log::msg("hello"));
/// tracing::info!(system = "Mail", "sent");
/// log::msg("bye");
/// let systems: Vec<_> = capture.take().iter().map(|event| event.system().to_owned()).collect();
/// assert_eq!(systems, ["Echo,0,127.0.0.1", "Mail", "-"]);
/// ```
#[doc(alias = "ILogContext")]
pub const SYSTEM: &str = "system";

/// The `tracing` target of what [`msg`], [`err`] and [`system_span`] make.
///
/// ```
/// assert_eq!(reactor_compat::log::TARGET, "reactor_compat::log");
/// ```
pub const TARGET: &str = "reactor_compat::log";

/// Logs a text, as a `tracing` event of level `INFO`.
///
/// A value whose `Display` fails or panics is logged as one that cannot be
/// formatted, after what it had written by then.
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// log::msg("In func as event handler");
/// assert_eq!(capture.messages(), ["In func as event handler"]);
/// ```
pub fn msg(text: impl Display) {
    tracing::info!(target: TARGET, "{}", SafeStr(&text));
}

/// Logs an error that goes no further, as a `tracing` event of level `ERROR`.
///
/// `why` says what was being done; where it is empty, Twisted's own words,
/// `Unhandled Error`, take its place. The line that follows it is the error's
/// message; then come its causes, and the backtrace if there is one.
///
/// An errback that ends a chain is `|failure| log::err(failure, "...")`.
///
/// As long as the program has had no subscriber at all, the error is written
/// to standard error, as Twisted does it before `startLogging`; see
/// [`discard_logs`](super::discard_logs).
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// Deferred::<()>::fail(std::fmt::Error)
///     .add_errback(|failure| log::err(failure, "while printing"));
/// assert_eq!(capture.messages(), ["while printing"]);
/// assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 1);
/// ```
#[doc(alias = "deferr")]
pub fn err(error: impl Into<Failure>, why: &str) {
    let failure = error.into();
    let why = if why.is_empty() { "Unhandled Error" } else { why };
    if !tracing::dispatcher::has_been_set() {
        return fallback::write(why, &failure);
    }
    let backtrace = traceback::frames(&failure).map(tracing::field::display);
    let error = failure.to_error();
    let error: &(dyn Error + 'static) = &error;
    tracing::error!(target: TARGET, error, backtrace, "{why}");
}

/// A span of level `DEBUG` in which `system` speaks; see [`SYSTEM`].
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// let _entered = log::system_span(format_args!("Echo,{},127.0.0.1", 7)).entered();
/// log::msg("hello");
/// assert_eq!(capture.take()[0].system(), "Echo,7,127.0.0.1");
/// ```
pub fn system_span(system: impl Display) -> Span {
    tracing::debug_span!(target: TARGET, "system", system = %SafeStr(&system))
}

/// Calls `call`; whatever is logged meanwhile is said by `system`.
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// let sum = log::call_with_system("Sums", || {
///     log::msg("adding");
///     1 + 1
/// });
/// assert_eq!((sum, capture.take()[0].system()), (2, "Sums"));
/// ```
#[doc(alias = "callWithContext")]
pub fn call_with_system<R>(system: impl Display, call: impl FnOnce() -> R) -> R {
    system_span(system).in_scope(call)
}

/// The same, and a panic of `call` is logged and goes no further; the result
/// is `None` then.
///
/// ```
/// use deferred::Panic;
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// assert_eq!(log::call_with_logger("Sums", || 1 + 1), Some(2));
/// assert_eq!(log::call_with_logger("Sums", || -> i32 { panic!("no") }), None);
/// assert_eq!(capture.take()[0].system(), "Sums");
/// ```
#[doc(alias = "callWithLogger")]
pub fn call_with_logger<R>(system: impl Display, call: impl FnOnce() -> R) -> Option<R> {
    call_with_system(system, || match panics::catch(call) {
        Ok(result) => Some(result),
        Err(failure) => {
            err(failure, "");
            None
        }
    })
}
