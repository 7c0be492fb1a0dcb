//! Endpoints inside TLS, of values and of strings.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::fs;
use std::path::Path;

use crate::support::authority::Authority;
use crate::support::{Log, Recorder, drive, until};
use reactor_compat::endpoint::{
    ClientEndpoint, EndpointErrorKind, HostnameEndpoint, ServerEndpoint, client_from_string,
    quote_string_argument, server_from_string, wrap_client_tls,
};
use reactor_compat::tls::{TlsConfigError, TlsError};
use reactor_compat::{Connection, Reactor};

/// The files of a server and its clients.
struct Files(tempfile::TempDir);

impl Files {
    fn new(authority: &Authority) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let [certificate, key] = authority.pem(&["localhost"], |_| {});
        fs::create_dir(files.0.path().join("server")).unwrap();
        fs::create_dir(files.0.path().join("roots")).unwrap();
        fs::write(files.0.path().join("server/cert.pem"), certificate).unwrap();
        fs::write(files.0.path().join("server/key.pem"), key).unwrap();
        fs::write(files.0.path().join("roots/authority.pem"), authority.own_pem()).unwrap();
        files
    }

    /// A path as an argument.
    fn path(&self, name: &str) -> String {
        quote(&self.0.path().join(name))
    }
}

fn quote(path: &Path) -> String {
    quote_string_argument(path.to_str().unwrap())
}

async fn exchange(reactor: &Reactor, server: &str, client: impl FnOnce(u16) -> String) {
    let log = Log::default();
    let seen = log.clone();
    let server = server_from_string(reactor, server).unwrap();
    let port = server.listen(move |_| Recorder::echo(&seen)).await.unwrap();
    let text = client(port.get_host().port().unwrap());
    let endpoint = client_from_string(reactor, &text).unwrap();
    let ours = Log::default();
    let seen = ours.clone();
    let connection: Connection<_> = endpoint.connect(move |_| Recorder::new(&seen)).await.unwrap();
    assert!(connection.is_secure(), "{text}");
    connection.write("hello");
    until(|| ours.data() == b"hello").await;
    connection.lose_connection();
    until(|| log.end().is_some()).await;
    drop(port.stop_listening());
}

#[test]
fn strings_make_servers_and_clients_that_meet() {
    drive(|reactor| async move {
        let authority = Authority::new();
        let files = Files::new(&authority);
        let (certificate, key) = (files.path("server/cert.pem"), files.path("server/key.pem"));
        let roots = files.path("roots");
        let ssl = format!("ssl:0:privateKey={key}:certKey={certificate}:interface=127.0.0.1");
        let tls = format!("tls:{}:0:interface=127.0.0.1", files.path("server"));
        for server in [ssl, tls] {
            exchange(&reactor, &server, |port| {
                format!("ssl:127.0.0.1:{port}:hostname=localhost:caCertsDir={roots}")
            })
            .await;
            exchange(&reactor, &server, |port| format!("ssl:localhost:{port}:caCertsDir={roots}"))
                .await;
            exchange(&reactor, &server, |port| {
                let inner = quote_string_argument(&format!("tcp:127.0.0.1:{port}"));
                format!("tls:localhost:1:trustRoots={roots}:endpoint={inner}")
            })
            .await;
        }
    });
}

#[test]
fn a_client_believes_nobody_unless_told() {
    drive(|reactor| async move {
        let authority = Authority::new();
        let files = Files::new(&authority);
        let text = format!("tls:{}:0:interface=127.0.0.1", files.path("server"));
        let server = server_from_string(&reactor, &text).unwrap();
        let port = server.listen(|_| Recorder::default()).await.unwrap();
        let port = port.get_host().port().unwrap();
        let roots = files.path("roots");
        // Twisted believes it: there is no `hostname`.
        for (text, wanted) in [
            (format!("ssl:127.0.0.1:{port}:caCertsDir={roots}"), TlsError::WrongName),
            (format!("tls:127.0.0.1:{port}:trustRoots={roots}"), TlsError::WrongName),
        ] {
            let client = client_from_string(&reactor, &text).unwrap();
            let failure = client.connect(|_| Recorder::default()).await.unwrap_err();
            assert_eq!(failure.check(), Some(&wanted), "{text}");
        }
    });
}

