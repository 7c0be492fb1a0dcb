//! [`Driver`]: the task of a port for datagrams.
//!
//! Each time that it is woken it sends what waits, and gives the protocol the
//! datagrams that came, one by one. User code runs only inside
//! [`Driver::callback`], with nothing borrowed but the protocol itself.
//!
//! Tested in `tests/network/udp.rs`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};
use tracing::Span;

use super::core::{Core, State};
use super::{DatagramAddress, DatagramConnection, DatagramProtocol, DatagramTransport};
use crate::connection::ProtocolCell;
use crate::network::Datagrams;
use crate::protocol::short_name;
use crate::reactor::{Reactor, Registered, Registration};

/// How many datagrams, and bytes of them, are received before others have
/// their turn.
const DATAGRAMS: usize = 64;
const MAX_THROUGHPUT: usize = 256 * 1024;

/// How long to wait when the system cannot receive.
const PAUSE: Duration = Duration::from_millis(100);

/// The next thing that the driver does.
///
/// ```text
/// New ──started──▶ Receiving ◀──▶ Pausing
///  └──────────────────┴──────────────┴──stopped──▶ Over
/// ```
enum Activity {
    /// Tell the protocol that it starts.
    New,
    Receiving,
    /// Wait for the system to recover.
    Pausing(Pin<Box<Sleep>>),
    /// Nothing: the protocol has been told that it is over.
    Over,
}

type DatagramCell<P, A> = ProtocolCell<P, DatagramTransport<A>>;

/// The task of a port for datagrams.
pub(super) struct Driver<P: DatagramProtocol<A>, A: DatagramAddress> {
    core: Rc<Core<A>>,
    connection: DatagramConnection<P, A>,
    cell: Rc<DatagramCell<P, A>>,
    span: Span,
    activity: Activity,
    /// For datagrams that the reactor's own buffer is too small for.
    large: Option<Box<[u8]>>,
    registration: Option<Registration>,
}

/// Gives a port that is open, and may be connected, a protocol, and has the
/// reactor drive it.
#[track_caller]
pub(super) fn listen<P: DatagramProtocol<A>, A: DatagramAddress>(
    reactor: &Reactor,
    (datagrams, peer): (Box<dyn Datagrams<A>>, Option<A>),
    max_packet_size: usize,
    protocol: P,
) -> DatagramConnection<P, A> {
    let core = Core::new(reactor.shared().clone(), (datagrams, peer), max_packet_size);
    let name = short_name::<P>();
    tracing::info!("{name} starting on {}", core.host().place());
    let span = tracing::debug_span!("port", system = format_args!("{name} (UDP)"));
    let core = Rc::new(core);
    let live: Rc<dyn Registered> = core.clone();
    let registration = Registration::new(reactor.shared(), Rc::downgrade(&live));
    let cell = Rc::new(DatagramCell::new(protocol, DatagramTransport::new(core.clone())));
    let connection = DatagramConnection::new(cell.clone());
    reactor.spawn(Driver {
        core,
        connection: connection.clone(),
        cell,
        span,
        activity: Activity::New,
        large: None,
        registration: Some(registration),
    });
    connection
}

impl<P: DatagramProtocol<A>, A: DatagramAddress> Driver<P, A> {
    /// Runs a callback; whether it did not panic.
    fn callback(&self, callback: impl FnOnce(&mut P, &DatagramConnection<P, A>)) -> bool {
        self.span.in_scope(|| {
            match self.cell.enter(|protocol| callback(protocol, &self.connection)) {
                Some(Err(failure)) => {
                    crate::log::err(failure, "");
                    false
                }
                Some(Ok(())) | None => true,
            }
        })
    }

    fn start(&mut self) {
        self.activity = Activity::Receiving;
        let registered = self.core.register();
        if let Err(error) = &registered {
            tracing::error!(%error, "a port cannot be listened on");
        }
        self.cell.begin();
        let started = self.callback(P::start_protocol);
        if registered.is_err() || !started {
            self.core.shut_down();
        }
    }

