//! The strings that describe endpoints: `tcp:8000:interface=127.0.0.1`.
//!
//! Mirrors `_parse` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint.rs`, and by the conformance family `endpoint`.

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
    /// The text in the place of a port number is none.
    InvalidPort(String),
    /// It says something that this endpoint does not know.
    UnknownArgument(String),
    /// It says more than this endpoint has use for.
    TooManyArguments,
    /// It ends in a backslash, which escapes the next character.
    DanglingEscape,
    /// The name of an argument has characters other than those of ASCII.
    InvalidName(String),
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
            Self::InvalidName(name) => write!(f, "not the name of an argument: '{name}'"),
        }
    }
}

impl Error for EndpointError {}

/// A description, taken apart: arguments between colons, some of them with a
/// name and `=` in front. A backslash makes the next character an ordinary
/// one.
///
/// ```
/// use reactor_compat::endpoint::Description;
///
/// let description = Description::parse(r"unix:/var/run/a\:b:mode=600")?;
/// assert_eq!(description.args(), ["unix", "/var/run/a:b"]);
/// assert_eq!(description.named().collect::<Vec<_>>(), [("mode", "600")]);
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "_parse")]
pub struct Description {
    args: Vec<String>,
    named: Vec<(String, String)>,
}

impl Description {
    /// Takes a description apart.
    ///
    /// # Errors
    ///
    /// [`EndpointError::DanglingEscape`] and [`EndpointError::InvalidName`].
    ///
    /// See the [type's example](Self).
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut parsed = Self::default();
        let mut name = None;
        let mut current = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => current.push(characters.next().ok_or(EndpointError::DanglingEscape)?),
                ':' => parsed.add(name.take(), std::mem::take(&mut current))?,
                // Behind the name of an argument, an equals sign is its value's.
                '=' if name.is_none() => name = Some(std::mem::take(&mut current)),
                other => current.push(other),
            }
        }
        parsed.add(name, current)?;
        Ok(parsed)
    }

    fn add(&mut self, name: Option<String>, value: String) -> Result<(), EndpointError> {
        let Some(name) = name else {
            self.args.push(value);
            return Ok(());
        };
        if !name.is_ascii() {
            return Err(EndpointError::InvalidName(name));
        }
        // Of those with one name the last counts.
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, place)) => *place = value,
            None => self.named.push((name, value)),
        }
        Ok(())
    }

    /// The arguments that have no name, in order.
    ///
    /// See the [type's example](Self).
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The arguments that have one, each with its value.
    ///
    /// See the [type's example](Self).
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(name, value)| (name.as_str(), value.as_str()))
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
