//! The PROXY protocol: its headers, right and wrong, and connections behind a proxy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::time::Duration;

use crate::support::{Log, Recorder, drive, until};
use deferred::testing::success_result_of;
use reactor_compat::endpoint::haproxy::{
    ProxyHeader, ProxyHeaderError, ProxyServerEndpoint, ProxyVersion,
};
use reactor_compat::endpoint::{Listen, TcpServerEndpoint, server_from_string};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{Address, UnixAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use ProxyHeaderError::{
    BadAddress, BadChecksum, InvalidNetworkProtocol, Malformed, MissingAddressData, NotAHeader,
    TooLong, Unknown,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn tcp(address: &str) -> Address {
    Address::Tcp(address.parse().unwrap())
}

/// A header of version two.
fn binary(command: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, kind], &length, rest].concat()
}

/// Addresses of IPv4, and whatever stands behind.
fn inet(behind: &[u8]) -> Vec<u8> {
    [&[192, 0, 2, 7, 192, 0, 2, 1, 15, 160, 0, 80], behind].concat()
}

#[test]
fn headers_say_who_is_who() {
    for (data, source, destination) in [
        (&b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n"[..], "192.0.2.7:4000", "192.0.2.1:80"),
        (b"PROXY TCP6 2001:db8::7 ::1 0 65535\r\n", "[2001:db8::7]:0", "[::1]:65535"),
        (&binary(0x21, 0x11, &inet(&[])), "192.0.2.7:4000", "192.0.2.1:80"),
        (&binary(0x21, 0x11, &inet(&[1, 0, 2, b'h', b'2'])), "192.0.2.7:4000", "192.0.2.1:80"),
        (
            &binary(0x21, 0x21, &[&[0; 15][..], &[1], &[0; 15], &[2, 0, 1, 0, 2]].concat()),
            "[::1]:1",
            "[::2]:2",
        ),
    ] {
        let (header, length) = ProxyHeader::parse(data).unwrap().unwrap();
        assert_eq!(length, data.len());
        assert_eq!(header.source(), Some(&tcp(source)));
        assert_eq!(header.destination(), Some(&tcp(destination)));
        // However it is cut, and whatever comes behind.
        for cut in 0..data.len() {
            assert_eq!(ProxyHeader::parse(&data[..cut]), Ok(None), "{cut} of {data:?}");
        }
        let longer = [data, b"PROXY more"].concat();
        assert_eq!(ProxyHeader::parse(&longer).unwrap().unwrap().1, data.len());
    }
}

#[test]
fn headers_may_say_nothing() {
    for data in [
        &b"PROXY UNKNOWN\r\n"[..],
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        &binary(0x20, 0x11, b"anything"),
        &binary(0x20, 0, &[]),
        &binary(0x21, 0, &[]),
        &binary(0x21, 0x10, &[]),
    ] {
        let (header, length) = ProxyHeader::parse(data).unwrap().unwrap();
        assert_eq!((header.source(), header.destination()), (None, None));
        assert_eq!(length, data.len());
    }
}

#[test]
fn unix_sockets_and_datagrams_have_addresses_too() {
    let name = |text: &[u8]| [text, &vec![0; 108 - text.len()]].concat();
    let data = binary(0x21, 0x31, &[name(b"/run/a"), name(b"\0hidden")].concat());
    let (header, _) = ProxyHeader::parse(&data).unwrap().unwrap();
    assert_eq!(header.source(), Some(&Address::Unix("/run/a".into())));
    assert_eq!(header.destination(), Some(&Address::Unix("\0hidden".into())));
    let data = binary(0x21, 0x31, &[0; 216]);
    let (header, _) = ProxyHeader::parse(&data).unwrap().unwrap();
    assert_eq!(header.source(), Some(&Address::Unix(UnixAddress::Unnamed)));
    let data = binary(0x21, 0x12, &inet(&[]));
    let (header, _) = ProxyHeader::parse(&data).unwrap().unwrap();
    assert_eq!(header.source(), Some(&Address::Udp("192.0.2.7:4000".parse().unwrap())));
}

#[test]
fn what_is_no_header_is_refused_by_name() {
    let long = [&b"PROXY TCP4 "[..], &[b'1'; 100]].concat();
    for (data, error) in [
        (&b"GET / HTTP/1.1\r\n"[..], NotAHeader),
        (b"PROXY\r\n", NotAHeader),
        (b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n", InvalidNetworkProtocol),
        (b"PROXY \r\n", InvalidNetworkProtocol),
        (b"PROXY TCP4\r\n", MissingAddressData),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n", MissingAddressData),
        (b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n", MissingAddressData),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n", Malformed),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", BadAddress),
        (b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n", BadAddress),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 +1 2\r\n", BadAddress),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n", BadAddress),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n", BadAddress),
        (b"PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n", BadAddress),
        (b"PROXY TCP4 \xff\r\n", Malformed),
        (&long, TooLong),
        (&binary(0x11, 0x11, &inet(&[])), Unknown),
        (&binary(0x22, 0x11, &inet(&[])), Unknown),
        (&binary(0x21, 0x41, &inet(&[])), InvalidNetworkProtocol),
        (&binary(0x21, 0x13, &inet(&[])), InvalidNetworkProtocol),
        (&binary(0x21, 0x11, &inet(&[])[..11]), MissingAddressData),
        (&binary(0x21, 0x21, &inet(&[])), MissingAddressData),
        (&binary(0x21, 0x31, &[0; 215]), MissingAddressData),
        (&binary(0x21, 0x11, &inet(&[1, 0, 3, 1])), Malformed),
        (&binary(0x21, 0x11, &inet(&[1])), Malformed),
        (&binary(0x21, 0x11, &inet(&[3, 0, 4, 1, 2, 3, 4])), BadChecksum),
        (&binary(0x21, 0x11, &inet(&[3, 0, 3, 1, 2, 3])), Malformed),
        (&binary(0x21, 0, &[0; 4097]), TooLong),
    ] {
        assert_eq!(ProxyHeader::parse(data), Err(error), "{}", data.escape_ascii());
    }
}

#[test]
fn a_checksum_that_is_right_is_taken() {
    // The sum of these bytes, as a table of CRC-32C has it.
    let mut data = binary(0x21, 0x11, &inet(&[3, 0, 4, 0, 0, 0, 0]));
    let sum = data.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 }
        })
    });
    let at = data.len() - 4;
    data[at..].copy_from_slice(&(!sum).to_be_bytes());
    assert!(ProxyHeader::parse(&data).unwrap().is_some());
}

