//! [`RequestParser`]: from bytes to a [`Request`].
//!
//! Tested in `tests/servers/socks.rs`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::SocksError;

/// The command of a client.
///
/// ```
/// assert_ne!(protocols::socks::Command::Connect, protocols::socks::Command::Bind);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To connect somewhere.
    Connect,
    /// That somebody connects to it.
    Bind,
}

/// With whom.
///
/// ```
/// use protocols::socks::Host;
///
/// assert_eq!(Host::Name("example.org".to_owned()).to_string(), "example.org");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(Ipv4Addr),
    /// A name, which the server looks up: SOCKS 4a.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A client's request, as it came.
///
/// See the example of [`RequestParser`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The command.
    pub command: Command,
    /// On which port.
    pub port: u16,
    /// With whom.
    pub host: Host,
    /// The name of its user.
    pub user: Vec<u8>,
}

/// A request whose host has been looked up: what is to be allowed or not.
///
/// See the example of [`SocksFactory`](super::SocksFactory).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The command.
    pub command: Command,
    /// On which port.
    pub port: u16,
    /// With whom.
    pub server: IpAddr,
    /// The name of its user, which it may have made up.
    pub user: Vec<u8>,
}

/// From bytes to a [`Request`], without a connection.
///
/// It keeps what is not complete: no more than 8 bytes and two names.
///
/// ```
/// use protocols::socks::{Command, Host, RequestParser};
///
/// let mut parser = RequestParser::default();
/// assert_eq!(parser.feed(b"\x04\x01\x00\x50\x00\x00\x00\x01ada\0exam"), Ok(None));
/// let (request, rest) = parser.feed(b"ple.org\0GET").unwrap().unwrap();
/// assert_eq!(request.command, Command::Connect);
/// assert_eq!(request.port, 80);
/// assert_eq!(request.host, Host::Name("example.org".to_owned()));
/// assert_eq!(request.user, b"ada");
/// assert_eq!(rest, b"GET");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    held: Vec<u8>,
}

/// Where the names begin.
const HEAD: usize = 8;

impl RequestParser {
    /// How long a name may be.
    ///
    /// ```
    /// assert_eq!(protocols::socks::RequestParser::MAX_FIELD, 255);
    /// ```
    pub const MAX_FIELD: usize = 255;

    /// The most that a request takes.
    const MAX: usize = HEAD + 2 * (Self::MAX_FIELD + 1);

    /// Takes more bytes. Gives the request when it is complete, and what came
    /// behind it; the parser is as new then.
    ///
    /// # Errors
    ///
    /// [`SocksError`], as soon as it is clear that there will be no request.
    ///
    /// See the [type's example](Self).
    pub fn feed<'a>(&mut self, data: &'a [u8]) -> Result<Option<(Request, &'a [u8])>, SocksError> {
        let before = self.held.len();
        let room = Self::MAX - before.min(Self::MAX);
        self.held.extend_from_slice(&data[..data.len().min(room)]);
        let Some((request, length)) = parse(&self.held)? else { return Ok(None) };
        self.held.clear();
        Ok(Some((request, data.get(length - before..).unwrap_or_default())))
    }

    /// How many bytes it keeps of a request that has not come whole.
    ///
    /// ```
    /// let mut parser = protocols::socks::RequestParser::default();
    /// assert_eq!(parser.feed(b"\x04\x01"), Ok(None));
    /// assert_eq!(parser.held(), 2);
    /// ```
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes them out.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// The request at the beginning of `data`, and how long it is. What comes
/// first decides, so that it does not matter how the bytes were cut.
fn parse(data: &[u8]) -> Result<Option<(Request, usize)>, SocksError> {
    match data.first() {
        Some(4) | None => {}
        Some(&version) => return Err(SocksError::BadVersion(version)),
    }
    let command = match data.get(1) {
        Some(1) => Command::Connect,
        Some(2) => Command::Bind,
        Some(&command) => return Err(SocksError::BadCommand(command)),
        None => return Ok(None),
    };
    let Some((&[_, _, p, q, a, b, c, d], names)) = data.split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let Some(user) = name(names, SocksError::UserTooLong)? else { return Ok(None) };
    let mut length = HEAD + user.len() + 1;
    let host = if [a, b, c] == [0; 3] && d != 0 {
        let Some(host) = name(&data[length..], SocksError::HostTooLong)? else { return Ok(None) };
        length += host.len() + 1;
        let text = std::str::from_utf8(host).map_err(|_| SocksError::BadHost)?;
        Host::Name(text.to_owned())
    } else {
        Host::Ip(Ipv4Addr::new(a, b, c, d))
    };
    let port = u16::from_be_bytes([p, q]);
    Ok(Some((Request { command, port, host, user: user.to_vec() }, length)))
}

/// The bytes up to the first zero.
fn name(data: &[u8], too_long: SocksError) -> Result<Option<&[u8]>, SocksError> {
    match data.iter().take(RequestParser::MAX_FIELD + 1).position(|byte| *byte == 0) {
        Some(end) => Ok(Some(&data[..end])),
        None if data.len() > RequestParser::MAX_FIELD => Err(too_long),
        None => Ok(None),
    }
}
