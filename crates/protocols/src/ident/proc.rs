//! [`proc_lookup`]: who owns a connection, by the tables in `/proc/net`.
//!
//! Mirrors `twisted.protocols.ident.ProcServerMixin`. Tested in
//! `tests/servers/ident_proc.rs`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use deferred::{Deferred, Failure};
use nix::unistd::{Uid, User};
use reactor_compat::Reactor;

use super::{End, IdentError, Identity};

/// The name of the system.
const SYSTEM_NAME: &str = "LINUX";

/// How much of a table is read: some 400,000 connections.
const MAX_TABLE: u64 = 64 << 20;

/// How long a line may be; they have some 150 bytes.
const MAX_LINE: u64 = 1024;

/// Finds the owner of a connection of this machine, by `/proc/net/tcp` and `tcp6`: a
/// lookup for [`IdentServer::new`](super::IdentServer::new).
///
/// The tables are read, and the user's name is looked up, on a thread of the
/// reactor's pool. The lookup fails with [`IdentError::NoUser`] if there is no
/// such connection, if nobody owns it any more, or if its owner has no name;
/// with the [`io::Error`] if a table cannot be read, or has more than 64 MiB.
///
/// It tells the names of users to everybody who can connect: wrap it in a
/// function that says who may know whom.
///
/// ```
/// use protocols::ident::{End, IdentError, IdentServer, Identity, proc_lookup};
/// use reactor_compat::Reactor;
///
/// let lookup = proc_lookup(&Reactor::new());
/// let server = IdentServer::new(move |ours: &End, theirs: &End| {
///     lookup(ours, theirs).add_callback(|found: Identity| match found.user.as_str() {
///         "root" => Err(IdentError::HiddenUser.into()),
///         _ => Ok(found),
///     })
/// });
/// # drop(server);
/// ```
#[doc(alias = "ProcServerMixin")]
pub fn proc_lookup(
    reactor: &Reactor,
) -> impl Fn(&End, &End) -> Deferred<Identity> + Clone + 'static {
    let reactor = reactor.clone();
    move |ours, theirs| {
        let Some(host) = theirs.host.ip() else { return Deferred::fail(IdentError::NoUser) };
        let (port, client) = (ours.port, SocketAddr::new(host.to_canonical(), theirs.port));
        reactor.defer_to_thread(move || look_up(port, client))
    }
}

/// Blocks: it reads files, and whatever the system asks for names.
fn look_up(port: u16, client: SocketAddr) -> Result<Identity, Failure> {
    let table = if client.is_ipv4() { find_in("/proc/net/tcp", port, client)? } else { None };
    let entry = match table {
        // A socket for both families has its connections over IPv4 there, too.
        None => find_in("/proc/net/tcp6", port, client)?,
        found => found,
    };
    let uid = entry.and_then(|entry| entry.uid).ok_or(IdentError::NoUser)?;
    let user = User::from_uid(Uid::from_raw(uid)).map_err(io::Error::from)?;
    Ok(Identity::new(SYSTEM_NAME, user.ok_or(IdentError::NoUser)?.name))
}

/// A table that is not there, as `tcp6` where there is no IPv6, is empty.
fn find_in(path: &str, port: u16, client: SocketAddr) -> io::Result<Option<ProcEntry>> {
    match File::open(path) {
        Ok(table) => find(table.take(MAX_TABLE), port, client),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The connection from `client` to our port, whichever of our addresses it has.
fn find(
    table: io::Take<impl Read>,
    port: u16,
    client: SocketAddr,
) -> io::Result<Option<ProcEntry>> {
    let mut table = BufReader::new(table);
    let mut line = Vec::new();
    while (&mut table).take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        if table.get_ref().limit() == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a table in /proc/net"));
        }
        let entry = std::str::from_utf8(&line).ok().and_then(ProcEntry::parse);
        let matches = |it: &ProcEntry| it.remote == client && it.local.port() == port;
        if let Some(found) = entry.filter(matches) {
            return Ok(Some(found));
        }
        line.clear();
    }
    Ok(None)
}