#[test]
fn what_is_encoded_is_parsed() {
    let unix = Address::Unix("/run/a".into());
    let ends = [
        (tcp("192.0.2.7:4000"), tcp("192.0.2.1:80")),
        (tcp("[::1]:4000"), tcp("[2001:db8::1]:80")),
        (unix.clone(), Address::Unix(UnixAddress::Unnamed)),
    ];
    for (source, destination) in &ends {
        let data = ProxyHeader::encode(ProxyVersion::Two, source, destination);
        let (header, length) = ProxyHeader::parse(&data).unwrap().unwrap();
        assert_eq!(length, data.len());
        assert_eq!((header.source(), header.destination()), (Some(source), Some(destination)));
        assert_eq!(header.version(), ProxyVersion::Two);
    }
    for (source, destination) in &ends[..2] {
        let data = ProxyHeader::encode(ProxyVersion::One, source, destination);
        let (header, _) = ProxyHeader::parse(&data).unwrap().unwrap();
        assert_eq!((header.source(), header.destination()), (Some(source), Some(destination)));
    }
    for version in [ProxyVersion::One, ProxyVersion::Two] {
        let data = ProxyHeader::encode(version, &ends[0].0, &unix);
        assert_eq!(ProxyHeader::parse(&data).unwrap().unwrap().0.source(), None);
    }
}

