//! [`Exchange`]: what is given to the log of a SOCKS server.
//!
//! Mirrors `SOCKSv4.log` of `twisted.protocols.socks`. Tested in
//! `tests/servers/socks.rs`.

use std::fmt;

use reactor_compat::Address;

/// Which way some data went.
///
/// See the example of [`Exchange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the client.
    ToClient,
    /// From the client.
    FromClient,
}

/// Some data that was passed on. It shows itself as Twisted's log does: who
/// and which way, and then the bytes, 16 a line.
///
/// ```
/// use protocols::socks::{Direction, Exchange};
/// use reactor_compat::Address;
///
/// let exchange = Exchange {
///     client: &Address::Tcp(([192, 0, 2, 1], 4000).into()),
///     server: &Address::Tcp(([192, 0, 2, 2], 80).into()),
///     direction: Direction::FromClient,
///     data: b"GET /\r\n",
/// };
/// assert_eq!(
///     exchange.to_string(),
///     "192.0.2.1:4000 > 192.0.2.2:80\n\
///      47 45 54 20 2F 0D 0A                            GET /..\n"
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The client.
    pub client: &'a Address,
    /// The other side.
    pub server: &'a Address,
    /// Which way it went.
    pub direction: Direction,
    /// The bytes.
    pub data: &'a [u8],
}

impl fmt::Display for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::ToClient => '<',
            Direction::FromClient => '>',
        };
        writeln!(f, "{} {arrow} {}", self.client, self.server)?;
        for line in self.data.chunks(16) {
            for byte in line {
                write!(f, "{byte:02X} ")?;
            }
            write!(f, "{:1$}", "", (16 - line.len()) * 3)?;
            for byte in line {
                let shown = if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
                write!(f, "{shown}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
