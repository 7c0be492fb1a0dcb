//! [`Dialling`]: how a connection between two nodes is made.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::NodeId;
use super::connection::Connection;
use super::event::Event;
use super::world::World;
use crate::error::ConnectError;
use crate::testing::wire::MemoryStream;

/// How long a client waits before it sends its first packet again, at first;
/// twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How often it does, as Linux has it: 127 seconds in all.
const TRIES: u32 = 6;

/// The end of an attempt.
pub(super) type Decision = Result<MemoryStream, ConnectError>;

/// An attempt of a node to connect to another.
pub(super) struct Dialling {
    pub(super) number: u64,
    pub(super) client: NodeId,
    pub(super) server: NodeId,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// When the client's machine was switched on.
    boots: u32,
    tries: Cell<u32>,
    decide: RefCell<Option<oneshot::Sender<Decision>>>,
}

impl Dialling {
    /// Ends the attempt; gives back what nobody waits for any more.
    pub(super) fn decide(&self, decision: Decision) -> Option<Decision> {
        match self.decide.take() {
            Some(decide) => decide.send(decision).err(),
            None => Some(decision),
        }
    }

    /// Whether anybody waits for it.
    fn is_wanted(&self) -> bool {
        self.decide.borrow().as_ref().is_some_and(|decide| !decide.is_closed())
    }
}

impl World {
    /// Begins to connect a node to an address.
    pub(super) fn dial(
        &self,
        client: NodeId,
        to: SocketAddr,
        from: Option<SocketAddr>,
    ) -> Result<oneshot::Receiver<Decision>, ConnectError> {
        let server = self.node_at(client, to.ip()).ok_or(ConnectError::NoRoute)?;
        let from = self.local(client, to.ip(), from)?;
        let boots = self.host(client, |host| host.boots);
        let (decide, decided) = oneshot::channel();
        let dialling = Dialling {
            number: self.number(),
            client,
            server,
            from,
            to,
            boots,
            tries: Cell::new(0),
            decide: RefCell::new(Some(decide)),
        };
        self.send_syn(&Rc::new(dialling));
        Ok(decided)
    }

    /// The address that a node connects from.
    fn local(
        &self,
        node: NodeId,
        to: IpAddr,
        from: Option<SocketAddr>,
    ) -> Result<SocketAddr, ConnectError> {
        let local = |host: &mut super::host::Host| {
            let ip = if to.is_loopback() { to } else { IpAddr::V4(host.ip) };
            let Some(from) = from else { return Ok(SocketAddr::new(ip, host.free_port())) };
            let mut from = host.own(from)?;
            if from.ip().is_unspecified() {
                from.set_ip(ip);
            }
            Ok(from)
        };
        self.host(node, local).map_err(|error: io::Error| match from {
            Some(from) => ConnectError::Bind(from, error.into()),
            None => error.into(),
        })
    }

    fn send_syn(&self, dialling: &Rc<Dialling>) {
        match self.send((dialling.client, dialling.server), 0) {
            Some(at) => self.at(at, Event::Syn(dialling.clone())),
            None => self.lose_syn(dialling),
        }
    }

    fn lose_syn(&self, dialling: &Rc<Dialling>) {
        let wait = FIRST_WAIT * 2_u32.saturating_pow(dialling.tries.get());
        self.after(wait, Event::SynAgain(dialling.clone()));
    }

    /// A client's first packet was lost.
    pub(super) fn syn_again(&self, dialling: &Rc<Dialling>) {
        let on = self.host(dialling.client, |host| host.boots == dialling.boots);
        if !on || !self.is_on(dialling.client) || !dialling.is_wanted() {
            return;
        }
        dialling.tries.set(dialling.tries.get() + 1);
        if dialling.tries.get() > TRIES {
            dialling.decide(Err(ConnectError::TcpTimedOut));
        } else {
            self.send_syn(dialling);
        }
    }

    /// A client's first packet arrives.
    pub(super) fn syn(&self, dialling: &Rc<Dialling>) {
        if !self.arrives((dialling.client, dialling.server)) {
            return self.lose_syn(dialling);
        }
        let port = self.host(dialling.server, |host| host.port_at(dialling.to));
        match port.filter(|port| port.expect()) {
            Some(port) => Connection::begin(self, dialling.clone(), port),
            None => match self.send((dialling.server, dialling.client), 0) {
                Some(at) => self.at(at, Event::Refused(dialling.clone())),
                None => self.lose_syn(dialling),
            },
        }
    }

    /// A client hears that nobody listens.
    pub(super) fn refused(&self, dialling: &Rc<Dialling>) {
        if !self.arrives((dialling.server, dialling.client)) {
            return self.lose_syn(dialling);
        }
        dialling.decide(Err(ConnectError::ConnectionRefused));
    }
}
