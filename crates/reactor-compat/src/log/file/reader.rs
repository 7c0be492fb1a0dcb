//! [`LogReader`]: reading a log, old or current.
//!
//! Mirrors `twisted.python.logfile.LogReader`. Tested in `tests/logging/logfile.rs`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::error::LogFileError;

/// Reads a log, old or current.
///
/// ```
/// use reactor_compat::log::LogFile;
/// use std::io::Write;
///
/// # let directory = tempfile::tempdir()?;
/// let mut log = LogFile::new("my.log", &directory)?;
/// log.write_all(b"one\ntwo\nthree\n")?;
/// let mut reader = log.get_current_log()?;
/// assert_eq!(reader.read_lines(2)?, ["one\n", "two\n"]);
/// assert_eq!(reader.read_lines(2)?, ["three\n"]);
/// assert!(reader.read_lines(2)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    file: BufReader<File>,
}

impl LogReader {
    pub(super) fn open(path: &Path) -> Result<Self, LogFileError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LogFileError::NoSuchLog(path.to_owned()),
            _ => LogFileError::at(path)(error),
        })?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file) })
    }

    /// The next lines, with their newlines, at most `lines` of them; none at
    /// the end. What is not UTF-8 is replaced.
    ///
    /// A line is as long as it is: read a log that strangers can write to
    /// through [`Read`] instead.
    ///
    /// # Errors
    ///
    /// [`LogFileError::Io`].
    ///
    /// See the [type's example](Self).
    #[doc(alias = "readLines")]
    pub fn read_lines(&mut self, lines: usize) -> Result<Vec<String>, LogFileError> {
        let mut read = Vec::new();
        while read.len() < lines {
            let mut line = Vec::new();
            let count = self.file.read_until(b'\n', &mut line);
            if count.map_err(LogFileError::at(&self.path))? == 0 {
                break;
            }
            read.push(String::from_utf8_lossy(&line).into_owned());
        }
        Ok(read)
    }
}

impl Read for LogReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}