#[test]
fn a_protocol_is_built_for_the_client_that_the_header_names() {
    for (header, piece) in [
        (&b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n"[..], 1),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n", 1000),
        (&binary(0x21, 0x11, &inet(&[])), 1),
        (&binary(0x21, 0x11, &inet(&[])), 1000),
    ] {
        let reactor = MemoryReactor::new();
        let log = Log::default();
        let seen = log.clone();
        let endpoint = server_from_string(&reactor, "haproxy:tcp:80").unwrap();
        success_result_of(endpoint.listen(move |peer| {
            assert_eq!(peer, tcp("192.0.2.7:4000"));
            Recorder::echo(&seen).made(|me, ()| {
                assert_eq!(me.get_peer(), &tcp("192.0.2.7:4000"));
                assert_eq!(me.get_host(), &tcp("192.0.2.1:80"));
            })
        }));
        let proxy = reactor.tcp_servers()[0].connect().unwrap();
        proxy.write(header).unwrap();
        proxy.write("hello").unwrap();
        reactor.flush_bytes(piece).unwrap();
        assert_eq!((log.data(), proxy.read()), (b"hello".to_vec(), b"hello".to_vec()));
    }
}

#[test]
fn a_proxys_own_connection_is_the_proxys() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let seen = log.clone();
    let endpoint = server_from_string(&reactor, "haproxy:tcp:80").unwrap();
    success_result_of(endpoint.listen(move |peer: Address| {
        assert!(peer.ip().unwrap().is_loopback());
        Recorder::new(&seen)
    }));
    let proxy = reactor.tcp_servers()[0].connect().unwrap();
    proxy.write(binary(0x20, 0, &[])).unwrap();
    proxy.write("health").unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"health");
}

/// What becomes of a connection that sends that, and lets time pass.
fn refusal(data: &[u8], ends: bool, seconds: u64) -> String {
    let capture = LogCapture::of_targets("reactor_compat=debug").unwrap();
    let reactor = MemoryReactor::new();
    let endpoint = ProxyServerEndpoint::new(TcpServerEndpoint::new(&reactor, 80));
    let endpoint = endpoint.header_timeout(Duration::from_secs(3));
    success_result_of(Listen::listen(&endpoint, |_: Address| -> Recorder {
        unreachable!("no protocol is built")
    }));
    let proxy = reactor.tcp_servers()[0].connect().unwrap();
    proxy.write(data).unwrap();
    if ends {
        proxy.end().unwrap();
    }
    reactor.flush().unwrap();
    reactor.advance(Duration::from_secs(seconds)).unwrap();
    reactor.flush().unwrap();
    assert!(proxy.ended() || proxy.broken().is_some());
    format!("{:?}", capture.messages())
}

#[test]
fn a_connection_without_a_header_is_closed_and_logged() {
    for (data, ends, seconds, error) in [
        (&b"GET / HTTP/1.1\r\n"[..], false, 0, NotAHeader),
        (b"PROXY TCP4 192.0", true, 0, ProxyHeaderError::CutShort),
        (b"", true, 0, ProxyHeaderError::CutShort),
        (b"PROXY TCP4 192.0", false, 3, ProxyHeaderError::TimedOut),
        (b"", false, 3, ProxyHeaderError::TimedOut),
    ] {
        let log = refusal(data, ends, seconds);
        assert!(log.contains(&error.to_string()), "{error}: {log}");
    }
}

#[test]
fn over_real_sockets_it_is_the_same() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let text = "haproxy:tcp:0:interface=127.0.0.1";
        let port = server_from_string(&reactor, text).unwrap();
        let port = port.listen(move |_| Recorder::echo(&seen)).await.unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let mut proxy = TcpStream::connect(address).await.unwrap();
        proxy.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\nhel").await.unwrap();
        until(|| log.data() == b"hel").await;
        proxy.write_all(b"lo").await.unwrap();
        let mut answer = [0; 5];
        proxy.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        // One that says nothing yet does not keep others waiting.
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"PROXY UNKNOWN\r\n!").await.unwrap();
        let mut answer = [0; 1];
        other.read_exact(&mut answer).await.unwrap();
    });
}
