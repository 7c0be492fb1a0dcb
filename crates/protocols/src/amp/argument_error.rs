//! [`ArgumentError`]: a value that does not fit into a box, or come out of one.
//!
//! Tested in `tests/amp/arguments.rs`.

use std::fmt;

#[cfg(unix)]
use reactor_compat::SendDescriptorError;
use serde::{de, ser};
use thiserror::Error;

use super::TooLong;

/// A value does not fit into a box, or a box does not hold the value that was
/// asked for.
///
/// ```
/// use protocols::amp::{AmpBox, ArgumentError};
///
/// let box_ = AmpBox::from([("a", "seven")]);
/// #[derive(serde::Deserialize)]
/// struct A { a: i64 }
/// let error = box_.to_value::<A>().map(|A { a }| a).unwrap_err();
/// assert_eq!(error, ArgumentError::Value { expected: "an integer", found: "seven".into() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[doc(alias = "InvalidSignature")]
pub enum ArgumentError {
    /// A key or a value is longer than the wire allows.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A value is not written as its type is.
    #[error("expected {expected}, found {found:?}")]
    Value {
        /// The kind of value that was looked for.
        expected: &'static str,
        /// The bytes that were there, or their beginning.
        found: String,
    },
    /// An argument that is not optional is missing.
    #[error("no argument {0:?}")]
    Missing(String),
    /// A [`Descriptor`](super::Descriptor) cannot be sent.
    #[cfg(unix)]
    #[error(transparent)]
    Descriptor(SendDescriptorError),
    /// A box names a descriptor that has not come, or that another has named.
    #[cfg(unix)]
    #[error("descriptor {number} has not come")]
    NoDescriptor {
        /// Its number among all that came.
        number: u64,
    },
    /// Boxes have no place for what the Rust type is.
    #[error("boxes cannot hold {0}")]
    Unsupported(&'static str),
    /// The message of a `Serialize` or `Deserialize`.
    #[error("{0}")]
    Message(String),
}

impl ArgumentError {
    /// As much of a value as one wants to read in a log.
    const SHOWN: usize = 64;

    pub(super) fn value(expected: &'static str, found: &[u8]) -> Self {
        let shown = found.get(..Self::SHOWN).unwrap_or(found);
        Self::Value { expected, found: String::from_utf8_lossy(shown).into_owned() }
    }
}

impl ser::Error for ArgumentError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }
}

impl de::Error for ArgumentError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field.to_owned())
    }
}
