//! [`SystemDatagrams`]: a port for datagrams of the operating system.
//!
//! Mirrors the sockets of `twisted.internet.udp.Port` and of the datagram ports
//! of `twisted.internet.unix`. Tested in `tests/network/udp.rs` and
//! `tests/network/unix_datagram.rs`.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::{SockAddr, SockRef, Socket};
use tokio::io::ReadBuf;

use crate::network::Datagrams;

/// How often a send is tried that the runtime says should work.
const TRIES: usize = 2;

/// A kind of datagrams as the system has it, by its addresses.
pub(super) trait SystemKind: Clone + 'static {
    /// The socket, once the runtime knows it.
    type Socket: 'static;

    /// The thing that a socket holds in the world for as long as it is open.
    type Name: 'static;

    /// Makes a socket known to the runtime.
    fn register(socket: Socket) -> io::Result<Self::Socket>;

    /// The same socket, to call the system with.
    fn reference(socket: &Self::Socket) -> SockRef<'_>;

    /// Receives one datagram.
    fn poll_receive(
        socket: &Self::Socket,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Self>>;

    /// Ready when the socket may take a datagram.
    fn poll_writable(socket: &Self::Socket, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends one with `send`, and notes if the socket does not take it.
    fn try_send(
        socket: &Self::Socket,
        send: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize>;

    /// Waits until something that was sent has failed.
    fn failed(socket: Rc<Self::Socket>) -> impl Future<Output = ()> + 'static;

    /// Why it failed; and if it did not, has [`failed`](Self::failed) wait.
    fn take_error(socket: &Self::Socket) -> Option<io::Error>;

    /// The address as the system has it.
    fn to_system(&self) -> io::Result<SockAddr>;

    /// The address that the system says it is.
    fn from_system(address: &SockAddr) -> Option<Self>;
}

/// The socket.
///
/// ```text
/// Bound ──registered──▶ Ready
///   └─────failed──────▶ Refused
/// ```
enum Held<A: SystemKind> {
    /// Not known to a runtime yet.
    Bound(Socket),
    /// Known to the runtime.
    Ready(Rc<A::Socket>),
    /// No runtime would have it.
    Refused,
}

/// A port for datagrams of the operating system.
pub(super) struct SystemDatagrams<A: SystemKind> {
    held: Held<A>,
    host: A,
    peer: Option<A>,
    _name: A::Name,
    /// Waits for something that was sent to fail.
    failed: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl<A: SystemKind> SystemDatagrams<A> {
    /// A port of a socket that is open, and does not block.
    pub(super) fn new(socket: Socket, host: A, peer: Option<A>, name: A::Name) -> Self {
        Self { held: Held::Bound(socket), host, peer, _name: name, failed: RefCell::default() }
    }

    /// The socket as the system has it.
    fn reference(&self) -> io::Result<SockRef<'_>> {
        match &self.held {
            Held::Bound(socket) => Ok(socket.into()),
            Held::Ready(socket) => Ok(A::reference(socket)),
            Held::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn ready(&self) -> io::Result<&Rc<A::Socket>> {
        match &self.held {
            Held::Ready(socket) => Ok(socket),
            Held::Bound(_) | Held::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

fn send_with<A: SystemKind>(
    socket: &SockRef<'_>,
    data: &[u8],
    to: Option<&A>,
) -> io::Result<usize> {
    loop {
        let sent = match to {
            Some(to) => socket.send_to(data, &to.to_system()?),
            None => socket.send(data),
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            sent => return sent,
        }
    }
}

impl<A: SystemKind> Datagrams<A> for SystemDatagrams<A> {
    fn get_host(&self) -> A {
        let now = self.reference().and_then(|socket| socket.local_addr());
        now.ok().and_then(|host| A::from_system(&host)).unwrap_or_else(|| self.host.clone())
    }

    fn get_peer(&self) -> Option<A> {
        self.peer.clone()
    }

    fn register(&mut self) -> io::Result<()> {
        self.held = match mem::replace(&mut self.held, Held::Refused) {
            Held::Bound(socket) => Held::Ready(Rc::new(A::register(socket)?)),
            held => held,
        };
        Ok(())
    }

    fn connect(&self, peer: &A) -> io::Result<()> {
        self.reference()?.connect(&peer.to_system()?)
    }

    fn send(&self, data: &[u8], to: Option<&A>) -> io::Result<usize> {
        send_with(&self.reference()?, data, to)
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        to: Option<&A>,
    ) -> Poll<io::Result<usize>> {
        let socket = self.ready()?;
        let system = A::reference(socket);
        for _ in 0..TRIES {
            if !matches!(A::poll_writable(socket, cx), Poll::Ready(Ok(()))) {
                return Poll::Pending;
            }
            match A::try_send(socket, || send_with(&system, data, to)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
        // The runtime remembers an error that is over, and will not say when
        // there is room.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_receive(&self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<A>> {
        A::poll_receive(self.ready()?, cx, room)
    }

    fn poll_error(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Ok(socket) = self.ready() else { return Poll::Pending };
        let mut place = self.failed.borrow_mut();
        loop {
            let failed = place.get_or_insert_with(|| Box::pin(A::failed(socket.clone())));
            ready!(failed.as_mut().poll(cx));
            *place = None;
            if let Some(error) = A::take_error(socket) {
                return Poll::Ready(error);
            }
        }
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        if let Ok(socket) = self.reference() {
            act(&socket);
        }
    }
}
