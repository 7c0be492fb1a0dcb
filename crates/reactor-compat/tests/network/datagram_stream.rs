//! The datagrams of a port as a stream and a sink, on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::net::{SocketAddr, UdpSocket};

use crate::support::{drive, until};
use futures::{FutureExt, SinkExt, StreamExt};
use reactor_compat::{
    DatagramConnection, DatagramError, DatagramStream, Reactor, StreamDatagramProtocol,
};

const HERE: (&str, u16) = ("127.0.0.1", 0);

fn open(reactor: &Reactor) -> (DatagramStream, DatagramConnection<StreamDatagramProtocol>) {
    let (stream, protocol) = DatagramStream::channel();
    (stream, reactor.listen_udp(HERE, protocol).unwrap())
}

#[test]
fn two_streams_talk_and_know_whom_each_is_from() {
    drive(|reactor| async move {
        let (mut ours, our_port) = open(&reactor);
        let (mut theirs, their_port) = open(&reactor);
        for n in 0..100_u8 {
            ours.send((vec![n; usize::from(n)], their_port.get_host())).await.unwrap();
            let (data, from) = theirs.next().await.unwrap().unwrap();
            assert_eq!((&data[..], from), (&vec![n; usize::from(n)][..], our_port.get_host()));
        }
    });
}

#[test]
fn tokios_socket_at_the_other_end() {
    drive(|reactor| async move {
        let other = tokio::net::UdpSocket::bind(HERE).await.unwrap();
        let (ours, port) = open(&reactor);
        let mut ours = ours.connect(other.local_addr().unwrap()).await.unwrap();
        assert_eq!(ours.peer(), &other.local_addr().unwrap());
        ours.send(b"ping").await.unwrap();
        let mut room = [0; 8];
        let (count, from) = other.recv_from(&mut room).await.unwrap();
        assert_eq!((&room[..count], from), (&b"ping"[..], port.get_host()));
        other.send_to(b"pong", from).await.unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap(), "pong");
    });
}

#[test]
fn what_came_before_it_was_connected_does_not_come_out() {
    drive(|reactor| async move {
        let [stranger, friend] = [(); 2].map(|()| UdpSocket::bind(HERE).unwrap());
        let (mut ours, port) = open(&reactor);
        stranger.send_to(b"first", port.get_host()).unwrap();
        friend.send_to(b"second", port.get_host()).unwrap();
        // Both have come.
        let probe = UdpSocket::bind(HERE).unwrap();
        probe.send_to(b"probe", port.get_host()).unwrap();
        let first = ours.next().await.unwrap().unwrap();
        assert_eq!(first.0, "first");
        stranger.send_to(b"third", port.get_host()).unwrap();
        let mut ours = ours.connect(friend.local_addr().unwrap()).await.unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap(), "second");
        friend.send_to(b"fourth", port.get_host()).unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap(), "fourth");
    });
}

#[test]
fn a_refusal_is_an_item_and_the_stream_goes_on() {
    drive(|reactor| async move {
        // It is connected elsewhere, and so refuses.
        let [peer, elsewhere] = [(); 2].map(|()| UdpSocket::bind(HERE).unwrap());
        peer.connect(elsewhere.local_addr().unwrap()).unwrap();
        let (ours, port) = open(&reactor);
        let mut ours = ours.connect(peer.local_addr().unwrap()).await.unwrap();
        ours.send("anybody?").await.unwrap();
        assert_eq!(ours.next().await.unwrap(), Err(DatagramError::Refused));
        peer.connect(port.get_host()).unwrap();
        peer.send(b"yes").unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap(), "yes");
    });
}

#[test]
fn what_waits_is_bounded_and_what_is_dropped_is_counted() {
    drive(|reactor| async move {
        let (mut ours, port) = open(&reactor);
        let (other, address) = (UdpSocket::bind(HERE).unwrap(), port.get_host());
        until(|| ours.transport().is_some()).await;
        // In pieces that the system's own buffer holds.
        let mut sent = 0;
        while ours.dropped() < 10 {
            for _ in 0..16 {
                other.send_to(&[7; 16], address).unwrap();
                sent += 1;
            }
            tokio::task::yield_now().await;
        }
        let dropped = ours.dropped();
        let mut taken = 0;
        while let Some(Some(item)) = ours.next().now_or_never() {
            assert_eq!(item.unwrap().0, [7; 16].as_slice());
            taken += 1;
        }
        assert_eq!(taken, 1024);
        assert!(taken + dropped <= sent);
        // There is room again.
        other.send_to(b"more", address).unwrap();
        until(|| ours.dropped() > dropped || ours.next().now_or_never().is_some()).await;
    });
}

