//! Calls between us and the real Twisted, in both directions.

#![cfg(feature = "amp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[path = "amp_support/math.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod math;
#[path = "amp_support/tcp.rs"]
mod tcp;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command as Process, Stdio};
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger, gather_results};
use math::{Divide, Quotient, Sum, Total, ZeroDivision};
use protocols::amp::{
    Bytes, Command, CommandError, DateTime, Decimal, Integer, NoError, Peer, Responders,
    UnhandledCommand, UnknownRemoteError,
};
use protocols::wire::Echo;
use reactor_compat::{Connection, ConnectionDone, ConnectionLost, Protocol};
use serde::{Deserialize, Serialize};
use tcp::{connect, listen, run};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp_support/peer.py");

/// Whether there is a Twisted to talk to; if not, says that nothing is tested.
fn twisted() -> bool {
    let mut python = Process::new("python3");
    let found = python.args(["-c", "import twisted"]).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        eprintln!(
            "SKIPPED: `python3 -c 'import twisted'` fails, so there is no Twisted to talk to"
        );
    }
    there
}

/// A Twisted that is running, ended with the test.
struct Server(Child);

impl Server {
    fn start() -> (Self, SocketAddr) {
        let mut child =
            Process::new("python3").args([PEER, "server"]).stdout(Stdio::piped()).spawn().unwrap();
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
        let (_server, address) = Server::start();
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
        let (_server, address) = Server::start();
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

#[test]
fn we_switch_with_twisted() {
    if !twisted() {
        return;
    }
    run(|reactor| async move {
        let (_server, address) = Server::start();
        let remote = connect(&reactor, address).await?;
        let (heard, trigger) = Deferred::new();
        let done = Rc::new(RefCell::new(Some(trigger)));
        remote.call_remote_switch(BeEcho, move |_| Hear { heard: Vec::new(), done }).await?;
        heard.await
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

#[test]
fn twisted_calls_us() {
    if !twisted() {
        return;
    }
    run(|reactor| async move {
        let port = listen(&reactor, &responders()).port().to_string();
        let client = reactor.defer_to_thread(move || {
            Ok(Process::new("python3").args([PEER, "client", &port]).output()?)
        });
        let output = client.await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        Ok(())
    });
}
