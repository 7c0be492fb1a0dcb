//! AMP, with Twisted's on the other end: values at their extremes, many calls,
//! errors of every kind, TLS, another protocol, and an end with calls
//! outstanding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::support::connect_to;
use deferred::{Deferred, Failure, Trigger, gather_results};
use interop::{Certificate, Peer, drive, listen_on, python};
use protocols::amp::{
    Amp, AmpConnection, AmpTransport, Bytes, CallRemote, Command, CommandError, DateTime, Decimal,
    Integer, NoError, Responders, UnhandledCommand, UnknownRemoteError,
};
use reactor_compat::tls::TlsError;
use reactor_compat::{Connection, ConnectionDone, ConnectionLost, Protocol, Reactor};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Sum {
    a: Integer,
    b: i64,
}

#[derive(Serialize, Deserialize)]
struct Total {
    total: Integer,
}

impl Command for Sum {
    const NAME: &str = "Sum";
    type Response = Total;
    type Error = NoError;
}

#[derive(Serialize, Deserialize)]
struct Divide {
    numerator: i64,
    denominator: i64,
}

#[derive(Serialize, Deserialize)]
struct Quotient {
    result: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "ZERO_DIVISION")]
struct ZeroDivision;

impl fmt::Display for ZeroDivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("division by zero")
    }
}

impl Error for ZeroDivision {}

impl CommandError for ZeroDivision {}

impl Command for Divide {
    const NAME: &str = "Divide";
    type Response = Quotient;
    type Error = ZeroDivision;
}

/// Is never answered.
#[derive(Serialize, Deserialize)]
struct Slow;

impl Command for Slow {
    const NAME: &str = "Slow";
    type Response = ();
    type Error = NoError;
}

/// Has the other side go away.
#[derive(Serialize, Deserialize)]
struct Die;

impl Command for Die {
    const NAME: &str = "Die";
    type Response = ();
    type Error = NoError;
}

/// Has the other side become an echo server.
#[derive(Serialize, Deserialize)]
struct BeEcho;

impl Command for BeEcho {
    const NAME: &str = "BeEcho";
    type Response = ();
    type Error = NoError;
}

/// Is known to neither side.
#[derive(Serialize, Deserialize)]
struct Nonsense;

impl Command for Nonsense {
    const NAME: &str = "Nonsense";
    type Response = ();
    type Error = NoError;
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

/// Fails, and ends the connection.
#[derive(Serialize, Deserialize)]
struct Fatal;

impl Command for Fatal {
    const NAME: &str = "Fatal";
    type Response = ();
    type Error = Fatality;
}

/// Fails with an error that it does not declare.
#[derive(Serialize, Deserialize)]
struct Boom;

impl Command for Boom {
    const NAME: &str = "Boom";
    type Response = ();
    type Error = NoError;
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
    path: PathBuf,
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
            float: f64::from_bits(1),
            decimal: "-1.50E-9".parse().unwrap(),
            time: "9999-12-31T23:59:59.999999+23:59".parse().unwrap(),
            path: "/tmp/\u{e9}".into(),
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
            time: "0001-01-01T00:00:00.000000-23:59".parse().unwrap(),
            path: "/".into(),
            numbers: vec![],
            rows: vec![],
            missing: Some(-1),
        },
    ]
}

/// Sends back whatever comes.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

/// Says hello, and is done when it comes back.
struct Hear {
    heard: Vec<u8>,
    done: Trigger<()>,
}

impl Protocol for Hear {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello");
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if self.heard == b"hello" {
            self.done.callback(()).unwrap();
        }
    }
}

/// Adds one to a number, which may be one that no `i64` holds.
fn sum(Sum { a, b }: Sum) -> Result<Total, Failure> {
    let total = match i64::try_from(&a) {
        Ok(a) => Integer::from(a + b),
        Err(_) => {
            // The only big one that is asked for.
            assert_eq!(a, big("1", "0"));
            big("", "9")
        }
    };
    Ok(Total { total })
}

/// A number of 300 or so digits, below zero.
fn big(first: &str, digit: &str) -> Integer {
    format!("-{first}{}", digit.repeat(300)).parse().unwrap()
}

fn divide(Divide { numerator, denominator }: Divide) -> Result<Quotient, Failure> {
    if denominator == 0 {
        return Err(ZeroDivision.into());
    }
    Ok(Quotient { result: numerator as f64 / denominator as f64 })
}

