//! [`Mailbox`]: a UDP port of a node.
//!
//! Tested in `tests/testing/simulation_udp.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use super::NodeId;
use super::event::Event;
use super::host::{collide, in_use};
use super::world::World;
use crate::network::Datagrams;
use crate::options::DatagramOptions;

/// How many bytes may wait to be received, as on Linux, and how many datagrams.
const MOST_BYTES: usize = 212_992;
const MOST_DATAGRAMS: usize = 1024;

/// How long a datagram of IPv4 can be.
const LONGEST: usize = 65_507;

/// A datagram that is under way.
#[derive(Clone)]
pub(super) struct Flying {
    pub(super) number: u64,
    nodes: (NodeId, NodeId),
    from: SocketAddr,
    to: SocketAddr,
    data: Rc<[u8]>,
    sender: Weak<Mailbox>,
}

/// A UDP port of a node, and what has come to it.
pub(super) struct Mailbox {
    node: NodeId,
    pub(super) address: SocketAddr,
    /// Set where others may be open at the same address.
    shared: bool,
    peer: Cell<Option<SocketAddr>>,
    come: RefCell<VecDeque<(Rc<[u8]>, SocketAddr)>>,
    bytes: Cell<usize>,
    /// Something that was sent was refused.
    refused: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Mailbox {
    /// Puts a datagram in, unless it is full.
    fn put(&self, flying: &Flying) {
        let bytes = self.bytes.get() + flying.data.len();
        let mut come = self.come.borrow_mut();
        if come.len() < MOST_DATAGRAMS && (bytes <= MOST_BYTES || come.is_empty()) {
            self.bytes.set(bytes);
            come.push_back((flying.data.clone(), flying.from));
        }
        drop(come);
        self.wake();
    }

    fn refuse(&self) {
        self.refused.set(true);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl World {
    /// Opens a UDP port of a node.
    pub(super) fn bind_udp(
        &self,
        node: NodeId,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        let shared = options.get_listen_multiple();
        let mailbox = self.host(node, |host| {
            let address = host.own(address)?;
            let taken =
                |open: &Rc<Mailbox>| collide(open.address, address) && !(shared && open.shared);
            if host.mailboxes.iter().any(taken) {
                return Err(in_use());
            }
            let mailbox = Rc::new(Mailbox {
                node,
                address,
                shared,
                peer: Cell::new(None),
                come: RefCell::default(),
                bytes: Cell::new(0),
                refused: Cell::new(false),
                waker: RefCell::default(),
            });
            host.mailboxes.push(mailbox.clone());
            Ok(mailbox)
        })?;
        Ok(Box::new(SimulatedDatagrams { world: self.weak(), mailbox }))
    }

    /// Sends a datagram; some are lost, and some arrive twice.
    fn send_datagram(&self, flying: Flying) {
        let link = self.links.borrow().link(flying.nodes.0, flying.nodes.1);
        let twice = link.duplicates > 0.0 && self.random.borrow_mut().f64() < link.duplicates;
        for _ in 0..if twice { 2 } else { 1 } {
            if let Some(at) = self.send(flying.nodes, flying.data.len()) {
                self.at(at, Event::Datagram(flying.clone()));
            }
        }
    }

    /// A datagram is where it should arrive.
    pub(super) fn datagram(&self, flying: Flying) {
        if !self.arrives(flying.nodes) {
            return;
        }
        self.note_data(&flying.data);
        let (sender, receiver) = flying.nodes;
        match self.host(receiver, |host| host.mailbox_at(flying.to)) {
            Some(mailbox) if mailbox.peer.get().is_some_and(|peer| peer != flying.from) => {}
            Some(mailbox) => mailbox.put(&flying),
            None => {
                if let Some(at) = self.send((receiver, sender), 0) {
                    self.at(at, Event::Unreachable(flying));
                }
            }
        }
    }

    /// The sender of a datagram hears that nobody listens; it wants to know
    /// only while it is connected there.
    pub(super) fn unreachable(&self, flying: &Flying) {
        let (sender, receiver) = flying.nodes;
        let mailbox = flying.sender.upgrade();
        let mailbox = mailbox.filter(|mailbox| mailbox.peer.get() == Some(flying.to));
        if let Some(mailbox) = mailbox
            && self.arrives((receiver, sender))
        {
            mailbox.refuse();
        }
    }
}

/// The stand-in for the socket of a UDP port; dropping it closes that.
struct SimulatedDatagrams {
    world: Weak<World>,
    mailbox: Rc<Mailbox>,
}

impl Datagrams for SimulatedDatagrams {
    fn get_host(&self) -> SocketAddr {
        self.mailbox.address
    }

    fn get_peer(&self) -> Option<SocketAddr> {
        self.mailbox.peer.get()
    }

    fn connect(&self, peer: &SocketAddr) -> io::Result<()> {
        self.mailbox.peer.set(Some(*peer));
        Ok(())
    }

    fn send(&self, data: &[u8], to: Option<&SocketAddr>) -> io::Result<usize> {
        let world = self.world.upgrade().ok_or(io::ErrorKind::NetworkDown)?;
        let node = self.mailbox.node;
        let to = to.copied().or(self.mailbox.peer.get()).ok_or(io::ErrorKind::NotConnected)?;
        if data.len() > LONGEST {
            return Err(too_long());
        }
        if !world.is_on(node) {
            return Err(io::ErrorKind::NetworkDown.into());
        }
        let receiver = world.node_at(node, to.ip()).ok_or(io::ErrorKind::HostUnreachable)?;
        let mut from = self.mailbox.address;
        if from.ip().is_unspecified() {
            let own = world.host(node, |host| host.ip);
            from.set_ip(if to.ip().is_loopback() { to.ip() } else { own.into() });
        }
        world.send_datagram(Flying {
            number: world.number(),
            nodes: (node, receiver),
            from,
            to,
            data: data.into(),
            sender: Rc::downgrade(&self.mailbox),
        });
        Ok(data.len())
    }

    fn poll_send(
        &self,
        _: &mut Context<'_>,
        data: &[u8],
        to: Option<&SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.send(data, to))
    }

    /// Cuts off what does not fit the room, as the system does it.
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        if self.mailbox.refused.take() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let next = self.mailbox.come.borrow_mut().pop_front();
        let Some((data, from)) = next else {
            let before = self.mailbox.waker.replace(Some(cx.waker().clone()));
            drop(before);
            return Poll::Pending;
        };
        self.mailbox.bytes.set(self.mailbox.bytes.get() - data.len());
        room.put_slice(&data[..data.len().min(room.remaining())]);
        Poll::Ready(Ok(from))
    }
}

impl Drop for SimulatedDatagrams {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.host(self.mailbox.node, |host| {
                host.mailboxes.retain(|mailbox| !Rc::ptr_eq(mailbox, &self.mailbox));
            });
        }
    }
}

/// The error of a datagram that is too long.
fn too_long() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::MSGSIZE.into();
    #[cfg(not(unix))]
    io::Error::from_raw_os_error(10040)
}
