//! [`LogFile`]: a log file that rotates by its size.
//!
//! Mirrors `twisted.python.logfile.LogFile`. Tested in `tests/logging/logfile.rs`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::base::{Found, OpenLog};
use super::error::LogFileError;
use super::reader::LogReader;
use super::rotating::{RotatingLog, Rotation};

/// How large a file gets before it is rotated, unless told otherwise.
const ROTATE_LENGTH: u64 = 1_000_000;

/// A log file that rotates by its size: when `my.log` has grown to the limit,
/// it becomes `my.log.1`, that `my.log.2`, and so on.
///
/// It can be written to from several threads; clones are the same file. Each
/// write goes to the operating system at once, and whole to one file: nothing
/// is lost and no line is cut in two by a rotation. A file that cannot be
/// rotated goes on growing; see
/// [`take_rotation_error`](Self::take_rotation_error).
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
#[derive(Clone, Debug)]
#[doc(alias = "twisted.python.logfile.LogFile")]
#[doc(alias = "BaseLogFile")]
pub struct LogFile {
    log: RotatingLog<BySize>,
}

/// Rotation by size.
#[derive(Clone, Debug)]
struct BySize {
    size: u64,
    rotate_length: u64,
    max_rotated_files: Option<u64>,
}

/// What can be chosen of a [`LogFile`].
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
#[derive(Clone, Debug)]
#[must_use = "the file is opened by `open`"]
pub struct LogFileBuilder {
    path: PathBuf,
    default_mode: Option<u32>,
    rotation: BySize,
}

impl LogFileBuilder {
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

    /// Rotates only when [`LogFile::rotate`] is called.
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

    /// The permissions of the file, where there are such. Without this it
    /// keeps those that it has, and new ones get the same.
    ///
    /// See the example of [`LogFile`].
    #[doc(alias = "defaultMode")]
    pub fn default_mode(mut self, mode: u32) -> Self {
        self.default_mode = Some(mode);
        self
    }

    /// Opens the file at its end, or makes it.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// See the [type's example](Self).
    pub fn open(self) -> Result<LogFile, LogFileError> {
        Ok(LogFile { log: RotatingLog::open(self.path, self.default_mode, self.rotation)? })
    }
}

impl LogFile {
    /// Opens the file `name` in `directory`, which has to be there.
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
    /// assert_eq!(file.size(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(name: &str, directory: impl AsRef<Path>) -> Result<Self, LogFileError> {
        Self::builder(directory.as_ref().join(name)).open()
    }

    /// Begins to choose, for the file at `path`.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "fromFullPath")]
    pub fn builder(path: impl AsRef<Path>) -> LogFileBuilder {
        let rotation = BySize { size: 0, rotate_length: ROTATE_LENGTH, max_rotated_files: None };
        LogFileBuilder { path: path.as_ref().to_owned(), default_mode: None, rotation }
    }

    /// Where it is.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::new("my.log", &directory)?;
    /// assert_eq!(file.path(), directory.path().join("my.log"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(&self) -> PathBuf {
        self.log.lock().path().to_owned()
    }

    /// How many bytes are in it.
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
        self.log.lock().rotation().size
    }

    /// Whether the next write rotates it.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("my.log");
    /// let mut file = LogFile::builder(&path).rotate_length(4).open()?;
    /// assert!(!file.should_rotate());
    /// file.write_all(b"one\n")?;
    /// assert!(file.should_rotate());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "shouldRotate")]
    pub fn should_rotate(&self) -> bool {
        self.log.lock().should_rotate()
    }

    /// Rotates it now, whatever its size.
    ///
    /// # Errors
    ///
    /// [`LogFileError`]; the file is then written to as before. In Twisted
    /// this fails silently.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = LogFile::new("my.log", &directory)?;
    /// file.write_all(b"old\n")?;
    /// file.rotate()?;
    /// file.write_all(b"new\n")?;
    /// assert_eq!(file.list_logs()?, [1]);
    /// assert_eq!(file.get_log(1)?.read_lines(10)?, ["old\n"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate(&self) -> Result<(), LogFileError> {
        self.log.lock().rotate()
    }

    /// Why the file could not be rotated when it was time, if that happened
    /// since this was asked.
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::new("my.log", &directory)?;
    /// assert!(file.take_rotation_error().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_rotation_error(&self) -> Option<LogFileError> {
        self.log.lock().take_error()
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
        numbers_of(self.log.lock().path())
    }

    /// Reads an old log.
    ///
    /// # Errors
    ///
    /// [`LogFileError::NoSuchLog`], [`LogFileError::Io`].
    ///
    /// See the example of [`rotate`](Self::rotate).
    #[doc(alias = "getLog")]
    pub fn get_log(&self, number: u64) -> Result<LogReader, LogFileError> {
        let path = self.log.lock().log().path_with(&number.to_string());
        LogReader::open(&path)
    }

    /// Reads the current log, from its beginning.
    ///
    /// # Errors
    ///
    /// As [`get_log`](Self::get_log).
    ///
    /// See the [type's example](Self).
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
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = LogFile::new("my.log", &directory)?;
    /// file.write_all(b"one\n")?;
    /// std::fs::rename(file.path(), directory.path().join("saved.log"))?;
    /// file.reopen()?;
    /// file.write_all(b"two\n")?;
    /// assert_eq!(file.get_current_log()?.read_lines(10)?, ["two\n"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reopen(&self) -> Result<(), LogFileError> {
        self.log.lock().reopen()
    }

    /// Closes it, for all clones. It can be [reopened](Self::reopen).
    ///
    /// ```
    /// use reactor_compat::log::LogFile;
    /// use std::io::Write;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let mut file = LogFile::new("my.log", &directory)?;
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
    /// use reactor_compat::log::LogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::new("my.log", &directory)?;
    /// file.close();
    /// assert!(file.closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn closed(&self) -> bool {
        self.log.lock().closed()
    }
}

impl Rotation for BySize {
    fn opened(&mut self, found: &Found) {
        self.size = found.size;
    }

    fn written(&mut self, bytes: usize) {
        self.size += bytes as u64;
    }

    fn is_due(&self) -> bool {
        self.rotate_length > 0 && self.size >= self.rotate_length
    }

    fn make_way(&self, log: &OpenLog) -> Result<PathBuf, LogFileError> {
        for number in numbers_of(log.path())?.into_iter().rev() {
            let path = log.path_with(&number.to_string());
            let moved = if self.max_rotated_files.is_some_and(|most| number >= most) {
                fs::remove_file(&path)
            } else {
                fs::rename(&path, log.path_with(&(number + 1).to_string()))
            };
            moved.map_err(LogFileError::at(&path))?;
        }
        Ok(log.path_with("1"))
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

/// Every write is written whole.
impl Write for LogFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every write is written whole.
impl Write for &LogFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.log.lock().write(data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
