//! [`DailyLogFile`]: a log file that rotates by the day.
//!
//! Mirrors `twisted.python.logfile.DailyLogFile`. Tested in
//! `tests/logging/logfile.rs`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::zone::Zone;
use super::builder::RotatingLogFileBuilder;
use super::error::LogFileError;
use super::open_file::with_suffix;
use super::rotating_file::RotatingLogFile;
use super::rotation::sealed::{Found, Policy};

/// A day.
///
/// ```
/// use reactor_compat::log::LogDate;
///
/// let day = LogDate::new(2015, 2, 17);
/// assert_eq!(day.to_string(), "2015_2_17");
/// assert!(day < LogDate::new(2015, 10, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "suffix")]
pub struct LogDate {
    year: i16,
    month: u8,
    day: u8,
}

impl LogDate {
    /// That day, if there is one; it is not checked.
    ///
    /// ```
    /// use reactor_compat::log::LogDate;
    ///
    /// assert_eq!(LogDate::new(2015, 2, 17).to_string(), "2015_2_17");
    /// ```
    pub fn new(year: i16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }
}

/// As the names of old logs have it.
impl fmt::Display for LogDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.year, self.month, self.day)
    }
}

/// A log file that rotates by the day, at the first write after midnight:
/// `my.log` becomes `my.log.2015_2_17`.
///
/// If there is something in the file already when it is opened, it is of the
/// day when it was last written to.
///
/// ```
/// use reactor_compat::log::{self, DailyLogFile};
///
/// # let directory = tempfile::tempdir()?;
/// let file = DailyLogFile::new("my.log", &directory)?;
/// log::start_logging(file.clone())?;
/// assert_eq!(file.get_log(file.today())?.read_lines(10)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "twisted.python.logfile.DailyLogFile")]
pub type DailyLogFile = RotatingLogFile<ByDay>;

/// The choices of a [`DailyLogFile`].
///
/// See the example of [`clock`](RotatingLogFileBuilder::clock).
pub type DailyLogFileBuilder = RotatingLogFileBuilder<ByDay>;

/// Rotation by the day; see [`DailyLogFile`].
///
/// ```
/// use reactor_compat::log::{ByDay, DailyLogFile, RotatingLogFile};
///
/// # let directory = tempfile::tempdir()?;
/// let file: RotatingLogFile<ByDay> = DailyLogFile::new("my.log", &directory)?;
/// assert!(!file.should_rotate());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByDay {
    zone: Zone,
    /// The day of what was written last.
    last_date: LogDate,
}

/// Days of the computer's own time zone.
impl Default for ByDay {
    fn default() -> Self {
        Self { zone: Zone::local(), last_date: LogDate::new(i16::MIN, 1, 1) }
    }
}

impl ByDay {
    fn date_of(&self, time: SystemTime) -> LogDate {
        let zoned = self.zone.at(time);
        zoned.map_or(LogDate::new(i16::MAX, 12, 31), |at| {
            LogDate::new(at.year(), at.month().unsigned_abs(), at.day().unsigned_abs())
        })
    }
}

impl RotatingLogFileBuilder<ByDay> {
    /// Days of another time zone than the computer's own.
    ///
    /// See the example of [`clock`](Self::clock).
    #[doc(alias = "toDate")]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.rotation.zone = zone;
        self
    }
}

impl RotatingLogFile<ByDay> {
    /// The day of a time.
    ///
    /// ```
    /// use reactor_compat::log::{DailyLogFile, LogDate, Zone};
    /// use std::time::SystemTime;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::builder(directory.path().join("my.log")).zone(Zone::utc()).open()?;
    /// assert_eq!(file.date_of(SystemTime::UNIX_EPOCH), LogDate::new(1970, 1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "toDate")]
    pub fn date_of(&self, time: SystemTime) -> LogDate {
        self.lock().rotation.date_of(time)
    }

    /// The day that it is.
    ///
    /// See the example of [`clock`](RotatingLogFileBuilder::clock).
    pub fn today(&self) -> LogDate {
        self.date_of(self.now())
    }

    /// The day of what was written last.
    ///
    /// ```
    /// use reactor_compat::log::{DailyLogFile, LogDate, Zone};
    /// use std::time::SystemTime;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::builder(directory.path().join("my.log"))
    ///     .zone(Zone::utc())
    ///     .clock(|| SystemTime::UNIX_EPOCH)
    ///     .open()?;
    /// assert_eq!(file.last_date(), LogDate::new(1970, 1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "lastDate")]
    pub fn last_date(&self) -> LogDate {
        self.lock().rotation.last_date
    }
}

impl Policy for ByDay {
    type Id = LogDate;

    /// Takes a file that was opened: its lines are of the day when it was written;
    /// an empty one is of today.
    fn opened(&mut self, found: Found, now: SystemTime) {
        let written = found.modified.filter(|_| found.size > 0);
        self.last_date = self.date_of(written.unwrap_or(now));
    }

    fn written(&mut self, _bytes: usize, now: SystemTime) {
        // The clock may be set back to yesterday.
        self.last_date = self.last_date.max(self.date_of(now));
    }

    fn is_due(&self, now: SystemTime) -> bool {
        self.date_of(now) > self.last_date
    }

    fn make_way(&self, log: &Path) -> Result<PathBuf, LogFileError> {
        let to = with_suffix(log, self.last_date);
        if to.exists() { Err(LogFileError::AlreadyRotated(to)) } else { Ok(to) }
    }

    fn path_of(&self, log: &Path, day: LogDate) -> PathBuf {
        if day == self.last_date { log.to_owned() } else { with_suffix(log, day) }
    }
}
