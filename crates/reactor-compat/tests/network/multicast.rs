//! Multicast, as `twisted.test.test_udp.MulticastTests` asks of Twisted's; on
//! the loopback interface.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use crate::support::{drive, until};
use reactor_compat::{
    DatagramConnection, DatagramError, DatagramOptions, DatagramProtocol, MulticastInterface,
    Reactor,
};

const GROUP: Ipv4Addr = Ipv4Addr::new(225, 0, 0, 250);
/// A group that one test alone joins. Linux hands a datagram to each socket that
/// is bound to its port, if any socket of the host has joined its group: what
/// others join beside it would be heard by one that has left.
const GROUP_THAT_IS_LEFT: Ipv4Addr = Ipv4Addr::new(225, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x1234);
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Keep(Rc<RefCell<Vec<Vec<u8>>>>);

impl Keep {
    fn has(&self, data: &[u8]) -> bool {
        self.0.borrow().iter().any(|kept| kept == data)
    }

    async fn wait_for(&self, data: &[u8]) {
        until(|| self.has(data)).await;
    }
}

impl DatagramProtocol for Keep {
    fn datagram_received(&mut self, _: &DatagramConnection<Self>, data: &[u8], _from: SocketAddr) {
        self.0.borrow_mut().push(data.to_vec());
    }
}

/// A port that sends to groups by the loopback interface, and the address of
/// `group` with its number.
fn loopback(
    reactor: &Reactor,
    keep: &Keep,
    group: Ipv4Addr,
) -> (DatagramConnection<Keep>, SocketAddr) {
    let port = reactor.listen_multicast(0, keep.clone()).unwrap();
    port.set_outgoing_interface(HERE).unwrap();
    let group = SocketAddr::from((group, port.get_host().port()));
    (port, group)
}

#[test]
fn what_is_sent_to_a_group_is_received_while_it_is_joined() {
    drive(|reactor| async move {
        let keep = Keep::default();
        let (port, group) = loopback(&reactor, &keep, GROUP_THAT_IS_LEFT);
        port.join_group(GROUP_THAT_IS_LEFT, HERE).unwrap();
        port.write("to the group", group).unwrap();
        keep.wait_for(b"to the group").await;

        port.leave_group(GROUP_THAT_IS_LEFT, HERE).unwrap();
        port.write("to nobody", group).unwrap();
        // What comes later by the same way shows that the other did not come.
        port.write("last", SocketAddr::from((HERE, group.port()))).unwrap();
        keep.wait_for(b"last").await;
        assert!(!keep.has(b"to nobody"));
    });
}

#[test]
fn several_that_listen_on_one_port_all_receive() {
    drive(|reactor| async move {
        let keeps = [Keep::default(), Keep::default()];
        let options = DatagramOptions::new().listen_multiple(true);
        let first = reactor.listen_multicast_with(0, options.clone(), keeps[0].clone()).unwrap();
        let number = first.get_host().port();
        let second = reactor.listen_multicast_with(number, options, keeps[1].clone()).unwrap();
        for port in [&first, &second] {
            port.join_group(GROUP, HERE).unwrap();
        }
        first.set_outgoing_interface(HERE).unwrap();
        first.write("all", SocketAddr::from((GROUP, number))).unwrap();
        for keep in &keeps {
            keep.wait_for(b"all").await;
        }
    });
}

#[test]
fn one_port_alone_is_not_shared() {
    let reactor = Reactor::new();
    let port = reactor.listen_multicast(0, Keep::default()).unwrap();
    let again = reactor.listen_multicast(port.get_host().port(), Keep::default());
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn joining_twice_and_leaving_what_was_not_joined_are_errors() {
    let reactor = Reactor::new();
    let port = reactor.listen_multicast(0, Keep::default()).unwrap();
    port.join_group(GROUP, HERE).unwrap();
    let error = port.join_group(GROUP, HERE).unwrap_err();
    assert_eq!(error.group(), IpAddr::V4(GROUP));
    port.leave_group(GROUP, HERE).unwrap();
    port.leave_group(GROUP, HERE).unwrap_err();
}

#[test]
fn what_is_no_group_and_no_interface_is_said_so() {
    let reactor = Reactor::new();
    let port = reactor.listen_multicast(0, Keep::default()).unwrap();
    port.join_group(Ipv4Addr::LOCALHOST, HERE).unwrap_err();
    port.join_group(GROUP, Ipv4Addr::new(192, 0, 2, 1)).unwrap_err();
    let fault = port.join_group(GROUP_V6, MulticastInterface::Any).unwrap_err();
    assert!(fault.to_string().contains("version of IP"), "{fault}");
    let fault = port.join_group(GROUP, 1).unwrap_err();
    assert!(fault.to_string().contains("by its address"), "{fault}");
    assert!(matches!(port.set_outgoing_interface(1), Err(DatagramError::InvalidAddress(_))));
}

#[test]
fn the_ttl_is_that_of_groups() {
    let reactor = Reactor::new();
    for interface in [("0.0.0.0", 0), ("::", 0)] {
        let port = reactor.listen_multicast(interface, Keep::default()).unwrap();
        assert_eq!(port.get_ttl(), Ok(1));
        port.set_ttl(42).unwrap();
        assert_eq!(port.get_ttl(), Ok(42));
        assert_eq!(port.get_loopback_mode(), Ok(true));
        port.set_loopback_mode(false).unwrap();
        assert_eq!(port.get_loopback_mode(), Ok(false));
    }
}

#[test]
fn an_ipv6_port_takes_interfaces_by_index() {
    let reactor = Reactor::new();
    let port = reactor.listen_multicast(("::", 0), Keep::default()).unwrap();
    assert_eq!(port.get_outgoing_interface(), Ok(MulticastInterface::Any));
    // The first interface is the loopback one.
    port.set_outgoing_interface(1).unwrap();
    assert_eq!(port.get_outgoing_interface(), Ok(MulticastInterface::Index(1)));
    assert!(matches!(port.set_outgoing_interface(HERE), Err(DatagramError::InvalidAddress(_))));
    port.join_group(GROUP_V6, 1).unwrap();
    port.join_group(GROUP_V6, 1).unwrap_err();
    port.join_group(GROUP, MulticastInterface::Any).unwrap_err();
    port.leave_group(GROUP_V6, 1).unwrap();
}

#[test]
fn a_closed_port_joins_nothing() {
    drive(|reactor| async move {
        let port = reactor.listen_multicast(0, Keep::default()).unwrap();
        port.stop_listening().await.unwrap();
        port.join_group(GROUP, HERE).unwrap_err();
        assert_eq!(port.set_ttl(2), Err(DatagramError::Closed));
        assert_eq!(port.get_outgoing_interface(), Err(DatagramError::Closed));
    });
}
