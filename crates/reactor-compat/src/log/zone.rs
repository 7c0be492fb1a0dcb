//! [`Zone`]: where clocks are set as they are.
//!
//! Mirrors `getTimezoneOffset` of `twisted.python.log.FileLogObserver`. Tested
//! in `tests/logging/log.rs`.

use std::time::SystemTime;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::error::UnknownZone;

/// The time zone of a log's times.
///
/// ```
/// use reactor_compat::log::Zone;
///
/// assert!(Zone::named("America/New_York").is_ok());
/// assert_ne!(Zone::offset(3600), Zone::utc());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "getTimezoneOffset")]
pub struct Zone(TimeZone);

impl Zone {
    /// The computer's own, or UTC if it does not say. It is looked up once.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    ///
    /// assert_eq!(TwistedFormat::new(), TwistedFormat::new().zone(Zone::local()));
    /// ```
    pub fn local() -> Self {
        Self(TimeZone::system())
    }

    /// Universal time.
    ///
    /// ```
    /// assert_eq!(reactor_compat::log::Zone::utc(), reactor_compat::log::Zone::offset(0));
    /// ```
    pub fn utc() -> Self {
        Self::offset(0)
    }

    /// So many seconds east of UTC, at most 26 hours.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    /// use std::time::SystemTime;
    ///
    /// let format = TwistedFormat::new().zone(Zone::offset(-5 * 3600));
    /// assert_eq!(format.format_time(SystemTime::UNIX_EPOCH), "1969-12-31 19:00:00-0500");
    /// ```
    pub fn offset(seconds_east: i32) -> Self {
        let limit = Offset::MAX.seconds();
        let offset = Offset::from_seconds(seconds_east.clamp(-limit, limit));
        Self(TimeZone::fixed(offset.unwrap_or(Offset::UTC)))
    }

    /// By its name in the time zone database.
    ///
    /// # Errors
    ///
    /// [`UnknownZone`] if it is not there, or there is no database.
    ///
    /// ```
    /// use reactor_compat::log::{TwistedFormat, Zone};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let format = TwistedFormat::new().zone(Zone::named("America/New_York")?);
    /// let lecture = SystemTime::UNIX_EPOCH + Duration::from_secs(1_424_191_576);
    /// assert_eq!(format.format_time(lecture), "2015-02-17 11:46:16-0500");
    /// # Ok::<(), reactor_compat::log::UnknownZone>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        TimeZone::get(name).map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }

    /// The time on the clocks there; `None` some ten thousand years from now.
    pub(super) fn at(&self, time: SystemTime) -> Option<Zoned> {
        Some(Timestamp::try_from(time).ok()?.to_zoned(self.0.clone()))
    }
}

/// The computer's own.
impl Default for Zone {
    fn default() -> Self {
        Self::local()
    }
}
