//! A server's certificates in files: by name, changed while it runs, expired.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::path::Path;

use crate::support::authority::Authority;
use crate::support::{Log, Recorder, drive, until};
use deferred::Failure;
use rcgen::{CertificateParams, date_time_ymd};
use reactor_compat::endpoint::{
    HostnameEndpoint, TcpServerEndpoint, wrap_client_tls, wrap_server_tls,
};
use reactor_compat::log::LogCapture;
use reactor_compat::tls::{Certificates, ClientOptions, ServerOptions, TlsConfigError, TlsError};
use reactor_compat::{Port, Reactor};

fn any(_: &mut CertificateParams) {}

/// Puts a certificate and its key into a directory.
fn put(authority: &Authority, directory: &Path, file: &str, names: &[&str]) {
    let both = authority.pem(names, any).concat();
    fs::write(directory.join(file), both).unwrap();
}

async fn listen(reactor: &Reactor, certificates: &Certificates) -> Port {
    let options = ServerOptions::with_certificates(certificates).unwrap();
    let below = TcpServerEndpoint::new(reactor, ("127.0.0.1", 0));
    wrap_server_tls(options, below).listen(|_| Recorder::default()).await.unwrap()
}

/// Asks for the server of that name.
async fn meet(
    reactor: &Reactor,
    authority: &Authority,
    port: &Port,
    name: &str,
) -> Result<(), Failure> {
    let options = ClientOptions::new(name).unwrap().trust_roots(authority.roots());
    let below = HostnameEndpoint::new(reactor, port.get_host().socket_addr().unwrap());
    let log = Log::default();
    let connection =
        wrap_client_tls(options, below).unwrap().connect(move |_| Recorder::new(&log)).await?;
    connection.abort_connection();
    Ok(())
}

#[test]
fn each_client_gets_the_certificate_of_the_name_it_wants() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    put(&authority, directory.path(), "one.pem", &["one.example", "other.example"]);
    fs::create_dir(directory.path().join("inside")).unwrap();
    put(&authority, &directory.path().join("inside"), "two.pem", &["*.two.example"]);
    fs::write(directory.path().join("README"), "not one of them").unwrap();
    let certificates = Certificates::in_directory(directory.path()).unwrap();
    assert_eq!(certificates.names(), ["*.two.example", "one.example", "other.example"]);
    drive(move |reactor| async move {
        let capture = LogCapture::start();
        let port = listen(&reactor, &certificates).await;
        for name in ["one.example", "other.example", "a.two.example", "b.two.example"] {
            meet(&reactor, &authority, &port, name).await.unwrap();
        }
        let failure = meet(&reactor, &authority, &port, "three.example").await.unwrap_err();
        assert!(failure.is::<TlsError>(), "{failure}");
        let said = "no certificate for the name \"three.example\", which a client wants";
        assert!(capture.messages().iter().any(|message| message == said));
        // One that says no name gets the first, and believes it or not.
        let failure = meet(&reactor, &authority, &port, "127.0.0.1").await.unwrap_err();
        assert_eq!(failure.check(), Some(&TlsError::WrongName));
        drop(directory);
    });
}

#[test]
fn certificate_key_and_chain_may_stand_in_files_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let authority = Authority::new();
    let [certificate, key] = authority.pem(&["one.example"], any);
    fs::write(path("cert.pem"), certificate).unwrap();
    fs::write(path("key.pem"), key).unwrap();
    fs::write(path("chain.pem"), authority.own_pem()).unwrap();
    let in_directory = Certificates::in_directory(directory.path()).unwrap();
    let chain = path("chain.pem");
    let in_files = Certificates::in_files(path("cert.pem"), path("key.pem"), Some(&chain)).unwrap();
    drive(move |reactor| async move {
        for certificates in [in_directory, in_files] {
            assert_eq!(certificates.names(), ["one.example"]);
            let port = listen(&reactor, &certificates).await;
            meet(&reactor, &authority, &port, "one.example").await.unwrap();
        }
        drop(directory);
    });
}

