//! `Address`: what it says of itself, as `twisted.internet.test.test_address`
//! asks of Twisted's.

use std::collections::HashSet;
use std::path::Path;

use reactor_compat::{Address, UnixAddress, is_ip_address, is_ipv6_address};

#[test]
fn tcp_and_udp_of_the_same_numbers_differ() {
    let number = "127.0.0.1:80".parse().unwrap();
    assert_ne!(Address::Tcp(number), Address::Udp(number));
    assert_eq!(Address::Tcp(number).to_string(), Address::Udp(number).to_string());
    assert_eq!(Address::Udp(number).socket_addr(), Some(number));
    assert_eq!(Address::from(number), Address::Tcp(number));
}

#[test]
fn equal_addresses_hash_alike() {
    let set: HashSet<Address> =
        ["/tmp/a", "/tmp/a", "\0a", ""].map(|name| UnixAddress::from(name).into()).into();
    assert_eq!(set.len(), 3);
}

#[test]
fn a_unix_address_has_no_number() {
    let address = Address::from(UnixAddress::from("/tmp/a"));
    assert_eq!((address.ip(), address.port(), address.socket_addr()), (None, None, None));
    assert_eq!(address.path(), Some(Path::new("/tmp/a")));
}

#[test]
fn names_are_shown_so_that_they_can_be_told_apart() {
    let shown = |name: &str| Address::from(UnixAddress::from(name)).to_string();
    assert_eq!(shown("/tmp/a"), "/tmp/a");
    assert_eq!(shown("\0a\0b"), r"@a\x00b");
    assert_eq!(shown(""), "unnamed");
}

#[cfg(unix)]
#[test]
fn what_the_system_calls_a_socket_is_understood() {
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let unnamed = UnixDatagram::unbound().unwrap().local_addr().unwrap();
    assert_eq!(UnixAddress::from(unnamed), UnixAddress::Unnamed);
    let named = SocketAddr::from_pathname("/tmp/a").unwrap();
    assert_eq!(UnixAddress::from(named), UnixAddress::from("/tmp/a"));
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_are_understood() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let named = SocketAddr::from_abstract_name("a").unwrap();
    assert_eq!(UnixAddress::from(named), UnixAddress::from("\0a"));
}

/// As Twisted has it, text by text.
#[test]
fn what_is_an_address_and_what_is_not() {
    let version_4 = ["127.0.0.1", "0.0.0.0", "255.255.255.255"];
    let version_6 = ["::1", "::", "::ffff:1.2.3.4", "fe80::1%lo", "fe80::1%", "::1%a%b"];
    let neither = [
        "",
        "0",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.",
        "1..3.4",
        "a.b.c.d",
        "0x7f.0.0.1",
        "1::2::3",
        "%lo",
        "1:2:3:4:5:6:7",
        "12345::",
        "::1/64",
        "[::1]",
        "::1 ",
        "::1.2.3",
        "\u{661}.2.3.4",
        "1.2.3.4%lo",
        "example.org",
    ];
    for text in version_4 {
        assert!(is_ip_address(text) && !is_ipv6_address(text), "{text:?}");
    }
    for text in version_6 {
        assert!(is_ipv6_address(text) && !is_ip_address(text), "{text:?}");
    }
    for text in neither {
        assert!(!is_ip_address(text) && !is_ipv6_address(text), "{text:?}");
    }
}