    /// Receives what has come; ready when the port is to be closed.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let lent = self.core.shared.buffers.lend();
        let mut large = self.large.take();
        let size = self.core.max_packet_size;
        if size > lent.len() && large.is_none() {
            large = Some(vec![0; size].into_boxed_slice());
        }
        let mut lent = lent;
        let buffer = large.as_mut().unwrap_or(&mut lent);
        let size = size.min(buffer.len());
        let over = self.receive_into(cx, &mut buffer[..size]);
        self.large = large;
        self.core.shared.buffers.give_back(lent);
        over
    }

    fn receive_into(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        let mut bytes = 0;
        self.core.flush(cx);
        for _ in 0..DATAGRAMS {
            if self.core.state() != State::Open {
                return Poll::Ready(());
            }
            if self.core.take_refused() {
                self.callback(P::connection_refused);
                continue;
            }
            let mut room = ReadBuf::new(buffer);
            let received = match self.core.poll_receive(cx, &mut room) {
                Poll::Ready(received) => received,
                Poll::Pending if self.send(cx) => continue,
                Poll::Pending => return Poll::Pending,
            };
            match received {
                Ok(from) => {
                    let data = room.filled();
                    bytes += data.len();
                    self.callback(|protocol, transport| {
                        protocol.datagram_received(transport, data, from);
                    });
                }
                Err(error) => {
                    if !self.overlook(&error) {
                        return self.pause(cx, &error);
                    }
                }
            }
            if bytes >= MAX_THROUGHPUT {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what waits, and looks at what became of what was sent; whether
    /// there is something to be told.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        self.core.flush(cx);
        if let Poll::Ready(error) = self.core.poll_error(cx) {
            if !self.overlook(&error) {
                self.span.in_scope(|| tracing::debug!(%error, "a datagram was not sent"));
            }
            return true;
        }
        self.core.refused()
    }

    /// Whether an error of receiving is about a datagram that was sent, so
    /// that the next one received may well be fine.
    fn overlook(&self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                if self.core.connected() {
                    self.callback(P::connection_refused);
                }
                true
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TimedOut => {
                self.span.in_scope(|| tracing::debug!(%error, "a datagram did not arrive"));
                true
            }
            io::ErrorKind::Interrupted => true,
            _ => false,
        }
    }

    fn pause(&mut self, cx: &mut Context<'_>, error: &io::Error) -> Poll<()> {
        self.span.in_scope(|| tracing::warn!(%error, "a port cannot receive for now"));
        let mut rest = Box::pin(sleep(PAUSE));
        let _ = rest.as_mut().poll(cx);
        self.activity = Activity::Pausing(rest);
        Poll::Pending
    }
}

impl<P: DatagramProtocol<A>, A: DatagramAddress> Future for Driver<P, A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.core.set_waker(cx.waker());
        if matches!(this.activity, Activity::New) {
            this.start();
        }
        if let Activity::Pausing(rest) = &mut this.activity {
            if this.core.state() == State::Open && rest.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.activity = Activity::Receiving;
        }
        if this.receive(cx).is_pending() {
            return Poll::Pending;
        }
        this.core.flush(cx);
        this.stop();
        Poll::Ready(())
    }
}

impl<P: DatagramProtocol<A>, A: DatagramAddress> Driver<P, A> {
    /// Closes the port, and tells everybody who wants to know, once.
    fn stop(&mut self) {
        let Some(registration) = self.registration.take() else { return };
        drop(registration);
        self.core.close();
        let started = !matches!(self.activity, Activity::New);
        self.activity = Activity::Over;
        let port = self.core.host().port();
        self.span.in_scope(|| tracing::info!("({port} Closed)"));
        if started {
            self.callback(P::stop_protocol);
        }
        self.span.in_scope(|| self.cell.clear());
        self.core.tell();
    }
}

/// A port that is dropped with its runtime is closed like any other.
impl<P: DatagramProtocol<A>, A: DatagramAddress> Drop for Driver<P, A> {
    fn drop(&mut self) {
        self.stop();
    }
}
