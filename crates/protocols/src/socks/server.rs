//! [`Socks`]: the server's side of a SOCKS client's connection.
//!
//! Mirrors `SOCKSv4` of `twisted.protocols.socks`. Tested in
//! `tests/servers/socks.rs`.

use std::fmt;
use std::mem;
use std::net::{IpAddr, Ipv4Addr};

use deferred::{CancelHandle, Failure, ensure_deferred};
use reactor_compat::{
    Address, Connection, ConnectionGone, Port, Protocol, ProtocolCallbacks, Transport, log,
};

use super::factory::Terms;
use super::other::{Made, Other, reply_address};
use super::{Command, Direction, Exchange, Host, Query, Request, RequestParser, SocksError};
use crate::flow::{hand_over, refuse_plaintext};
use crate::policies::{Timeout, TimeoutMixin};
use crate::portforward::Peer;

/// How much a client may send ahead, before there is somebody to send it to.
const MAX_AHEAD: usize = 64 * 1024;

/// An answer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Granted = 90,
    Refused = 91,
}

/// How far a client's request is.
///
/// ```text
/// Asking ──request──▶ Working ──connected──▶ Passing
///   │                    └──bound──▶ Waiting ───▲ somebody connected
///   └────refused, or lost (from all)────▶ Over
/// ```
enum Stage {
    /// The client says what it wants.
    Asking(RequestParser),
    /// It is looked up, allowed, and done.
    Working(Option<CancelHandle>),
    /// The expected peer is to connect to the port.
    Waiting(Port),
    /// All that comes is passed on.
    Passing,
    Over,
}

/// The server's side of a client's connection, made by a
/// [`SocksFactory`](super::SocksFactory).
///
/// What a client sends ahead of the answer is passed on when there is
/// somebody to send it to.
///
/// See the example of [`SocksFactory`](super::SocksFactory).
#[doc(alias = "SOCKSv4")]
pub struct Socks {
    terms: Terms,
    timeout: Timeout,
    stage: Stage,
    ahead: Vec<u8>,
    peer: Peer,
}

impl Socks {
    pub(super) fn new(terms: Terms, timeout: Timeout) -> Self {
        let stage = Stage::Asking(RequestParser::default());
        Self { terms, timeout, stage, ahead: Vec::new(), peer: Peer::default() }
    }

    /// Does what the client wants.
    fn serve(&mut self, transport: &Connection<Self>, request: Request) {
        self.set_timeout(transport, None);
        self.stage = Stage::Working(None);
        let (terms, me) = (self.terms.clone(), transport.me());
        let done = ensure_deferred(async move {
            let server = match request.host {
                Host::Ip(ip) => IpAddr::V4(ip),
                Host::Name(name) => terms.reactor.resolve(&name).await?,
            };
            let Request { command, port, user, .. } = request;
            let query = Query { command, port, server, user };
            if !(terms.authorize)(&query).await? {
                return Err(SocksError::NotAuthorized.into());
            }
            log::msg(format_args!("{command:?} {server}:{port} authorized"));
            match command {
                Command::Connect => connect(&terms, &me, server, port).await,
                Command::Bind => bind(&terms, &me, server).await,
            }
        })
        .add_errback_at(transport, |this, transport, failure| this.refuse(transport, &failure));
        if let Stage::Working(cancel) = &mut self.stage {
            *cancel = Some(done.cancel_handle());
        }
    }

    /// The other side is there.
    pub(super) fn joined(
        &mut self,
        transport: &Connection<Self>,
        (other, peer): (&Transport, &Peer),
        (ip, port): (Ipv4Addr, u16),
    ) -> Result<(), Failure> {
        if matches!(self.stage, Stage::Over | Stage::Passing)
            || !Peer::join((transport, &self.peer), (other, peer))
        {
            return Err(ConnectionGone.into());
        }
        self.set_timeout(transport, None);
        self.stage = Stage::Passing;
        reply(transport, Reply::Granted, ip, port);
        let ahead = mem::take(&mut self.ahead);
        self.pass(transport, &ahead);
        transport.resume_producing();
        Ok(())
    }

    fn pass(&self, transport: &Transport, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        if let (Some(log), Some(other)) = (&self.terms.log, self.peer.transport()) {
            log(&Exchange {
                client: transport.get_peer(),
                server: other.get_peer(),
                direction: Direction::FromClient,
                data,
            });
        }
        self.peer.write(data);
    }

    /// Tells the client that nothing comes of it, unless that is over already.
    fn refuse(&mut self, transport: &Connection<Self>, reason: &Failure) {
        if !matches!(self.stage, Stage::Passing | Stage::Over) {
            log::msg(format_args!("refused: {reason}"));
            self.end();
            reply(transport, Reply::Refused, Ipv4Addr::UNSPECIFIED, 0);
            transport.lose_connection();
        }
    }

