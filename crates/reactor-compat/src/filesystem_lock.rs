//! [`FilesystemLock`]: one process at a time, by way of a file.
//!
//! The file is Twisted's: a symbolic link to the number of the process that
//! holds the lock, so that a lock may be shared with Python programs. What the
//! ecosystem has (`flock` and its like) is another kind of lock.
//!
//! Mirrors `twisted.python.lockfile`. Tested in `tests/runtime/lockfile.rs`.

mod link;

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process;

/// How often locking is tried when other processes take the lock and leave it
/// under our hands.
const ATTEMPTS: usize = 1000;

/// A lock between processes, by way of a file.
///
/// If the process that holds it is no longer there, the lock is taken over.
/// Dropping a `FilesystemLock` does not release it.
///
/// On Windows the file is a directory with a file in it, and a process that is
/// no longer there is not noticed.
///
/// Mirrors `twisted.python.lockfile.FilesystemLock`.
///
/// ```
/// use reactor_compat::lockfile::{FilesystemLock, is_locked};
///
/// # let directory = std::env::temp_dir().join(format!("lock-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// let path = directory.join("mail.lock");
/// let lock = FilesystemLock::new(&path);
/// assert!(lock.lock()?);
/// assert!(is_locked(&path)?);
/// lock.unlock()?;
/// assert!(!is_locked(&path)?);
/// # std::fs::remove_dir(directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "twisted.python.lockfile.FilesystemLock")]
pub struct FilesystemLock {
    name: PathBuf,
    locked: Cell<bool>,
    clean: Cell<Option<bool>>,
}

impl FilesystemLock {
    /// The lock whose file is `name`. Nothing happens to that yet.
    ///
    /// ```
    /// assert!(!reactor_compat::lockfile::FilesystemLock::new("mail.lock").locked());
    /// ```
    pub fn new(name: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), locked: Cell::new(false), clean: Cell::new(None) }
    }

    /// Takes the lock, if nobody has it.
    ///
    /// # Errors
    ///
    /// An error of the operating system's about the file, or about the process
    /// that holds it: [`ErrorKind::PermissionDenied`] if that is another user's.
    /// [`ErrorKind::InvalidData`] if the file is not of the kind.
    ///
    /// ```
    /// let lock = reactor_compat::lockfile::FilesystemLock::new("/no such directory/mail.lock");
    /// assert_eq!(lock.lock().unwrap_err().kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn lock(&self) -> io::Result<bool> {
        let mut clean = true;
        for _ in 0..ATTEMPTS {
            match link::create(process::id(), &self.name) {
                Ok(()) => {
                    self.locked.set(true);
                    self.clean.set(Some(clean));
                    return Ok(true);
                }
                Err(error) if link::is_being_removed(&error) => return Ok(false),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                Err(_) => {}
            }
            let owner = match link::read(&self.name) {
                Ok(owner) => owner,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) if link::is_being_removed(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            if link::is_alive(owner)? {
                return Ok(false);
            }
            match link::remove(&self.name) {
                Ok(()) => clean = false,
                // Another process was faster; so it may be with the lock.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Releases the lock.
    ///
    /// # Errors
    ///
    /// [`UnlockError`] if this process does not hold it, or the file is not
    /// there.
    ///
    /// ```
    /// use reactor_compat::lockfile::{FilesystemLock, UnlockError};
    ///
    /// let error = FilesystemLock::new("/no such directory/mail.lock").unlock().unwrap_err();
    /// assert!(matches!(error, UnlockError::Io(_)));
    /// ```
    pub fn unlock(&self) -> Result<(), UnlockError> {
        if link::read(&self.name)? != process::id() {
            return Err(UnlockError::NotOwner);
        }
        link::remove(&self.name)?;
        self.locked.set(false);
        Ok(())
    }

    /// Whether the lock is held through this object.
    ///
    /// ```
    /// use reactor_compat::lockfile::FilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = FilesystemLock::new(directory.path().join("mail.lock"));
    /// assert!(!lock.locked());
    /// assert!(lock.lock()? && lock.locked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn locked(&self) -> bool {
        self.locked.get()
    }

    /// Says if the owner before had released the lock when this object took it;
    /// `None` until it was taken.
    ///
    /// ```
    /// use reactor_compat::lockfile::FilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = FilesystemLock::new(directory.path().join("mail.lock"));
    /// assert_eq!(lock.clean(), None);
    /// lock.lock()?;
    /// assert_eq!(lock.clean(), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clean(&self) -> Option<bool> {
        self.clean.get()
    }

    /// The path of the file.
    ///
    /// ```
    /// use reactor_compat::lockfile::FilesystemLock;
    ///
    /// assert_eq!(FilesystemLock::new("mail.lock").name().to_str(), Some("mail.lock"));
    /// ```
    pub fn name(&self) -> &Path {
        &self.name
    }
}

/// Whether anybody holds the lock whose file is `name`, this process included.
///
/// # Errors
///
/// As [`FilesystemLock::lock`] and [`FilesystemLock::unlock`].
///
/// ```
/// assert!(!reactor_compat::lockfile::is_locked("no such.lock")?);
/// # Ok::<(), reactor_compat::lockfile::UnlockError>(())
/// ```
#[doc(alias = "isLocked")]
pub fn is_locked(name: impl Into<PathBuf>) -> Result<bool, UnlockError> {
    let lock = FilesystemLock::new(name);
    let taken = lock.lock()?;
    if taken {
        lock.unlock()?;
    }
    Ok(!taken)
}

/// Why a lock was not released.
///
/// ```
/// use reactor_compat::lockfile::UnlockError;
///
/// assert_eq!(UnlockError::NotOwner.to_string(), "the lock is not owned by this process");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// Another process holds it.
    #[error("the lock is not owned by this process")]
    NotOwner,
    /// An error of the operating system's about the file.
    #[error("the lock's file could not be read or removed")]
    Io(#[from] io::Error),
}
