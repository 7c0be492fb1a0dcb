//! The errors of programs: by name in the program, by name in the trace.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use deferred::{
    AlreadyCalledError, CancelledError, ChainCycleError, Failure, FailureGroup, FirstError,
    ReleaseError, TimeoutError,
};
use reactor_compat::task::{NotPaused, SchedulerError, SchedulerStopped, TaskStopped};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// An error that a program raises; programs tell them apart by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserError(String);

impl UserError {
    /// The error of that name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for UserError {}

/// An error as a program names it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ErrorName(String);

impl ErrorName {
    /// The user error of that name, whatever the name.
    pub(crate) fn user_error(&self) -> UserError {
        UserError(self.0.clone())
    }

    /// What raising it in a callback gives: two of the library's own errors
    /// can be raised too.
    pub(crate) fn raise(&self) -> Failure {
        match self.0.as_str() {
            "CancelledError" => CancelledError.into(),
            "TimeoutError" => TimeoutError::new(Duration::ZERO).into(),
            _ => self.user_error().into(),
        }
    }
}

/// The name of the error in a failure, as Twisted's class is called.
pub(crate) fn error_name(failure: &Failure) -> String {
    if let Some(UserError(name)) = failure.check() {
        return name.clone();
    }
    let known = [
        (failure.is::<CancelledError>(), "CancelledError"),
        (failure.is::<TimeoutError>(), "TimeoutError"),
        (failure.is::<AlreadyCalledError>(), "AlreadyCalledError"),
        (failure.is::<FirstError>(), "FirstError"),
        (failure.is::<FailureGroup>(), "FailureGroup"),
        // Twisted only asserts that a lock is held when it is released.
        (failure.is::<ReleaseError>(), "AssertionError"),
        (failure.is::<ChainCycleError>(), "ChainCycleError"),
        (failure.is::<TaskStopped>(), "TaskStopped"),
        (failure.is::<SchedulerStopped>(), "SchedulerStopped"),
        (failure.is::<NotPaused>(), "NotPaused"),
        // Twisted does not find a task that has ended in its list.
        (failure.is::<SchedulerError>(), "ValueError"),
    ];
    match known.iter().find(|(is_it, _)| *is_it) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("unknown: {}", failure.get_error_message()),
    }
}

/// A failure as traces show it.
pub(crate) fn show_failure(failure: &Failure) -> Json {
    let mut shown = json!({"fail": error_name(failure)});
    if let Some(first) = failure.check::<FirstError>() {
        shown["index"] = json!(first.index());
        shown["sub"] = json!(error_name(first.sub_failure()));
    }
    if let Some(group) = failure.check::<FailureGroup>() {
        shown["subs"] = group.failures().iter().map(error_name).collect();
    }
    shown
}
