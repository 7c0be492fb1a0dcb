//! The task of a port: accepts, and gives each connection a protocol.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::{Listener, PortCore};
use crate::address::Address;
use crate::connection::Security;
use crate::factory::Factory;
use crate::guard;
use crate::reactor::{Registered, Registration, WeakReactor};
use crate::serve::{Origin, serve_socket};
use crate::socket::Socket;

/// How many connections are accepted before others have their turn.
const ACCEPTS: usize = 64;

/// How long to wait when the system has no more descriptors, or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// What the task of a port is doing.
enum Activity {
    /// The factory has not been started.
    New,
    /// It accepts.
    Accepting,
    /// It waits for the system to have room again.
    Pausing(Pin<Box<Sleep>>),
    /// The factory has been stopped.
    Over,
}

/// The task of a port.
pub(super) struct Acceptor<F: Factory> {
    /// It belongs to the reactor.
    reactor: WeakReactor,
    core: Rc<PortCore>,
    security: Security,
    factory: Box<F>,
    activity: Activity,
    accepted: u64,
    registration: Option<Registration>,
}

impl<F: Factory> Acceptor<F> {
    pub(super) fn new(
        reactor: WeakReactor,
        core: Rc<PortCore>,
        security: Security,
        factory: F,
        registration: Registration,
    ) -> Self {
        Self {
            reactor,
            core,
            security,
            factory: Box::new(factory),
            activity: Activity::New,
            accepted: 0,
            registration: Some(registration),
        }
    }

    fn start(&mut self) {
        self.activity = Activity::Accepting;
        guard::run("a factory", || self.factory.start_factory());
        if let Err(error) = self.register() {
            tracing::error!(%error, host = %self.core.host, "a port cannot be listened on");
            self.core.shut_down();
        }
    }

    /// Makes the socket known to the runtime.
    fn register(&self) -> io::Result<()> {
        let listener = self.core.listener.take();
        if let Some(Listener::Bound(bound)) = listener {
            let ready = bound.register()?;
            self.core.listener.replace(Some(Listener::Ready(ready)));
        }
        Ok(())
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Address)>> {
        match &*self.core.listener.borrow() {
            Some(Listener::Ready(listener)) => listener.poll_accept(cx),
            Some(Listener::Bound(_)) | None => Poll::Pending,
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ACCEPTS {
            if !self.core.listening() {
                return Poll::Ready(());
            }
            match self.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((socket, peer))) => self.welcome(socket, peer),
                // One that is lost is no reason to pause.
                Poll::Ready(Err(error)) if is_of_one_connection(&error) => {}
                Poll::Ready(Err(error)) => return self.pause(cx, &error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn pause(&mut self, cx: &mut Context<'_>, error: &io::Error) -> Poll<()> {
        tracing::warn!(%error, "a port cannot accept for now");
        let mut rest = Box::pin(sleep(PAUSE));
        let _ = rest.as_mut().poll(cx);
        self.activity = Activity::Pausing(rest);
        Poll::Pending
    }

    fn welcome(&mut self, socket: Socket, peer: Address) {
        let Some(reactor) = self.reactor.upgrade() else { return };
        let number = self.accepted;
        self.accepted += 1;
        match guard::catch(|| self.factory.build_protocol(peer.clone())) {
            Ok(Some(protocol)) => {
                let origin = Origin::Accepted { number };
                let socket = (socket, peer, self.security.clone());
                drop(serve_socket(&reactor, socket, protocol, origin, None));
            }
            Ok(None) => drop(socket),
            Err(failure) => guard::log("a factory", &failure),
        }
    }

    fn stop(&mut self) {
        if let Some(registration) = self.registration.take() {
            drop(registration);
            self.core.close();
            if !matches!(self.activity, Activity::New) {
                guard::run("a factory", || self.factory.stop_factory());
            }
            self.activity = Activity::Over;
            self.core.tell();
        }
    }
}

/// Whether an error of `accept` is about the connection that was to be
/// accepted, so that the next may well be fine: it went away while it waited,
/// a firewall forbids it, or, on Linux, its network has failed.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
    )
}

impl<F: Factory> Future for Acceptor<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.core.waker.replace(Some(cx.waker().clone()));
        if matches!(this.activity, Activity::New) {
            this.start();
        }
        if let Activity::Pausing(rest) = &mut this.activity {
            if this.core.listening() && rest.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.activity = Activity::Accepting;
        }
        if this.accept(cx).is_pending() {
            return Poll::Pending;
        }
        this.stop();
        Poll::Ready(())
    }
}

/// A port that is dropped with its runtime is closed like any other.
impl<F: Factory> Drop for Acceptor<F> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::{io, is_of_one_connection};

    #[test]
    fn only_what_concerns_all_connections_makes_a_port_pause() {
        let one = |errno: Errno| is_of_one_connection(&io::Error::from(errno));
        for errno in [Errno::CONNABORTED, Errno::PERM, Errno::HOSTUNREACH, Errno::NETDOWN] {
            assert!(one(errno), "{errno}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::INVAL] {
            assert!(!one(errno), "{errno}");
        }
    }
}
