//! The media themselves.

use std::time::Duration;

use reactor_compat::{Address, HostedReactor, Reactor, RunOptions};

use crate::actor::{Actor, Reason};
use crate::medium::Medium;

/// A reactor by the real clock, driven by hand.
struct Real {
    reactor: Reactor,
    hosted: HostedReactor,
}

impl Real {
    fn new() -> Self {
        let reactor = Reactor::new();
        let options = RunOptions::new().install_signal_handlers(false);
        let hosted = reactor.hosted(options).expect("there should be a runtime");
        Self { reactor, hosted }
    }

    fn step(&mut self) {
        self.hosted.iterate(Duration::from_millis(1));
    }
}

/// A factory of one protocol.
pub(crate) fn once(actor: Actor) -> impl FnMut(Address) -> Option<Actor> {
    let mut actor = Some(actor);
    move |_| actor.take()
}

/// TCP, on this machine.
pub(crate) struct Tcp(Real);

impl Medium for Tcp {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 16 << 20;

    fn open() -> Self {
        Self(Real::new())
    }

    fn reactor(&self) -> &Reactor {
        &self.0.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        let reactor = &self.0.reactor;
        let port = reactor.listen_tcp(("127.0.0.1", 0), once(server)).expect("a port");
        let address = port.get_host().socket_addr().expect("an address");
        reactor.connect_tcp(address, once(client));
    }

    fn step(&mut self) {
        self.0.step();
    }
}

/// UNIX sockets.
#[cfg(unix)]
pub(crate) struct Unix {
    real: Real,
    folder: tempfile::TempDir,
    count: usize,
}

#[cfg(unix)]
impl Medium for Unix {
    /// There is no such thing as a reset.
    const ABORTED: Reason = Reason::Done;
    const LARGE: usize = 4 << 20;

    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { real: Real::new(), folder, count: 0 }
    }

    fn reactor(&self) -> &Reactor {
        &self.real.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.count += 1;
        let path = self.folder.path().join(self.count.to_string());
        self.real.reactor.listen_unix(&path, once(server)).expect("a port");
        self.real.reactor.connect_unix(&path, once(client));
    }

    fn step(&mut self) {
        self.real.step();
    }
}

/// Tokio's own stream in memory, served as it is.
pub(crate) struct Duplex(Real);

impl Medium for Duplex {
    const ABORTED: Reason = Reason::Done;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self(Real::new())
    }

    fn reactor(&self) -> &Reactor {
        &self.0.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.0.reactor.serve(ours, server);
        self.0.reactor.serve(theirs, client);
    }

    fn step(&mut self) {
        self.0.step();
    }
}

/// Two pipes of the system.
#[cfg(unix)]
pub(crate) struct Pipes(Real);

#[cfg(unix)]
mod pipes {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::net::unix::pipe::{Receiver, Sender};

    /// The ends of two pipes, one to read and one to write.
    pub(super) struct Ends {
        pub(super) read: Receiver,
        /// Until it is shut down: what is at the other end reads to an end when
        /// there is nobody left who could write.
        pub(super) write: Option<Sender>,
    }

    impl AsyncRead for Ends {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.read).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Ends {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            match &mut self.write {
                Some(write) => Pin::new(write).poll_write(cx, data),
                None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.write = None;
            Poll::Ready(Ok(()))
        }
    }
}

#[cfg(unix)]
impl Medium for Pipes {
    const ABORTED: Reason = Reason::Done;
    const LARGE: usize = 1 << 20;

    fn open() -> Self {
        Self(Real::new())
    }

    fn reactor(&self) -> &Reactor {
        &self.0.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        let reactor = self.0.reactor.clone();
        // Pipes have to be made where the reactor runs.
        self.0.reactor.call_later(Duration::ZERO, move || {
            let (to_client, from_server) = tokio::net::unix::pipe::pipe().expect("a pipe");
            let (to_server, from_client) = tokio::net::unix::pipe::pipe().expect("a pipe");
            reactor.serve(pipes::Ends { read: from_client, write: Some(to_client) }, server);
            reactor.serve(pipes::Ends { read: from_server, write: Some(to_server) }, client);
        });
    }

    fn step(&mut self) {
        self.0.step();
    }
}

/// TLS over TCP.
#[cfg(feature = "tls")]
pub(crate) struct Tls {
    real: Real,
    server: reactor_compat::tls::ServerOptions,
    /// Whom the client trusts.
    certificate: String,
}

#[cfg(feature = "tls")]
impl Medium for Tls {
    const ABORTED: Reason = Reason::Lost;
    const LARGE: usize = 16 << 20;

    fn open() -> Self {
        use reactor_compat::tls::{Identity, ServerOptions};

        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let identity = Identity::from_pem(&certificate, &key).expect("an identity");
        let server = ServerOptions::new(identity).expect("a server");
        Self { real: Real::new(), server, certificate }
    }

    fn reactor(&self) -> &Reactor {
        &self.real.reactor
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        use reactor_compat::tls::{ClientOptions, TrustRoots};

        let roots = TrustRoots::from_pem(&self.certificate).expect("a root");
        let options = ClientOptions::new("localhost").expect("a name").trust_roots(roots);
        let reactor = &self.real.reactor;
        let port = reactor
            .listen_ssl(("127.0.0.1", 0), once(server), self.server.clone())
            .expect("a port");
        let address = port.get_host().socket_addr().expect("an address");
        reactor.connect_ssl(address, once(client), options).expect("a configuration");
    }

    fn step(&mut self) {
        self.real.step();
    }
}
