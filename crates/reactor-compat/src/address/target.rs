//! [`Target`]: where a connector connects to.
//!
//! Tested in `tests/network/connector.rs`.

use std::fmt;
use std::sync::Arc;

use super::{Destination, UnixAddress};

/// Where a connector connects to.
///
/// ```
/// use reactor_compat::{Address, Protocol, Reactor, Target};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let connector = Reactor::new().connect_tcp(("example.org", 80), |_: Address| Silent);
/// assert_eq!(*connector.get_destination(), Target::Tcp(("example.org", 80).into()));
/// assert_eq!(connector.get_destination().to_string(), "example.org:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "HostnameAddress")]
#[non_exhaustive]
pub enum Target {
    /// A host and a port number.
    Tcp(Destination),
    /// A UNIX socket.
    Unix(UnixAddress),
    /// An endpoint of another kind, by its description.
    Endpoint(Arc<str>),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(destination) => destination.fmt(f),
            Self::Unix(address) => address.fmt(f),
            Self::Endpoint(description) => f.write_str(description),
        }
    }
}
