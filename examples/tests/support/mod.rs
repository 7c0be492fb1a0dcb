//! Running the examples, as a user would.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

use interop::Peer;

/// Runs an example. Cargo builds it together with the test.
pub(crate) fn run<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Peer {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run the tests of the whole package");
    Peer::start(Command::new(path).args(arguments))
}

/// The text of a path.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}