#[test]
fn a_client_may_say_who_it_is() {
    drive(|reactor| async move {
        let authority = Authority::new();
        let files = Files::new(&authority);
        let both = authority.pem(&["me"], |_| {}).concat();
        fs::write(files.0.path().join("me.pem"), both).unwrap();
        let me = files.path("me.pem");
        let roots = files.path("roots");
        for text in [
            format!("ssl:localhost:443:caCertsDir={roots}:certKey={me}:privateKey={me}"),
            format!("ssl:localhost:443:caCertsDir={roots}:certKey={me}"),
            format!("tls:localhost:443:trustRoots={roots}:certificate={me}:privateKey={me}"),
        ] {
            let ClientEndpoint::Tls(client) = client_from_string(&reactor, &text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(client.inner().to_string(), "localhost:443");
        }
    });
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let reactor = Reactor::new();
    let authority = Authority::new();
    let files = Files::new(&authority);
    let certificate = files.path("server/cert.pem");
    let key = files.path("server/key.pem");
    let place = |text: &str| {
        let error = server_from_string(&reactor, text).unwrap_err();
        let place = error.description()[error.place()].to_owned();
        (place, error)
    };
    let (at, error) = place("ssl:443:privateKey=/no/such/key.pem");
    assert_eq!(at, "/no/such/key.pem");
    assert!(matches!(error.kind(), EndpointErrorKind::Tls(TlsConfigError::File { .. })));
    let (at, error) = place(&format!("ssl:443:privateKey={certificate}"));
    assert_eq!(at, certificate);
    assert!(error.to_string().contains("there is no private key"));
    let text = format!("ssl:443:privateKey={key}:certKey={certificate}:extraCertChain=/no/chain");
    assert!(place(&text).1.to_string().contains("/no/chain"));
    for (extra, name) in
        [("sslmethod=SSLv3_METHOD", "sslmethod"), ("dhParameters=x", "dhParameters")]
    {
        let (_, error) = place(&format!("ssl:443:privateKey={key}:certKey={certificate}:{extra}"));
        assert!(
            matches!(error.kind(), EndpointErrorKind::Unsupported(why) if why.starts_with(name))
        );
    }
    let harmless =
        format!("ssl:443:privateKey={key}:certKey={certificate}:sslmethod=SSLv23_METHOD");
    assert!(matches!(server_from_string(&reactor, &harmless), Ok(ServerEndpoint::Tls(_))));
    let (at, _) = place("tls:/no/such/directory");
    assert_eq!(at, "/no/such/directory");
    let (_, error) = place("tls");
    assert_eq!(error.kind(), &EndpointErrorKind::MissingArgument("path".to_owned()));

    let empty = tempfile::tempdir().unwrap();
    let empty = quote(empty.path());
    let error = client_from_string(&reactor, &format!("tls:localhost:443:trustRoots={empty}"));
    let error = error.unwrap_err();
    assert_eq!(error.description()[error.place()], empty);
    let error = client_from_string(&reactor, "tls:two words:443").unwrap_err();
    assert_eq!(&error.description()[error.place()], "two words");
}

#[test]
fn a_tls_server_listens_on_443_of_ipv6_unless_told() {
    let reactor = Reactor::new();
    let files = Files::new(&Authority::new());
    let text = format!("tls:{}", files.path("server"));
    let ServerEndpoint::Tls(server) = server_from_string(&reactor, &text).unwrap() else {
        panic!()
    };
    assert_eq!(server.inner().interface().to_string(), "[::]:443");
    assert_eq!(format!("{server:?}").matches("key").count(), 0);
}

#[test]
fn a_handshake_that_is_given_up_leaves_nothing() {
    drive(|reactor| async move {
        // It accepts, and says nothing.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let below = HostnameEndpoint::new(&reactor, silent.local_addr().unwrap());
        let endpoint = wrap_client_tls(Authority::new().client(), below).unwrap();
        let connecting = endpoint.connect(|_| Recorder::default());
        let (stream, _) = silent.accept().await.unwrap();
        connecting.cancel();
        assert!(connecting.await.is_err());
        // The hello of the handshake, and then the end.
        let mut stream = stream;
        let mut heard = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut heard).await;
        until(|| reactor.inventory().connecting.is_empty()).await;
    });
}
