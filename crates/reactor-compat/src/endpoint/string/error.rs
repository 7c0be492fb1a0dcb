//! [`EndpointError`]: what is wrong with a string that should describe an endpoint.
//!
//! Tested in `tests/network/endpoint.rs`.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

#[cfg(feature = "tls")]
use crate::tls::TlsConfigError;

/// Why a string describes no endpoint: the fault, the string, the place in it, and what
/// would be allowed there.
///
/// Shown with `{}` it is one line; with `{:#}` the string has a line of its own, and
/// the place is marked below it.
///
/// ```
/// use reactor_compat::endpoint::{EndpointErrorKind, server_from_string};
/// use reactor_compat::reactor;
///
/// let error = server_from_string(&reactor(), "tcp:80:interfaec=127.0.0.1").unwrap_err();
/// assert_eq!(error.kind(), &EndpointErrorKind::UnknownArgument("interfaec".to_owned()));
/// assert_eq!(error.description(), "tcp:80:interfaec=127.0.0.1");
/// assert_eq!(&error.description()[error.place()], "interfaec");
/// assert!(error.allowed().any(|name| name == "interface"));
///
/// let error = server_from_string(&reactor(), "tcp6:eighty").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`tcp6:eighty`, at character 6: port is to be a number from 0 to 65535, not `eighty`",
/// );
/// assert_eq!(
///     format!("{error:#}"),
///     "port is to be a number from 0 to 65535, not `eighty`\n  tcp6:eighty\n       ^^^^^^",
/// );
/// ```
#[derive(Clone, PartialEq)]
pub struct EndpointError(Box<Fault>);

#[derive(Clone, PartialEq)]
struct Fault {
    kind: EndpointErrorKind,
    text: Arc<str>,
    place: Range<usize>,
    allowed: Vec<String>,
}

/// The faults of a string that should describe an endpoint.
///
/// See the example of [`EndpointError`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EndpointErrorKind {
    /// There is no endpoint of that type.
    UnknownType(String),
    /// It does not begin with a type.
    NoType,
    /// It does not say what it has to; the parameter.
    MissingArgument(String),
    /// It says something that this endpoint does not know; the name.
    UnknownArgument(String),
    /// It says one thing by its place and by its name; the name.
    GivenTwice(String),
    /// It says more than this endpoint has use for.
    TooManyArguments,
    /// What it says is not what the parameter takes.
    InvalidArgument {
        /// The parameter.
        name: String,
        /// What it takes, in words.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// It ends in a backslash, which escapes the next character.
    DanglingEscape,
    /// The name of an argument has characters other than those of ASCII.
    InvalidName(String),
    /// It asks for something that is not had here; what, and what to do.
    Unsupported(String),
    /// The certificates or keys that it names come to nothing.
    #[cfg(feature = "tls")]
    Tls(TlsConfigError),
    /// Something else; what, in words.
    Other(String),
}

impl EndpointError {
    pub(super) fn new(kind: EndpointErrorKind, text: Arc<str>, place: Range<usize>) -> Self {
        Self(Box::new(Fault { kind, text, place, allowed: Vec::new() }))
    }

    /// The same, with what would be allowed there.
    pub(crate) fn allowing<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.0.allowed = names.into_iter().map(Into::into).collect();
        self
    }

    /// The fault.
    ///
    /// See the [type's example](Self).
    pub fn kind(&self) -> &EndpointErrorKind {
        &self.0.kind
    }

    /// The string.
    ///
    /// See the [type's example](Self).
    pub fn description(&self) -> &str {
        &self.0.text
    }

    /// The place of the fault in the string, in bytes; empty, at the end, if something
    /// is missing.
    ///
    /// See the [type's example](Self).
    pub fn place(&self) -> Range<usize> {
        self.0.place.clone()
    }

    /// What would be allowed: types, or the names of arguments. Nothing if the fault
    /// is another.
    ///
    /// See the [type's example](Self).
    pub fn allowed(&self) -> impl Iterator<Item = &str> {
        self.0.allowed.iter().map(String::as_str)
    }

    /// The fault, and what would be allowed.
    fn say(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind)?;
        if self.0.allowed.is_empty() {
            return Ok(());
        }
        write!(f, "; allowed: {}", self.0.allowed.join(", "))
    }
}

impl fmt::Display for EndpointErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(name) => write!(f, "unknown endpoint type `{name}`"),
            Self::NoType => f.write_str("the type of the endpoint is missing in front"),
            Self::MissingArgument(name) => write!(f, "{name} is missing"),
            Self::UnknownArgument(name) => write!(f, "unknown argument `{name}`"),
            Self::GivenTwice(name) => write!(f, "{name} is given by place and by name"),
            Self::TooManyArguments => f.write_str("too many arguments"),
            Self::InvalidArgument { name, wanted, found } => {
                write!(f, "{name} is to be {wanted}, not `{found}`")
            }
            Self::DanglingEscape => f.write_str("a backslash at the end escapes nothing"),
            Self::InvalidName(name) => write!(f, "`{name}` is not the name of an argument"),
            Self::Unsupported(what) | Self::Other(what) => f.write_str(what),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.0.text.get(..self.0.place.start).map_or(0, |text| text.chars().count());
        if !f.alternate() {
            write!(f, "`{}`, at character {}: ", self.0.text, before + 1)?;
            return self.say(f);
        }
        self.say(f)?;
        let width = self.0.text.get(self.0.place.clone()).map_or(0, |text| text.chars().count());
        let mark = "^".repeat(width.max(1));
        write!(f, "\n  {}\n  {}{mark}", self.0.text, " ".repeat(before))
    }
}

/// As it is said: a program that ends with it shows it so.
impl fmt::Debug for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointError({self})")
    }
}

impl Error for EndpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.kind {
            #[cfg(feature = "tls")]
            EndpointErrorKind::Tls(error) => Some(error),
            _ => None,
        }
    }
}
