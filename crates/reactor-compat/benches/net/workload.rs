//! What the servers are asked to do.

use std::io;
use std::time::Duration;

use crate::load;
use crate::server::{Role, Server};

/// How long each turn of a server takes.
const TURN: Duration = Duration::from_millis(700);

/// What the servers are asked to do.
pub(crate) enum Workload {
    /// On each of some connections: send, wait for the echo, and again.
    Echo { connections: usize, size: usize, depth: usize },
    /// An echo on one connection, while threads have the server call functions.
    Flooded,
    /// One connection: send as much as there is room for, and read it back.
    Both,
    /// One connection, the server reads only.
    Inward,
    /// One connection, the server sends only.
    Outward,
    /// Connect, one echo, close.
    Connect,
    /// Connections on which nothing happens, after so many echoes.
    Idle { connections: usize, echoes: usize },
}

/// What came of it.
pub(crate) struct Outcome {
    /// Requests, connections or KiB a second; bytes for an idle connection.
    pub(crate) rate: f64,
    /// The server's microseconds for each.
    pub(crate) cpu: f64,
}

impl Workload {
    pub(crate) fn all() -> Vec<Self> {
        let echo = |connections, size, depth| Self::Echo { connections, size, depth };
        vec![
            echo(1, 64, 1),
            echo(100, 64, 1),
            echo(1000, 64, 1),
            echo(1, 16 * 1024, 1),
            echo(10, 16 * 1024, 1),
            echo(100, 16 * 1024, 1),
            echo(10, 64, 32),
            Self::Flooded,
            Self::Inward,
            Self::Outward,
            Self::Both,
            Self::Connect,
            Self::Idle { connections: 10_000, echoes: 0 },
            Self::Idle { connections: 10_000, echoes: 1 },
        ]
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Echo { connections, size, depth: 1 } => format!("echo {size} B, c{connections}"),
            Self::Echo { connections, size, depth } => {
                format!("echo {size} B, c{connections}, {depth} in flight")
            }
            Self::Flooded => "echo 64 B, c1, two threads call without pause".to_owned(),
            Self::Inward => "bulk, to the server: KiB".to_owned(),
            Self::Outward => "bulk, from the server: KiB".to_owned(),
            Self::Both => "bulk, echoed: KiB".to_owned(),
            Self::Connect => "connect, echo, close".to_owned(),
            Self::Idle { echoes: 0, .. } => "idle, fresh: bytes each".to_owned(),
            Self::Idle { .. } => "idle, after traffic: bytes each".to_owned(),
        }
    }

    /// What the server has to be.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Inward => Role::Sink,
            Self::Outward => Role::Source,
            Self::Flooded => Role::Flooded,
            _ => Role::Echo,
        }
    }

    pub(crate) fn measure(&self, server: &Server) -> io::Result<Outcome> {
        match *self {
            Self::Echo { connections, size, depth } => timed(server, depth, |time| {
                load::echo(server.address, connections, size * depth, time)
            }),
            Self::Flooded => timed(server, 1, |time| load::echo(server.address, 1, 64, time)),
            Self::Inward => timed(server, 1, |time| load::send(server.address, time)),
            Self::Outward => timed(server, 1, |time| load::receive(server.address, time)),
            Self::Both => timed(server, 1, |time| load::bulk(server.address, time)),
            Self::Connect => timed(server, 1, |time| load::connect(server.address, time)),
            Self::Idle { connections, echoes } => {
                let before = server.memory()?;
                let after = load::idle(server.address, connections, echoes, || server.memory())?;
                Ok(Outcome { rate: (after - before) / connections as f64, cpu: 0.0 })
            }
        }
    }
}

/// Runs it a little to warm up, and then for its turn.
fn timed(
    server: &Server,
    each: usize,
    mut load: impl FnMut(Duration) -> io::Result<(u64, f64)>,
) -> io::Result<Outcome> {
    load(TURN / 10)?;
    let before = server.cpu()?;
    let (count, seconds) = load(TURN)?;
    let count = count as f64 * each as f64;
    Ok(Outcome { rate: count / seconds, cpu: (server.cpu()? - before) * 1e6 / count })
}
