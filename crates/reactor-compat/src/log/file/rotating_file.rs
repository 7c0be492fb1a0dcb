//! [`RotatingLogFile`]: a log file that several threads write to, that is
//! rotated when it is time, and opened anew when it is gone.
//!
//! Mirrors `twisted.python.logfile.BaseLogFile`. Tested in
//! `tests/logging/logfile.rs`.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::super::sink::WallClock;
use super::builder::RotatingLogFileBuilder;
use super::error::LogFileError;
use super::open_file::OpenFile;
use super::reader::LogReader;
use super::rotation::Rotation;

/// A log file that is rotated by a [`Rotation`]:
/// [`LogFile`](super::LogFile) and [`DailyLogFile`](super::DailyLogFile) are
/// the two that there are.
///
/// It can be written to from several threads; clones are the same file. Each
/// write goes to the operating system at once, and whole to one file: nothing
/// is lost and no line is cut in two by a rotation. A file that cannot be
/// rotated goes on growing, and the rotation is tried again a while later; see
/// [`take_rotation_error`](Self::take_rotation_error).
///
/// A file that was deleted, or moved away, is opened anew, under its own name,
/// within a [while](RotatingLogFileBuilder::check_interval).
///
/// ```
/// use reactor_compat::log::{BySize, LogFile, RotatingLogFile};
///
/// # let directory = tempfile::tempdir()?;
/// let file: RotatingLogFile<BySize> = LogFile::new("my.log", &directory)?;
/// assert_eq!(file.path(), directory.path().join("my.log"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BaseLogFile")]
pub struct RotatingLogFile<R> {
    shared: Arc<Shared<R>>,
}

/// The clock is the user's, so it lies beside what is locked.
struct Shared<R> {
    clock: WallClock,
    state: Mutex<State<R>>,
}

/// The state, which is locked while it is written, rotated, or looked at.
pub(super) struct State<R> {
    file: OpenFile,
    pub(super) rotation: R,
    check_interval: Duration,
    /// When it was last looked whether the file is where it was.
    checked: SystemTime,
    attempt: Attempt,
}

/// How the last rotation that was due went.
#[derive(Debug)]
enum Attempt {
    /// It was done, or there was none.
    Done,
    /// It could not be done, and nobody has been told why.
    Failed(LogFileError, SystemTime),
    /// It could not be done, and why has been taken.
    Known(SystemTime),
}

impl<R: Rotation> RotatingLogFile<R> {
    /// Opens the file `name` in `directory`, which has to be there.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// ```
    /// use reactor_compat::log::{DailyLogFile, LogFile};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = LogFile::new("my.log", &directory)?;
    /// assert_eq!(file.size(), 0);
    /// let file = DailyLogFile::new("my_daily.log", &directory)?;
    /// assert!(!file.should_rotate());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(name: &str, directory: impl AsRef<Path>) -> Result<Self, LogFileError> {
        Self::builder(directory.as_ref().join(name)).open()
    }

    /// Begins to choose, for the file at `path`.
    ///
    /// See the example of [`RotatingLogFileBuilder`].
    #[doc(alias = "fromFullPath")]
    pub fn builder(path: impl AsRef<Path>) -> RotatingLogFileBuilder<R> {
        RotatingLogFileBuilder::new(path.as_ref())
    }

    pub(super) fn open(
        path: PathBuf,
        mode: Option<u32>,
        check_interval: Duration,
        clock: WallClock,
        mut rotation: R,
    ) -> Result<Self, LogFileError> {
        let (file, found) = OpenFile::open(path, mode)?;
        let now = clock();
        rotation.opened(found, now);
        let state = State { file, rotation, check_interval, checked: now, attempt: Attempt::Done };
        Ok(Self { shared: Arc::new(Shared { clock, state: Mutex::new(state) }) })
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.shared.clock)()
    }

    /// Nobody else reads or writes it meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of the file that is written to.
    ///
    /// See the [type's example](Self).
    pub fn path(&self) -> PathBuf {
        self.lock().file.path().to_owned()
    }

    /// Whether it is a regular file, which takes what is written without anybody
    /// reading it.
    pub(in super::super) fn is_regular(&self) -> bool {
        self.lock().file.is_regular()
    }

    /// Whether the next write rotates it, unless that failed a moment ago.
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
        let now = self.now();
        self.lock().should_rotate(now)
    }

    /// Rotates it now, whether or not it is time.
    ///
    /// # Errors
    ///
    /// [`LogFileError::AlreadyRotated`] if a log of that name is there already,
    /// or another [`LogFileError`]; the file is then written to as before. In
    /// Twisted this fails silently.
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
        let now = self.now();
        self.lock().rotate(now)
    }

    /// Takes the error of the last rotation that was due and could not be done,
    /// if nobody has taken it.
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
        let mut state = self.lock();
        let (error, known) = match std::mem::replace(&mut state.attempt, Attempt::Done) {
            Attempt::Failed(error, when) => (Some(error), Attempt::Known(when)),
            other => (None, other),
        };
        state.attempt = known;
        error
    }

    /// Reads an old log.
    ///
    /// # Errors
    ///
    /// [`LogFileError::NoSuchLog`], [`LogFileError::Io`].
    ///
    /// See the example of [`rotate`](Self::rotate).
    #[doc(alias = "getLog")]
    pub fn get_log(&self, id: R::Id) -> Result<LogReader, LogFileError> {
        let path = {
            let state = self.lock();
            state.rotation.path_of(state.file.path(), id)
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

    /// Opens the file of that name anew at once, for when another program has
    /// moved it.
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
        let now = self.now();
        self.lock().reopen(now)
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
        self.lock().file.close();
    }

    /// Whether it was closed.
    ///
    /// ```
    /// use reactor_compat::log::DailyLogFile;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let file = DailyLogFile::new("my.log", &directory)?;
    /// file.close();
    /// assert!(file.closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn closed(&self) -> bool {
        self.lock().file.closed()
    }
}

