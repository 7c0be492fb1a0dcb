//! Errors of boxes, calls and answers, under Twisted's names.
//!
//! Tested in `tests/amp/calls.rs` and `tests/amp/errors.rs`.

use thiserror::Error;

/// One of the protocol's length limits was violated.
///
/// ```
/// use protocols::amp::{AmpBox, ArgumentError};
///
/// let error = AmpBox::from([("key", vec![0; 70_000])]).serialize().unwrap_err();
/// let ArgumentError::TooLong(long) = error else { panic!("it is too long") };
/// assert!(!long.is_key && long.is_local);
/// assert_eq!(long.length, Some(70_000));
/// assert_eq!(long.key_name.as_deref(), Some("key"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[doc(alias = "isKey")]
#[doc(alias = "isLocal")]
#[doc(alias = "keyName")]
#[error("{}", self.text())]
pub struct TooLong {
    /// Whether it was a key, and not a value.
    pub is_key: bool,
    /// Whether it was to be sent, and not received.
    pub is_local: bool,
    /// How many bytes long it is; unknown of what was received.
    pub length: Option<usize>,
    /// The key of a value that was too long.
    pub key_name: Option<String>,
}

impl TooLong {
    fn text(&self) -> String {
        let side = if self.is_local { "local" } else { "remote" };
        let what = match &self.key_name {
            Some(name) => format!("value {name:?}"),
            None => if self.is_key { "key" } else { "value" }.to_owned(),
        };
        let length = self.length.map(|length| format!(": {length}")).unwrap_or_default();
        format!("{side} {what} too long{length}")
    }
}

/// The bytes received are no box, or one larger than the [`Limits`](super::Limits)
/// allow. It ends the connection, and is what outstanding calls fail with.
///
/// ```
/// use protocols::amp::{BoxError, BoxParser, Limits};
///
/// let mut parser = BoxParser::with_limits(Limits { box_size: 100, ..Limits::default() });
/// let mut data = &b"\x00\x01k\x01\x00...."[..];
/// assert_eq!(parser.next_box(&mut data).unwrap_err(), BoxError::TooLarge { limit: 100 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoxError {
    /// A key is longer than 255 bytes.
    #[error(transparent)]
    TooLong(TooLong),
    /// A box is larger than we take.
    #[error("a box of more than {limit} bytes")]
    TooLarge {
        /// How many bytes we take.
        limit: usize,
    },
    /// A box has more keys than we take.
    #[error("a box of more than {limit} keys")]
    TooManyKeys {
        /// How many we take.
        limit: usize,
    },
}

/// A box that means nothing here: an answer to no call, or an error
/// without a code. It ends the connection.
///
/// ```
/// use protocols::amp::{Amp, MalformedAmpBox};
/// use reactor_compat::testing::StringTransport;
///
/// let client = StringTransport::new(Amp::new());
/// client.data_received(b"\x00\x07_answer\x00\x012\x00\x00");
/// assert!(client.disconnecting());
/// # let _ = MalformedAmpBox::new("");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("malformed box: {detail}")]
pub struct MalformedAmpBox {
    detail: String,
}

impl MalformedAmpBox {
    /// One that says `detail`.
    ///
    /// ```
    /// let error = protocols::amp::MalformedAmpBox::new("no _error_code");
    /// assert_eq!(error.to_string(), "malformed box: no _error_code");
    /// ```
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

/// A box came that is neither a command nor an answer nor an error.
///
/// ```
/// let error = protocols::amp::NoEmptyBoxes;
/// assert_eq!(error.to_string(), "a box that is no command, answer or error");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("a box that is no command, answer or error")]
pub struct NoEmptyBoxes;

/// More commands are being worked on than the [`Limits`](super::Limits) allow.
/// It ends the connection.
///
/// ```
/// let error = protocols::amp::TooManyCommands { limit: 8 };
/// assert_eq!(error.to_string(), "more than 8 commands wait for their answers");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more than {limit} commands wait for their answers")]
pub struct TooManyCommands {
    /// How many are allowed.
    pub limit: usize,
}

/// More descriptors came that no box names than the
/// [`Limits`](super::Limits) allow. It ends the connection.
///
/// ```
/// let error = protocols::amp::TooManyDescriptors { limit: 8 };
/// assert_eq!(error.to_string(), "more than 8 descriptors came that no box names");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more than {limit} descriptors came that no box names")]
pub struct TooManyDescriptors {
    /// How many are allowed.
    pub limit: usize,
}

/// A responder returned what cannot be put into a box. The peer is told
/// `UNKNOWN`, and the connection ends.
///
/// ```
/// use protocols::amp::AmpBox;
/// use std::collections::BTreeMap;
///
/// let nested = BTreeMap::from([("a", BTreeMap::from([("b", 1)]))]);
/// assert!(AmpBox::from_value(&nested).is_err(), "what a responder should not return");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("what {command:?} returned could not be serialized: {enclosed}")]
pub struct BadLocalReturn {
    pub(super) command: String,
    #[source]
    pub(super) enclosed: super::ArgumentError,
}
