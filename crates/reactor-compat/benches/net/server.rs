//! The servers: each echoes what it gets.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use reactor_compat::{Address, Connection, Protocol, reactor};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

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

    pub(crate) fn named(name: &str) -> Option<Self> {
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

const TWISTED: &str = "
from twisted.internet import reactor, protocol
class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)
factory = protocol.Factory.forProtocol(Echo)
factory.noisy = False
port = reactor.listenTCP(0, factory, backlog=4096, interface='127.0.0.1')
print(port.getHost().port, flush=True)
reactor.run()
";

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> io::Result<Self> {
        let mut command = match kind {
            Kind::Twisted => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0", "python3", "-c", TWISTED]);
                command
            }
            kind => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", kind.name()]);
                command
            }
        };
        let mut child = command.stdout(Stdio::piped()).spawn()?;
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

/// Is a server, until it is killed.
pub(crate) fn serve(kind: Kind) -> io::Result<()> {
    pin(0)?;
    match kind {
        Kind::Ours => ours(),
        Kind::Hand | Kind::Shared => by_hand(kind),
        Kind::Twisted => Ok(()),
    }
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn ours() -> io::Result<()> {
    let port = reactor().listen_tcp(("127.0.0.1", 0), |_: Address| Echo)?;
    println!("{}", port.get_host().port().unwrap_or_default());
    reactor().run().map_err(io::Error::other)
}

fn by_hand(kind: Kind) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        rustix::net::listen(&listener, 1024)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            // With two writes for a message it would wait for the peer's word.
            stream.set_nodelay(true)?;
            match kind {
                Kind::Shared => drop(tokio::task::spawn_local(echo_shared(stream))),
                _ => drop(tokio::task::spawn_local(echo(stream))),
            }
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; 64 * 1024]);
}

/// What of an answer the kernel did not take at once is kept by the task.
async fn echo_shared(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let (count, rest) = std::future::poll_fn(|cx| {
            BUFFER
                .with_borrow_mut(|buffer| {
                    let mut room = ReadBuf::new(buffer);
                    let stream = std::pin::Pin::new(&mut stream);
                    std::task::ready!(stream.poll_read(cx, &mut room))?;
                    std::task::Poll::Ready(io::Result::Ok(room.filled().len()))
                })
                .map_ok(|count| (count, Vec::new()))
        })
        .await?;
        if count == 0 {
            return Ok(());
        }
        let rest = BUFFER.with_borrow(|buffer| match stream.try_write(&buffer[..count]) {
            Ok(sent) if sent == count => Ok(rest),
            Ok(sent) => Ok(buffer[sent..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(buffer[..count].to_vec()),
            Err(error) => Err(error),
        })?;
        stream.write_all(&rest).await?;
    }
}
