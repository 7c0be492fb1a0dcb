//! [`DateTime`]: a date and a time, and how far that is from UTC.
//!
//! Mirrors `twisted.protocols.amp.DateTime`. Tested in
//! `tests/amp/arguments.rs`.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::{ArgumentError, python};

/// How long one is on the wire.
const LENGTH: usize = 32;

const DAY_IN_MINUTES: i32 = 24 * 60;

/// A date and a time to the microsecond, from the year 1 to 9999, and how many
/// minutes that is ahead of UTC.
///
/// ```
/// use jiff::civil::date;
/// use protocols::amp::DateTime;
///
/// let lunch = DateTime::new(date(2012, 1, 23).at(12, 34, 56, 54_321_000), -300)?;
/// assert_eq!(lunch.to_string(), "2012-01-23T12:34:56.054321-05:00");
/// assert_eq!(lunch.to_string().parse(), Ok(lunch));
/// assert_eq!(lunch.timestamp().unwrap().to_string(), "2012-01-23T17:34:56.054321Z");
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DateTime {
    local: civil::DateTime,
    offset: i16,
}

impl DateTime {
    /// A local time and its offset, in minutes; what is less than a
    /// microsecond is cut off.
    ///
    /// # Errors
    ///
    /// The year is not one from 1 to 9999, or the offset a day or more.
    ///
    /// See the [type's example](Self).
    pub fn new(local: civil::DateTime, offset: i16) -> Result<Self, ArgumentError> {
        let local = local.with().subsec_nanosecond(local.subsec_nanosecond() / 1000 * 1000).build();
        match local {
            Ok(local) if local.year() >= 1 && i32::from(offset).abs() < DAY_IN_MINUTES => {
                Ok(Self { local, offset })
            }
            _ => Err(ArgumentError::Unsupported("such a date")),
        }
    }

    /// The time on the clocks of the place.
    ///
    /// ```
    /// use protocols::amp::DateTime;
    ///
    /// let time: DateTime = "2012-01-23T12:34:56.054321-05:00".parse()?;
    /// assert_eq!(time.local().hour(), 12);
    /// # Ok::<(), protocols::amp::ArgumentError>(())
    /// ```
    pub fn local(&self) -> civil::DateTime {
        self.local
    }

    /// How many minutes these clocks are ahead of UTC.
    ///
    /// ```
    /// use protocols::amp::DateTime;
    ///
    /// let time: DateTime = "2012-01-23T12:34:56.054321-05:00".parse()?;
    /// assert_eq!(time.offset(), -300);
    /// # Ok::<(), protocols::amp::ArgumentError>(())
    /// ```
    #[doc(alias = "utcoffset")]
    pub fn offset(&self) -> i16 {
        self.offset
    }

    /// The instant; `None` at the very ends of the calendar, where the instant
    /// is in no year.
    ///
    /// See the [type's example](Self).
    pub fn timestamp(&self) -> Option<Timestamp> {
        let offset = Offset::from_seconds(i32::from(self.offset) * 60).ok()?;
        offset.to_timestamp(self.local).ok()
    }
}

/// Reads a part of the text as Python's `int` does, signs and spaces included.
fn part(wire: &[u8], start: usize, end: usize) -> Option<i32> {
    python::integer(wire.get(start..end)?)?.parse().ok()
}

fn read(wire: &[u8]) -> Option<DateTime> {
    if wire.len() != LENGTH || !wire.is_ascii() {
        return None;
    }
    let small = |start, end| i8::try_from(part(wire, start, end)?).ok();
    let year = i16::try_from(part(wire, 0, 4)?).ok()?;
    let date = civil::Date::new(year, small(5, 7)?, small(8, 10)?).ok()?;
    let nanosecond = part(wire, 20, 26)?.checked_mul(1000)?;
    let time = civil::Time::new(small(11, 13)?, small(14, 16)?, small(17, 19)?, nanosecond).ok()?;
    let offset = part(wire, 27, 29)?.checked_mul(60)?.checked_add(part(wire, 30, 32)?)?;
    let offset = match wire.get(26)? {
        b'+' => offset,
        b'-' => -offset,
        _ => return None,
    };
    DateTime::new(date.to_datetime(time), i16::try_from(offset).ok()?).ok()
}

impl FromStr for DateTime {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        read(text.as_bytes()).ok_or_else(|| ArgumentError::value("a date", text.as_bytes()))
    }
}

impl TryFrom<String> for DateTime {
    type Error = ArgumentError;

    fn try_from(text: String) -> Result<Self, ArgumentError> {
        text.parse()
    }
}

impl From<DateTime> for String {
    fn from(time: DateTime) -> Self {
        time.to_string()
    }
}

impl TryFrom<&Zoned> for DateTime {
    type Error = ArgumentError;

    fn try_from(zoned: &Zoned) -> Result<Self, ArgumentError> {
        let minutes = i16::try_from(zoned.offset().seconds().div_euclid(60));
        Self::new(zoned.datetime(), minutes.unwrap_or(i16::MAX))
    }
}

impl TryFrom<Timestamp> for DateTime {
    type Error = ArgumentError;

    fn try_from(timestamp: Timestamp) -> Result<Self, ArgumentError> {
        Self::new(Offset::UTC.to_datetime(timestamp), 0)
    }
}

impl fmt::Display for DateTime {
    /// As it is on the wire; UTC is `-00:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local;
        let sign = if self.offset > 0 { '+' } else { '-' };
        let offset = self.offset.unsigned_abs();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{sign}{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            local.subsec_nanosecond() / 1000,
            offset / 60,
            offset % 60
        )
    }
}
