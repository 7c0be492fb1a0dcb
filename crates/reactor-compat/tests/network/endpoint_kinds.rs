//! Each kind of endpoint, over the real thing and in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Log, Recorder, drive, until};
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::endpoint::{
    HostnameEndpoint, Listen, StreamServerEndpoint, TcpServerEndpoint, client_from_string,
    connect_protocol, server_from_string,
};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{
    ConnectError, ConnectOptions, ConnectingCancelledError, ListenOptions, Reactor,
};

/// An echo there, and whether a client of it is answered.
async fn echo(
    reactor: &Reactor,
    server: &str,
    client: impl FnOnce(&reactor_compat::Port) -> String,
) {
    let log = Log::default();
    let seen = log.clone();
    let server = server_from_string(reactor, server).unwrap();
    let port = server.listen(move |_| Recorder::echo(&seen)).await.unwrap();
    let client = client_from_string(reactor, &client(&port)).unwrap();
    let ours = Log::default();
    let connection = connect_protocol(&client, Recorder::new(&ours)).await.unwrap();
    connection.write("hello");
    until(|| ours.data() == b"hello").await;
    connection.lose_connection();
    until(|| log.end().is_some()).await;
    port.stop_listening().await.unwrap();
}

#[test]
fn tcp() {
    drive(|reactor| async move {
        for server in ["tcp:0:interface=127.0.0.1", "tcp:0", "tcp6:0:interface=127.0.0.1"] {
            let text = |port: &reactor_compat::Port| {
                format!("tcp:localhost:{}", port.get_host().port().unwrap())
            };
            echo(&reactor, server, text).await;
        }
    });
}

#[test]
fn tcp_of_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    drive(|reactor| async move {
        for server in ["tcp6:0", r"tcp6:0:interface=\:\:1", r"tcp:0:interface=\:\:1"] {
            let text = |port: &reactor_compat::Port| {
                format!(r"tcp:\:\:1:{}", port.get_host().port().unwrap())
            };
            echo(&reactor, server, text).await;
        }
    });
}

#[cfg(unix)]
#[test]
fn unix() {
    use std::os::unix::fs::PermissionsExt;

    drive(|reactor| async move {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a socket");
        let text = path.to_str().unwrap().to_owned();
        let seen = path.clone();
        let server = format!("unix:{text}:mode=600");
        echo(&reactor, &server, move |port| {
            assert_eq!(seen.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            // A server of a string holds a lock, unless told otherwise.
            assert!(std::fs::symlink_metadata(seen.with_extension("lock")).is_ok());
            format!("{}:lockfile=1", port.get_host().client_string().unwrap())
        })
        .await;
        assert!(!path.exists());
        let without = format!("unix:{text}:lockfile=0");
        let server = server_from_string(&reactor, &without).unwrap();
        let _port = server.listen(|_| Recorder::default()).await.unwrap();
        let client = client_from_string(&reactor, &format!("unix:{text}:lockfile=1")).unwrap();
        let failure = client.connect(|_| Recorder::default()).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::BadFile));
    });
}

#[cfg(unix)]
#[test]
fn a_socket_that_listens_already() {
    use reactor_compat::endpoint::{AdoptedServerEndpoint, AlreadyListened};

    drive(|reactor| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = AdoptedServerEndpoint::new(&reactor, listener);
        let log = Log::default();
        let seen = log.clone();
        let port = endpoint.listen(move |_| Recorder::echo(&seen)).await.unwrap();
        assert_eq!(port.get_host().socket_addr(), Some(address));
        let client = HostnameEndpoint::new(&reactor, address);
        let ours = Log::default();
        connect_protocol(&client, Recorder::new(&ours)).await.unwrap().write("hello");
        until(|| ours.data() == b"hello").await;
        let again = endpoint.listen(|_| Recorder::default()).await.unwrap_err();
        assert!(again.is::<AlreadyListened>());
    });
    let memory = MemoryReactor::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = AdoptedServerEndpoint::new(&memory, listener);
    success_result_of(endpoint.listen(|_| Recorder::default()));
    assert_eq!(memory.adopted_ports().len(), 1);
    let file = std::fs::File::open("/dev/null").unwrap();
    let failure = failure_result_of(
        AdoptedServerEndpoint::new(&memory, file).listen(|_| Recorder::default()),
    );
    assert!(failure.is::<reactor_compat::AdoptError>());
}

#[test]
fn in_memory_endpoints_say_what_they_were_told() {
    let reactor = MemoryReactor::new();
    let server = server_from_string(&reactor, "tcp:80:backlog=7:noDelay=1").unwrap();
    success_result_of(server.listen(|_| Recorder::default()));
    let server = &reactor.tcp_servers()[0];
    assert_eq!(server.options(), Some(ListenOptions::new().backlog(7).no_delay(true)));
    let text = "tcp:example.org:80:timeout=5:bindAddress=127.0.0.1";
    let connecting = client_from_string(&reactor, text).unwrap().connect(|_| Recorder::default());
    reactor.settle().unwrap();
    let client = &reactor.tcp_clients()[0];
    assert_eq!(client.get_destination().to_string(), "example.org:80");
    let options =
        ConnectOptions::new().timeout(Duration::from_secs(5)).bind_address(([127, 0, 0, 1], 0));
    assert_eq!(client.options(), options);
    reactor.advance(Duration::from_secs(5)).unwrap();
    assert_eq!(failure_result_of(connecting).check(), Some(&ConnectError::Timeout));
}

