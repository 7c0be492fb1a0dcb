//! [`Arguments`]: what a description says, by the names of parameters.
//!
//! Tested in `tests/network/endpoint.rs`, and by the conformance family `strings`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::description::Piece;
use super::integer::integer;
use super::{Description, EndpointError, EndpointErrorKind};

/// What a description says, by the names of parameters.
///
/// Its methods point at the place where something is wrong.
///
/// ```
/// use reactor_compat::endpoint::{Description, EndpointErrorKind};
///
/// let description = Description::parse("pigeon:loft:speed=12")?;
/// let arguments = description.arguments(&["home"], &["speed", "ring"])?;
/// assert_eq!(arguments.required("home")?, "loft");
/// assert_eq!(arguments.number("speed", 0..=20)?, Some(12));
/// assert_eq!(arguments.text("ring"), None);
/// let error = arguments.number("speed", 0..=9).unwrap_err();
/// assert_eq!(&error.description()[error.place()], "12");
///
/// let error = arguments.fault("home", "a loft that exists");
/// assert_eq!(
///     error.to_string(),
///     "`pigeon:loft:speed=12`, at character 8: home is to be a loft that exists, not `loft`",
/// );
///
/// let twice = Description::parse("pigeon:loft:home=barn")?;
/// let error = twice.arguments(&["home"], &[]).unwrap_err();
/// assert_eq!(error.kind(), &EndpointErrorKind::GivenTwice("home".to_owned()));
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arguments<'d> {
    description: &'d Description,
    given: Vec<(&'static str, &'d Piece)>,
}

impl<'d> Arguments<'d> {
    pub(super) fn bind(
        description: &'d Description,
        parameters: &[&'static str],
        by_name: &[&'static str],
    ) -> Result<Self, EndpointError> {
        let allowed = || parameters.iter().chain(by_name).copied();
        let positional = description.positional();
        if let Some(first_too_many) = positional.get(parameters.len()) {
            let kind = EndpointErrorKind::TooManyArguments;
            return Err(description.error(kind, first_too_many.place.clone()).allowing(allowed()));
        }
        let mut given: Vec<_> = parameters.iter().copied().zip(positional).collect();
        for (name, value) in description.named_pieces() {
            let Some(parameter) = allowed().find(|known| *known == name.text) else {
                let kind = EndpointErrorKind::UnknownArgument(name.text.clone());
                return Err(description.error(kind, name.place.clone()).allowing(allowed()));
            };
            if given.iter().any(|(known, _)| *known == parameter) {
                let kind = EndpointErrorKind::GivenTwice(parameter.to_owned());
                return Err(description.error(kind, name.place.clone()));
            }
            given.push((parameter, value));
        }
        Ok(Self { description, given })
    }

    fn piece(&self, name: &str) -> Option<&'d Piece> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, piece)| *piece)
    }

    /// The text of a parameter, if it is given.
    ///
    /// See the [type's example](Self).
    pub fn text(&self, name: &str) -> Option<&'d str> {
        self.piece(name).map(|piece| piece.text.as_str())
    }

    /// The text of a parameter that has to be given.
    ///
    /// # Errors
    ///
    /// [`EndpointErrorKind::MissingArgument`].
    ///
    /// See the [type's example](Self).
    pub fn required(&self, name: &str) -> Result<&'d str, EndpointError> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> EndpointError {
        let kind = EndpointErrorKind::MissingArgument(name.to_owned());
        self.description.error(kind, self.description.end())
    }

    /// The number of a parameter, if it is given: as Python's `int` takes it, with
    /// spaces around, a sign, and `_` between digits.
    ///
    /// # Errors
    ///
    /// [`EndpointErrorKind::InvalidArgument`] if it is no number, or none of those.
    ///
    /// See the [type's example](Self).
    pub fn number<N>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, EndpointError>
    where
        N: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        self.number_of_base(name, range, 10)
    }

    /// The same, with digits from 0 to 7.
    pub(crate) fn octal(
        &self,
        name: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, EndpointError> {
        self.number_of_base(name, range, 8)
    }

    fn number_of_base<N>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
        base: u32,
    ) -> Result<Option<N>, EndpointError>
    where
        N: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = integer(text, base).and_then(|number| N::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None if base == 8 => Err(self.fault(name, "an octal number such as 660")),
            None => {
                let wanted = format!("a number from {} to {}", range.start(), range.end());
                Err(self.fault(name, &wanted))
            }
        }
    }

    /// Whether a parameter is given a number other than 0; `None` if it is not given.
    ///
    /// # Errors
    ///
    /// [`EndpointErrorKind::InvalidArgument`] if it is no number.
    ///
    /// ```
    /// use reactor_compat::endpoint::Description;
    ///
    /// let description = Description::parse("unix:/run/a:lockfile=0")?;
    /// let arguments = description.arguments(&["address"], &["lockfile"])?;
    /// assert_eq!(arguments.flag("lockfile")?, Some(false));
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    pub fn flag(&self, name: &str) -> Result<Option<bool>, EndpointError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match integer(text, 10) {
            Some(number) => Ok(Some(number != 0)),
            None => Err(self.fault(name, "0 or 1")),
        }
    }

    /// A port, which has to be given.
    pub(crate) fn port(&self) -> Result<u16, EndpointError> {
        self.number("port", 0..=u16::MAX)?.ok_or_else(|| self.missing("port"))
    }

    /// A backlog, if it is given.
    pub(crate) fn backlog(&self) -> Result<Option<u32>, EndpointError> {
        self.number("backlog", 0..=u32::MAX)
    }

    /// A time in whole seconds, if it is given.
    pub(crate) fn seconds(&self, name: &str) -> Result<Option<Duration>, EndpointError> {
        let seconds = self.number(name, 0..=i64::MAX)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())))
    }

    /// An error that points at what a parameter is given: it says what is `wanted`.
    ///
    /// See the [type's example](Self).
    pub fn fault(&self, name: &str, wanted: &str) -> EndpointError {
        let kind = EndpointErrorKind::InvalidArgument {
            name: name.to_owned(),
            wanted: wanted.to_owned(),
            found: self.text(name).unwrap_or_default().to_owned(),
        };
        self.fault_of(name, kind)
    }

    /// An error of any kind that points at what a parameter is given.
    ///
    /// ```
    /// use reactor_compat::endpoint::{Description, EndpointErrorKind};
    ///
    /// let description = Description::parse("pigeon:loft")?;
    /// let arguments = description.arguments(&["home"], &[])?;
    /// let error = arguments.fault_of("home", EndpointErrorKind::Other("it burnt down".into()));
    /// assert_eq!(error.place(), 7..11);
    /// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
    /// ```
    pub fn fault_of(&self, name: &str, kind: EndpointErrorKind) -> EndpointError {
        let place = self.piece(name).map_or_else(|| self.description.end(), |p| p.place.clone());
        self.description.error(kind, place)
    }
}
