//! Addresses as strings that describe endpoints.
//!
//! Tested in `tests/network/endpoint.rs`.

use std::net::SocketAddr;

use super::quote_string_argument;
use crate::address::{Address, UnixAddress};

impl Address {
    /// The string of a client that connects to this address; `None` for one that no
    /// string can name: an end without a name, a path that is no text, UDP.
    ///
    /// ```
    /// use reactor_compat::{Address, UnixAddress};
    ///
    /// let address = Address::Tcp(([0, 0, 0, 0, 0, 0, 0, 1], 80).into());
    /// assert_eq!(address.client_string().unwrap(), r"tcp:\:\:1:80");
    /// let address = Address::Unix("/run/a:b".into());
    /// assert_eq!(address.client_string().unwrap(), r"unix:/run/a\:b");
    /// assert_eq!(Address::Unix(UnixAddress::Unnamed).client_string(), None);
    /// ```
    pub fn client_string(&self) -> Option<String> {
        match self {
            Self::Tcp(address) => {
                let host = quote_string_argument(&host_of(*address));
                Some(format!("tcp:{host}:{}", address.port()))
            }
            Self::Unix(address) => unix_string(address),
            _ => None,
        }
    }

    /// The string of a server that listens on this address; `None` as above.
    ///
    /// ```
    /// use reactor_compat::Address;
    ///
    /// let address = Address::Tcp(([127, 0, 0, 1], 80).into());
    /// assert_eq!(address.server_string().unwrap(), "tcp:80:interface=127.0.0.1");
    /// let address = Address::Tcp(([0; 8], 80).into());
    /// assert_eq!(address.server_string().unwrap(), r"tcp6:80:interface=\:\:");
    /// ```
    pub fn server_string(&self) -> Option<String> {
        match self {
            Self::Tcp(address) => {
                let kind = if address.is_ipv6() { "tcp6" } else { "tcp" };
                let host = quote_string_argument(&host_of(*address));
                Some(format!("{kind}:{}:interface={host}", address.port()))
            }
            Self::Unix(address) => unix_string(address),
            _ => None,
        }
    }
}

/// The host of an address, with the number of its link if it has one.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}

fn unix_string(address: &UnixAddress) -> Option<String> {
    let name = match address {
        UnixAddress::Unnamed => return None,
        UnixAddress::Path(path) => path.to_str()?.to_owned(),
        UnixAddress::Abstract(name) => format!("\0{}", std::str::from_utf8(name).ok()?),
    };
    // Without a name in front, what has an `=` would be taken for an argument's name.
    Some(format!("unix:{}", quote_string_argument(&name).replace('=', "\\=")))
}
