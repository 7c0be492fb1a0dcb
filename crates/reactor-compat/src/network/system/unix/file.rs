//! [`SocketFile`]: the file that is a UNIX socket's name, and its lock.
//!
//! Mirrors what `twisted.internet.unix.Port` does about files. Tested in
//! `tests/network/unix.rs`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::filesystem_lock::FilesystemLock;

/// The file that is a UNIX socket's name; it is removed when this is dropped,
/// unless another has taken its place.
pub(in super::super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Released after the file is gone.
    _lock: Option<HeldLock>,
}

impl SocketFile {
    /// The file of a socket that was just bound.
    pub(in super::super) fn new(path: &Path, lock: Option<HeldLock>) -> io::Result<Self> {
        // The process may be somewhere else by the time it is removed.
        let path = std::path::absolute(path)?;
        let file = fs::symlink_metadata(&path)?;
        Ok(Self { path, device: file.dev(), inode: file.ino(), _lock: lock })
    }

    pub(in super::super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
    }

    fn is_ours(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|file| file.dev() == self.device && file.ino() == self.inode)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a socket's file is left behind");
        }
    }
}

/// The lock of an address, held until this is dropped.
pub(in super::super) struct HeldLock(FilesystemLock);

impl HeldLock {
    /// Takes the lock of the socket `path`. If whoever had it left without a
    /// word, so did their socket stay behind: it is removed.
    pub(in super::super) fn take(path: &Path) -> io::Result<Self> {
        let lock = FilesystemLock::new(std::path::absolute(lock_path(path))?);
        if !lock.lock()? {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "cannot acquire lock"));
        }
        if lock.clean() == Some(false) {
            remove_stale(path);
        }
        Ok(Self(lock))
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            let path = self.0.name().display();
            tracing::warn!(%error, %path, "the lock of a socket is not released");
        }
    }
}

/// Removes a socket that nobody listens on. If that cannot be done, the new
/// one cannot be bound, and says why.
fn remove_stale(path: &Path) {
    // What is no socket was not left behind by a server.
    if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        let _ = fs::remove_file(path);
    }
}

/// The file that is the lock of the socket `path`.
pub(in super::super) fn lock_path(path: &Path) -> OsString {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    lock
}
