//! What can be wrong with a program.

use std::error::Error;
use std::fmt;

/// Why a program could not be run, or not to its end.
#[derive(Debug)]
pub enum ProgramError {
    /// The line is not JSON.
    NotJson(serde_json::Error),
    /// The line is JSON, but lacks this key of a program.
    Missing(&'static str),
    /// No code runs this family (yet).
    UnknownFamily(String),
    /// What the program says is not what its family understands.
    Malformed(serde_json::Error),
    /// A Deferred was used that was never made, or was dropped.
    NoDeferred(u64),
    /// A Deferred was used as a value after it had been handed over.
    HandedOver(u64),
    /// A Deferred was used as a value while an op on it was running.
    Busy(u64),
    /// A Deferred was to be fired that only its maker fires, such as a list.
    NoTrigger(u64),
    /// No lock, semaphore or queue of this name was made.
    NoObject(String),
    /// The object is of another kind than the op wants.
    WrongObject(String),
    /// A semaphore was to be made without tokens.
    NoTokens(String),
    /// The library panicked outside of any callback.
    Panicked(String),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "not JSON: {error}"),
            Self::Missing(key) => write!(f, "not a program: no `{key}`"),
            Self::UnknownFamily(family) => write!(f, "unknown family `{family}`"),
            Self::Malformed(error) => write!(f, "malformed: {error}"),
            Self::NoDeferred(d) => write!(f, "there is no Deferred {d}"),
            Self::HandedOver(d) => write!(f, "Deferred {d} was handed over"),
            Self::Busy(d) => write!(f, "Deferred {d} is in the middle of another op"),
            Self::NoTrigger(d) => write!(f, "Deferred {d} is not the program's to fire"),
            Self::NoObject(o) => write!(f, "there is no object `{o}`"),
            Self::WrongObject(o) => write!(f, "object `{o}` cannot do that"),
            Self::NoTokens(o) => write!(f, "semaphore `{o}` has no tokens"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
        }
    }
}

impl Error for ProgramError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotJson(error) | Self::Malformed(error) => Some(error),
            _ => None,
        }
    }
}
