//! [`DailyLogFile`]: a log file that rotates by the day.
//!
//! Mirrors `twisted.python.logfile.DailyLogFile`. Tested in
//! `tests/logging/logfile.rs`.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::super::sink::WallClock;
use super::super::zone::Zone;
use super::base::{Found, OpenLog};
use super::error::LogFileError;
use super::reader::LogReader;
use super::rotating::{RotatingLog, Rotation};

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
/// It can be written to from several threads; clones are the same file. Each
/// write goes to the operating system at once, and whole to one file. A file
/// that cannot be rotated goes on growing; see
/// [`take_rotation_error`](Self::take_rotation_error).
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
#[derive(Clone, Debug)]
#[doc(alias = "twisted.python.logfile.DailyLogFile")]
pub struct DailyLogFile {
    log: RotatingLog<ByDay>,
}

/// Rotation by the day.
struct ByDay {
    calendar: Calendar,
    /// The day of what was written last.
    last_date: LogDate,
}

#[derive(Clone)]
struct Calendar {
    zone: Zone,
    clock: WallClock,
}

impl Calendar {
    fn date_of(&self, time: SystemTime) -> LogDate {
        let zoned = self.zone.at(time);
        zoned.map_or(LogDate::new(i16::MAX, 12, 31), |at| {
            LogDate::new(at.year(), at.month().unsigned_abs(), at.day().unsigned_abs())
        })
    }

    fn today(&self) -> LogDate {
        self.date_of((self.clock)())
    }

    /// The day of what is in a file; an empty one is of today.
    fn date_in(&self, found: &Found) -> LogDate {
        match found.modified {
            Some(modified) if found.size > 0 => self.date_of(modified),
            _ => self.today(),
        }
    }
}

/// What can be chosen of a [`DailyLogFile`].
///
/// ```
/// use reactor_compat::log::{DailyLogFile, LogDate, Zone};
/// use std::time::SystemTime;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("my.log");
/// let file = DailyLogFile::builder(&path)
///     .zone(Zone::utc())
///     .clock(|| SystemTime::UNIX_EPOCH)
///     .default_mode(0o600)
///     .open()?;
/// assert_eq!(file.today(), LogDate::new(1970, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "the file is opened by `open`"]
pub struct DailyLogFileBuilder {
    path: PathBuf,
    default_mode: Option<u32>,
    calendar: Calendar,
}

impl DailyLogFileBuilder {
    /// The permissions of the file, where there are such. Without this it
    /// keeps those that it has, and new ones get the same.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "defaultMode")]
    pub fn default_mode(mut self, mode: u32) -> Self {
        self.default_mode = Some(mode);
        self
    }

    /// Days of another time zone than the computer's own.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "toDate")]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.calendar.zone = zone;
        self
    }

    /// Another clock, for tests. It is asked with the file locked, and must
    /// not write to it.
    ///
    /// See the [type's example](Self).
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.calendar.clock = Arc::new(clock);
        self
    }

    /// Opens the file at its end, or makes it. If there is something in it
    /// already, it is of the day when it was written to.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// See the [type's example](Self).
    pub fn open(self) -> Result<DailyLogFile, LogFileError> {
        let rotation = ByDay { last_date: self.calendar.today(), calendar: self.calendar };
        Ok(DailyLogFile { log: RotatingLog::open(self.path, self.default_mode, rotation)? })
    }
}

