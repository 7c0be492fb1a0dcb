//! [`Description`]: a string that describes an endpoint, taken apart.
//!
//! Mirrors `_parse` of `twisted.internet.endpoints`. Tested in
//! `tests/network/endpoint.rs`, and by the conformance family `endpoint`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Arguments, EndpointError, EndpointErrorKind, quote_string_argument};

/// A description, taken apart: arguments between colons, some of them with a
/// name and `=` in front. A backslash makes the next character an ordinary
/// one.
///
/// The first argument without a name is the endpoint's type. Turned into a string it
/// has those without a name first, in order, and then the others by name, in the order
/// of their names.
///
/// ```
/// use reactor_compat::endpoint::Description;
///
/// let description = Description::parse(r"unix:mode=600:/var/run/a\:b")?;
/// assert_eq!(description.kind(), Some("unix"));
/// assert_eq!(description.args().collect::<Vec<_>>(), ["unix", "/var/run/a:b"]);
/// assert_eq!(description.named().collect::<Vec<_>>(), [("mode", "600")]);
/// assert_eq!(description.to_string(), r"unix:/var/run/a\:b:mode=600");
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "_parse")]
pub struct Description {
    text: Arc<str>,
    args: Vec<Piece>,
    named: Vec<(Piece, Piece)>,
}

/// A part of a description, without its escapes, and the place where it stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) place: Range<usize>,
}

impl Description {
    /// Takes a description apart. Of arguments with one name the last counts.
    ///
    /// # Errors
    ///
    /// [`EndpointErrorKind::DanglingEscape`] and [`EndpointErrorKind::InvalidName`].
    ///
    /// See the [type's example](Self).
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut parsed = Self { text: text.into(), args: Vec::new(), named: Vec::new() };
        let mut name = None;
        let mut current = Piece::default();
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    let (_, escaped) = characters.next().ok_or_else(|| {
                        parsed.error(EndpointErrorKind::DanglingEscape, at..text.len())
                    })?;
                    current.text.push(escaped);
                }
                ':' => {
                    current.place.end = at;
                    let begun = Piece { text: String::new(), place: at + 1..at + 1 };
                    parsed.add(name.take(), std::mem::replace(&mut current, begun))?;
                }
                // Behind the name of an argument, an equals sign is its value's.
                '=' if name.is_none() => {
                    current.place.end = at;
                    let begun = Piece { text: String::new(), place: at + 1..at + 1 };
                    name = Some(std::mem::replace(&mut current, begun));
                }
                other => current.text.push(other),
            }
        }
        current.place.end = text.len();
        parsed.add(name, current)?;
        Ok(parsed)
    }

    fn add(&mut self, name: Option<Piece>, value: Piece) -> Result<(), EndpointError> {
        let Some(name) = name else {
            self.args.push(value);
            return Ok(());
        };
        if !name.text.is_ascii() {
            let place = name.place.clone();
            return Err(self.error(EndpointErrorKind::InvalidName(name.text), place));
        }
        self.set(name, value);
        Ok(())
    }

    /// Sets the argument of that name.
    pub(super) fn set(&mut self, name: Piece, value: Piece) {
        match self.named.iter_mut().find(|(known, _)| known.text == name.text) {
            Some(place) => *place = (name, value),
            None => self.named.push((name, value)),
        }
    }

    /// The endpoint's type.
    ///
    /// See the [type's example](Self).
    pub fn kind(&self) -> Option<&str> {
        self.args.first().map(|kind| kind.text.as_str())
    }

    /// The arguments that have no name, the type first, in order.
    ///
    /// See the [type's example](Self).
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.args.iter().map(|argument| argument.text.as_str())
    }

    /// The arguments that have one, each with its value.
    ///
    /// See the [type's example](Self).
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(name, value)| (name.text.as_str(), value.text.as_str()))
    }

    /// Gives what it says behind its type to the `parameters` of those names, as a call
    /// does in Python: those without a name in order, those of `by_name` only by name.
    ///
    /// # Errors
    ///
    /// [`EndpointErrorKind::TooManyArguments`], [`EndpointErrorKind::UnknownArgument`]
    /// and [`EndpointErrorKind::GivenTwice`].
    ///
    /// See the example of [`Arguments`].
    pub fn arguments(
        &self,
        parameters: &[&'static str],
        by_name: &[&'static str],
    ) -> Result<Arguments<'_>, EndpointError> {
        Arguments::bind(self, parameters, by_name)
    }

    /// What it says behind its type, as a description of its own.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse): an `=` that was escaped no longer is, as in Twisted.
    ///
    /// ```
    /// use reactor_compat::endpoint::Description;
    ///
    /// let inner = Description::parse("haproxy:tcp:80")?.inner()?;
    /// assert_eq!(inner.to_string(), "tcp:80");
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    #[doc(alias = "unparseEndpoint")]
    pub fn inner(&self) -> Result<Self, EndpointError> {
        let mut inner = self.clone();
        if !inner.args.is_empty() {
            inner.args.remove(0);
        }
        Self::parse(&inner.to_string())
    }

    /// An error about the whole of it.
    ///
    /// ```
    /// use reactor_compat::endpoint::{Description, EndpointErrorKind};
    ///
    /// let description = Description::parse("pigeon:loft")?;
    /// let error = description.fault(EndpointErrorKind::Other("no pigeons today".to_owned()));
    /// assert_eq!(error.to_string(), "`pigeon:loft`, at character 1: no pigeons today");
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    pub fn fault(&self, kind: EndpointErrorKind) -> EndpointError {
        self.error(kind, 0..self.text.len())
    }

    /// An error about its type.
    pub(crate) fn fault_of_type(&self, kind: EndpointErrorKind) -> EndpointError {
        self.error(kind, self.args.first().map_or(0..0, |kind| kind.place.clone()))
    }

    pub(super) fn error(&self, kind: EndpointErrorKind, place: Range<usize>) -> EndpointError {
        EndpointError::new(kind, self.text.clone(), place)
    }

    /// The place behind its end.
    pub(super) fn end(&self) -> Range<usize> {
        self.text.len()..self.text.len()
    }

    /// What stands behind the type.
    pub(super) fn positional(&self) -> &[Piece] {
        self.args.get(1..).unwrap_or_default()
    }

    /// How many arguments without a name stand behind the type.
    pub(crate) fn positional_count(&self) -> usize {
        self.positional().len()
    }

    /// Gives what stands behind the type without a name these names, in order; what has
    /// none then is let go.
    pub(crate) fn name_positional(&mut self, names: &[&str]) {
        let positional = self.args.split_off(self.args.len().min(1));
        for (name, value) in names.iter().zip(positional) {
            let name = Piece { text: (*name).to_owned(), place: value.place.clone() };
            self.set(name, value);
        }
    }

    pub(super) fn named_pieces(&self) -> &[(Piece, Piece)] {
        &self.named
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |piece: &Piece| quote_string_argument(&piece.text);
        let mut parts: Vec<_> = self.args.iter().map(quote).collect();
        let named = self.named.iter();
        let mut named: Vec<_> =
            named.map(|(name, value)| format!("{}={}", quote(name), quote(value))).collect();
        named.sort_unstable();
        parts.append(&mut named);
        f.write_str(&parts.join(":"))
    }
}
