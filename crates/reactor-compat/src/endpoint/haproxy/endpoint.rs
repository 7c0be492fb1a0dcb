//! [`ProxyServerEndpoint`]: any endpoint, behind a proxy.
//!
//! Tested in `tests/network/haproxy.rs`.

use std::io;
use std::time::Duration;

use deferred::{Deferred, Failure};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{ProxyHeader, ProxyHeaderError};
use crate::byte_queue::ByteQueue;
use crate::endpoint::preamble::{Heard, Preamble};
use crate::endpoint::wrapped_listener::bind_wrapped;
use crate::endpoint::{Listen, StreamServerEndpoint};
use crate::error::ConnectionEnded;
use crate::factory::Factory;
use crate::network::{Listener, SharedStream};
use crate::port::Port;
use crate::reactor::Reactor;

/// How long the header may take unless that is set.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read at once: most headers are shorter.
const PIECE: usize = 256;

/// Any server endpoint, behind a proxy that says with HAProxy's PROXY protocol, of
/// either version, who its clients are.
///
/// A protocol is built when the header has come, for the client that it names: that is
/// what the factory and `get_peer` are told, and `get_host` is the address that the client
/// connected to. A connection without a header, with one that is wrong, or with one that
/// takes too long, is closed: a [`ProxyHeaderError`] says why in the log, for those who
/// debug.
///
/// A proxy that passes TLS on sends the header before the handshake: there TLS is wrapped
/// around this endpoint. The string `haproxy:tls:..` has the header inside of TLS, as in
/// Twisted.
///
/// Everybody who can connect can say that he is anybody: let only the proxy connect.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::haproxy::ProxyServerEndpoint;
/// use reactor_compat::endpoint::{Listen, TcpServerEndpoint};
/// use reactor_compat::{Address, Protocol, Reactor};
/// use std::io::Write;
/// use std::time::Duration;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let endpoint = TcpServerEndpoint::new(&reactor, ("127.0.0.1", 0));
/// let endpoint = ProxyServerEndpoint::new(endpoint).header_timeout(Duration::from_secs(5));
/// let stop = reactor.clone();
/// let port = success_result_of(endpoint.listen(move |peer: Address| {
///     assert_eq!(peer, Address::Tcp(([192, 0, 2, 7], 4000).into()));
///     stop.stop().unwrap();
///     Silent
/// }));
/// let mut proxy = std::net::TcpStream::connect(port.get_host().socket_addr().unwrap())?;
/// proxy.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n")?;
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "proxyEndpoint")]
#[doc(alias = "HAProxyWrappingFactory")]
#[doc(alias = "HAProxyProtocolWrapper")]
pub struct ProxyServerEndpoint<E> {
    endpoint: E,
    header_timeout: Duration,
}

impl<E> ProxyServerEndpoint<E> {
    /// An endpoint, behind a proxy.
    ///
    /// See the [type's example](Self).
    pub fn new(endpoint: E) -> Self {
        Self { endpoint, header_timeout: HEADER_TIMEOUT }
    }

    /// How long the header may take; 10 seconds unless set.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn header_timeout(mut self, time: Duration) -> Self {
        self.header_timeout = time;
        self
    }

    /// The endpoint that listens.
    ///
    /// ```
    /// use reactor_compat::endpoint::{TcpServerEndpoint, haproxy::ProxyServerEndpoint};
    /// use reactor_compat::reactor;
    ///
    /// let endpoint = ProxyServerEndpoint::new(TcpServerEndpoint::new(&reactor(), 80));
    /// assert_eq!(endpoint.inner().interface().port(), 80);
    /// ```
    pub fn inner(&self) -> &E {
        &self.endpoint
    }
}

impl<E: StreamServerEndpoint> ProxyServerEndpoint<E> {
    /// Listens there: [`Listen::listen`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn listen(&self, factory: impl Factory) -> Deferred<Port> {
        Listen::listen(self, factory)
    }
}

impl<E: StreamServerEndpoint> StreamServerEndpoint for ProxyServerEndpoint<E> {
    fn reactor(&self) -> Reactor {
        self.endpoint.reactor()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        let time = self.header_timeout;
        bind_wrapped(&self.endpoint, move |below| {
            Preamble::over(below, move |stream| async move {
                let read = timeout(time, read_header(stream)).await;
                read.unwrap_or_else(|_| Err(refused(ProxyHeaderError::TimedOut)))
            })
        })
    }

    fn description(&self) -> String {
        format!("{}, behind a proxy", self.endpoint.description())
    }
}

/// Reads the header, and whatever came with it.
async fn read_header(mut stream: SharedStream) -> io::Result<Heard> {
    let mut data = Vec::with_capacity(PIECE);
    loop {
        if let Some((header, length)) = ProxyHeader::parse(&data).map_err(refused)? {
            return Ok(Heard {
                unread: ByteQueue::with_memory(data.split_off(length)),
                host: header.destination().cloned(),
                peer: header.source().cloned(),
            });
        }
        let mut place = [0; PIECE];
        match stream.read(&mut place).await? {
            0 => return Err(refused(ProxyHeaderError::CutShort)),
            count => data.extend_from_slice(&place[..count]),
        }
    }
}

/// A fault of the header, as the error of a stream.
fn refused(error: ProxyHeaderError) -> io::Error {
    ConnectionEnded::error(&Failure::new(error))
}
