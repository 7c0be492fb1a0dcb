//! Version one of the header: a line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{ProxyHeader, ProxyHeaderError, ProxyVersion};
use crate::address::Address;

/// Each header begins so.
pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The length of the longest line.
const LONGEST: usize = 107;

/// Reads a header that begins with as much of [`PREFIX`] as there is.
pub(super) fn parse(data: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyHeaderError> {
    let line_end = data.windows(2).take(LONGEST - 1).position(|end| end == b"\r\n");
    let Some(line_end) = line_end else {
        return if data.len() < LONGEST { Ok(None) } else { Err(ProxyHeaderError::TooLong) };
    };
    let line = data.get(PREFIX.len()..line_end).ok_or(ProxyHeaderError::NotAHeader)?;
    let line = std::str::from_utf8(line).map_err(|_| ProxyHeaderError::Malformed)?;
    let header = ProxyHeader::new(ProxyVersion::One, ends(line)?);
    Ok(Some((header, line_end + 2)))
}

fn ends(line: &str) -> Result<Option<(Address, Address)>, ProxyHeaderError> {
    let (protocol, rest) = line.split_once(' ').unwrap_or((line, ""));
    match protocol {
        // What may stand behind is to be ignored.
        "UNKNOWN" => Ok(None),
        "TCP4" => addresses::<Ipv4Addr>(rest).map(Some),
        "TCP6" => addresses::<Ipv6Addr>(rest).map(Some),
        _ => Err(ProxyHeaderError::InvalidNetworkProtocol),
    }
}

fn addresses<A: FromStr + Into<IpAddr>>(
    text: &str,
) -> Result<(Address, Address), ProxyHeaderError> {
    let mut words = text.split(' ');
    let mut next = || words.next().filter(|word| !word.is_empty());
    let missing = ProxyHeaderError::MissingAddressData;
    let source = address::<A>(next().ok_or(missing)?)?;
    let destination = address::<A>(next().ok_or(missing)?)?;
    let source = SocketAddr::new(source, port(next().ok_or(missing)?)?);
    let destination = SocketAddr::new(destination, port(next().ok_or(missing)?)?);
    match words.next() {
        None => Ok((Address::Tcp(source), Address::Tcp(destination))),
        Some(_) => Err(ProxyHeaderError::Malformed),
    }
}

fn address<A: FromStr + Into<IpAddr>>(word: &str) -> Result<IpAddr, ProxyHeaderError> {
    word.parse::<A>().map(Into::into).map_err(|_| ProxyHeaderError::BadAddress)
}

/// A port: digits alone, without zeros in front.
fn port(word: &str) -> Result<u16, ProxyHeaderError> {
    let plain = word == "0" || word.starts_with(|first: char| matches!(first, '1'..='9'));
    word.parse().ok().filter(|_| plain).ok_or(ProxyHeaderError::BadAddress)
}

/// Writes a header.
pub(super) fn encode(source: &Address, destination: &Address) -> Vec<u8> {
    let (Address::Tcp(source), Address::Tcp(destination)) = (source, destination) else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = match (source, destination) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
        (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
        _ => return b"PROXY UNKNOWN\r\n".to_vec(),
    };
    let (from, to) = (source.ip(), destination.ip());
    let (source, destination) = (source.port(), destination.port());
    format!("PROXY {family} {from} {to} {source} {destination}\r\n").into_bytes()
}
