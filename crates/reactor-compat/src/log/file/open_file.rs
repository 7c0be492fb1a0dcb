//! [`OpenFile`]: the file that is written to, and how it is put aside.
//!
//! Mirrors `_openFile` and `reopen` of `twisted.python.logfile.BaseLogFile`.
//! Tested in `tests/logging/logfile.rs`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::LogFileError;
use super::rotation::sealed::Found;

/// The file that is written to.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    mode: Option<u32>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open {
        file: File,
        /// Which file of the system it is, where files can be told apart.
        identity: Option<Identity>,
    },
    Closed,
}

/// A device and a file on it.
type Identity = (u64, u64);

impl OpenFile {
    /// Opens the file, or makes it with these permissions. Without any, those
    /// that it has are what its successors get.
    pub(super) fn open(path: PathBuf, mode: Option<u32>) -> Result<(Self, Found), LogFileError> {
        let mode = mode.or_else(|| mode_of(&path));
        let mut log = Self { path, mode, state: State::Closed };
        let found = log.reopen()?;
        Ok((log, found))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file of that name anew. If that fails, whatever was open
    /// stays so.
    pub(super) fn reopen(&mut self) -> Result<Found, LogFileError> {
        let failed = LogFileError::at(&self.path);
        let file = open(&self.path, self.mode).map_err(&failed)?;
        let metadata = file.metadata().map_err(&failed)?;
        self.state = State::Open { file, identity: identity_of(&metadata) };
        Ok(Found { size: metadata.len(), modified: metadata.modified().ok() })
    }

    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), LogFileError> {
        match &mut self.state {
            State::Open { file, .. } => file.write_all(data).map_err(LogFileError::at(&self.path)),
            State::Closed => Err(LogFileError::Closed),
        }
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    pub(super) fn closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the name leads to another file by now, or to none. If that
    /// cannot be found out, it is taken to lead where it did.
    pub(super) fn displaced(&self) -> bool {
        match (&self.state, fs::metadata(&self.path)) {
            (State::Closed, _) => false,
            (State::Open { identity, .. }, Ok(there)) => identity_of(&there) != *identity,
            (State::Open { .. }, Err(error)) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Whether it is a regular file.
    pub(super) fn is_regular(&self) -> bool {
        match &self.state {
            State::Open { file, .. } => file.metadata().is_ok_and(|metadata| metadata.is_file()),
            State::Closed => false,
        }
    }

    /// Gives the file another name and begins a new one. If that cannot be,
    /// all is left, or put back, as it was.
    pub(super) fn put_aside(&mut self, to: &Path) -> Result<Found, LogFileError> {
        fs::rename(&self.path, to).map_err(LogFileError::at(&self.path))?;
        self.reopen().inspect_err(|_| {
            // What is written goes to the same file under either name.
            let _ = fs::rename(to, &self.path);
        })
    }
}

/// The path of a log with another ending.
pub(super) fn with_suffix(log: &Path, suffix: impl std::fmt::Display) -> PathBuf {
    let mut path = log.to_owned().into_os_string();
    path.push(format!(".{suffix}"));
    path.into()
}

#[cfg(unix)]
fn identity_of(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(_metadata: &Metadata) -> Option<Identity> {
    None
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
fn open(path: &Path, mode: Option<u32>) -> io::Result<File> {
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
fn open(path: &Path, _mode: Option<u32>) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
