//! The task of a port: accepts, and gives each connection a protocol.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deferred::Failure;
use tokio::time::{Sleep, sleep};

use super::opening::Openings;
use super::{Observe, PortCore};
use crate::connection::FirstLayer;
use crate::factory::Factory;
use crate::guard;
use crate::network::{SharedStream, Stream};
use crate::reactor::{Registered, Registration, WeakReactor};
use crate::serve::{Origin, serve_socket};

/// How many connections are accepted before others have their turn.
const ACCEPTS: usize = 64;

/// How long to wait when the system has no more descriptors, or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// The states of the task of a port.
enum Activity {
    /// The listener is not known to the runtime.
    New,
    /// It accepts.
    Accepting,
    /// It waits for the system to have room again.
    Pausing(Pin<Box<Sleep>>),
    /// The factory has been stopped.
    Over,
}

/// The next connection, or why there is none.
enum Next {
    Open(SharedStream),
    /// It was accepted.
    NotOpened(io::Error),
    /// It was not.
    Failed(io::Error),
    /// The listener panicked: there will be none.
    Closed,
}

impl Next {
    fn of(opened: io::Result<SharedStream>) -> Self {
        opened.map_or_else(Self::NotOpened, Self::Open)
    }
}

/// The task of a port.
pub(super) struct Acceptor<F: Factory> {
    /// It belongs to the reactor.
    reactor: WeakReactor,
    core: Rc<PortCore>,
    first_layer: FirstLayer,
    factory: Box<F>,
    observe: Option<Observe<F::Protocol>>,
    activity: Activity,
    openings: Openings,
    accepted: u64,
    registration: Option<Registration>,
}

impl<F: Factory> Acceptor<F> {
    pub(super) fn new(
        reactor: WeakReactor,
        core: Rc<PortCore>,
        first_layer: FirstLayer,
        factory: F,
        observe: Option<Observe<F::Protocol>>,
        registration: Registration,
    ) -> Self {
        Self {
            reactor,
            core,
            first_layer,
            factory: Box::new(factory),
            observe,
            activity: Activity::New,
            openings: Openings::default(),
            accepted: 0,
            registration: Some(registration),
        }
    }

    fn start(&mut self) {
        self.activity = Activity::Accepting;
        match guard::catch(|| self.register()) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, host = %self.core.host, "a port cannot be listened on");
                self.core.shut_down();
            }
            Err(failure) => self.panicked(&failure),
        }
    }

    /// The listener panicked: who knows what it would do next. Closes the port.
    #[cold]
    fn panicked(&self, failure: &Failure) {
        let host = &self.core.host;
        let why = format!("The port {host} is closed, since its listener panicked");
        crate::log::err(failure.clone(), &why);
        self.core.shut_down();
    }

    /// Makes the port known to the runtime.
    fn register(&self) -> io::Result<()> {
        let Some(mut listener) = self.core.listener.take() else { return Ok(()) };
        let shared = self.reactor.upgrade().map(|reactor| reactor.shared().clone());
        if let Some(shared) = shared {
            shared.network()?;
        }
        listener.register()?;
        self.core.put_back(listener);
        Ok(())
    }

    /// The next connection that is open, or cannot be had.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Poll::Ready(opened) = self.openings.poll_next(cx) {
            return Poll::Ready(Next::of(opened));
        }
        loop {
            let mut stream = match guard::catch(|| self.poll_accept(cx)) {
                Ok(Poll::Ready(Ok(stream))) => stream,
                Ok(Poll::Ready(Err(error))) => return Poll::Ready(Next::Failed(error)),
                // Also registers for those that were added just now.
                Ok(Poll::Pending) => return self.openings.poll_next(cx).map(Next::of),
                Err(failure) => {
                    self.panicked(&failure);
                    return Poll::Ready(Next::Closed);
                }
            };
            match guard::catch(|| stream.poll_open(cx)) {
                Ok(Poll::Ready(opened)) => return Poll::Ready(Next::of(opened.map(|()| stream))),
                Ok(Poll::Pending) => self.openings.add(stream),
                Err(failure) => guard::log("a stream", &failure),
            }
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let Some(mut listener) = self.core.listener.take() else { return Poll::Pending };
        let accepted = listener.poll_accept(cx);
        self.core.put_back(listener);
        accepted
    }

    fn accept(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ACCEPTS {
            if !self.core.listening() {
                return Poll::Ready(());
            }
            match ready!(self.poll_next(cx)) {
                Next::Open(stream) => {
                    guard::run("a stream", || self.welcome(stream));
                }
                Next::Closed => {}
                Next::NotOpened(error) => {
                    tracing::debug!("a connection was accepted, and cannot be opened: {error}");
                }
                // One that is lost is no reason to pause.
                Next::Failed(error) if is_of_one_connection(&error) => {}
                Next::Failed(error) => return self.pause(cx, &error),
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

    fn welcome(&mut self, stream: SharedStream) {
        let Some(reactor) = self.reactor.upgrade() else { return };
        let peer = stream.get_peer();
        let number = self.accepted;
        self.accepted += 1;
        match guard::catch(|| self.factory.build_protocol(peer.clone())) {
            Ok(Some(protocol)) => {
                let origin = Origin::Accepted { number };
                let stream = (stream, peer, self.first_layer.clone());
                let observer = self.observe.as_ref().map(|observe| observe());
                drop(serve_socket(&reactor, stream, protocol, origin, observer));
            }
            Ok(None) => drop(stream),
            Err(failure) => guard::log("a factory", &failure),
        }
    }

    fn stop(&mut self) {
        if let Some(registration) = self.registration.take() {
            drop(registration);
            self.core.close();
            self.openings = Openings::default();
            guard::run("a factory", || self.factory.do_stop());
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