/// A connection in `/proc/net/tcp` or `tcp6`.
///
/// ```
/// use protocols::ident::ProcEntry;
///
/// // The kernel writes addresses as numbers of the machine's own byte order.
/// let local = u32::from_ne_bytes([127, 0, 0, 1]);
/// let line = format!(
///     "4: {local:08X}:0019 {local:08X}:02FA 01 00000000:00000000 \
///      00:00000000 00000000  1000        0 10927 1 f72a5b80 3000 0 0 2 -1"
/// );
/// let entry = ProcEntry::parse(&line).unwrap();
/// assert_eq!(entry.local, "127.0.0.1:25".parse()?);
/// assert_eq!(entry.remote, "127.0.0.1:762".parse()?);
/// assert_eq!(entry.uid, Some(1000));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcEntry {
    /// Our end. An IPv4 address within an IPv6 one is given as what it is.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Whose it is: `None` for what only the kernel still knows, such as a
    /// connection that was closed a minute ago.
    pub uid: Option<u32>,
}

impl ProcEntry {
    /// Reads a line of the table; `None` if it is none, as its heading.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "parseLine")]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().skip(1);
        let local = parse_address(words.next()?)?;
        let remote = parse_address(words.next()?)?;
        let mut words = words.skip(4);
        let uid = words.next()?.parse().ok()?;
        // Where there is no socket any more, there is root's number.
        let inode: u64 = words.nth(1)?.parse().ok()?;
        Some(Self { local, remote, uid: (inode != 0).then_some(uid) })
    }
}

fn parse_address(packed: &str) -> Option<SocketAddr> {
    let (address, port) = packed.split_once(':')?;
    let ip = match address.len() {
        8 => Ipv4Addr::from(parse_word(address)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for (at, word) in bytes.chunks_exact_mut(4).enumerate() {
                word.copy_from_slice(&parse_word(address.get(8 * at..8 * at + 8)?)?);
            }
            IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Four bytes of an address, as they go over the wire.
fn parse_word(digits: &str) -> Option<[u8; 4]> {
    u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr \
                           tm->when retrnsmt   uid  timeout inode";

    /// A line with our port, the peer's last byte and port, and an owner.
    fn line(port: u16, last: u8, peers_port: u16, uid: u32) -> String {
        let (ours, theirs) =
            (u32::from_ne_bytes([127, 0, 0, 1]), u32::from_ne_bytes([1, 2, 3, last]));
        format!(
            "   4: {ours:08X}:{port:04X} {theirs:08X}:{peers_port:04X} 01 00000000:00000000 \
             00:00000000 00000000  {uid}        0 10927 1 f72a5b80 3000 0 0 2 -1"
        )
    }

    fn owner(table: &str, port: u16, client: &str) -> Option<u32> {
        let table = table.as_bytes().take(MAX_TABLE);
        let found = find(table, port, client.parse().expect("it is one"));
        found.expect("it can be read").map(|entry| entry.uid.expect("somebody's"))
    }

    #[test]
    fn a_connection_is_found_by_our_port_and_the_peers_address() {
        let table = [HEADING, &line(25, 4, 763, 1), &line(25, 4, 762, 2)].join("\n");
        assert_eq!(owner(&table, 25, "1.2.3.4:762"), Some(2));
        for (port, client) in [(26, "1.2.3.4:762"), (25, "1.2.3.5:762"), (25, "1.2.3.4:761")] {
            assert_eq!(owner(&table, port, client), None);
        }
        assert_eq!(owner(HEADING, 25, "1.2.3.4:762"), None);
        assert_eq!(owner("", 25, "1.2.3.4:762"), None);
    }

    /// A number that the limit cuts is not taken for a shorter one.
    #[test]
    fn a_table_is_not_read_without_end() {
        let table = [HEADING, &line(25, 4, 762, 1000)].join("\n");
        for limit in 0..table.len() {
            let table = table.as_bytes().take(limit as u64);
            let found = find(table, 25, "1.2.3.4:762".parse().expect("it is one"));
            assert!(limit == 0 || found.is_err(), "{limit}: {found:?}");
        }
    }

    #[test]
    fn a_line_is_not_read_without_end() {
        let long = "x".repeat(1 << 20);
        let table = [&long, &*line(25, 4, 762, 7)].join("\n");
        assert_eq!(owner(&table, 25, "1.2.3.4:762"), Some(7));
    }
}
