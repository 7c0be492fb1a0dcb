//! [`Integer`]: a whole number of any size.
//!
//! Mirrors `twisted.protocols.amp.Integer`. Tested in
//! `tests/amp/arguments.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ArgumentError, python};

/// A whole number of any size up to 4300 digits, which is Python's own limit.
///
/// As a rule an `i64` or `i128` does; this is for peers that send more. It
/// does no arithmetic: it is compared, and turned into text or another type.
///
/// ```
/// use protocols::amp::{AmpBox, Integer};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Big { n: Integer }
///
/// let n: Integer = "-170141183460469231731687303715884105729".parse()?;
/// let box_ = AmpBox::from_value(&Big { n: n.clone() })?;
/// assert_eq!(box_.to_value::<Big>()?.n, n);
/// assert!(i128::try_from(&n).is_err());
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Integer {
    /// The fewest digits, and a sign where it is below zero.
    digits: String,
}

impl Integer {
    /// The number that Python's `int(wire)` makes of it.
    pub(super) fn from_wire(wire: &[u8]) -> Result<Self, ArgumentError> {
        match python::integer(wire) {
            Some(digits) => Ok(Self { digits }),
            None => Err(ArgumentError::value("an integer", wire)),
        }
    }

    /// The digits, after a `-` where it is below zero.
    ///
    /// ```
    /// assert_eq!(protocols::amp::Integer::from(-7).as_str(), "-7");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.digits
    }
}

impl FromStr for Integer {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        Self::from_wire(text.as_bytes())
    }
}

impl TryFrom<String> for Integer {
    type Error = ArgumentError;

    fn try_from(text: String) -> Result<Self, ArgumentError> {
        text.parse()
    }
}

impl From<Integer> for String {
    fn from(integer: Integer) -> Self {
        integer.digits
    }
}

impl From<i32> for Integer {
    fn from(number: i32) -> Self {
        Self { digits: number.to_string() }
    }
}

impl From<i64> for Integer {
    fn from(number: i64) -> Self {
        Self { digits: number.to_string() }
    }
}

impl From<i128> for Integer {
    fn from(number: i128) -> Self {
        Self { digits: number.to_string() }
    }
}

impl TryFrom<&Integer> for i64 {
    type Error = std::num::ParseIntError;

    fn try_from(integer: &Integer) -> Result<Self, Self::Error> {
        integer.digits.parse()
    }
}

impl TryFrom<&Integer> for i128 {
    type Error = std::num::ParseIntError;

    fn try_from(integer: &Integer) -> Result<Self, Self::Error> {
        integer.digits.parse()
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}
