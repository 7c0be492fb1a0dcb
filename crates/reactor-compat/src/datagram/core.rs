//! [`Core`]: what a port for datagrams is to its handles and to its driver.
//!
//! Tested in `tests/network/udp.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use deferred::{Deferred, Trigger};
use socket2::{SockRef, Socket};
use tokio::io::ReadBuf;

use super::kind::Kind;
use super::queue::Queue;
use super::{DatagramAddress, DatagramError};
use crate::reactor::{Inventory, OpenPort, Registered, Shared};
#[cfg(feature = "testing")]
use crate::testing::MemoryDatagrams;

/// What a port is doing.
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

/// A socket that is open, and what is known of it.
pub(super) struct Opened<A: Kind> {
    pub(super) socket: Socket,
    pub(super) host: A,
    pub(super) peer: Option<A>,
    pub(super) name: A::Name,
}

/// The socket.
enum Held<A: Kind> {
    /// Not known to a runtime yet.
    Bound(Socket, A::Name),
    /// Known to the runtime.
    Ready(Rc<A::Socket>, A::Name),
    /// What stands in for one in a test.
    #[cfg(feature = "testing")]
    Memory(MemoryDatagrams<A>),
}

impl<A: Kind + Clone> Held<A> {
    /// The socket as the system has it, if it has one.
    fn reference(&self) -> io::Result<SockRef<'_>> {
        match self {
            Self::Bound(socket, _) => Ok(socket.into()),
            Self::Ready(socket, _) => Ok(A::reference(socket)),
            #[cfg(feature = "testing")]
            Self::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn connect(&self, peer: &A) -> io::Result<()> {
        match self {
            Self::Bound(..) | Self::Ready(..) => self.reference()?.connect(&peer.to_system()?),
            #[cfg(feature = "testing")]
            Self::Memory(datagrams) => {
                datagrams.connect(peer.clone());
                Ok(())
            }
        }
    }
}

pub(super) struct Core<A: DatagramAddress> {
    state: Cell<State>,
    /// Borrowed for a system call at a time.
    socket: RefCell<Option<Held<A>>>,
    host: RefCell<A>,
    peer: RefCell<Option<A>>,
    /// A datagram was refused, and the protocol has not been told.
    refused: Cell<bool>,
    queue: RefCell<Queue<A>>,
    waker: RefCell<Option<Waker>>,
    stopped: RefCell<Vec<Trigger<()>>>,
    pub(super) max_packet_size: usize,
    made_at: &'static Location<'static>,
    pub(super) shared: Rc<Shared>,
}

impl<A: DatagramAddress> Core<A> {
    #[track_caller]
    pub(super) fn new(shared: Rc<Shared>, opened: Opened<A>, max_packet_size: usize) -> Self {
        let Opened { socket, host, peer, name } = opened;
        Self::at(shared, Held::Bound(socket, name), (host, peer), max_packet_size)
    }

    /// A port in memory.
    #[cfg(feature = "testing")]
    #[track_caller]
    pub(super) fn in_memory(
        shared: Rc<Shared>,
        datagrams: MemoryDatagrams<A>,
        max_packet_size: usize,
    ) -> Self {
        let ends = (datagrams.host(), datagrams.peer());
        Self::at(shared, Held::Memory(datagrams), ends, max_packet_size)
    }

    #[track_caller]
    fn at(
        shared: Rc<Shared>,
        held: Held<A>,
        (host, peer): (A, Option<A>),
        max_packet_size: usize,
    ) -> Self {
        Self {
            state: Cell::new(State::Open),
            socket: RefCell::new(Some(held)),
            host: RefCell::new(host),
            peer: RefCell::new(peer),
            refused: Cell::new(false),
            queue: RefCell::default(),
            waker: RefCell::default(),
            stopped: RefCell::default(),
            max_packet_size,
            made_at: Location::caller(),
            shared,
        }
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
        match &*self.socket.borrow() {
            Some(held) => {
                let called = held.reference().and_then(|socket| call(&socket));
                called.map_err(|error| (&error).into())
            }
            None => Err(DatagramError::Closed),
        }
    }

