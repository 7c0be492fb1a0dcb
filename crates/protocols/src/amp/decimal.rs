//! [`Decimal`]: a decimal number, its precision included.
//!
//! Mirrors `twisted.protocols.amp.Decimal`. Tested in
//! `tests/amp/arguments.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ArgumentError, python};

/// The largest exponent of a number in scientific notation.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;

/// The smallest exponent of a number's last digit.
const MIN_EXPONENT: i64 = -1_999_999_999_999_999_997;

/// A decimal number, its precision included: `1.0` is not `1.00`, and there
/// are infinities and things that are no number.
///
/// It is written as Python's `decimal.Decimal` writes itself, and read as that
/// reads. It does no arithmetic; give [`as_str`](Self::as_str) to a library
/// that does.
///
/// ```
/// use protocols::amp::Decimal;
///
/// let price: Decimal = "12.50".parse()?;
/// assert_eq!(price.as_str(), "12.50");
/// assert_eq!("1500e-9".parse::<Decimal>()?.as_str(), "0.000001500");
/// assert_eq!("-inf".parse::<Decimal>()?.as_str(), "-Infinity");
/// assert!("twelve".parse::<Decimal>().is_err());
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Decimal {
    text: String,
}

impl Decimal {
    /// The number that Python's `decimal.Decimal(wire)` makes of it.
    pub(super) fn from_wire(wire: &[u8]) -> Result<Self, ArgumentError> {
        match read(wire) {
            Some(text) => Ok(Self { text }),
            None => Err(ArgumentError::value("a decimal number", wire)),
        }
    }

    /// The number, as it is on the wire.
    ///
    /// See the [type's example](Self).
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn read(wire: &[u8]) -> Option<String> {
    if !wire.is_ascii() {
        return None;
    }
    // Python drops underscores wherever they are.
    let text: Vec<u8> = python::trim(wire, python::is_text_space)
        .iter()
        .filter(|&&byte| byte != b'_')
        .map(u8::to_ascii_lowercase)
        .collect();
    let (negative, rest) = python::split_sign(&text);
    let sign = if negative { "-" } else { "" };
    special(rest).or_else(|| finite(rest)).map(|magnitude| format!("{sign}{magnitude}"))
}

/// Numbers that are not finite.
fn special(text: &[u8]) -> Option<String> {
    if matches!(text, b"inf" | b"infinity") {
        return Some("Infinity".to_owned());
    }
    let (name, payload) = match (text.strip_prefix(b"snan"), text.strip_prefix(b"nan")) {
        (Some(payload), _) => ("sNaN", payload),
        (None, Some(payload)) => ("NaN", payload),
        (None, None) => return None,
    };
    payload.iter().all(u8::is_ascii_digit).then(|| {
        let payload = String::from_utf8_lossy(payload);
        format!("{name}{}", payload.trim_start_matches('0'))
    })
}

fn finite(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (number, exponent) = match text.split_once('e') {
        Some((number, exponent)) => (number, read_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = exponent.checked_add(i64::try_from(digits.len()).ok()?)?;
    let fits = exponent >= MIN_EXPONENT && point - 1 <= MAX_EXPONENT;
    fits.then(|| write(digits, exponent, point))
}

fn read_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = python::split_sign(text.as_bytes());
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// `point` is how many digits stand before the decimal point.
fn write(digits: &str, exponent: i64, point: i64) -> String {
    if exponent <= 0 && point > -6 {
        return match usize::try_from(point) {
            Ok(point) if point >= digits.len() => digits.to_owned(),
            Ok(point) if point > 0 => {
                let (whole, fraction) = digits.split_at(point);
                format!("{whole}.{fraction}")
            }
            _ => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        };
    }
    let (first, more) = digits.split_at(1);
    let dot = if more.is_empty() { "" } else { "." };
    format!("{first}{dot}{more}E{:+}", point - 1)
}

impl FromStr for Decimal {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        Self::from_wire(text.as_bytes())
    }
}

impl TryFrom<String> for Decimal {
    type Error = ArgumentError;

    fn try_from(text: String) -> Result<Self, ArgumentError> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.text
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self { text: number.to_string() }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
