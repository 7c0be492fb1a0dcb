//! [`SocksClientEndpoint`]: a place behind a SOCKS proxy.
//!
//! Twisted has no such endpoint; txsocksx and txtorcon have. Tested in
//! `tests/network/socks_endpoint.rs`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use deferred::{Deferred, Failure};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::preamble::{Heard, Preamble};
use super::{Connect, StreamClientEndpoint};
use crate::address::{Address, Destination};
use crate::connection::Connection;
use crate::error::ConnectionEnded;
use crate::factory::Factory;
use crate::network::SharedStream;
use crate::reactor::Reactor;

/// How long the conversation with the proxy may take unless that is set.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A place that is connected to through a SOCKS proxy: version 5, or 4 with its extension
/// for names, 4a. Names are looked up by the proxy.
///
/// The proxy is any client endpoint, inside TLS too. A proxy that does not connect fails
/// the attempt with a [`SocksError`].
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::endpoint::{HostnameEndpoint, SocksClientEndpoint};
/// use reactor_compat::{Connection, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// fn connect(reactor: &Reactor) -> Deferred<Connection<Silent>> {
///     let tor = HostnameEndpoint::new(reactor, ("127.0.0.1", 9050));
///     let hidden = SocksClientEndpoint::v5(tor, ("example.onion", 80))
///         .credentials("user", "password");
///     hidden.connect(|_| Silent)
/// }
/// # let _ = connect;
/// ```
#[derive(Clone, Debug)]
pub struct SocksClientEndpoint<E> {
    proxy: E,
    destination: Destination,
    version: Version,
    credentials: Option<Credentials>,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Four,
    Five,
}

/// Who we are. Not to be shown.
#[derive(Clone)]
struct Credentials {
    user: String,
    password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why a SOCKS proxy has not connected.
///
/// ```
/// use reactor_compat::endpoint::SocksError;
///
/// let error = SocksError::HostUnreachable;
/// assert_eq!(error.to_string(), "the SOCKS proxy cannot reach the host");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SocksError {
    /// What answers is no proxy of that version.
    #[error("what answers is not a SOCKS proxy of that version")]
    NotSocks,
    /// The proxy wants to know who we are.
    #[error("the SOCKS proxy wants a user and a password")]
    CredentialsWanted,
    /// The proxy does not believe us.
    #[error("the SOCKS proxy refuses the user or the password")]
    CredentialsRefused,
    /// A name, a user or a password is longer than can be said, or has a NUL in it.
    #[error("a name, a user or a password that SOCKS cannot say")]
    Unspeakable,
    /// The proxy failed, and does not say why.
    #[error("the SOCKS proxy has failed")]
    Failed,
    /// The proxy's rules forbid it.
    #[error("the SOCKS proxy's rules forbid the connection")]
    Forbidden,
    /// There is no way to that network.
    #[error("the SOCKS proxy cannot reach the network")]
    NetworkUnreachable,
    /// There is no way to that host; or it has no such name.
    #[error("the SOCKS proxy cannot reach the host")]
    HostUnreachable,
    /// The host refuses.
    #[error("the SOCKS proxy's connection was refused")]
    ConnectionRefused,
    /// It took the proxy too long.
    #[error("the SOCKS proxy's connection timed out")]
    ProxyTimedOut,
    /// The proxy does not know such commands or addresses.
    #[error("the SOCKS proxy does not support that command or kind of address")]
    Unsupported,
    /// The connection ended within the conversation.
    #[error("the SOCKS proxy closed the connection")]
    CutShort,
    /// The conversation took too long.
    #[error("the conversation with the SOCKS proxy took too long")]
    TimedOut,
}

impl<E> SocksClientEndpoint<E> {
    /// A place behind a proxy that speaks version 5.
    ///
    /// See the [type's example](Self).
    pub fn v5(proxy: E, destination: impl Into<Destination>) -> Self {
        Self::new(Version::Five, proxy, destination.into())
    }

