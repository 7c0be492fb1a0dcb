//! [`FieldValue`]: the value of a field of an event or a span.
//!
//! Tested in `tests/logging/log_observer.rs`.

use std::fmt;

/// The value of a field of an event or a span.
///
/// ```
/// use reactor_compat::log::{FieldValue, LogCapture};
///
/// let capture = LogCapture::start();
/// tracing::info!(bytes = 3, peer = "a b", "read");
/// let event = &capture.take()[0];
/// assert_eq!(event.field("bytes"), Some(&FieldValue::Signed(3)));
/// assert_eq!(event.field("peer").unwrap().to_string(), "\"a b\"");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue {
    /// Yes or no.
    Bool(bool),
    /// An integer with a sign.
    Signed(i64),
    /// An integer without one.
    Unsigned(u64),
    /// A number.
    Float(f64),
    /// A text.
    Str(String),
    /// The text that `Debug` or `Display` made of a value.
    Shown(String),
}

impl FieldValue {
    /// The text, if it is one.
    ///
    /// ```
    /// # use reactor_compat::log::FieldValue;
    /// assert_eq!(FieldValue::Str("a b".into()).as_str(), Some("a b"));
    /// assert_eq!(FieldValue::Bool(true).as_str(), None);
    /// ```
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Shown(text) => Some(text),
            Self::Bool(_) | Self::Signed(_) | Self::Unsigned(_) | Self::Float(_) => None,
        }
    }

    /// The bare text.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Str(text) | Self::Shown(text) => text,
            other => other.to_string(),
        }
    }
}

/// As it stands in a log line, after `name=`. A [`Str`](Self::Str) that could
/// be mistaken for more than one is quoted.
impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Shown(text) => f.write_str(text),
            Self::Str(text) if plain(text) => f.write_str(text),
            Self::Str(text) => fmt::Debug::fmt(text, f),
        }
    }
}

fn plain(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=';
    !text.is_empty() && !text.contains(odd)
}
