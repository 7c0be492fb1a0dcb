//! The text of an error in the log.
//!
//! Mirrors `twisted.python.failure.Failure.getTraceback`. Tested in
//! `tests/logging/log.rs`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::iter;

use deferred::Failure;

use super::safe_format::SafeStr;
use crate::panics;

/// The backtrace of a Failure, if it has one.
pub(super) fn frames(failure: &Failure) -> Option<&Backtrace> {
    let backtrace = failure.backtrace();
    (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace)
}

/// The traceback of a Failure, with a newline at its end as Twisted's has.
pub(super) fn of(failure: &Failure) -> String {
    match frames(failure) {
        None => without_frames(failure.value()),
        Some(frames) => {
            let frames = frames.to_string();
            let frames = frames.trim_end_matches('\n');
            format!(
                "Traceback (most recent call first):\n{frames}\n{}\n",
                chain(failure.value(), "\ncaused by: ")
            )
        }
    }
}

/// The traceback of an error of which nobody knows where it came from.
pub(super) fn without_frames(error: &(dyn Error + 'static)) -> String {
    format!("Traceback (most recent call last):\nFailure: {}\n", chain(error, "\ncaused by: "))
}

/// How many causes of an error are named: one that is its own cause has no end.
const CAUSES: usize = 64;

/// An error's message and those of its causes.
pub(super) fn chain(error: &(dyn Error + 'static), separator: &str) -> String {
    let mut errors =
        iter::successors(Some(error), |&error| panics::catch(|| error.source()).ok().flatten());
    let mut messages: Vec<String> =
        errors.by_ref().take(1 + CAUSES).map(|error| SafeStr(error).to_string()).collect();
    if errors.next().is_some() {
        messages.push("and so on".to_owned());
    }
    messages.join(separator)
}