fn responders(certificate: &Certificate) -> Responders {
    let options = certificate.server_options();
    Responders::new()
        .function(sum)
        .function(divide)
        .function(|everything: Everything| Ok(everything))
        .function(|Slow| Deferred::<()>::new().0)
        .function(|Fatal| -> Result<(), Failure> { Err(Fatality("that was it".to_owned()).into()) })
        .function(|Boom| -> Result<(), Failure> { Err(Failure::msg("nobody foresaw it")) })
        .switch(|_: &mut (), _: &AmpConnection<()>, BeEcho| Ok(Echo))
        .responder(|_: &mut (), caller: &AmpConnection<()>, Die| {
            caller.abort_connection();
            Ok(())
        })
        .start_tls(move |_, _| Ok(options.clone()))
}

/// What a Twisted client says, whose arguments are `of` the files of a
/// certificate.
fn serve(
    python: &'static Path,
    tls: bool,
    of: impl FnOnce(&Certificate) -> Vec<String> + 'static,
) -> Vec<String> {
    drive(move |reactor| async move {
        let certificate = Certificate::new();
        let responders = responders(&certificate);
        let factory = move |_| Amp::with_responders(&responders);
        let listening = listen_on(&reactor, tls.then_some(&certificate), factory);
        let port = listening.get_host().port().unwrap();
        let endpoint =
            if tls { certificate.client_endpoint(port) } else { format!("tcp:127.0.0.1:{port}") };
        let mut arguments = vec!["client".to_owned(), endpoint];
        arguments.extend(of(&certificate));
        let peer = Peer::script(python, "amp.py", arguments);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    })
}

#[test]
fn twisted_calls_us() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let lines = serve(python, tls, |_| vec!["math".to_owned()]);
        assert_eq!(lines, ["divided by zero", "math is done"], "TLS: {tls}");
    }
}

#[test]
fn twisted_sends_us_everything() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let lines = serve(python, tls, |_| vec!["everything".to_owned()]);
        assert_eq!(lines, ["everything is done"], "TLS: {tls}");
    }
}

#[test]
fn twisted_is_told_what_goes_wrong_with_us() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let lines = serve(python, tls, |_| vec!["fatal".to_owned()]);
        assert_eq!(lines, ["UnhandledCommand", "ValueError: that was it", "fatal is done"]);
        let lines = serve(python, tls, |_| vec!["boom".to_owned()]);
        assert_eq!(lines, ["UnknownRemoteError", "boom is done"], "TLS: {tls}");
    }
}

#[test]
fn twisted_switches_with_us() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let lines = serve(python, tls, |_| vec!["switch".to_owned()]);
        assert_eq!(lines, ["switch is done"], "TLS: {tls}");
    }
}

#[test]
fn twisted_calls_us_a_hundred_thousand_times() {
    let Some(python) = python() else { return };
    assert_eq!(serve(python, false, |_| vec!["many".to_owned()]), ["many is done"]);
}

#[test]
fn twisted_turns_to_tls() {
    let Some(python) = python() else { return };
    let arguments = |certificate: &Certificate| {
        vec!["starttls".to_owned(), certificate.public().display().to_string()]
    };
    let lines = serve(python, false, arguments);
    assert_eq!(lines, ["secure: True", "it is True", "starttls is done"]);
}

#[test]
fn we_die_with_calls_of_twisted_outstanding() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let lines = serve(python, tls, |_| vec!["outstanding".to_owned()]);
        assert_eq!(lines, ["101 ConnectionLost", "outstanding is done"], "TLS: {tls}");
    }
}

/// A Twisted server, and what it takes to connect to it.
struct Server {
    _peer: Peer,
    certificate: Certificate,
    tls: bool,
    address: SocketAddr,
}

impl Server {
    fn start(python: &Path, tls: bool) -> Self {
        let certificate = Certificate::new();
        let endpoint = if tls {
            certificate.server_endpoint()
        } else {
            "tcp:0:interface=127.0.0.1".to_owned()
        };
        let pem = certificate.server().display().to_string();
        let mut peer = Peer::script(python, "amp.py", ["server", &endpoint, &pem]);
        let address = peer.address();
        Self { _peer: peer, certificate, tls, address }
    }

    async fn connect(&self, reactor: &Reactor) -> Result<AmpTransport, Failure> {
        let certificate = self.tls.then_some(&self.certificate);
        connect_to(reactor, self.address, certificate, Amp::new()).await?.remote().await
    }
}

/// A thousand calls at once.
fn in_flight(remote: &AmpTransport, from: i64) -> Deferred<()> {
    let numbers = from..from + 1000;
    let calls = numbers.clone().map(|n| remote.call_remote(Sum { a: n.into(), b: 1 }));
    gather_results(calls.collect::<Vec<_>>()).add_callback(|answers| {
        let totals = answers.into_iter().map(|answer| answer.total);
        assert!(totals.eq(numbers.map(|n| Integer::from(n + 1))), "each has its own answer");
    })
}