    /// Lets go of what it waits for.
    fn end(&mut self) {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Working(Some(cancel)) => cancel.cancel(),
            Stage::Waiting(port) => drop(port.stop_listening()),
            Stage::Asking(_) | Stage::Working(None) | Stage::Passing | Stage::Over => {}
        }
    }
}

/// Connects, on the client's behalf.
async fn connect(
    terms: &Terms,
    me: &Connection<Socks>,
    server: IpAddr,
    port: u16,
) -> Result<(), Failure> {
    let (socks, terms) = (me.clone(), terms.clone());
    let reactor = terms.reactor.clone();
    let factory = move |_: Address| {
        let (terms, socks) = (terms.clone(), socks.clone());
        Other { terms, socks, peer: Peer::default(), made: Made::Outgoing }
    };
    reactor.connect_tcp((server, port), factory).when_connected().await?;
    Ok(())
}

/// Listens, on the client's behalf, for one connection from `server`.
async fn bind(terms: &Terms, me: &Connection<Socks>, server: IpAddr) -> Result<(), Failure> {
    let (socks, terms) = (me.clone(), terms.clone());
    let reactor = terms.reactor.clone();
    let mut first = true;
    let factory = move |peer: Address| {
        let expected = peer.ip().map(|ip| ip.to_canonical()) == Some(server);
        if !mem::take(&mut first) {
            return None;
        }
        drop(socks.call(move |socks, transport| {
            if !expected {
                socks.refuse(transport, &SocksError::WrongPeer.into());
            } else if let Stage::Waiting(port) = &socks.stage {
                drop(port.stop_listening());
            }
        }));
        let (terms, socks) = (terms.clone(), socks.clone());
        expected.then(|| Other { terms, socks, peer: Peer::default(), made: Made::Incoming })
    };
    let port = reactor.listen_tcp((Ipv4Addr::UNSPECIFIED, 0), factory)?;
    let closes = port.clone();
    let bound = me.call(move |this, transport| {
        let (ip, number) = reply_address(port.get_host());
        this.set_timeout(transport, this.terms.bind_time);
        this.stage = Stage::Waiting(port);
        reply(transport, Reply::Granted, ip, number);
        Ok(())
    });
    if let Err(gone) = bound.await {
        drop(closes.stop_listening());
        return Err(gone);
    }
    Ok(())
}

fn reply(transport: &Transport, reply: Reply, ip: Ipv4Addr, port: u16) {
    let [p, q] = port.to_be_bytes();
    let [a, b, c, d] = ip.octets();
    transport.write([0, reply as u8, p, q, a, b, c, d]);
}

impl TimeoutMixin for Socks {
    fn timeout(&mut self) -> &mut Timeout {
        &mut self.timeout
    }

    fn timeout_connection(&mut self, transport: &Connection<Self>) {
        self.refuse(transport, &SocksError::TimedOut.into());
    }
}

impl Protocol for Socks {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.set_timeout(transport, self.terms.request_time);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        match &mut self.stage {
            Stage::Asking(parser) => match parser.feed(data) {
                Ok(None) => {}
                Ok(Some((request, rest))) => {
                    self.ahead.extend_from_slice(rest);
                    self.serve(transport, request);
                }
                Err(error) => self.refuse(transport, &error.into()),
            },
            Stage::Working(_) | Stage::Waiting(_) => {
                self.ahead.extend_from_slice(data);
                if self.ahead.len() > MAX_AHEAD {
                    transport.pause_producing();
                }
            }
            Stage::Passing => self.pass(transport, data),
            Stage::Over => {}
        }
    }

    fn layer_pushed(&mut self, transport: &Connection<Self>) {
        if let Stage::Asking(parser) = &mut self.stage {
            hand_over(transport, &parser.take_held());
        }
        hand_over(transport, &mem::take(&mut self.ahead));
    }

    fn handshake_completed(&mut self, transport: &Connection<Self>) {
        let asked = match &self.stage {
            Stage::Asking(parser) => parser.held(),
            _ => 0,
        };
        refuse_plaintext(transport, asked + self.ahead.len());
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.peer.end(transport);
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, _: Failure) {
        self.peer.end(transport);
        self.end();
    }
}

impl fmt::Debug for Socks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Asking(_) => "Asking",
            Stage::Working(_) => "Working",
            Stage::Waiting(_) => "Waiting",
            Stage::Passing => "Passing",
            Stage::Over => "Over",
        };
        f.debug_struct("Socks").field("stage", &stage).finish_non_exhaustive()
    }
}
