//! Multicast: groups, and how what is sent to them travels.
//!
//! Mirrors `IMulticastTransport` of `twisted.internet.interfaces`, and
//! `twisted.internet._multicast`. Tested in `tests/network/multicast.rs`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::SockRef;

use super::{DatagramError, DatagramTransport, MulticastJoinError};

/// By which of this machine's interfaces a group is joined, or sent to.
///
/// ```
/// use reactor_compat::MulticastInterface;
/// use std::net::Ipv4Addr;
///
/// assert_eq!(MulticastInterface::from(2), MulticastInterface::Index(2));
/// assert_eq!(MulticastInterface::from(0), MulticastInterface::Any);
/// assert_eq!(MulticastInterface::from(Ipv4Addr::UNSPECIFIED), MulticastInterface::Any);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MulticastInterface {
    /// The one that the system chooses.
    #[default]
    Any,
    /// The one with that address; for IPv4.
    Address(Ipv4Addr),
    /// The one with that index; for IPv6.
    Index(u32),
}

impl MulticastInterface {
    fn address(self) -> Result<Ipv4Addr, DatagramError> {
        match self {
            Self::Any => Ok(Ipv4Addr::UNSPECIFIED),
            Self::Address(address) => Ok(address),
            Self::Index(_) => Err(DatagramError::InvalidAddress(
                "an interface of IPv4 is given by its address".to_owned(),
            )),
        }
    }

    fn index(self) -> Result<u32, DatagramError> {
        match self {
            Self::Any => Ok(0),
            Self::Index(index) => Ok(index),
            Self::Address(_) => Err(DatagramError::InvalidAddress(
                "an interface of IPv6 is given by its index".to_owned(),
            )),
        }
    }
}

impl From<Ipv4Addr> for MulticastInterface {
    fn from(address: Ipv4Addr) -> Self {
        if address.is_unspecified() { Self::Any } else { Self::Address(address) }
    }
}

impl From<u32> for MulticastInterface {
    fn from(index: u32) -> Self {
        if index == 0 { Self::Any } else { Self::Index(index) }
    }
}

