//! The strings that describe endpoints: `tcp:8000:interface=127.0.0.1`.

use std::error::Error;
use std::fmt;

/// Why a string describes no endpoint.
///
/// ```
/// use reactor_compat::endpoint::{EndpointError, server_from_string};
/// use reactor_compat::reactor;
///
/// let error = server_from_string(&reactor(), "carrier-pigeon:8000").unwrap_err();
/// assert_eq!(error, EndpointError::UnknownType("carrier-pigeon".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no endpoint of that name.
    UnknownType(String),
    /// It does not say which port.
    MissingPort,
    /// What should be a port number is none.
    InvalidPort(String),
    /// It says something that this endpoint does not know.
    UnknownArgument(String),
    /// It says more than this endpoint has use for.
    TooManyArguments,
    /// It ends in a backslash, which escapes the next character.
    DanglingEscape,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(name) => write!(f, "unknown endpoint type: '{name}'"),
            Self::MissingPort => f.write_str("the endpoint has no port"),
            Self::InvalidPort(port) => write!(f, "not a port number: '{port}'"),
            Self::UnknownArgument(name) => write!(f, "unknown endpoint argument: '{name}'"),
            Self::TooManyArguments => f.write_str("too many endpoint arguments"),
            Self::DanglingEscape => f.write_str("the endpoint ends in a backslash"),
        }
    }
}

impl Error for EndpointError {}

/// A description, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    args: Vec<String>,
    named: Vec<(String, String)>,
}

impl Description {
    /// Takes a description apart: arguments between colons, some of them with
    /// a name and `=`; a backslash makes the next character an ordinary one.
    pub(super) fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut parsed = Self::default();
        let mut name = None;
        let mut current = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => current.push(characters.next().ok_or(EndpointError::DanglingEscape)?),
                ':' => parsed.add(name.take(), std::mem::take(&mut current)),
                '=' if name.is_none() => name = Some(std::mem::take(&mut current)),
                other => current.push(other),
            }
        }
        parsed.add(name, current);
        Ok(parsed)
    }

    fn add(&mut self, name: Option<String>, value: String) {
        match name {
            // As in Twisted, the last of a name counts.
            Some(name) => {
                self.named.retain(|(known, _)| *known != name);
                self.named.push((name, value));
            }
            None => self.args.push(value),
        }
    }

    /// Takes the type off the front; a description has to begin with `tcp`.
    pub(super) fn expect_tcp(&mut self) -> Result<(), EndpointError> {
        if self.args.is_empty() {
            return Err(EndpointError::UnknownType(String::new()));
        }
        let kind = self.args.remove(0);
        if kind == "tcp" { Ok(()) } else { Err(EndpointError::UnknownType(kind)) }
    }

    /// Takes the argument called `name`, or else the next that has no name.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.take_named(name).or_else(|| self.take_next())
    }

    /// Takes the argument called `name`.
    pub(super) fn take_named(&mut self, name: &str) -> Option<String> {
        let at = self.named.iter().position(|(known, _)| known == name)?;
        Some(self.named.remove(at).1)
    }

    fn take_next(&mut self) -> Option<String> {
        if self.args.is_empty() { None } else { Some(self.args.remove(0)) }
    }

    /// Takes the argument `port`.
    pub(super) fn take_port(&mut self) -> Result<u16, EndpointError> {
        let port = self.take("port").ok_or(EndpointError::MissingPort)?;
        port.parse().map_err(|_| EndpointError::InvalidPort(port))
    }

    /// All has been taken, or it says too much.
    pub(super) fn finish(self) -> Result<(), EndpointError> {
        match self.named.into_iter().next() {
            Some((name, _)) => Err(EndpointError::UnknownArgument(name)),
            None if self.args.is_empty() => Ok(()),
            None => Err(EndpointError::TooManyArguments),
        }
    }
}
