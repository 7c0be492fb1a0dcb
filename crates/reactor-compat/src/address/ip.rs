//! [`is_ip_address`] and [`is_ipv6_address`]: whether a text is an address, and no name.
//!
//! Mirrors `isIPAddress` and `isIPv6Address` of `twisted.internet.abstract`. Tested in
//! `tests/network/address.rs`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether `text` is an address of IPv4, of four numbers with dots between them. For an
/// address of any version a text is parsed as an `IpAddr`.
///
/// ```
/// use reactor_compat::is_ip_address;
///
/// assert!(is_ip_address("192.0.2.1"));
/// assert!(!is_ip_address("example.org") && !is_ip_address("192.0.2") && !is_ip_address("::1"));
/// ```
#[doc(alias = "isIPAddress")]
pub fn is_ip_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Whether `text` is an address of IPv6, whatever its scope is, which may stand behind a
/// percent sign.
///
/// ```
/// use reactor_compat::is_ipv6_address;
///
/// assert!(is_ipv6_address("2001:db8::1") && is_ipv6_address("fe80::1%eth0"));
/// assert!(!is_ipv6_address("192.0.2.1") && !is_ipv6_address("[::1]"));
/// ```
#[doc(alias = "isIPv6Address")]
pub fn is_ipv6_address(text: &str) -> bool {
    let address = text.split('%').next().unwrap_or(text);
    address.parse::<Ipv6Addr>().is_ok()
}