impl DailyLogFile {
    /// Opens the file `name` in `directory`, which has to be there.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// assert!(!file.should_rotate());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(name: &str, directory: impl AsRef<Path>) -> Result<Self, LogFileError> {
        Self::builder(directory.as_ref().join(name)).open()
    }

    /// Begins to choose, for the file at `path`.
    ///
    /// See the example of [`DailyLogFileBuilder`].
    #[doc(alias = "fromFullPath")]
    pub fn builder(path: impl AsRef<Path>) -> DailyLogFileBuilder {
        let calendar = Calendar { zone: Zone::local(), clock: Arc::new(SystemTime::now) };
        DailyLogFileBuilder { path: path.as_ref().to_owned(), default_mode: None, calendar }
    }

    /// Where it is.
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// assert_eq!(file.path(), directory.path().join("my.log"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(&self) -> PathBuf {
        self.log.lock().path().to_owned()
    }

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
        self.log.lock().rotation().calendar.date_of(time)
    }

    /// What day it is.
    ///
    /// See the example of [`DailyLogFileBuilder`].
    pub fn today(&self) -> LogDate {
        self.log.lock().rotation().calendar.today()
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
        self.log.lock().rotation().last_date
    }

    /// Whether the next write rotates it.
    ///
    /// See the example of [`new`](Self::new).
    #[doc(alias = "shouldRotate")]
    pub fn should_rotate(&self) -> bool {
        self.log.lock().should_rotate()
    }

    /// Rotates it now.
    ///
    /// # Errors
    ///
    /// [`LogFileError::AlreadyRotated`] if there is a log of that day already,
    /// or another [`LogFileError`]; the file is then written to as before. In
    /// Twisted this fails silently.
    ///
    /// ```
    /// use reactor_compat::log::{DailyLogFile, LogDate, LogFileError, Zone};
    /// use std::io::Write;
    /// use std::time::SystemTime;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = DailyLogFile::builder(directory.path().join("my.log"))
    ///     .zone(Zone::utc())
    ///     .clock(|| SystemTime::UNIX_EPOCH)
    ///     .open()?;
    /// file.write_all(b"one\n")?;
    /// file.rotate()?;
    /// assert!(directory.path().join("my.log.1970_1_1").exists());
    /// assert!(matches!(file.rotate(), Err(LogFileError::AlreadyRotated(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate(&self) -> Result<(), LogFileError> {
        self.log.lock().rotate()
    }

    /// Why the file could not be rotated when it was time, if that happened
    /// since this was asked.
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// assert!(file.take_rotation_error().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_rotation_error(&self) -> Option<LogFileError> {
        self.log.lock().take_error()
    }

    /// Reads the log of a day.
    ///
    /// # Errors
    ///
    /// [`LogFileError::NoSuchLog`], [`LogFileError::Io`].
    ///
    /// See the [type's example](Self).
    #[doc(alias = "getLog")]
    pub fn get_log(&self, date: LogDate) -> Result<LogReader, LogFileError> {
        let path = {
            let rotating = self.log.lock();
            let current = date == rotating.rotation().last_date;
            let old = || rotating.log().path_with(&date.to_string());
            if current { rotating.path().to_owned() } else { old() }
        };
        LogReader::open(&path)
    }

    /// Reads the current log, from its beginning.
    ///
    /// # Errors
    ///
    /// As [`get_log`](Self::get_log).
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = DailyLogFile::new("my.log", &directory)?;
    /// file.write_all(b"hello\n")?;
    /// assert_eq!(file.get_current_log()?.read_lines(10)?, ["hello\n"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "getCurrentLog")]
    pub fn get_current_log(&self) -> Result<LogReader, LogFileError> {
        LogReader::open(&self.path())
    }

    /// Opens the file of that name anew, for when another program has moved
    /// it.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`]; what is written goes where it went before.
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// file.close();
    /// file.reopen()?;
    /// assert!(!file.closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reopen(&self) -> Result<(), LogFileError> {
        self.log.lock().reopen()
    }

    /// Closes it, for all clones. It can be [reopened](Self::reopen).
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = DailyLogFile::new("my.log", &directory)?;
    /// file.close();
    /// assert!(file.write_all(b"lost\n").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        self.log.lock().close();
    }

    /// Whether it was closed.
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// assert!(!file.closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn closed(&self) -> bool {
        self.log.lock().closed()
    }
}

impl Rotation for ByDay {
    fn opened(&mut self, found: &Found) {
        self.last_date = self.calendar.date_in(found);
    }

    fn written(&mut self, _bytes: usize) {
        // The clock may be set back to yesterday.
        self.last_date = self.last_date.max(self.calendar.today());
    }

    fn is_due(&self) -> bool {
        self.calendar.today() > self.last_date
    }

    fn make_way(&self, log: &OpenLog) -> Result<PathBuf, LogFileError> {
        let to = log.path_with(&self.last_date.to_string());
        if to.exists() { Err(LogFileError::AlreadyRotated(to)) } else { Ok(to) }
    }
}

/// Every write is written whole.
impl Write for DailyLogFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every write is written whole.
impl Write for &DailyLogFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.log.lock().write(data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ByDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByDay").field("last_date", &self.last_date).finish_non_exhaustive()
    }
}

impl fmt::Debug for DailyLogFileBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DailyLogFileBuilder").field("path", &self.path).finish_non_exhaustive()
    }
}
