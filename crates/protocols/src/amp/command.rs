//! [`Command`]: what one side asks of the other, declared as a Rust type.
//!
//! Mirrors `twisted.protocols.amp.Command`. Tested in `tests/amp/calls.rs`.

use std::error::Error;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A command that one side calls of the other: a struct of its arguments, with the type of
/// its answer and of the errors that it may answer with.
///
/// The names of the fields are the keys on the wire; `#[serde(rename)]` helps
/// where those are no Rust identifiers. What a field's type is on the wire:
///
/// | in Rust | in Twisted |
/// |---|---|
/// | `i8` to `i128`, `u8` to `u128`, [`Integer`](super::Integer) | `Integer` |
/// | [`Bytes`](super::Bytes), `serde_bytes` | `String` |
/// | `String`, `char`, an enum without fields | `Unicode` |
/// | `bool` | `Boolean` |
/// | `f64`, `f32` | `Float` |
/// | [`Decimal`](super::Decimal) | `Decimal` |
/// | [`DateTime`](super::DateTime) | `DateTime` |
/// | `PathBuf` | `Path` |
/// | `Vec<T>`, a tuple | `ListOf(T)` |
/// | `Vec` of a struct | `AmpList` |
/// | `Option<T>` | `optional=True` |
/// | [`BigString`](super::BigString) | a `String` over 64 KiB |
/// | `Descriptor`, on UNIX | `Descriptor` |
///
/// A `Vec<u8>` is a list of integers, as it is to serde: take `Bytes`.
///
/// ```
/// use protocols::amp::{AmpBox, Command, NoError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Sum {
///     a: i64,
///     b: i64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Total {
///     total: i64,
/// }
///
/// impl Command for Sum {
///     const NAME: &str = "Sum";
///     type Response = Total;
///     type Error = NoError;
/// }
///
/// assert_eq!(AmpBox::from_value(&Sum { a: 13, b: 81 })?, AmpBox::from([("a", "13"), ("b", "81")]));
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[doc(alias = "commandName")]
pub trait Command: Serialize + DeserializeOwned + 'static {
    /// Its name on the wire.
    const NAME: &'static str;

    /// Whether answering it ends the connection.
    #[doc(alias = "QuitBox")]
    #[doc(alias = "responseType")]
    const QUITS: bool = false;

    /// The answer: a struct, or `()` where there is nothing to
    /// say.
    type Response: Serialize + DeserializeOwned + 'static;

    /// The errors that it may be answered with; [`NoError`] if none.
    #[doc(alias = "errors")]
    type Error: CommandError;
}

/// The errors that a command may be answered with: an enum whose variants'
/// names are the codes on the wire, or a struct where there is one error only.
///
/// serde's derives make it so, and their `rename` says the code where it is not
/// the name. What the error displays is the description on the wire; a variant
/// with a `String` in it gets that back at the other end. A responder that
/// returns any other error than one of these is answered with `UNKNOWN`, and
/// the connection ends.
///
/// ```
/// use protocols::amp::CommandError;
/// use serde::{Deserialize, Serialize};
/// use std::{error::Error, fmt};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
/// enum LoginError {
///     NoSuchUser,         // NO_SUCH_USER
///     LockedOut(String),  // LOCKED_OUT, with a reason
/// }
///
/// impl fmt::Display for LoginError {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         match self {
///             Self::NoSuchUser => f.write_str("who?"),
///             Self::LockedOut(why) => f.write_str(why),
///         }
///     }
/// }
///
/// impl Error for LoginError {}
///
/// impl CommandError for LoginError {
///     fn fatal(&self) -> bool {
///         matches!(self, Self::LockedOut(_))
///     }
/// }
///
/// assert!(LoginError::LockedOut("too many attempts".to_owned()).fatal());
/// ```
pub trait CommandError: Error + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Whether answering with this error ends the connection.
    #[doc(alias = "fatalErrors")]
    fn fatal(&self) -> bool {
        false
    }
}

/// No error: the command is answered, or something is wrong that nobody
/// foresaw.
///
/// See the example of [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NoError {}

impl CommandError for NoError {}
