//! The file of a lock: made, read and removed in one go each.
//!
//! Mirrors the functions `symlink`, `readlink`, `rmlink` and `kill` of
//! `twisted.python.lockfile`. Tested in `tests/runtime/lockfile.rs`.

#[cfg(unix)]
pub(super) use unix::{create, is_alive, is_being_removed, read, remove};
#[cfg(not(unix))]
pub(super) use windows::{create, is_alive, is_being_removed, read, remove};

use std::io::{Error, ErrorKind, Result};

/// The number of a process, as a file has it.
fn parse(text: &str) -> Result<u32> {
    text.trim().parse().map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io::{Error, ErrorKind, Result};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    /// Makes the file, unless it is there.
    pub(crate) fn create(owner: u32, name: &Path) -> Result<()> {
        symlink(owner.to_string(), name)
    }

    /// The process that the file names.
    pub(crate) fn read(name: &Path) -> Result<u32> {
        super::parse(&fs::read_link(name)?.to_string_lossy())
    }

    /// Removes the file.
    pub(crate) fn remove(name: &Path) -> Result<()> {
        fs::remove_file(name)
    }

    /// Whether there is such a process.
    pub(crate) fn is_alive(owner: u32) -> Result<bool> {
        let pid = i32::try_from(owner).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::from(ErrorKind::InvalidData))?;
        match test_kill_process(pid) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an error only says that somebody is removing the file.
    pub(crate) fn is_being_removed(_error: &Error) -> bool {
        false
    }
}

#[cfg(not(unix))]
mod windows {
    use std::fs;
    use std::io::{Error, ErrorKind, Result};
    use std::path::Path;
    use std::process;

    /// The file inside the directory that stands for a symbolic link.
    const INSIDE: &str = "symlink";

    /// Makes the directory, unless it is there.
    pub(crate) fn create(owner: u32, name: &Path) -> Result<()> {
        if name.exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let mut making = name.as_os_str().to_owned();
        making.push(format!(".{}.newlink", process::id()));
        let making = Path::new(&making);
        fs::create_dir(making)?;
        let made = fs::write(making.join(INSIDE), owner.to_string())
            .and_then(|()| fs::rename(making, name));
        if made.is_err() {
            // It is the first error that matters.
            let _ = fs::remove_dir_all(making);
        }
        made
    }

    /// The process that the file names.
    pub(crate) fn read(name: &Path) -> Result<u32> {
        super::parse(&fs::read_to_string(name.join(INSIDE))?)
    }

    /// Removes the directory.
    pub(crate) fn remove(name: &Path) -> Result<()> {
        fs::remove_file(name.join(INSIDE))?;
        fs::remove_dir(name)
    }

    /// Whether there is such a process: as far as we can tell there is.
    pub(crate) fn is_alive(_owner: u32) -> Result<bool> {
        Ok(true)
    }

    /// Whether an error only says that somebody is removing the directory.
    pub(crate) fn is_being_removed(error: &Error) -> bool {
        error.kind() == ErrorKind::PermissionDenied
    }
}