/// Has both sides turn to another protocol, and talks that.
async fn switch(remote: &AmpTransport) -> Result<(), Failure> {
    let (heard, done) = Deferred::new();
    let hear = move |_| Hear { heard: Vec::new(), done };
    remote.call_remote_switch(BeEcho, hear).await?;
    heard.await
}

#[test]
fn we_call_twisted() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let server = Server::start(python, tls);
        drive(move |reactor| async move {
            let remote = server.connect(&reactor).await?;
            let total = remote.call_remote(Sum { a: big("1", "0"), b: 1 }).await?.total;
            assert_eq!(total, big("", "9"));
            let quotient = remote.call_remote(Divide { numerator: 1, denominator: 3 }).await?;
            assert_eq!(quotient.result, 1.0 / 3.0);
            let by_zero = remote.call_remote(Divide { numerator: 1, denominator: 0 }).await;
            assert_eq!(by_zero.err().unwrap().check(), Some(&ZeroDivision));
            in_flight(&remote, 0).await
        });
    }
}

#[test]
fn we_are_told_what_goes_wrong_with_twisted() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let server = Server::start(python, tls);
        drive(move |reactor| async move {
            let remote = server.connect(&reactor).await?;
            let failure = remote.call_remote(Nonsense).await.err().unwrap();
            let description = "Unhandled Command: b'Nonsense'".to_owned();
            assert_eq!(failure.check(), Some(&UnhandledCommand { description }));
            remote.call_remote_unanswered(Sum { a: 1.into(), b: 2 })?;
            let failure = remote.call_remote(Fatal).await.err().unwrap();
            assert_eq!(failure.check(), Some(&Fatality("that was it".to_owned())));

            let remote = server.connect(&reactor).await?;
            let failure = remote.call_remote(Boom).await.err().unwrap();
            let description = "Unknown Error".to_owned();
            let unknown = UnknownRemoteError { description };
            assert_eq!(failure.check(), Some(&unknown), "TLS: {tls}");
            Ok(())
        });
    }
}

#[test]
fn we_send_twisted_everything() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let server = Server::start(python, tls);
        drive(move |reactor| async move {
            let remote = server.connect(&reactor).await?;
            for everything in extremes() {
                assert_eq!(remote.call_remote(everything.clone()).await?, everything);
            }
            Ok(())
        });
    }
}

#[test]
fn we_switch_with_twisted() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let server = Server::start(python, tls);
        drive(move |reactor| async move {
            let remote = server.connect(&reactor).await?;
            in_flight(&remote, 0).await?;
            switch(&remote).await
        });
    }
}

#[test]
fn we_call_twisted_a_hundred_thousand_times() {
    let Some(python) = python() else { return };
    let server = Server::start(python, false);
    drive(move |reactor| async move {
        let remote = server.connect(&reactor).await?;
        for thousand in 0..100 {
            in_flight(&remote, thousand * 1000).await?;
        }
        Ok(())
    });
}

#[test]
fn we_turn_to_tls() {
    let Some(python) = python() else { return };
    let server = Server::start(python, false);
    drive(move |reactor| async move {
        let remote = server.connect(&reactor).await?;
        in_flight(&remote, 0).await?;
        let started = remote.start_tls(server.certificate.client_options());
        let meanwhile = in_flight(&remote, 1000);
        started.await?;
        meanwhile.await?;
        in_flight(&remote, 2000).await?;
        assert!(remote.transport().is_secure());
        switch(&remote).await
    });
}

#[test]
fn twisted_dies_with_calls_of_ours_outstanding() {
    let Some(python) = python() else { return };
    for tls in [false, true] {
        let server = Server::start(python, tls);
        let ends = drive(move |reactor| async move {
            let remote = server.connect(&reactor).await?;
            let calls: Vec<_> = (0..100).map(|_| remote.call_remote(Slow)).collect();
            let dying = remote.call_remote(Die);
            let mut ends = BTreeMap::new();
            for call in calls.into_iter().chain([dying]) {
                let failure = call.await.err().unwrap();
                // The system closes its socket; under TLS that is no way to go.
                let closed = failure.is::<ConnectionDone>() || failure.is::<ConnectionLost>();
                let cut = failure.check() == Some(&TlsError::Truncated);
                assert!(if tls { cut || closed } else { closed }, "{failure}");
                *ends.entry(failure.to_string()).or_insert(0) += 1;
            }
            Ok(ends)
        });
        assert_eq!(ends.into_values().collect::<Vec<_>>(), [101], "all end alike");
    }
}
