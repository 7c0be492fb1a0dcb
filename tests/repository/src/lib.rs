//! What the checks of the repository share: finding and reading its files.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a file of the repository.
///
/// # Panics
///
/// If it is not there: a check must not pass for want of what it checks.
#[allow(clippy::panic, reason = "it is a check that fails")]
pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` whose names end in `ending`, build products left
/// out, as paths from the top.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let top = root();
    let mut found = Vec::new();
    let mut folders = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.extend(path.strip_prefix(&top).map(Path::to_owned));
            }
        }
    }
    found.sort();
    found
}