#[test]
fn one_certificate_is_for_every_name() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    put(&authority, directory.path(), "one.pem", &["one.example"]);
    let path = directory.path().join("one.pem");
    let certificates = Certificates::in_files(&path, &path, None).unwrap();
    drive(move |reactor| async move {
        let port = listen(&reactor, &certificates).await;
        let failure = meet(&reactor, &authority, &port, "two.example").await.unwrap_err();
        assert_eq!(failure.check(), Some(&TlsError::WrongName));
        drop(directory);
    });
}

#[test]
fn files_that_change_are_read_again_when_clients_come() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    put(&authority, directory.path(), "one.pem", &["one.example"]);
    let certificates = Certificates::in_directory(directory.path()).unwrap();
    drive(move |reactor| async move {
        let capture = LogCapture::start();
        let port = listen(&reactor, &certificates).await;
        put(&authority, directory.path(), "two.pem", &["two.example"]);
        while meet(&reactor, &authority, &port, "two.example").await.is_err() {}
        assert_eq!(certificates.names(), ["one.example", "two.example"]);

        // Half a file, as it is while somebody writes it: the others stay.
        fs::write(directory.path().join("two.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
        let said =
            || capture.messages().iter().any(|m| m.contains("certificates stay as they were"));
        while !said() {
            meet(&reactor, &authority, &port, "two.example").await.unwrap();
        }
        assert_eq!(certificates.names(), ["one.example", "two.example"]);
        assert!(matches!(certificates.reload(), Err(TlsConfigError::InFile { .. })));

        capture.flush(|_| true);
        put(&authority, directory.path(), "two.pem", &["three.example"]);
        certificates.reload().unwrap();
        assert_eq!(certificates.names(), ["one.example", "three.example"]);
        meet(&reactor, &authority, &port, "three.example").await.unwrap();
    });
}

#[test]
fn one_that_has_expired_is_said_so_and_used_where_there_is_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let expired = authority.pem(&["one.example"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    fs::write(directory.path().join("a.pem"), expired.concat()).unwrap();
    let capture = LogCapture::start();
    let certificates = Certificates::in_directory(directory.path()).unwrap();
    assert_eq!(capture.messages(), ["the certificate for one.example has expired: renew it"]);
    put(&authority, directory.path(), "b.pem", &["one.example"]);
    certificates.reload().unwrap();
    assert_eq!(capture.flush(|_| true).len(), 1);
    drive(move |reactor| async move {
        let port = listen(&reactor, &certificates).await;
        meet(&reactor, &authority, &port, "one.example").await.unwrap();
    });
}

#[test]
fn files_that_are_of_no_use_are_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let authority = Authority::new();
    let missing = Certificates::in_directory(path("missing")).unwrap_err();
    assert!(matches!(missing, TlsConfigError::File { .. }));
    let [certificate, key] = authority.pem(&["one.example"], any);
    fs::write(path("cert.pem"), &certificate).unwrap();
    let alone = Certificates::in_directory(directory.path()).unwrap_err();
    let said =
        format!("{}: no certificate and its key in files named *.pem", directory.path().display());
    assert_eq!(alone.to_string(), said);
    fs::write(path("key.pem"), &authority.pem(&["two.example"], any)[1]).unwrap();
    assert!(matches!(
        Certificates::in_directory(directory.path()),
        Err(TlsConfigError::NoIdentity { .. })
    ));
    let wrong = Certificates::in_files(path("cert.pem"), path("key.pem"), None).unwrap_err();
    assert!(wrong.to_string().contains("key.pem: the key is not that of the certificate in "));
    fs::write(path("key.pem"), key.replace("PRIVATE", "PUBLIC")).unwrap();
    let none = Certificates::in_files(path("cert.pem"), path("key.pem"), None).unwrap_err();
    assert!(none.to_string().ends_with("key.pem: there is no private key in the PEM text"));
}

#[test]
fn clients_are_waited_for_though_one_dawdles() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    put(&authority, directory.path(), "one.pem", &["one.example"]);
    let certificates = Certificates::in_directory(directory.path()).unwrap();
    drive(move |reactor| async move {
        let port = listen(&reactor, &certificates).await;
        let address = port.get_host().socket_addr().unwrap();
        let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
        let met = std::cell::Cell::new(false);
        meet(&reactor, &authority, &port, "one.example").await.unwrap();
        met.set(true);
        until(|| met.get()).await;
    });
}
