//! The servers, each a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{by_hand, ours};

/// Whose server it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A task and a buffer of 8 KiB for each connection.
    Hand,
    /// By hand, with one large buffer that all share.
    Shared,
    Ours,
    Twisted,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Hand, Self::Shared, Self::Ours, Self::Twisted];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hand => "tokio",
            Self::Shared => "tokio-shared",
            Self::Ours => "ours",
            Self::Twisted => "twisted",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it can be had here.
    pub(crate) fn there(self) -> bool {
        self != Self::Twisted
            || Command::new("python3")
                .args(["-c", "import twisted"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }
}

/// What a server does with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends back what it gets.
    Echo,
    /// Reads, and does nothing with it.
    Sink,
    /// Sends [`CHUNK`]s as fast as they go.
    Source,
    /// Sends back what it gets, while [`CALLERS`] threads have functions called on
    /// its own without pause.
    Flooded,
}

/// How many threads flood a server with calls.
pub(crate) const CALLERS: usize = 2;

/// How much a source writes at once.
pub(crate) const CHUNK: usize = 64 * 1024;

impl Role {
    const ALL: [Self; 4] = [Self::Echo, Self::Sink, Self::Source, Self::Flooded];

    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Sink => "sink",
            Self::Source => "source",
            Self::Flooded => "flooded",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(kind: Kind, role: Role) -> io::Result<Self> {
        let mut command = match kind {
            Kind::Twisted => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0", "python3", "-c", include_str!("twisted_server.py")]);
                command
            }
            kind => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", kind.name()]);
                command
            }
        };
        let mut child = command.arg(role.name()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        BufReader::new(out).read_line(&mut line)?;
        let port: u16 = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address: ([127, 0, 0, 1], port).into() })
    }

    /// How much time it has had, in seconds.
    pub(crate) fn cpu(&self) -> io::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let nanos: f64 = stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
        Ok(nanos / 1e9)
    }

    /// How much memory it has, in bytes.
    pub(crate) fn memory(&self) -> io::Result<f64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        let pages: f64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
        Ok(pages * 4096.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps this process on one core.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Is the server that the command line names, until it is killed.
pub(crate) fn serve(kind: &str, role: &str) -> io::Result<()> {
    pin(0)?;
    match (Kind::named(kind), Role::named(role)) {
        (Some(Kind::Ours), Some(role)) => ours::serve(role),
        (Some(Kind::Hand), Some(role)) => by_hand::serve(role, by_hand::Buffers::Own),
        (Some(Kind::Shared), Some(role)) => by_hand::serve(role, by_hand::Buffers::Shared),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}
