//! [`Core`]: the state that a datagram port's handles and its driver share.
//!
//! Tested in `tests/network/udp.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use deferred::{Deferred, Trigger};
use socket2::SockRef;
use tokio::io::ReadBuf;

use super::queue::Queue;
use super::{DatagramAddress, DatagramError};
use crate::guard;
use crate::network::Datagrams;
use crate::reactor::{Inventory, OpenPort, Registered, Shared};

/// The states of a port.
///
/// ```text
/// Open ──stop_listening, reactor stops──▶ Stopping ──▶ Stopped
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It receives, or will when the reactor runs.
    Open,
    /// It receives no more, and still sends.
    Stopping,
    /// It is closed.
    Stopped,
}

pub(super) struct Core<A: DatagramAddress> {
    state: Cell<State>,
    /// Until it is closed; taken out while it is in use.
    datagrams: Cell<Option<Box<dyn Datagrams<A>>>>,
    host: RefCell<A>,
    peer: RefCell<Option<A>>,
    /// A datagram was refused, and the protocol has not been told.
    refused: Cell<bool>,
    queue: RefCell<Queue<A>>,
    waker: RefCell<Option<Waker>>,
    /// Waits for the queue to be empty.
    sent: Cell<Option<Waker>>,
    stopped: RefCell<Vec<Trigger<()>>>,
    pub(super) max_packet_size: usize,
    made_at: &'static Location<'static>,
    pub(super) shared: Rc<Shared>,
}

impl<A: DatagramAddress> Core<A> {
    #[track_caller]
    pub(super) fn new(
        shared: Rc<Shared>,
        (datagrams, peer): (Box<dyn Datagrams<A>>, Option<A>),
        max_packet_size: usize,
    ) -> Self {
        Self {
            state: Cell::new(State::Open),
            host: RefCell::new(datagrams.get_host()),
            peer: RefCell::new(peer),
            datagrams: Cell::new(Some(datagrams)),
            refused: Cell::new(false),
            queue: RefCell::default(),
            waker: RefCell::default(),
            sent: Cell::new(None),
            stopped: RefCell::default(),
            max_packet_size,
            made_at: Location::caller(),
            shared,
        }
    }

    /// Does something with the port of the network, unless it is closed. One that
    /// panics is.
    fn inside<R>(&self, act: impl FnOnce(&mut dyn Datagrams<A>) -> R) -> Option<R> {
        let mut datagrams = self.datagrams.take()?;
        let result = match guard::catch(|| act(&mut *datagrams)) {
            Ok(result) if self.state.get() != State::Stopped => {
                self.datagrams.set(Some(datagrams));
                return Some(result);
            }
            Ok(result) => Some(result),
            Err(failure) => {
                let host = self.host.borrow().place();
                let why = format!("The port {host} is closed, since its network panicked");
                crate::log::err(failure, &why);
                self.shut_down();
                None
            }
        };
        guard::let_go(datagrams);
        result
    }

    // ----- for the handles -----

    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    /// Calls the system with the socket.
    pub(super) fn with<R>(
        &self,
        call: impl FnOnce(&SockRef<'_>) -> io::Result<R>,
    ) -> Result<R, DatagramError> {
        let (mut call, mut result) = (Some(call), Err(io::ErrorKind::Unsupported.into()));
        let mut act = |socket: &SockRef<'_>| {
            if let Some(call) = call.take() {
                result = call(socket);
            }
        };
        let called = self.inside(|datagrams| datagrams.with_socket(&mut act));
        called.ok_or(DatagramError::Closed)?;
        result.map_err(DatagramError::from)
    }

    pub(super) fn host(&self) -> A {
        if let Some(host) = self.inside(|datagrams| datagrams.get_host()) {
            self.host.replace(host);
        }
        self.host.borrow().clone()
    }

    pub(super) fn peer(&self) -> Option<A> {
        self.peer.borrow().clone()
    }

    pub(super) fn connect(&self, peer: A) -> Result<(), DatagramError> {
        if self.peer.borrow().is_some() {
            return Err(DatagramError::AlreadyConnected);
        }
        if let Some(fault) = peer.fault(&self.host.borrow()) {
            return Err(DatagramError::InvalidAddress(fault));
        }
        let connected = self.inside(|datagrams| datagrams.connect(&peer));
        let connected = connected.ok_or(DatagramError::Closed)?;
        connected.map_err(DatagramError::from)?;
        self.peer.replace(Some(peer));
        self.wake();
        Ok(())
    }