#[cfg(unix)]
#[test]
fn in_memory_unix_sockets_say_what_they_were_told() {
    let reactor = MemoryReactor::new();
    let server = server_from_string(&reactor, "unix:/run/a:600:7:0").unwrap();
    success_result_of(server.listen(|_| Recorder::default()));
    let options = reactor_compat::UnixOptions::new().mode(0o600).backlog(7).lock(false);
    assert_eq!(reactor.unix_servers()[0].unix_options(), Some(options));
    let client = client_from_string(&reactor, "unix:/run/b:lockfile=1").unwrap();
    drop(client.connect(|_| Recorder::default()));
    reactor.settle().unwrap();
    assert!(reactor.unix_clients()[0].checks_lock());
}

#[test]
fn sockets_are_set_as_they_were_told() {
    drive(|reactor| async move {
        let options = ListenOptions::new().no_delay(true).keep_alive(true);
        let log = Log::default();
        let seen = log.clone();
        let endpoint = TcpServerEndpoint::new(&reactor, ("127.0.0.1", 0)).options(options);
        let port = endpoint
            .listen(move |_| {
                Recorder::new(&seen).made(|me, ()| {
                    assert!(me.get_tcp_no_delay().unwrap() && me.get_tcp_keep_alive().unwrap());
                    me.write("set");
                })
            })
            .await
            .unwrap();
        let options = ConnectOptions::new().no_delay(true).keep_alive(true);
        let address = port.get_host().socket_addr().unwrap();
        for options in [options, options.bind_address(([127, 0, 0, 1], 0))] {
            let ours = Log::default();
            let client = HostnameEndpoint::new(&reactor, address).options(options);
            let connection = connect_protocol(&client, Recorder::new(&ours)).await.unwrap();
            assert!(connection.get_tcp_no_delay().unwrap());
            assert!(connection.get_tcp_keep_alive().unwrap());
            until(|| ours.data() == b"set").await;
        }
        let client = HostnameEndpoint::new(&reactor, address);
        let connection = connect_protocol(&client, Recorder::default()).await.unwrap();
        assert!(!connection.get_tcp_no_delay().unwrap());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_can_be_shared() {
    drive(|reactor| async move {
        let first = server_from_string(&reactor, "tcp:0:interface=127.0.0.1:reusePort=1").unwrap();
        let port = first.listen(|_| Recorder::default()).await.unwrap();
        let text = format!("{}:reusePort=1", port.get_host().server_string().unwrap());
        let second = server_from_string(&reactor, &text).unwrap();
        let other = second.listen(|_| Recorder::default()).await.unwrap();
        assert_eq!(other.get_host(), port.get_host());
    });
}

#[test]
fn the_place_to_connect_from_may_be_a_name() {
    drive(|reactor| async move {
        let server = TcpServerEndpoint::new(&reactor, ("127.0.0.1", 0));
        let port = server.listen(|_| Recorder::default()).await.unwrap();
        let number = port.get_host().port().unwrap();
        for from in ["127.0.0.1", "localhost", ""] {
            let text = format!("tcp:127.0.0.1:{number}:bindAddress={from}");
            let client = client_from_string(&reactor, &text).unwrap();
            let connection = client.connect(|_| Recorder::default()).await.unwrap();
            assert!(connection.get_host().ip().unwrap().is_loopback(), "{text}");
        }
        let text = format!("tcp:127.0.0.1:{number}:bindAddress=no.such.host.invalid");
        let client = client_from_string(&reactor, &text).unwrap();
        assert!(client.connect(|_| Recorder::default()).await.is_err());
    });
}

#[test]
fn connecting_can_be_given_up_at_each_stage() {
    let reactor = MemoryReactor::new();
    for settled in [false, true] {
        let client = client_from_string(&reactor, "tcp:example.org:80").unwrap();
        let connecting = client.connect(|_| Recorder::default());
        if settled {
            reactor.settle().unwrap();
        }
        connecting.cancel();
        assert!(failure_result_of(connecting).is::<ConnectingCancelledError>());
        reactor.settle().unwrap();
        assert!(reactor.inventory().connecting.is_empty());
    }
}

#[test]
fn endpoints_without_a_type_are_endpoints() {
    let reactor = MemoryReactor::new();
    let endpoint: Rc<dyn StreamServerEndpoint> = Rc::new(TcpServerEndpoint::new(&reactor, 80));
    assert_eq!(endpoint.clone().description(), "0.0.0.0:80");
    success_result_of(Listen::listen(&endpoint, |_| Recorder::default()));
    assert_eq!(reactor.tcp_servers().len(), 1);
}