/// A change of a membership, for both kinds of groups.
struct Change {
    v4: fn(&SockRef<'_>, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>,
    v6: fn(&SockRef<'_>, &Ipv6Addr, u32) -> io::Result<()>,
}

impl DatagramTransport {
    /// Joins a group: what is sent to it is received.
    ///
    /// # Errors
    ///
    /// [`MulticastJoinError`] if `group` is no group or not of the port's
    /// version of IP, if it is joined already, and for what else the system
    /// says.
    ///
    /// See the example of [`listen_multicast`](crate::Reactor::listen_multicast).
    #[doc(alias = "joinGroup")]
    pub fn join_group(
        &self,
        group: impl Into<IpAddr>,
        interface: impl Into<MulticastInterface>,
    ) -> Result<(), MulticastJoinError> {
        let join = Change {
            v4: |socket, group, interface| socket.join_multicast_v4(group, interface),
            v6: |socket, group, interface| socket.join_multicast_v6(group, interface),
        };
        self.change(group.into(), interface.into(), &join)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// [`MulticastJoinError`], also if it was not joined.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, MulticastInterface, Reactor};
    /// # use std::net::Ipv4Addr;
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_multicast(0, Silent)?;
    /// let group = Ipv4Addr::new(228, 0, 0, 5);
    /// assert!(port.leave_group(group, MulticastInterface::Any).is_err());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "leaveGroup")]
    pub fn leave_group(
        &self,
        group: impl Into<IpAddr>,
        interface: impl Into<MulticastInterface>,
    ) -> Result<(), MulticastJoinError> {
        let leave = Change {
            v4: |socket, group, interface| socket.leave_multicast_v4(group, interface),
            v6: |socket, group, interface| socket.leave_multicast_v6(group, interface),
        };
        self.change(group.into(), interface.into(), &leave)
    }

    fn change(
        &self,
        group: IpAddr,
        interface: MulticastInterface,
        change: &Change,
    ) -> Result<(), MulticastJoinError> {
        let changed = match (group, self.is_v6()) {
            (IpAddr::V4(group), false) => interface.address().and_then(|interface| {
                self.core().with(|socket| (change.v4)(socket, &group, &interface))
            }),
            (IpAddr::V6(group), true) => interface.index().and_then(|interface| {
                self.core().with(|socket| (change.v6)(socket, &group, interface))
            }),
            (IpAddr::V4(_), true) | (IpAddr::V6(_), false) => Err(DatagramError::InvalidAddress(
                "the group and the port are not of the same version of IP".to_owned(),
            )),
        };
        changed.map_err(|error| MulticastJoinError::new(group, error))
    }

    fn is_v6(&self) -> bool {
        self.get_host().is_ipv6()
    }

    /// Sets how many networks what is sent to a group may cross; 1 at first.
    ///
    /// # Errors
    ///
    /// [`DatagramError::Closed`], and what the system says.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_multicast(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.get_ttl(), Ok(1));
    /// port.set_ttl(5).unwrap();
    /// assert_eq!(port.get_ttl(), Ok(5));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "setTTL")]
    pub fn set_ttl(&self, ttl: u8) -> Result<(), DatagramError> {
        let v6 = self.is_v6();
        self.core().with(|socket| match v6 {
            true => socket.set_multicast_hops_v6(ttl.into()),
            false => socket.set_multicast_ttl_v4(ttl.into()),
        })
    }

    /// How many networks what is sent to a group may cross.
    ///
    /// # Errors
    ///
    /// As [`set_ttl`](Self::set_ttl), which has an example.
    #[doc(alias = "getTTL")]
    pub fn get_ttl(&self) -> Result<u8, DatagramError> {
        let v6 = self.is_v6();
        let ttl = self.core().with(|socket| match v6 {
            true => socket.multicast_hops_v6(),
            false => socket.multicast_ttl_v4(),
        })?;
        // The system's own type is wider than what it may be.
        Ok(ttl.try_into().unwrap_or(u8::MAX))
    }

    /// Sets whether what is sent to a group is also received on this machine;
    /// at first it is.
    ///
    /// # Errors
    ///
    /// As [`set_ttl`](Self::set_ttl).
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, Reactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_multicast(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.get_loopback_mode(), Ok(true));
    /// port.set_loopback_mode(false).unwrap();
    /// assert_eq!(port.get_loopback_mode(), Ok(false));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "setLoopbackMode")]
    pub fn set_loopback_mode(&self, on: bool) -> Result<(), DatagramError> {
        let v6 = self.is_v6();
        self.core().with(|socket| match v6 {
            true => socket.set_multicast_loop_v6(on),
            false => socket.set_multicast_loop_v4(on),
        })
    }

    /// Whether what is sent to a group is also received on this machine.
    ///
    /// # Errors
    ///
    /// As [`set_ttl`](Self::set_ttl). See the example of
    /// [`set_loopback_mode`](Self::set_loopback_mode).
    #[doc(alias = "getLoopbackMode")]
    pub fn get_loopback_mode(&self) -> Result<bool, DatagramError> {
        let v6 = self.is_v6();
        self.core().with(|socket| match v6 {
            true => socket.multicast_loop_v6(),
            false => socket.multicast_loop_v4(),
        })
    }

    /// Sets by which interface what is sent to a group leaves.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`](DatagramError::InvalidAddress) for an address where
    /// the port is of IPv6, and for an index where it is of IPv4; otherwise as
    /// [`set_ttl`](Self::set_ttl).
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, MulticastInterface, Reactor};
    /// # use std::net::Ipv4Addr;
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_multicast(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(port.get_outgoing_interface(), Ok(MulticastInterface::Any));
    /// port.set_outgoing_interface(Ipv4Addr::LOCALHOST).unwrap();
    /// assert_eq!(port.get_outgoing_interface(), Ok(Ipv4Addr::LOCALHOST.into()));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "setOutgoingInterface")]
    pub fn set_outgoing_interface(
        &self,
        interface: impl Into<MulticastInterface>,
    ) -> Result<(), DatagramError> {
        let interface = interface.into();
        if self.is_v6() {
            let index = interface.index()?;
            self.core().with(|socket| socket.set_multicast_if_v6(index))
        } else {
            let address = interface.address()?;
            self.core().with(|socket| socket.set_multicast_if_v4(&address))
        }
    }

    /// By which interface what is sent to a group leaves.
    ///
    /// # Errors
    ///
    /// As [`set_ttl`](Self::set_ttl). See the example of
    /// [`set_outgoing_interface`](Self::set_outgoing_interface).
    #[doc(alias = "getOutgoingInterface")]
    pub fn get_outgoing_interface(&self) -> Result<MulticastInterface, DatagramError> {
        if self.is_v6() {
            self.core().with(|socket| socket.multicast_if_v6()).map(MulticastInterface::from)
        } else {
            self.core().with(|socket| socket.multicast_if_v4()).map(MulticastInterface::from)
        }
    }
}