    pub(super) fn write(&self, data: &[u8], to: Option<A>) -> Result<(), DatagramError> {
        if self.state.get() == State::Stopped {
            return Err(DatagramError::Closed);
        }
        let to = self.recipient(to)?;
        if !self.queue.borrow().is_empty() {
            return self.put_off(data, to);
        }
        let send = || self.inside(|datagrams| datagrams.send(data, to.as_ref()));
        let mut sent = send();
        if matches!(&sent, Some(Err(error)) if to.is_none() && self.is_old(error)) {
            sent = send();
        }
        match sent.ok_or(DatagramError::Closed)? {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => self.put_off(data, to),
                io::ErrorKind::ConnectionRefused if to.is_none() => {
                    self.note_refusal();
                    Ok(())
                }
                io::ErrorKind::ConnectionRefused if A::IGNORES_REFUSALS => Ok(()),
                _ => Err(DatagramError::of_sending(error, data.len())),
            },
        }
    }

    /// Whether an error of a connected socket may be that of an earlier datagram, of
    /// which the system speaks instead of sending this one. It does so once: the
    /// datagram is to be sent again.
    fn is_old(&self, error: &io::Error) -> bool {
        match error.kind() {
            _ if !A::ERRORS_COME_LATER => false,
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                self.note_refusal();
                true
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::TimedOut => true,
            _ => false,
        }
    }

    /// The protocol is to be told of a refusal.
    fn note_refusal(&self) {
        self.refused.set(true);
        self.wake();
    }

    /// To whom a datagram goes: `None` where the socket knows it.
    fn recipient(&self, to: Option<A>) -> Result<Option<A>, DatagramError> {
        match (&*self.peer.borrow(), to) {
            (Some(_), None) => Ok(None),
            (Some(peer), Some(to)) if *peer == to => Ok(None),
            (Some(_), Some(_)) => Err(DatagramError::OtherPeer),
            (None, None) => Err(DatagramError::NotConnected),
            (None, Some(to)) => match to.fault(&self.host.borrow()) {
                Some(fault) => Err(DatagramError::InvalidAddress(fault)),
                None => Ok(Some(to)),
            },
        }
    }

    /// Has a datagram sent when the system takes it.
    fn put_off(&self, data: &[u8], to: Option<A>) -> Result<(), DatagramError> {
        let tells = to.is_none() || A::SAYS_WHEN_WRITABLE;
        if !tells || !self.queue.borrow_mut().push(data, to) {
            return Err(DatagramError::Busy);
        }
        self.wake();
        Ok(())
    }

    pub(super) fn stop(&self) -> Deferred<()> {
        if self.state.get() == State::Stopped {
            return Deferred::succeed(());
        }
        let (stopped, trigger) = Deferred::new();
        self.stopped.borrow_mut().push(trigger);
        self.shut_down();
        stopped
    }

    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // ----- for the driver -----

    pub(super) fn set_waker(&self, waker: &Waker) {
        self.waker.replace(Some(waker.clone()));
    }

    /// Makes the port known to the runtime.
    pub(super) fn register(&self) -> io::Result<()> {
        self.shared.network()?;
        self.inside(|datagrams| datagrams.register()).unwrap_or(Ok(()))
    }

    pub(super) fn refused(&self) -> bool {
        self.refused.get()
    }

    pub(super) fn take_refused(&self) -> bool {
        self.refused.take()
    }

    pub(super) fn connected(&self) -> bool {
        self.peer.borrow().is_some()
    }

    /// An error of something that was sent, where somebody wants to hear of
    /// it: the network says that apart from what can be received.
    pub(super) fn poll_error(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !self.connected() {
            return Poll::Pending;
        }
        self.inside(|datagrams| datagrams.poll_error(cx)).unwrap_or(Poll::Pending)
    }

    pub(super) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<A>> {
        self.inside(|datagrams| datagrams.poll_receive(cx, room)).unwrap_or(Poll::Pending)
    }

    /// Sends what waits, as much as the network takes.
    pub(super) fn flush(&self, cx: &mut Context<'_>) {
        loop {
            let Some(next) = self.queue.borrow_mut().take_first() else {
                return self.tell_sent();
            };
            let to = next.to.as_ref();
            let mut send = || self.inside(|datagrams| datagrams.poll_send(cx, &next.data, to));
            let mut sent = send();
            if matches!(&sent, Some(Poll::Ready(Err(error))) if to.is_none() && self.is_old(error))
            {
                sent = send();
            }
            match sent {
                Some(Poll::Ready(Ok(_))) => {}
                Some(Poll::Ready(Err(error))) => match error.kind() {
                    io::ErrorKind::ConnectionRefused => {
                        self.refused.set(self.refused.get() || to.is_none());
                    }
                    _ => tracing::warn!(%error, "a datagram that waited cannot be sent"),
                },
                Some(Poll::Pending) | None => return self.queue.borrow_mut().put_back(next),
            }
        }
    }

    /// Waits until nothing waits to be sent; one may wait at a time.
    pub(super) fn poll_sent(&self, cx: &Context<'_>) -> Poll<()> {
        if self.queue.borrow().is_empty() {
            return Poll::Ready(());
        }
        self.sent.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn tell_sent(&self) {
        if let Some(waker) = self.sent.take() {
            waker.wake();
        }
    }

    /// Closes the socket.
    pub(super) fn close(&self) {
        self.host();
        self.state.set(State::Stopped);
        guard::let_go(self.datagrams.take());
        let unsent = self.queue.take();
        drop(unsent);
        self.tell_sent();
    }

    /// Tells who waits for it that it is closed.
    pub(super) fn tell(&self) {
        for trigger in self.stopped.take() {
            // Whoever cancelled it does not want to know.
            let _ = trigger.callback(());
        }
    }
}

impl<A: DatagramAddress> Registered for Core<A> {
    fn describe(&self, inventory: &mut Inventory) {
        let host = self.host().to_address();
        inventory.ports.push(OpenPort { host, made_at: self.made_at });
    }

    fn shut_down(&self) {
        if self.state.get() == State::Open {
            self.state.set(State::Stopping);
            self.wake();
        }
    }
}
