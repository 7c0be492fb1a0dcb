//! [`OpenLog`]: the file that is written to, and how it is put aside.
//!
//! Mirrors `twisted.python.logfile.BaseLogFile`. Tested in `tests/logging/logfile.rs`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::LogFileError;

/// The file that is written to.
#[derive(Debug)]
pub(super) struct OpenLog {
    path: PathBuf,
    mode: Option<u32>,
    /// `None` once it was closed.
    file: Option<File>,
}

/// What is known of a file that was opened.
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

impl OpenLog {
    /// Opens the file, or makes it with these permissions. Without any, those
    /// that it has are what its successors get.
    pub(super) fn open(path: PathBuf, mode: Option<u32>) -> Result<(Self, Found), LogFileError> {
        let mode = mode.or_else(|| mode_of(&path));
        let mut log = Self { path, mode, file: None };
        let found = log.reopen()?;
        Ok((log, found))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an old log.
    pub(super) fn path_with(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".");
        path.push(suffix);
        path.into()
    }

    /// Opens the file of that name anew. If that fails, whatever was open
    /// stays so.
    pub(super) fn reopen(&mut self) -> Result<Found, LogFileError> {
        let failed = LogFileError::at(&self.path);
        let file = open(&self.path, self.mode).map_err(&failed)?;
        let metadata = file.metadata().map_err(&failed)?;
        self.file = Some(file);
        Ok(Found { size: metadata.len(), modified: metadata.modified().ok() })
    }

    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), LogFileError> {
        let file = self.file.as_mut().ok_or(LogFileError::Closed)?;
        file.write_all(data).map_err(LogFileError::at(&self.path))
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    pub(super) fn closed(&self) -> bool {
        self.file.is_none()
    }

    /// Gives the file another name and begins a new one. If that cannot be,
    /// all is left, or put back, as it was.
    pub(super) fn put_aside(&mut self, to: &Path) -> Result<Found, LogFileError> {
        if self.closed() {
            return Err(LogFileError::Closed);
        }
        fs::rename(&self.path, to).map_err(LogFileError::at(&self.path))?;
        self.reopen().inspect_err(|_| {
            // What is written goes to the same file under either name.
            let _ = fs::rename(to, &self.path);
        })
    }
}

#[cfg(unix)]
fn mode_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode_of(_path: &Path) -> Option<u32> {
    None
}

/// Opens or makes a file to be appended to. A new one has never more
/// permissions than `mode`; that one's mode cannot be set is no error, as with
/// `/dev/null`.
#[cfg(unix)]
fn open(path: &Path, mode: Option<u32>) -> std::io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let mut options = OpenOptions::new();
    options.append(true).create(true);
    if let Some(mode) = mode {
        options.mode(mode);
    }
    let file = options.open(path)?;
    if let Some(mode) = mode {
        let _ = file.set_permissions(fs::Permissions::from_mode(mode));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path, _mode: Option<u32>) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
