//! [`Peer`]: a process on the other end.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use crate::PATIENCE;

/// A process that a test starts, and that ends with the test.
///
/// What it prints is read as it comes. Nothing waits for it longer than
/// [`PATIENCE`]. A test that fails shows what it printed.
pub struct Peer {
    name: String,
    child: Child,
    /// Those of `peers` end when it is closed, however this process ends.
    stdin: Option<ChildStdin>,
    stdout: Printed,
    stderr: Printed,
    /// Whether a panic has shown what it printed.
    shown: bool,
}

/// What a process prints to one of its streams.
struct Printed {
    lines: Receiver<String>,
    /// Those that were received, for who wants to know what went wrong.
    seen: Vec<String>,
}

impl Printed {
    /// Reads in a thread of its own, until the stream is closed.
    fn read(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if sender.send(line).is_err() {
                    break; // nobody listens any more
                }
            }
        });
        Self { lines, seen: Vec::new() }
    }

    /// The next line, if there is one in time, and one more at all.
    fn next(&mut self) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(PATIENCE)?;
        self.seen.push(line.clone());
        Ok(line)
    }

    /// All that is printed, to the end of a stream that is about to be closed.
    fn all(&mut self) -> String {
        while self.next().is_ok() {}
        self.seen.join("\n")
    }
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
        let stdin = child.stdin.take();
        let stdout = Printed::read(child.stdout.take().unwrap());
        let stderr = Printed::read(child.stderr.take().unwrap());
        Self { name, child, stdin, stdout, stderr, shown: false }
    }

    /// The next line that it prints; `None` if it has closed its output, as it
    /// has when it is about to end.
    pub fn try_line(&mut self) -> Option<String> {
        match self.stdout.next() {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.panic("hangs"),
        }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        self.try_line().unwrap_or_else(|| self.panic("said no more"))
    }

    /// Reads on to a line that begins with `start`, and gives the rest of it.
    pub fn says(&mut self, start: &str) -> String {
        loop {
            let Some(line) = self.try_line() else { self.panic(format!("never said {start:?}")) };
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Where it says that it listens.
    pub fn address(&mut self) -> SocketAddr {
        let address = self.says("listening on");
        address.parse().unwrap_or_else(|_| self.panic(format!("listens on {address:?}")))
    }

    /// The number of the port that it says it listens on.
    pub fn port(&mut self) -> String {
        self.address().port().to_string()
    }

    /// Tells it a line.
    pub fn tell(&mut self, line: &str) {
        let told = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{line}"));
        if !matches!(told, Some(Ok(()))) {
            self.panic(format!("cannot be told {line:?}"));
        }
    }

    /// Tells it that there is nothing more to tell.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal, such as `INT`.
    pub fn signal(&mut self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        if !sent.is_ok_and(|status| status.success()) {
            self.panic(format!("cannot get a SIG{signal}"));
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended, successfully, and gives the lines that it
    /// printed meanwhile.
    pub fn finish(mut self) -> Vec<String> {
        let (status, lines) = self.end();
        if !status.success() {
            self.panic(status);
        }
        lines
    }

    /// The same for one that complains of nothing: it prints nothing to its
    /// standard error stream, from its start to its end.
    pub fn finish_quietly(mut self) -> Vec<String> {
        let (status, lines) = self.end();
        if !(status.success() && self.stderr.all().is_empty()) {
            self.panic(format_args!("complains: {status}"));
        }
        lines
    }

    /// Waits until it has ended with an exit code that says that it failed, and
    /// gives the lines that it printed meanwhile.
    pub fn fail(mut self) -> Vec<String> {
        self.end_badly()
    }

    /// The same, and gives all that it has printed to its standard error stream.
    pub fn complain(mut self) -> String {
        self.end_badly();
        self.stderr.all()
    }

    /// Waits until it has ended, and gives the lines that it printed meanwhile,
    /// and all that it has printed to its standard error stream.
    pub fn finish_with_complaints(mut self) -> (Vec<String>, String) {
        let (status, lines) = self.end();
        if !status.success() {
            self.panic(status);
        }
        (lines, self.stderr.all())
    }

    /// Ends it, and gives the lines that it had printed.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end().1
    }

    fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let mut lines = Vec::new();
        while let Some(line) = self.try_line() {
            lines.push(line);
        }
        (self.wait(), lines)
    }

    fn end_badly(&mut self) -> Vec<String> {
        let (status, lines) = self.end();
        if status.code().is_none_or(|code| code == 0) {
            self.panic(format_args!("should fail: {status}"));
        }
        lines
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

    /// Ends the test that it plays a part in.
    fn panic(&mut self, what: impl Display) -> ! {
        self.shown = true;
        panic!("{}", self.story(what))
    }

    /// Ends it, and says what became of it, with all that it has printed.
    fn story(&mut self, what: impl Display) -> String {
        let _ = self.child.kill();
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        format!(
            "{} {what}\n--- standard output:\n{stdout}\n--- standard error:\n{stderr}\n---",
            self.name
        )
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() && !self.shown {
            // Shown with the test, which failed for some other reason.
            eprintln!("{}", self.story("was there"));
        }
    }
}