    /// A place behind a proxy that speaks version 4, and 4a where it has a name. There are
    /// no addresses of IPv6 in it.
    ///
    /// ```
    /// use reactor_compat::endpoint::{HostnameEndpoint, SocksClientEndpoint};
    /// use reactor_compat::{endpoint::StreamClientEndpoint, reactor};
    ///
    /// let proxy = HostnameEndpoint::new(&reactor(), ("proxy.example", 1080));
    /// let endpoint = SocksClientEndpoint::v4(proxy, ("example.org", 80));
    /// assert_eq!(endpoint.description(), "example.org:80, by proxy.example:1080");
    /// ```
    pub fn v4(proxy: E, destination: impl Into<Destination>) -> Self {
        Self::new(Version::Four, proxy, destination.into())
    }

    fn new(version: Version, proxy: E, destination: Destination) -> Self {
        Self { proxy, destination, version, credentials: None, timeout: TIMEOUT }
    }

    /// Sets who we are, for a proxy that asks. Version 4 knows no passwords.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        let (user, password) = (user.to_owned(), password.to_owned());
        self.credentials = Some(Credentials { user, password });
        self
    }

    /// Sets how long the conversation with the proxy may take, its own connecting included;
    /// 30 seconds unless set.
    ///
    /// ```
    /// use reactor_compat::endpoint::{HostnameEndpoint, SocksClientEndpoint};
    /// use reactor_compat::reactor;
    /// use std::time::Duration;
    ///
    /// let proxy = HostnameEndpoint::new(&reactor(), ("proxy.example", 1080));
    /// let endpoint = SocksClientEndpoint::v5(proxy, ("example.org", 80))
    ///     .timeout(Duration::from_secs(5));
    /// assert!(format!("{endpoint:?}").contains("5s"));
    /// ```
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }
}

impl<E: StreamClientEndpoint + Clone> SocksClientEndpoint<E> {
    /// Connects there: [`Connect::connect`], without a `use`.
    ///
    /// See the [type's example](Self).
    pub fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        Connect::connect(self, factory)
    }
}

impl<E: StreamClientEndpoint> StreamClientEndpoint for SocksClientEndpoint<E> {
    fn reactor(&self) -> Reactor {
        self.proxy.reactor()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let (destination, credentials) = (self.destination.clone(), self.credentials.clone());
        let (version, time) = (self.version, self.timeout);
        self.proxy.dial().add_callback(move |below| {
            Ok(Preamble::over(below, move |stream| async move {
                let peer = destination.literal().map(Address::Tcp);
                let talk = async {
                    match version {
                        Version::Four => four(stream, &destination, credentials.as_ref()).await,
                        Version::Five => five(stream, &destination, credentials.as_ref()).await,
                    }
                };
                timeout(time, talk).await.unwrap_or_else(|_| Err(failed(SocksError::TimedOut)))?;
                Ok(Heard { peer, ..Heard::default() })
            }))
        })
    }

    fn description(&self) -> String {
        format!("{}, by {}", self.destination, self.proxy.description())
    }
}

fn failed(error: SocksError) -> io::Error {
    ConnectionEnded::error(&Failure::new(error))
}

async fn read<const N: usize>(stream: &mut SharedStream) -> io::Result<[u8; N]> {
    let mut data = [0; N];
    match stream.read_exact(&mut data).await {
        Ok(_) => Ok(data),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(failed(SocksError::CutShort))
        }
        Err(error) => Err(error),
    }
}

async fn write(stream: &mut SharedStream, data: &[u8]) -> io::Result<()> {
    stream.write_all(data).await?;
    stream.flush().await
}

/// A text behind its length, which is one byte.
fn counted(text: &str) -> io::Result<Vec<u8>> {
    let length = u8::try_from(text.len()).map_err(|_| failed(SocksError::Unspeakable))?;
    Ok([&[length], text.as_bytes()].concat())
}

/// A text before a NUL.
fn terminated(text: &str) -> io::Result<Vec<u8>> {
    if text.contains('\0') || text.len() > 255 {
        return Err(failed(SocksError::Unspeakable));
    }
    Ok([text.as_bytes(), &[0]].concat())
}

