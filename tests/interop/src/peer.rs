//! [`Peer`]: a process on the other end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use crate::PATIENCE;

/// A process that a test starts, and that ends with the test.
///
/// What it prints is read as it comes. Nothing waits for it longer than
/// [`PATIENCE`].
pub struct Peer {
    name: String,
    child: Child,
    /// Those of `peers` end when it is closed, however this process ends.
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Peer {
    /// Runs a script of the folder `peers`.
    pub fn script<A: AsRef<OsStr>>(
        python: &Path,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
        assert!(script.exists(), "there is no {}", script.display());
        // Unbuffered, and leaving no files behind.
        Self::start(Command::new(python).args(["-u", "-B"]).arg(script).args(arguments))
    }

    /// Runs any program.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // It is the test's, which shows it if it fails.
        thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| eprintln!("{line}"))
        });
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break; // nobody listens any more
                }
            }
        });
        Self { name, child, stdin, lines }
    }

    /// The next line that it prints; `None` if it has closed its output.
    fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} hangs", self.name),
        }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        self.next().unwrap_or_else(|| panic!("{} said no more", self.name))
    }

    /// Reads on to a line that begins with `start`, and gives the rest of it.
    pub fn says(&mut self, start: &str) -> String {
        loop {
            let Some(line) = self.next() else { panic!("{} never said {start:?}", self.name) };
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Where it says that it listens.
    pub fn address(&mut self) -> SocketAddr {
        let address = self.says("listening on");
        address.parse().unwrap_or_else(|_| panic!("{} listens on {address:?}", self.name))
    }

    /// The number of the port that it says it listens on.
    pub fn port(&mut self) -> String {
        self.address().port().to_string()
    }

    /// Tells it a line.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Waits until it has ended, successfully, and gives the lines that it
    /// printed meanwhile.
    pub fn finish(mut self) -> Vec<String> {
        let (status, lines) = self.end();
        assert!(status.success(), "{}: {status}, after {lines:?}", self.name);
        lines
    }

    /// Waits until it has ended with an exit code that says that it failed, and
    /// gives the lines that it printed meanwhile.
    pub fn fail(mut self) -> Vec<String> {
        let (status, lines) = self.end();
        let failed = status.code().is_some_and(|code| code != 0);
        assert!(failed, "{}: {status}, after {lines:?}", self.name);
        lines
    }

    /// Ends it, and gives the lines that it had printed.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end().1
    }

    fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let mut lines = Vec::new();
        while let Some(line) = self.next() {
            lines.push(line);
        }
        (self.wait(), lines)
    }

    /// Waits until it has ended, which it is about to: its output is closed.
    fn wait(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let (ended, waiting) = mpsc::channel::<()>();
        thread::spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-s", "KILL", &id]).status();
            }
        });
        let status = self.child.wait().unwrap();
        drop(ended);
        status
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