impl<R: Rotation> State<R> {
    fn should_rotate(&self, now: SystemTime) -> bool {
        !self.file.closed() && self.rotation.is_due(now)
    }

    fn rotate(&mut self, now: SystemTime) -> Result<(), LogFileError> {
        if self.file.closed() {
            return Err(LogFileError::Closed);
        }
        // Whatever has taken the name meanwhile is not ours to put aside.
        self.find(now)?;
        self.put_aside(now)
    }

    /// Rotates it unless it turns out to be gone, and what is there instead is
    /// not due.
    fn rotate_if_due(&mut self, now: SystemTime) -> Result<(), LogFileError> {
        self.find(now)?;
        if self.should_rotate(now) { self.put_aside(now) } else { Ok(()) }
    }

    fn put_aside(&mut self, now: SystemTime) -> Result<(), LogFileError> {
        let to = self.rotation.make_way(self.file.path())?;
        let found = self.file.put_aside(&to)?;
        self.rotation.opened(found, now);
        self.attempt = Attempt::Done;
        Ok(())
    }

    fn reopen(&mut self, now: SystemTime) -> Result<(), LogFileError> {
        let found = self.file.reopen()?;
        self.rotation.opened(found, now);
        Ok(())
    }

    /// Opens the file anew if it is not where it was.
    fn find(&mut self, now: SystemTime) -> Result<(), LogFileError> {
        self.checked = now;
        if self.file.displaced() { self.reopen(now) } else { Ok(()) }
    }

    /// Whether the time for doing something again has come. A clock that was
    /// set back counts as one that has gone on.
    fn is_time(&self, last: SystemTime, now: SystemTime) -> bool {
        now.duration_since(last).map_or(true, |passed| passed >= self.check_interval)
    }

    /// Writes all of `data` to one file: a new one, if it is time and that can
    /// be had.
    fn write(&mut self, data: &[u8], now: SystemTime) -> Result<(), LogFileError> {
        if self.is_time(self.checked, now)
            && let Err(error) = self.find(now)
        {
            self.attempt = Attempt::Failed(error, now);
        }
        let may_try = match self.attempt {
            Attempt::Done => true,
            Attempt::Failed(_, last) | Attempt::Known(last) => self.is_time(last, now),
        };
        if may_try
            && self.should_rotate(now)
            && let Err(error) = self.rotate_if_due(now)
        {
            self.attempt = Attempt::Failed(error, now);
        }
        self.file.write(data)?;
        self.rotation.written(data.len(), now);
        Ok(())
    }
}

/// Every write is written whole.
impl<R: Rotation> Write for RotatingLogFile<R> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every write is written whole.
impl<R: Rotation> Write for &RotatingLogFile<R> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let now = self.now();
        self.lock().write(data, now)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R> Clone for RotatingLogFile<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Rotation + fmt::Debug> fmt::Debug for RotatingLogFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("RotatingLogFile")
            .field("file", &state.file)
            .field("rotation", &state.rotation)
            .finish_non_exhaustive()
    }
}
