//! [`DatagramAddress`]: the differences between UDP and UNIX datagrams.
//!
//! Tested in `tests/network/udp.rs` and `tests/network/unix_datagram.rs`.

use std::fmt::{Debug, Display};
use std::net::SocketAddr;

use crate::address::Address;

/// The address of a datagram: a `SocketAddr` for UDP, and a
/// [`UnixAddress`](crate::UnixAddress) for UNIX datagrams. There are no others.
///
/// A protocol that does not care is written for any:
///
/// ```
/// use reactor_compat::{DatagramAddress, DatagramConnection, DatagramProtocol};
///
/// struct Echo;
///
/// impl<A: DatagramAddress> DatagramProtocol<A> for Echo {
///     fn datagram_received(&mut self, transport: &DatagramConnection<Self, A>, data: &[u8], from: A) {
///         let _ = transport.write(data, from);
///     }
/// }
/// # reactor_compat::Reactor::new().listen_udp(("127.0.0.1", 0), Echo)?;
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
pub trait DatagramAddress: Clone + Debug + Display + PartialEq + Kind + 'static {}

impl<A: Clone + Debug + Display + PartialEq + Kind + 'static> DatagramAddress for A {}

/// A kind of datagrams, by its addresses.
pub trait Kind: Sized {
    /// Set where a refusal is nobody's business while not connected.
    const IGNORES_REFUSALS: bool;

    /// Set where the system tells of an error later than of the datagram that it is
    /// of.
    const ERRORS_COME_LATER: bool;

    /// Set where it is heard when a port that is not connected takes more.
    const SAYS_WHEN_WRITABLE: bool;

    /// The fault of `self` as a recipient, for a port at `host`, if it has one.
    fn fault(&self, host: &Self) -> Option<String>;

    /// The address as others know it.
    fn to_address(&self) -> Address;

    /// The text of the log when a port at this address is opened.
    fn place(&self) -> String;

    /// The text of the log when it is closed.
    fn port(&self) -> String;
}

impl Kind for SocketAddr {
    const IGNORES_REFUSALS: bool = true;
    const ERRORS_COME_LATER: bool = true;
    const SAYS_WHEN_WRITABLE: bool = true;

    fn fault(&self, host: &Self) -> Option<String> {
        match (host, self) {
            (Self::V4(_), Self::V6(_)) => Some(format!("{self} is of IPv6, and the port of IPv4")),
            (Self::V6(_), Self::V4(_)) => Some(format!("{self} is of IPv4, and the port of IPv6")),
            _ => None,
        }
    }

    fn to_address(&self) -> Address {
        Address::Udp(*self)
    }

    fn place(&self) -> String {
        self.port().to_string()
    }

    fn port(&self) -> String {
        format!("UDP Port {}", Self::port(self))
    }
}
