//! [`LogFile`]: a log file that rotates by its size.
//!
//! Mirrors `twisted.python.logfile.LogFile`. Tested in `tests/logging/logfile.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::builder::RotatingLogFileBuilder;
use super::error::LogFileError;
use super::open_file::with_suffix;
use super::rotating_file::RotatingLogFile;
use super::rotation::sealed::{Found, Policy};

/// How large a file gets before it is rotated, unless told otherwise.
const ROTATE_LENGTH: u64 = 1_000_000;

/// A log file that rotates by its size: when `my.log` has grown to the limit,
/// it becomes `my.log.1`, that `my.log.2`, and so on.
///
/// ```
/// use reactor_compat::log::{self, LogFile};
///
/// # let directory = tempfile::tempdir()?;
/// let file = LogFile::builder(directory.path().join("my.log"))
///     .rotate_length(1_000_000)
///     .max_rotated_files(5)
///     .default_mode(0o640)
///     .open()?;
/// log::start_logging(file.clone())?;
/// log::msg("hello");
/// assert_eq!(file.get_current_log()?.read_lines(10)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "twisted.python.logfile.LogFile")]
pub type LogFile = RotatingLogFile<BySize>;

/// The choices of a [`LogFile`].
///
/// See the example of [`LogFile`].
pub type LogFileBuilder = RotatingLogFileBuilder<BySize>;

/// Rotation by size; see [`LogFile`].
///
/// ```
/// use reactor_compat::log::{BySize, LogFile, RotatingLogFile};
///
/// # let directory = tempfile::tempdir()?;
/// let file: RotatingLogFile<BySize> = LogFile::new("my.log", &directory)?;
/// assert_eq!(file.list_logs()?, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BySize {
    size: u64,
    rotate_length: u64,
    max_rotated_files: Option<u64>,
}

/// A million bytes, all files kept.
impl Default for BySize {
    fn default() -> Self {
        Self { size: 0, rotate_length: ROTATE_LENGTH, max_rotated_files: None }
    }
}

impl RotatingLogFileBuilder<BySize> {
    /// Rotates a file of so many bytes or more, at the next write. It is a
    /// million unless told otherwise; zero is [never](Self::never_rotate).
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("my.log");
    /// let mut file = LogFile::builder(&path).rotate_length(4).open()?;
    /// file.write_all(b"one\n")?;
    /// file.write_all(b"two\n")?;
    /// assert_eq!(file.list_logs()?, [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "rotateLength")]
    pub fn rotate_length(mut self, bytes: u64) -> Self {
        self.rotation.rotate_length = bytes;
        self
    }

    /// Rotates only when [`rotate`](RotatingLogFile::rotate) is called.
    ///
    /// See the [type's example](Self).
    pub fn never_rotate(self) -> Self {
        self.rotate_length(0)
    }

    /// Keeps at most so many old logs, and removes those beyond. Without this
    /// all are kept.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::builder(directory.path().join("my.log")).max_rotated_files(2).open()?;
    /// for _ in 0..3 {
    ///     file.rotate()?;
    /// }
    /// assert_eq!(file.list_logs()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "maxRotatedFiles")]
    pub fn max_rotated_files(mut self, count: u64) -> Self {
        self.rotation.max_rotated_files = Some(count);
        self
    }
}

impl RotatingLogFile<BySize> {
    /// The bytes that are in it.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = LogFile::new("my.log", &directory)?;
    /// file.write_all(b"hello\n")?;
    /// assert_eq!(file.size(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn size(&self) -> u64 {
        self.lock().rotation.size
    }

    /// The numbers of the old logs, the youngest first.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::new("my.log", &directory)?;
    /// file.rotate()?;
    /// file.rotate()?;
    /// assert_eq!(file.list_logs()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "listLogs")]
    pub fn list_logs(&self) -> Result<Vec<u64>, LogFileError> {
        numbers_of(&self.path())
    }
}

impl Policy for BySize {
    type Id = u64;

    fn opened(&mut self, found: Found, _now: SystemTime) {
        self.size = found.size;
    }

    fn written(&mut self, bytes: usize, _now: SystemTime) {
        self.size += bytes as u64;
    }

    fn is_due(&self, _now: SystemTime) -> bool {
        self.rotate_length > 0 && self.size >= self.rotate_length
    }

    fn make_way(&self, log: &Path) -> Result<PathBuf, LogFileError> {
        for number in numbers_of(log)?.into_iter().rev() {
            let path = with_suffix(log, number);
            let moved = if self.max_rotated_files.is_some_and(|most| number >= most) {
                fs::remove_file(&path)
            } else {
                fs::rename(&path, with_suffix(log, number + 1))
            };
            moved.map_err(LogFileError::at(&path))?;
        }
        Ok(with_suffix(log, 1))
    }

    fn path_of(&self, log: &Path, number: u64) -> PathBuf {
        with_suffix(log, number)
    }
}

/// The numbers of the old logs, in order.
fn numbers_of(path: &Path) -> Result<Vec<u64>, LogFileError> {
    let (Some(name), Some(directory)) = (path.file_name(), path.parent()) else {
        return Ok(Vec::new());
    };
    let here = directory.as_os_str().is_empty();
    let directory = if here { Path::new(".") } else { directory };
    let name = name.to_string_lossy();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(LogFileError::at(directory))? {
        let entry = entry.map_err(LogFileError::at(directory))?.file_name();
        let entry = entry.to_string_lossy();
        let suffix = entry.strip_prefix(&*name).and_then(|rest| rest.strip_prefix('.'));
        numbers.extend(suffix.and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The number of an old log, if it is written as we write it.
fn number_of(suffix: &str) -> Option<u64> {
    let number: u64 = suffix.parse().ok()?;
    (0 < number && number < u64::MAX && number.to_string() == suffix).then_some(number)
}
