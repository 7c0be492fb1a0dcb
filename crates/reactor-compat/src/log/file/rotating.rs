//! [`RotatingLog`]: a log that several threads write to, and that is rotated
//! when it is time.
//!
//! Mirrors `write`, `rotate` and `reopen` of
//! `twisted.python.logfile.BaseLogFile`. Tested in `tests/logging/logfile.rs`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::base::{Found, OpenLog};
use super::error::LogFileError;

/// When a log is rotated, and what it is called then.
pub(super) trait Rotation {
    /// A file was opened.
    fn opened(&mut self, found: &Found);

    /// So many bytes were written to it.
    fn written(&mut self, bytes: usize);

    /// Whether it is time.
    fn is_due(&self) -> bool;

    /// Where the log is to go, free for it.
    fn make_way(&self, log: &OpenLog) -> Result<PathBuf, LogFileError>;
}

/// A log that is rotated; clones are the same one.
#[derive(Debug)]
pub(super) struct RotatingLog<R> {
    shared: Arc<Mutex<Rotating<R>>>,
}

impl<R> Clone for RotatingLog<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Rotation> RotatingLog<R> {
    /// Opens the file, or makes it with these permissions.
    pub(super) fn open(
        path: PathBuf,
        mode: Option<u32>,
        mut rotation: R,
    ) -> Result<Self, LogFileError> {
        let (log, found) = OpenLog::open(path, mode)?;
        rotation.opened(&found);
        let rotating = Rotating { log, rotation, error: None };
        Ok(Self { shared: Arc::new(Mutex::new(rotating)) })
    }

    /// Nobody else reads or writes it meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, Rotating<R>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is of a log that is rotated.
#[derive(Debug)]
pub(super) struct Rotating<R> {
    log: OpenLog,
    rotation: R,
    /// Why it could not be rotated when it was time.
    error: Option<LogFileError>,
}

impl<R: Rotation> Rotating<R> {
    pub(super) fn log(&self) -> &OpenLog {
        &self.log
    }

    pub(super) fn rotation(&self) -> &R {
        &self.rotation
    }

    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }

    pub(super) fn should_rotate(&self) -> bool {
        !self.log.closed() && self.rotation.is_due()
    }

    pub(super) fn rotate(&mut self) -> Result<(), LogFileError> {
        if self.log.closed() {
            return Err(LogFileError::Closed);
        }
        let to = self.rotation.make_way(&self.log)?;
        let found = self.log.put_aside(&to)?;
        self.rotation.opened(&found);
        Ok(())
    }

    /// Writes all of `data` to one file: a new one, if it is time and that can
    /// be had.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<usize, LogFileError> {
        if self.should_rotate()
            && let Err(error) = self.rotate()
        {
            self.error = Some(error);
        }
        self.log.write(data)?;
        self.rotation.written(data.len());
        Ok(data.len())
    }

    pub(super) fn take_error(&mut self) -> Option<LogFileError> {
        self.error.take()
    }

    pub(super) fn reopen(&mut self) -> Result<(), LogFileError> {
        let found = self.log.reopen()?;
        self.rotation.opened(&found);
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.log.close();
    }

    pub(super) fn closed(&self) -> bool {
        self.log.closed()
    }
}