/// The conversation of version 4.
async fn four(
    mut stream: SharedStream,
    destination: &Destination,
    credentials: Option<&Credentials>,
) -> io::Result<()> {
    // An address that is none says that a name follows.
    const NAMED: [u8; 4] = [0, 0, 0, 1];
    let user = terminated(credentials.map_or("", |credentials| &credentials.user))?;
    let port = destination.port().to_be_bytes();
    let request = match destination.literal().map(|address| address.ip()) {
        Some(IpAddr::V4(ip)) => [&[4, 1], &port[..], &ip.octets(), &user].concat(),
        Some(IpAddr::V6(_)) => return Err(failed(SocksError::Unsupported)),
        None => {
            let name = terminated(destination.host())?;
            [&[4, 1], &port[..], &NAMED, &user, &name].concat()
        }
    };
    write(&mut stream, &request).await?;
    let [zero, code, ..] = read::<8>(&mut stream).await?;
    match (zero, code) {
        (0, 90) => Ok(()),
        (0, 91) => Err(failed(SocksError::Failed)),
        (0, 92 | 93) => Err(failed(SocksError::CredentialsRefused)),
        _ => Err(failed(SocksError::NotSocks)),
    }
}

/// The conversation of version 5, RFC 1928.
async fn five(
    mut stream: SharedStream,
    destination: &Destination,
    credentials: Option<&Credentials>,
) -> io::Result<()> {
    const NONE: u8 = 0;
    const PASSWORD: u8 = 2;
    let offered: &[u8] =
        if credentials.is_some() { &[5, 2, NONE, PASSWORD] } else { &[5, 1, NONE] };
    write(&mut stream, offered).await?;
    match (read::<2>(&mut stream).await?, credentials) {
        ([5, NONE], _) => {}
        ([5, PASSWORD], Some(credentials)) => say_who(&mut stream, credentials).await?,
        ([5, _], _) => return Err(failed(SocksError::CredentialsWanted)),
        _ => return Err(failed(SocksError::NotSocks)),
    }
    let address = match destination.literal() {
        Some(SocketAddr::V4(address)) => [&[1], &address.ip().octets()[..]].concat(),
        Some(SocketAddr::V6(address)) => [&[4], &address.ip().octets()[..]].concat(),
        None => [vec![3], counted(destination.host())?].concat(),
    };
    let request = [&[5, 1, 0], &address[..], &destination.port().to_be_bytes()].concat();
    write(&mut stream, &request).await?;
    let [version, code, _, kind] = read::<4>(&mut stream).await?;
    if version != 5 {
        return Err(failed(SocksError::NotSocks));
    }
    if let Some(error) = refusal(code) {
        return Err(failed(error));
    }
    // The address that the proxy connects from, which is nothing to us.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(read::<1>(&mut stream).await?[0]),
        _ => return Err(failed(SocksError::NotSocks)),
    };
    for _ in 0..length + 2 {
        read::<1>(&mut stream).await?;
    }
    Ok(())
}

/// Says user and password, RFC 1929.
async fn say_who(stream: &mut SharedStream, credentials: &Credentials) -> io::Result<()> {
    let (user, password) = (counted(&credentials.user)?, counted(&credentials.password)?);
    write(stream, &[vec![1], user, password].concat()).await?;
    match read::<2>(stream).await? {
        [_, 0] => Ok(()),
        _ => Err(failed(SocksError::CredentialsRefused)),
    }
}

fn refusal(code: u8) -> Option<SocksError> {
    Some(match code {
        0 => return None,
        2 => SocksError::Forbidden,
        3 => SocksError::NetworkUnreachable,
        4 => SocksError::HostUnreachable,
        5 => SocksError::ConnectionRefused,
        6 => SocksError::ProxyTimedOut,
        7 | 8 => SocksError::Unsupported,
        _ => SocksError::Failed,
    })
}
