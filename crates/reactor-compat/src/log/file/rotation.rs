//! [`Rotation`]: when a log file is rotated, and what it is called then.
//!
//! Mirrors what subclasses of `twisted.python.logfile.BaseLogFile` override.
//! Tested in `tests/logging/logfile.rs`.

use sealed::Policy;

/// A rule when a log file is rotated, and what it is called then:
/// [`BySize`](super::BySize) or [`ByDay`](super::ByDay).
///
/// ```
/// use reactor_compat::log::{ByDay, BySize, Rotation, RotatingLogFile};
///
/// fn rotate_now<R: Rotation>(file: &RotatingLogFile<R>) -> bool {
///     file.rotate().is_ok()
/// }
///
/// # let directory = tempfile::tempdir()?;
/// assert!(rotate_now(&RotatingLogFile::<BySize>::new("a.log", &directory)?));
/// assert!(rotate_now(&RotatingLogFile::<ByDay>::new("b.log", &directory)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Rotation: Policy {}

impl<P: Policy> Rotation for P {}

/// Rules are called with the file locked, so they are not for users to write.
pub(super) mod sealed {
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    use super::super::error::LogFileError;

    /// A file as it was found when it was opened.
    #[derive(Clone, Copy, Debug)]
    pub struct Found {
        pub(in super::super) size: u64,
        pub(in super::super) modified: Option<SystemTime>,
    }

    /// The rule itself.
    pub trait Policy: Default {
        /// The name of an old log.
        type Id: Copy;

        /// Takes note of a file that was opened.
        fn opened(&mut self, found: Found, now: SystemTime);

        /// Takes note of so many bytes written to it.
        fn written(&mut self, bytes: usize, now: SystemTime);

        /// Whether it is time.
        fn is_due(&self, now: SystemTime) -> bool;

        /// Where the log is to go, made free for it.
        fn make_way(&self, log: &Path) -> Result<PathBuf, LogFileError>;

        /// Where an old log is.
        fn path_of(&self, log: &Path, id: Self::Id) -> PathBuf;
    }
}
