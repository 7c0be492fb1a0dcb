//! Version two of the header: binary.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ProxyHeader, ProxyHeaderError, ProxyVersion};
use crate::address::{Address, UnixAddress};

/// Each header begins so.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and transport, and the length of the rest.
const FIXED: usize = 16;

/// The longest rest that is taken: addresses, and what a proxy says besides.
const LONGEST: usize = 4096;

/// The number of a part that has the checksum of the whole.
const CHECKSUM: u8 = 3;

/// The length of a UNIX socket's name.
const NAME: usize = 108;

/// Reads a header that begins with as much of [`SIGNATURE`] as there is.
pub(super) fn parse(data: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyHeaderError> {
    let Some(command) = data.get(12).copied() else { return Ok(None) };
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyHeaderError::Unknown);
    }
    let Some(fixed) = data.get(..FIXED) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > LONGEST {
        return Err(ProxyHeaderError::TooLong);
    }
    let Some(whole) = data.get(..FIXED + length) else { return Ok(None) };
    let ends = if command == 0x20 { None } else { ends(whole)? };
    Ok(Some((ProxyHeader::new(ProxyVersion::Two, ends), whole.len())))
}

/// The addresses in a header, which is checked to its end.
fn ends(whole: &[u8]) -> Result<Option<(Address, Address)>, ProxyHeaderError> {
    let (family, transport) = (whole[13] >> 4, whole[13] & 0xf);
    if family > 3 || transport > 2 {
        return Err(ProxyHeaderError::InvalidNetworkProtocol);
    }
    let rest = &whole[FIXED..];
    let (ends, used) = match family {
        // Of what has no addresses, nothing more is known.
        _ if family == 0 || transport == 0 => return Ok(None),
        1 => (inet(rest, transport), 12),
        2 => (inet6(rest, transport), 36),
        _ => (unix(rest), 2 * NAME),
    };
    let ends = ends.ok_or(ProxyHeaderError::MissingAddressData)?;
    check_parts(whole, FIXED + used)?;
    Ok(Some(ends))
}

fn inet(rest: &[u8], transport: u8) -> Option<(Address, Address)> {
    let (source, rest) = rest.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    let (source, destination) = (Ipv4Addr::from(*source), Ipv4Addr::from(*destination));
    with_ports((source, destination), rest, transport)
}

fn inet6(rest: &[u8], transport: u8) -> Option<(Address, Address)> {
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
    with_ports((source, destination), rest, transport)
}

fn with_ports<A: Into<std::net::IpAddr>>(
    (source, destination): (A, A),
    rest: &[u8],
    transport: u8,
) -> Option<(Address, Address)> {
    let ports = rest.first_chunk::<4>()?;
    let address = |ip: A, port: [u8; 2]| {
        let address = SocketAddr::new(ip.into(), u16::from_be_bytes(port));
        if transport == 2 { Address::Udp(address) } else { Address::Tcp(address) }
    };
    let [a, b, c, d] = *ports;
    Some((address(source, [a, b]), address(destination, [c, d])))
}

fn unix(rest: &[u8]) -> Option<(Address, Address)> {
    let (source, rest) = rest.split_at_checked(NAME)?;
    Some((name(source), name(rest.get(..NAME)?)))
}

/// The name of a socket, whose end is padded with zeros.
fn name(bytes: &[u8]) -> Address {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bytes = &bytes[..end];
    Address::Unix(match bytes.split_first() {
        None => UnixAddress::Unnamed,
        Some((0, name)) => UnixAddress::Abstract(name.to_vec()),
        Some(_) => path(bytes),
    })
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> UnixAddress {
    use std::os::unix::ffi::OsStrExt;
    UnixAddress::from(std::path::Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> UnixAddress {
    UnixAddress::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Checks the parts behind the addresses, and the checksum if there is one.
fn check_parts(whole: &[u8], mut at: usize) -> Result<(), ProxyHeaderError> {
    while at < whole.len() {
        let head = whole.get(at..at + 3).ok_or(ProxyHeaderError::Malformed)?;
        let (value, length) = (at + 3, usize::from(u16::from_be_bytes([head[1], head[2]])));
        let bytes = whole.get(value..value + length).ok_or(ProxyHeaderError::Malformed)?;
        if head[0] == CHECKSUM {
            let said = bytes.try_into().map_err(|_| ProxyHeaderError::Malformed)?;
            let mut zeroed = whole.to_vec();
            zeroed[value..value + length].fill(0);
            if crc32c(&zeroed) != u32::from_be_bytes(said) {
                return Err(ProxyHeaderError::BadChecksum);
            }
        }
        at = value + length;
    }
    Ok(())
}

/// The checksum of RFC 4960, appendix B. A header is too short for a table.
fn crc32c(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let sum = data.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 }
        })
    });
    !sum
}

/// Writes a header.
pub(super) fn encode(source: &Address, destination: &Address) -> Vec<u8> {
    let (kind, addresses) = match (source, destination) {
        (Address::Tcp(SocketAddr::V4(from)), Address::Tcp(SocketAddr::V4(to))) => {
            let ips = [from.ip().octets(), to.ip().octets()].concat();
            (0x11, [ips, ports(from.port(), to.port())].concat())
        }
        (Address::Tcp(SocketAddr::V6(from)), Address::Tcp(SocketAddr::V6(to))) => {
            let ips = [from.ip().octets(), to.ip().octets()].concat();
            (0x21, [ips, ports(from.port(), to.port())].concat())
        }
        (Address::Unix(from), Address::Unix(to)) => match (padded(from), padded(to)) {
            (Some(from), Some(to)) => (0x31, [from, to].concat()),
            _ => (0, Vec::new()),
        },
        _ => (0, Vec::new()),
    };
    let mut header = SIGNATURE.to_vec();
    header.extend([0x21, kind]);
    header.extend(u16::try_from(addresses.len()).unwrap_or_default().to_be_bytes());
    header.extend(addresses);
    header
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

/// The name of a socket in as many bytes as there are for it, if it fits.
fn padded(address: &UnixAddress) -> Option<Vec<u8>> {
    let mut bytes = match address {
        UnixAddress::Unnamed => Vec::new(),
        UnixAddress::Path(path) => path.as_os_str().as_encoded_bytes().to_vec(),
        UnixAddress::Abstract(name) => [&[0], name.as_slice()].concat(),
    };
    let fits = bytes.len() <= NAME;
    bytes.resize(NAME, 0);
    fits.then_some(bytes)
}
