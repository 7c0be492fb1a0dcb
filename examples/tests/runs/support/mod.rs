//! Running the examples, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::env;
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use interop::{PATIENCE, Peer};

/// Runs an example. Cargo builds it together with the test.
pub(crate) fn run<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Peer {
    run_in(Path::new("."), name, arguments)
}

/// Runs it in a folder.
pub(crate) fn run_in<A: AsRef<OsStr>>(
    folder: &Path,
    name: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Peer {
    let path = path_of(name);
    // What it prints is the same whether or not the test prints backtraces.
    let mut command = heeding_sigint(&path);
    Peer::start(command.args(arguments).current_dir(folder).env_remove("RUST_BACKTRACE"))
}

/// The program of an example.
pub(crate) fn path_of(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run the tests of the whole package");
    path
}

/// The program, with SIGINT as a terminal would give it. A shell starts what it puts into the
/// background with SIGINT ignored, and the programs that the tests run would inherit that.
fn heeding_sigint(program: &Path) -> Command {
    const RESET: &str = "--default-signal=INT";
    static CAN_RESET: LazyLock<bool> = LazyLock::new(|| {
        let tried = Command::new("env").args([RESET, "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    if !*CAN_RESET {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.arg(RESET).arg(program);
    command
}

/// For an example without arguments.
pub(crate) const NONE: [&str; 0] = [];

/// A server on a port of its own, and its address.
pub(crate) fn server(name: &str) -> (Peer, SocketAddr) {
    let mut server = run(name, ["tcp:0:interface=127.0.0.1"]);
    let address = server.address();
    (server, address)
}

/// Connects to an example, which may take its time, but not for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The text of a path.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