#[test]
fn large_ones_are_bounded_by_their_bytes() {
    drive(|reactor| async move {
        let (mut ours, port) = open(&reactor);
        let (other, address) = (UdpSocket::bind(HERE).unwrap(), port.get_host());
        until(|| ours.transport().is_some()).await;
        while ours.dropped() == 0 {
            other.send_to(&[7; 8192], address).unwrap();
            tokio::task::yield_now().await;
        }
        let mut bytes = 0;
        while let Some(Some(item)) = ours.next().now_or_never() {
            bytes += item.unwrap().0.len();
        }
        assert_eq!(bytes, 256 * 1024);
    });
}

#[test]
fn what_cannot_be_sent_fails_alone() {
    drive(|reactor| async move {
        let (mut ours, port) = open(&reactor);
        let here = port.get_host();
        let error = ours.send((vec![0; 70_000], here)).await.unwrap_err();
        assert_eq!(error, DatagramError::MessageLength(70_000));
        let six: SocketAddr = "[::1]:9".parse().unwrap();
        let error = ours.send((Vec::new(), six)).await.unwrap_err();
        assert!(matches!(error, DatagramError::InvalidAddress(_)));
        ours.send((b"to myself".to_vec(), here)).await.unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap().0, "to myself");
    });
}

#[test]
fn a_port_that_closes_ends_the_stream_and_fails_the_sink() {
    drive(|reactor| async move {
        let (mut ours, port) = open(&reactor);
        let here = port.get_host();
        ours.send((b"last", here)).await.unwrap();
        until(|| format!("{ours:?}").contains("waiting: 1")).await;
        port.stop_listening().await.unwrap();
        assert_eq!(ours.next().await.unwrap().unwrap().0, "last");
        assert!(ours.next().await.is_none());
        assert_eq!(ours.send((b"x", here)).await, Err(DatagramError::Closed));
    });
}

#[test]
fn closing_the_sink_and_dropping_the_stream_close_the_port() {
    drive(|reactor| async move {
        let (mut ours, port) = open(&reactor);
        SinkExt::<(Vec<u8>, SocketAddr)>::close(&mut ours).await.unwrap();
        assert!(port.gone());
        let (ours, port) = open(&reactor);
        until(|| ours.transport().is_some()).await;
        drop(ours);
        until(|| port.gone()).await;
        // Before it is open, too.
        let (ours, port) = open(&reactor);
        drop(ours);
        until(|| port.gone()).await;
    });
}

#[test]
fn a_port_that_never_is_ends_the_stream() {
    let (mut ours, protocol) = DatagramStream::<SocketAddr>::channel();
    assert!(ours.next().now_or_never().is_none());
    drop(protocol);
    assert!(ours.next().now_or_never().unwrap().is_none());
    let here = "127.0.0.1:9".parse().unwrap();
    let sent = ours.send((b"x", here)).now_or_never().unwrap();
    assert_eq!(sent, Err(DatagramError::Closed));
}

#[cfg(unix)]
#[test]
fn datagrams_of_unix_wait_until_there_is_room() {
    use std::os::unix::net::UnixDatagram;

    use reactor_compat::UnixAddress;

    drive(|reactor| async move {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer");
        let peer = UnixDatagram::bind(&path).unwrap();
        let (ours, protocol) = DatagramStream::channel();
        reactor.connect_unix_datagram(&path, protocol).unwrap();
        let mut ours = ours;
        let to = UnixAddress::from(&*path);
        until(|| ours.transport().is_some()).await;
        let mut sent = 0_usize;
        // It is not ready when the peer's buffer is full.
        while let Some(result) = ours.send((sent.to_string(), to.clone())).now_or_never() {
            result.unwrap();
            sent += 1;
        }
        let mut room = [0; 16];
        for n in 0..sent {
            let count = peer.recv(&mut room).unwrap();
            assert_eq!(room[..count], *n.to_string().as_bytes());
        }
        // There is room: what waits goes, and more.
        ours.send((b"more".to_vec(), to)).await.unwrap();
        let count = peer.recv(&mut room).unwrap();
        assert_eq!(room[..count], *sent.to_string().as_bytes());
        let count = peer.recv(&mut room).unwrap();
        assert_eq!(&room[..count], b"more");
    });
}
