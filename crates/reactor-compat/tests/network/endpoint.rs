//! Endpoints: descriptions, right and wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::rc::Rc;
use std::time::Duration;

use crate::support::reserved::Reserved;
use crate::support::{Recorder, drive};
use deferred::testing::{failure_result_of, success_result_of};
#[cfg(unix)]
use reactor_compat::UnixAddress;
use reactor_compat::endpoint::{
    ClientEndpoint, EndpointError, EndpointTypeTaken, ServerEndpoint, TcpServerEndpoint,
    client_from_string, server_from_string,
};
use reactor_compat::{
    Address, CannotListenError, ConnectError, ConnectOptions, ListenOptions, Reactor,
};

fn server_error(description: &str) -> EndpointError {
    server_from_string(&Reactor::new(), description).unwrap_err()
}

#[test]
fn a_server_may_be_described_by_place_or_by_name() {
    let reactor = Reactor::new();
    for description in
        ["tcp:0", "tcp:port=0", "tcp:0:interface=127.0.0.1", r"tcp:interface=\127.0.0.1:port=0"]
    {
        let endpoint = server_from_string(&reactor, description).unwrap();
        let port = success_result_of(endpoint.listen(|_: Address| Recorder::default()));
        assert_ne!(port.get_host().port(), Some(0), "{description}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let wrong = |description: &str| server_error(description).to_string();
    let types = if cfg!(feature = "tls") {
        "haproxy, ssl, stdio, systemd, tcp, tcp6, tls, unix"
    } else {
        "haproxy, stdio, systemd, tcp, tcp6, unix"
    };
    for (description, error) in [
        ("", format!("at character 1: unknown endpoint type ``; allowed: {types}")),
        ("udp:1", format!("at character 1: unknown endpoint type `udp`; allowed: {types}")),
        (
            "a=b",
            format!(
                "at character 1: the type of the endpoint is missing in front; allowed: {types}"
            ),
        ),
        ("tcp", "at character 4: port is missing".to_owned()),
        ("tcp:", "at character 5: port is to be a number from 0 to 65535, not ``".to_owned()),
        (
            "tcp:65536",
            "at character 5: port is to be a number from 0 to 65535, not `65536`".to_owned(),
        ),
        (
            "tcp:1:h:2:3",
            "at character 11: too many arguments; \
             allowed: port, interface, backlog, reusePort, noDelay, keepAlive"
                .to_owned(),
        ),
        (
            "tcp:1:a=b",
            "at character 7: unknown argument `a`; \
             allowed: port, interface, backlog, reusePort, noDelay, keepAlive"
                .to_owned(),
        ),
        ("tcp:1:port=2", "at character 7: port is given by place and by name".to_owned()),
        ("tcp:1\\", "at character 6: a backslash at the end escapes nothing".to_owned()),
        (
            "tcp:1:p\u{f6}rt=b",
            "at character 7: `p\u{f6}rt` is not the name of an argument".to_owned(),
        ),
    ] {
        assert_eq!(wrong(description), format!("`{description}`, {error}"));
    }
}

#[cfg(unix)]
#[test]
fn what_is_wrong_with_a_unix_socket_is_said() {
    for (description, error) in [
        ("unix:/run/a:mode=888", "mode is to be an octal number such as 660, not `888`"),
        ("unix:/run/a:lockfile=no", "lockfile is to be 0 or 1, not `no`"),
        ("unix", "address is missing"),
    ] {
        let error = format!(": {error}");
        assert!(server_error(description).to_string().ends_with(&error), "{description}");
    }
}

#[test]
fn the_place_is_marked() {
    let error = server_error("tcp:80:b\u{e4}cklog=x:interface=\u{e4}");
    assert_eq!(
        format!("{error:#}"),
        "`b\u{e4}cklog` is not the name of an argument\n  \
         tcp:80:b\u{e4}cklog=x:interface=\u{e4}\n         ^^^^^^^"
    );
    let error = server_error("tcp");
    assert_eq!(format!("{error:#}"), "port is missing\n  tcp\n     ^");
}

#[test]
fn an_address_makes_strings_that_make_the_endpoint_of_that_address() {
    let reactor = Reactor::new();
    for address in ["127.0.0.1:80", "[::1]:0", "[fe80::1%3]:80", "[::]:65535"] {
        let address: std::net::SocketAddr = address.parse().unwrap();
        let text = Address::Tcp(address).client_string().unwrap();
        let ClientEndpoint::Tcp(client) = client_from_string(&reactor, &text).unwrap() else {
            panic!("{text}")
        };
        assert_eq!(client.destination().literal(), Some(address), "{text}");
        let text = Address::Tcp(address).server_string().unwrap();
        let server = server_from_string(&reactor, &text).unwrap();
        let (ServerEndpoint::Tcp(tcp) | ServerEndpoint::Tcp6(tcp)) = server else {
            panic!("{text}")
        };
        assert_eq!(tcp.interface().literal(), Some(address), "{text}");
    }
    assert_eq!(Address::Udp(([127, 0, 0, 1], 80).into()).client_string(), None);
    assert_eq!(Address::Pipe.server_string(), None);
}

#[cfg(unix)]
#[test]
fn a_path_makes_a_string_that_makes_that_path() {
    use std::os::unix::ffi::OsStrExt;

    let reactor = Reactor::new();
    for name in ["/run/a", "/run/a:b", r"/run/a\b", "/run/a=b", "\0abstract", "\0a=:b"] {
        let address = UnixAddress::from(name);
        let text = Address::Unix(address.clone()).client_string().unwrap();
        let ClientEndpoint::Unix(client) = client_from_string(&reactor, &text).unwrap() else {
            panic!("{text}")
        };
        assert_eq!(*client.address(), address, "{text}");
    }
    assert_eq!(Address::Unix(UnixAddress::Unnamed).client_string(), None);
    let no_text = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/run/\xff"));
    assert_eq!(Address::Unix(no_text.into()).server_string(), None);
}

#[test]
fn options_that_twisted_has_not_are_said_by_name() {
    let reactor = Reactor::new();
    let text = "tcp6:80:reusePort=1:noDelay=1:keepAlive=1:backlog=7";
    let ServerEndpoint::Tcp6(server) = server_from_string(&reactor, text).unwrap() else {
        panic!()
    };
    let options = ListenOptions::new().reuse_port(true).no_delay(true).keep_alive(true).backlog(7);
    assert_eq!(*server.get_options(), options);
    let text = "tcp:localhost:80:noDelay=1:keepAlive=1:timeout=5";
    let ClientEndpoint::Tcp(client) = client_from_string(&reactor, text).unwrap() else { panic!() };
    let options =
        ConnectOptions::new().no_delay(true).keep_alive(true).timeout(Duration::from_secs(5));
    assert_eq!(*client.get_options(), options);
}

#[test]
fn a_type_that_was_added_is_of_its_reactor_alone() {
    let reactor = Reactor::new();
    let add = |name: &str| {
        reactor.add_server_type(name, |reactor, description| {
            let arguments = description.arguments(&["port"], &[])?;
            let port = arguments.number("port", 1..=9)?.unwrap_or(1);
            Ok(Rc::new(TcpServerEndpoint::new(reactor, port)))
        })
    };
    add("Few").unwrap();
    assert_eq!(add("few").unwrap_err(), EndpointTypeTaken("few".to_owned()));
    assert_eq!(add("TCP").unwrap_err(), EndpointTypeTaken("tcp".to_owned()));
    let made = server_from_string(&reactor, "FEW:7").unwrap();
    assert_eq!(made.to_string(), "0.0.0.0:7");
    let inside = server_from_string(&reactor, "haproxy:few:7").unwrap();
    assert_eq!(inside.to_string(), "0.0.0.0:7, behind a proxy");
    assert!(server_from_string(&reactor, "nope").unwrap_err().allowed().any(|name| name == "few"));
    assert!(server_from_string(&Reactor::new(), "few:7").is_err());
    let error = server_from_string(&reactor, "few:10").unwrap_err();
    assert_eq!(&error.description()[error.place()], "10");
}

#[test]
fn an_error_about_an_inner_string_quotes_that() {
    let error = server_error("haproxy:tcp:eighty");
    assert_eq!(error.description(), "tcp:eighty");
    assert_eq!(error.place(), 4..10);
}

#[test]
fn a_client_says_where_to() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let number = reserved.address.port();
        let description = format!("tcp:{number}:interface=127.0.0.1");
        let server = server_from_string(&reactor, &description).unwrap();
        let port = server.listen(|_: Address| Recorder::default()).await.unwrap();
        for description in
            [format!("tcp:127.0.0.1:{number}"), format!("tcp:port={number}:host=127.0.0.1")]
        {
            let client = client_from_string(&reactor, &description).unwrap();
            let connection = client.connect(|_: Address| Recorder::default()).await.unwrap();
            assert_eq!(connection.get_peer(), port.get_host());
        }
        port.stop_listening().await.unwrap();
        let client = client_from_string(&reactor, &format!("tcp:127.0.0.1:{number}")).unwrap();
        let failure = client.connect(|_: Address| Recorder::default()).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn listening_where_one_cannot_is_a_failure() {
    let endpoint = server_from_string(&Reactor::new(), "tcp:0:interface=192.0.2.1").unwrap();
    let failure = failure_result_of(endpoint.listen(|_: Address| Recorder::default()));
    assert!(failure.is::<CannotListenError>());
}
