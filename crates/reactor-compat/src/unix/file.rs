//! [`SocketFile`]: the file that is a UNIX socket's name.

use std::path::PathBuf;

/// The file that is a UNIX socket's name; it is removed when this is dropped.
pub(crate) struct SocketFile {
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
