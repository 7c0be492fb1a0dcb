//! Calls between us and the real Twisted, in both directions.

#![cfg(feature = "amp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[path = "amp_support/math.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod math;
#[path = "amp_support/tcp.rs"]
mod tcp;

use std::cell::RefCell;
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command as Process, Stdio};
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger, gather_results};
use math::{Divide, Quotient, Sum, Total, ZeroDivision};
use protocols::amp::{
    Bytes, Command, CommandError, DateTime, Decimal, Integer, NoError, Peer, Remote, Responders,
    UnhandledCommand, UnknownRemoteError,
};
use protocols::wire::Echo;
use reactor_compat::{Connection, ConnectionDone, ConnectionLost, Protocol};
use serde::{Deserialize, Serialize};
use tcp::{connect, listen, run};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp_support/peer.py");

/// The Python that the environment names, or the one that is there.
fn python() -> OsString {
    env::var_os("TWISTED_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether Python has some packages; if not, says that nothing is tested. With
/// `TWISTED_PYTHON` set that is a failure.
fn has(packages: &str) -> bool {
    let import = format!("import {packages}");
    let found = Process::new(python()).args(["-c", &import]).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        assert!(env::var_os("TWISTED_PYTHON").is_none(), "TWISTED_PYTHON fails to {import}");
        // Not `eprintln!`, which a test that passes keeps to itself.
        let _ = writeln!(io::stderr(), "skipped: no Python that can {import}");
    }
    there
}

/// Whether there is a Twisted to talk to.
fn twisted() -> bool {
    has("twisted")
}

/// A Twisted that is running, ended with the test.
struct Server(Child);

impl Server {
    fn start(arguments: &[&str]) -> (Self, SocketAddr) {
        let mut process = Process::new(python());
        let process = process.args([PEER, "server"]).args(arguments).stdout(Stdio::piped());
        let mut child = process.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        (Self(child), ([127, 0, 0, 1], port).into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    x: i64,
    y: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    integer: Integer,
    string: Bytes,
    unicode: String,
    boolean: bool,
    float: f64,
    decimal: Decimal,
    time: DateTime,
    numbers: Vec<i64>,
    rows: Vec<Row>,
    missing: Option<i64>,
}

impl Command for Everything {
    const NAME: &str = "Everything";
    type Response = Self;
    type Error = NoError;
}

fn extremes() -> [Everything; 2] {
    let row = |x, y: Option<&str>| Row { x, y: y.map(str::to_owned) };
    [
        Everything {
            integer: format!("-1{}", "0".repeat(4000)).parse().unwrap(),
            string: (0..=255).collect::<Vec<u8>>().into(),
            unicode: "\u{1f600}\0".to_owned(),
            boolean: true,
            float: f64::MIN_POSITIVE,
            decimal: "-1.50E-9".parse().unwrap(),
            time: "9999-12-31T23:59:59.999999+23:59".parse().unwrap(),
            numbers: vec![0, i64::MAX, i64::MIN],
            rows: vec![row(1, Some("a")), row(2, None)],
            missing: None,
        },
        Everything {
            integer: Integer::from(0),
            string: vec![b'x'; 65_535].into(),
            unicode: String::new(),
            boolean: false,
            float: f64::NEG_INFINITY,
            decimal: "NaN".parse().unwrap(),
            time: "0001-01-01T00:00:00.000000-00:00".parse().unwrap(),
            numbers: vec![],
            rows: vec![],
            missing: Some(-1),
        },
    ]
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "FATAL")]
struct Fatality(String);

impl fmt::Display for Fatality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Fatality {}

impl CommandError for Fatality {
    fn fatal(&self) -> bool {
        true
    }
}

#[derive(Serialize, Deserialize)]
struct Fatal;

impl Command for Fatal {
    const NAME: &str = "Fatal";
    type Response = ();
    type Error = Fatality;
}

#[derive(Serialize, Deserialize)]
struct Boom;

impl Command for Boom {
    const NAME: &str = "Boom";
    type Response = ();
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct Slow;

impl Command for Slow {
    const NAME: &str = "Slow";
    type Response = ();
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct Die;

impl Command for Die {
    const NAME: &str = "Die";
    type Response = ();
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct BeEcho;

impl Command for BeEcho {
    const NAME: &str = "BeEcho";
    type Response = ();
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct Nonsense;

impl Command for Nonsense {
    const NAME: &str = "Nonsense";
    type Response = ();
    type Error = NoError;
}

#[test]
fn we_call_twisted() {
    if !twisted() {
        return;
    }
    run(|reactor| async move {
        let (_server, address) = Server::start(&[]);
        let remote = connect(&reactor, address).await?;
        assert_eq!(remote.call_remote(Sum { a: 13, b: 81 }).await?.total, 94);
        let failure =
            remote.call_remote(Divide { numerator: 1, denominator: 0 }).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ZeroDivision));
        let unknown = remote.call_remote(Nonsense).await.unwrap_err();
        let description = "Unhandled Command: b'Nonsense'".to_owned();
        assert_eq!(unknown.check(), Some(&UnhandledCommand { description }));
        for everything in extremes() {
            assert_eq!(remote.call_remote(everything.clone()).await?, everything);
        }
        remote.call_remote_unanswered(Sum { a: 1, b: 2 })?;
        let calls = (0..1000).map(|n| remote.call_remote(Sum { a: n, b: n }));
        let totals = gather_results(calls.collect::<Vec<_>>()).await?;
        assert!(totals.iter().zip(0..).all(|(answer, n)| answer.total == 2 * n));

        let failure = remote.call_remote(Fatal).await.unwrap_err();
        assert_eq!(failure.check(), Some(&Fatality("that was it".to_owned())));
        let remote = connect(&reactor, address).await?;
        let failure = remote.call_remote(Boom).await.unwrap_err();
        let description = "Unknown Error".to_owned();
        assert_eq!(failure.check(), Some(&UnknownRemoteError { description }));
        Ok(())
    });
}

#[test]
fn a_twisted_that_dies_fails_what_is_outstanding() {
    if !twisted() {
        return;
    }
    run(|reactor| async move {
        let (_server, address) = Server::start(&[]);
        let remote = connect(&reactor, address).await?;
        let calls: Vec<_> = (0..100).map(|_| remote.call_remote(Slow)).collect();
        let dying = remote.call_remote(Die);
        for call in calls.into_iter().chain([dying]) {
            let failure = call.await.unwrap_err();
            assert!(failure.is::<ConnectionDone>() || failure.is::<ConnectionLost>(), "{failure}");
        }
        Ok(())
    });
}

/// Says hello, and fires when it comes back.
struct Hear {
    heard: Vec<u8>,
    done: Rc<RefCell<Option<Trigger<()>>>>,
}

impl Protocol for Hear {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello");
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if self.heard == b"hello" {
            self.done.take().unwrap().callback(()).unwrap();
            transport.lose_connection();
        }
    }
}

/// Turns to another protocol, and waits for its echo.
async fn hear(remote: &Remote) -> Result<(), Failure> {
    let (heard, trigger) = Deferred::new();
    let done = Rc::new(RefCell::new(Some(trigger)));
    remote.call_remote_switch(BeEcho, move |_| Hear { heard: Vec::new(), done }).await?;
    heard.await
}

#[test]
fn we_switch_with_twisted() {
    if !twisted() {
        return;
    }
    run(|reactor| async move {
        let (_server, address) = Server::start(&[]);
        hear(&connect(&reactor, address).await?).await
    });
}

fn responders() -> Responders {
    Responders::new()
        .function(|Sum { a, b }| Ok(Total { total: a + b }))
        .function(|Divide { numerator, denominator }| {
            if denominator == 0 {
                return Err(ZeroDivision.into());
            }
            Ok(Quotient { result: numerator as f64 / denominator as f64 })
        })
        .function(|everything: Everything| Ok(everything))
        .function(|Fatal| -> Result<(), Failure> { Err(Fatality("that was it".to_owned()).into()) })
        .function(|Boom| -> Result<(), Failure> { Err(Failure::msg("nobody foresaw it")) })
        .switch(|_: &mut (), _: &Peer<()>, BeEcho| Ok(Echo))
}

/// Has Twisted be the client of a server that answers like this.
fn twisted_plays(play: &'static str, responders: Responders, arguments: Vec<OsString>) {
    run(move |reactor| async move {
        let port = listen(&reactor, &responders).port().to_string();
        let client = reactor.defer_to_thread(move || {
            Ok(Process::new(python()).args([PEER, play, &port]).args(arguments).output()?)
        });
        let output = client.await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        Ok(())
    });
}

#[test]
fn twisted_calls_us() {
    if twisted() {
        twisted_plays("client", responders(), Vec::new());
    }
}

/// Turning to TLS in the middle of calls, and to another protocol under it.
#[cfg(feature = "tls")]
mod tls {
    use std::fs;

    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
    use tempfile::TempDir;

    use super::*;

    fn twisted_with_tls() -> bool {
        has("OpenSSL, service_identity, twisted")
    }

    /// A certificate, and a folder with it in `public.pem`, and with its key in
    /// `private.pem`.
    fn certificate() -> (TempDir, String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (public, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("public.pem"), &public).unwrap();
        fs::write(folder.path().join("private.pem"), format!("{public}{key}")).unwrap();
        (folder, public, key)
    }

    #[test]
    fn we_turn_to_tls_with_twisted_and_switch() {
        if !twisted_with_tls() {
            return;
        }
        run(|reactor| async move {
            let (folder, public, _) = certificate();
            let private = folder.path().join("private.pem");
            let (_server, address) = Server::start(&[private.to_str().unwrap()]);
            let remote = connect(&reactor, address).await?;
            assert_eq!(remote.call_remote(Sum { a: 13, b: 81 }).await?.total, 94);
            let roots = TrustRoots::from_pem(&public)?;
            let started = remote.start_tls(ClientOptions::new("localhost")?.trust_roots(roots));
            let calls = (0..100).map(|n| remote.call_remote(Sum { a: n, b: n }));
            let waiting = gather_results(calls.collect::<Vec<_>>());
            started.await?;
            let totals = waiting.await?;
            assert!(totals.iter().zip(0..).all(|(answer, n)| answer.total == 2 * n));
            assert!(remote.transport().is_secure());
            hear(&remote).await
        });
    }

    #[test]
    fn twisted_turns_to_tls_with_us_and_switches() {
        if !twisted_with_tls() {
            return;
        }
        let (folder, public, key) = certificate();
        let options = ServerOptions::new(Identity::from_pem(&public, &key).unwrap()).unwrap();
        let responders = responders().start_tls(move |_, _| Ok(options.clone()));
        twisted_plays("tls", responders, vec![folder.path().join("public.pem").into()]);
    }
}
