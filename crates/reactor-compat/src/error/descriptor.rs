//! The errors of sending descriptors.

use std::io;

/// A connection ended, because more descriptors were to be
/// [sent](crate::Transport::send_file_descriptor) than bytes were written for
/// them to go with: each takes one.
///
/// ```
/// assert_eq!(
///     reactor_compat::FileDescriptorOverrun.to_string(),
///     "more file descriptors were to be sent than bytes for them to go with"
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.FileDescriptorOverrun")]
#[error("more file descriptors were to be sent than bytes for them to go with")]
pub struct FileDescriptorOverrun;

impl FileDescriptorOverrun {
    /// The overrun, if that is what an error of sending says.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<FileDescriptorOverrun> for io::Error {
    fn from(error: FileDescriptorOverrun) -> Self {
        Self::other(error)
    }
}

/// Why a descriptor is not sent. It is closed.
///
/// ```
/// use reactor_compat::{Protocol, SendDescriptorError, testing::StringTransport};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let transport = StringTransport::new(Silent);
/// let file = std::fs::File::open("/dev/null")?;
/// assert_eq!(transport.send_file_descriptor(file), Err(SendDescriptorError::NotUnix));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendDescriptorError {
    /// The connection is none of UNIX sockets, or speaks TLS.
    #[error("descriptors can be sent only over a bare UNIX connection")]
    NotUnix,
    /// The connection is closing or lost, and takes nothing more.
    #[error("the connection takes nothing more")]
    Closing,
    /// As many wait to be sent as are kept: 256.
    #[error("too many descriptors wait to be sent")]
    Full,
}
