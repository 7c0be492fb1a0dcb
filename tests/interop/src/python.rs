//! [`python()`]: a Python that has Twisted.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What the peers import.
const NEEDED: &str = "import OpenSSL, service_identity, socks, twisted";

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");

/// A Python that has what the peers need, or `None`, which is said on the
/// standard error stream: the test that asks is skipped.
///
/// It is that of the environment variable `TWISTED_PYTHON` if there is one, or
/// else `python3`, if that has Twisted, or else that of a virtual environment,
/// which is made in the target folder, with packages from PyPI.
///
/// # Panics
///
/// If `TWISTED_PYTHON` is set, and is none that has what is needed: whoever
/// sets it does not want tests to be skipped.
pub fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(find);
    if found.is_none() {
        // Not `println!`, which a test that passes keeps to itself.
        let _ = writeln!(io::stderr(), "skipped: no Python with Twisted");
    }
    found.as_deref()
}

fn find() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("TWISTED_PYTHON") {
        assert!(has_twisted(chosen.as_ref()), "TWISTED_PYTHON fails to {NEEDED}");
        return Some(chosen.into());
    }
    let common = PathBuf::from("python3");
    if has_twisted(&common) {
        return Some(common);
    }
    environment()
}

fn has_twisted(python: &Path) -> bool {
    succeeds(Command::new(python).args(["-c", NEEDED]))
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The virtual environment in the target folder, made if it is not there.
fn environment() -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    // target/debug/deps/test
    let target = test.ancestors().nth(3)?;
    let folder = target.join("twisted");
    let python = folder.join("bin/python");

    // Tests of other packages may be looking for it, too.
    fs::create_dir_all(target).ok()?;
    let making = File::create(target.join("twisted.lock")).ok()?;
    making.lock().ok()?;
    if has_twisted(&python) {
        return Some(python);
    }
    let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        && succeeds(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--retries=1",
            "--timeout=20",
            "--requirement",
            REQUIREMENTS,
        ]));
    (made && has_twisted(&python)).then_some(python)
}
