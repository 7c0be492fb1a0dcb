//! [`RotatingLogFileBuilder`]: the choices of a log file, before it is opened.
//!
//! Mirrors the arguments of the constructors in `twisted.python.logfile`.
//! Tested in `tests/logging/logfile.rs`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::sink::WallClock;
use super::error::LogFileError;
use super::rotating_file::RotatingLogFile;
use super::rotation::Rotation;

/// How long nothing is looked for, unless told otherwise.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The choices of a [`LogFile`](super::LogFile) or a
/// [`DailyLogFile`](super::DailyLogFile), before it is opened.
///
/// ```
/// use reactor_compat::log::LogFile;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("my.log");
/// let file = LogFile::builder(&path).never_rotate().open()?;
/// assert!(!file.should_rotate());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "the file is opened by `open`"]
pub struct RotatingLogFileBuilder<R> {
    path: PathBuf,
    default_mode: Option<u32>,
    check_interval: Duration,
    clock: WallClock,
    pub(super) rotation: R,
}

impl<R: Rotation> RotatingLogFileBuilder<R> {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            default_mode: None,
            check_interval: CHECK_INTERVAL,
            clock: Arc::new(SystemTime::now),
            rotation: R::default(),
        }
    }

    /// Sets the permissions of the file, where there are such. Without this it
    /// keeps those that it has, and new ones get the same.
    ///
    /// See the example of [`LogFile`](super::LogFile).
    #[doc(alias = "defaultMode")]
    pub fn default_mode(mut self, mode: u32) -> Self {
        self.default_mode = Some(mode);
        self
    }

    /// Looks for the file at a write when so much time has passed since it did
    /// so last, and opens it anew if it was deleted, moved away or replaced; and
    /// lets so much time pass before a rotation that failed is tried again. It is
    /// a second unless told otherwise; what is written in between goes to the
    /// file that was.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("my.log");
    /// let mut file = LogFile::builder(&path).check_interval(Duration::ZERO).open()?;
    /// file.write_all(b"one\n")?;
    /// std::fs::remove_file(&path)?;
    /// file.write_all(b"two\n")?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "two\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval;
        self
    }

    /// Sets another clock, for tests.
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
    /// assert_eq!(file.today(), LogDate::new(1970, 1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the file at its end, or makes it.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// See the [type's example](Self).
    pub fn open(self) -> Result<RotatingLogFile<R>, LogFileError> {
        let Self { path, default_mode, check_interval, clock, rotation } = self;
        RotatingLogFile::open(path, default_mode, check_interval, clock, rotation)
    }
}

impl<R: fmt::Debug> fmt::Debug for RotatingLogFileBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatingLogFileBuilder")
            .field("path", &self.path)
            .field("default_mode", &self.default_mode)
            .field("check_interval", &self.check_interval)
            .field("rotation", &self.rotation)
            .finish_non_exhaustive()
    }
}