    pub(super) fn host(&self) -> A {
        let now = self.with(|socket| socket.local_addr());
        if let Some(host) = now.ok().and_then(|host| A::from_system(&host)) {
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
        match &*self.socket.borrow() {
            Some(held) => held.connect(&peer).map_err(|error| DatagramError::from(&error))?,
            None => return Err(DatagramError::Closed),
        }
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
        let Some(sent) = self.send(data, to.as_ref()) else { return Err(DatagramError::Closed) };
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => self.put_off(data, to),
                io::ErrorKind::ConnectionRefused if to.is_none() => {
                    self.refused.set(true);
                    self.wake();
                    Ok(())
                }
                io::ErrorKind::ConnectionRefused if A::IGNORES_REFUSALS => Ok(()),
                _ => Err(DatagramError::of_sending(&error, data.len())),
            },
        }
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

    /// Sends a datagram now, unless the port is closed.
    fn send(&self, data: &[u8], to: Option<&A>) -> Option<io::Result<usize>> {
        let held = self.socket.borrow();
        let held = held.as_ref()?;
        #[cfg(feature = "testing")]
        if let Held::Memory(datagrams) = held {
            return Some(Ok(datagrams.send(data, to.cloned())));
        }
        let socket = match held.reference() {
            Ok(socket) => socket,
            Err(error) => return Some(Err(error)),
        };
        loop {
            match send_with(&socket, data, to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Some(sent),
            }
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

    /// Makes the socket known to the runtime.
    pub(super) fn register(&self) -> io::Result<()> {
        let held = self.socket.take();
        let ready = match held {
            Some(Held::Bound(socket, name)) => Held::Ready(Rc::new(A::register(socket)?), name),
            Some(ready) => ready,
            None => return Ok(()),
        };
        self.socket.replace(Some(ready));
        Ok(())
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

    /// The socket, where somebody wants to hear of what fails: the runtime
    /// says that apart from what can be received.
    pub(super) fn connected_socket(&self) -> Option<Rc<A::Socket>> {
        match &*self.socket.borrow() {
            Some(Held::Ready(socket, _)) if self.connected() => Some(socket.clone()),
            _ => None,
        }
    }

    pub(super) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<A>> {
        match &*self.socket.borrow() {
            Some(Held::Ready(socket, _)) => A::poll_receive(socket, cx, room),
            #[cfg(feature = "testing")]
            Some(Held::Memory(datagrams)) => datagrams.poll_receive(cx, room),
            Some(Held::Bound(..)) | None => Poll::Pending,
        }
    }

    /// Sends what waits, as much as the system takes.
    pub(super) fn flush(&self, cx: &mut Context<'_>) {
        let held = self.socket.borrow();
        let Some(Held::Ready(socket, _)) = &*held else { return };
        let mut queue = self.queue.borrow_mut();
        let mut refusals = 0;
        while let Some(datagram) = queue.first() {
            let Poll::Ready(Ok(())) = A::poll_writable(socket, cx) else { return };
            let system = A::reference(socket);
            let send = || send_with(&system, &datagram.data, datagram.to.as_ref());
            if let Err(error) = A::try_send(socket, send) {
                match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => {
                        refusals += 1;
                        if refusals < 2 {
                            continue;
                        }
                        // The runtime remembers an error that is over, and
                        // will not say when there is room.
                        return cx.waker().wake_by_ref();
                    }
                    io::ErrorKind::ConnectionRefused => {
                        self.refused.set(self.refused.get() || datagram.to.is_none());
                    }
                    _ => tracing::warn!(%error, "a datagram that waited cannot be sent"),
                }
            }
            queue.pop();
        }
    }

    /// Closes the socket.
    pub(super) fn close(&self) {
        self.host();
        self.state.set(State::Stopped);
        let socket = self.socket.take();
        drop(socket);
        let unsent = self.queue.take();
        drop(unsent);
    }

    /// Tells who waits for it that it is closed.
    pub(super) fn tell(&self) {
        for trigger in self.stopped.take() {
            // Whoever cancelled it does not want to know.
            let _ = trigger.callback(());
        }
    }
}

fn send_with<A: Kind>(socket: &SockRef<'_>, data: &[u8], to: Option<&A>) -> io::Result<usize> {
    match to {
        Some(to) => socket.send_to(data, &to.to_system()?),
        None => socket.send(data),
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
