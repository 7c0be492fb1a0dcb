//! Processes that run out of file descriptors: a server goes on with those it
//! serves, rests, and serves again when there are more; a client is told.
//!
//! Each is a process of its own, with a limit of its own.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

use reactor_compat::{Address, ConnectError, Connection, Protocol, Reactor, RunError, log};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Recorder, Watchdog, drive, turns};

const PART: &str = "FAULTS_FD_PART";

/// How many descriptors a process of a test may have.
const LIMIT: u64 = 48;

/// How many the tests connect with: more than [`LIMIT`], and no more than the
/// kernel keeps for those who come too late.
const MANY: usize = 70;

fn lower_the_limit() {
    let before = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: Some(LIMIT), maximum: before.maximum };
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Opens files until no more can be opened.
fn exhaust() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    assert!(!files.is_empty());
    files
}

/// Says back what it hears; stops the reactor when told so.
struct Obedient(Reactor);

impl Protocol for Obedient {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
        if data == b"stop" {
            self.0.stop().unwrap();
        }
    }
}

/// A server that says where it listens.
fn serve() {
    lower_the_limit();
    log::start_logging(io::stderr()).unwrap();
    let reactor = Reactor::new();
    let inner = reactor.clone();
    let factory = move |_: Address| Obedient(inner.clone());
    let port = reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap();
    println!("listening on {}", port.get_host().socket_addr().unwrap());
    reactor.run().unwrap();
    println!("stopped");
}

/// A client that has no descriptors, and then some.
fn dial() {
    lower_the_limit();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let files = exhaust();
    assert!(matches!(Reactor::new().run(), Err(RunError::Io(_))), "a reactor takes some itself");
    drop(files);
    drive(move |reactor| async move {
        reactor.install_resolver(
            reactor_compat::resolver::HostsResolver::new()
                .host("here.test", [std::net::Ipv4Addr::LOCALHOST]),
        );
        let files = exhaust();
        let dial = |host: &str| {
            let silent = |_: Address| Recorder::default();
            reactor.connect_tcp((host, address.port()), silent).when_connected()
        };
        for host in ["127.0.0.1", "here.test"] {
            let failure = dial(host).await.unwrap_err();
            assert_eq!(failure.check(), Some(&ConnectError::TooManyFiles), "{failure}");
        }
        let silent = |_: Address| Recorder::default();
        let unix = reactor.connect_unix("/nowhere/at/all", silent).when_connected().await;
        assert_eq!(unix.unwrap_err().check(), Some(&ConnectError::TooManyFiles));
        let silent = |_: Address| Recorder::default();
        let error = reactor.listen_tcp(("127.0.0.1", 0), silent).unwrap_err();
        assert!(error.to_string().contains("open files"), "{error}");
        assert_eq!(reactor.inventory().connecting, []);
        drop(files);
        assert!(dial("127.0.0.1").await.unwrap().connected());
        turns(10).await;
    });
    println!("dialled");
}

#[test]
fn a_process_of_a_test() {
    match std::env::var(PART).as_deref() {
        Ok("serve") => serve(),
        Ok("dial") => dial(),
        Ok(other) => panic!("there is no part {other}"),
        // It is for the others to start.
        Err(_) => {}
    }
}

/// Starts a part in a process of its own.
fn start(part: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_of_a_test", "--nocapture", "--quiet"])
        .env(PART, part)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where the server listens, by what it says.
fn address(said: &mut BufReader<ChildStdout>) -> SocketAddr {
    for line in said.lines() {
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("listening on ") {
            return address.parse().unwrap();
        }
    }
    panic!("it said nothing")
}

/// Whether the server answers.
fn answers(mut stream: &TcpStream) -> bool {
    let mut back = [0; 4];
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut back).is_ok() && back == *b"ping"
}

/// The processor time that a process has taken, in clock ticks: a hundred a
/// second.
#[cfg(target_os = "linux")]
fn ticks(child: &Child) -> Option<u128> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let [user, system] = [fields.get(11)?, fields.get(12)?].map(|ticks| ticks.parse::<u128>());
    Some(user.ok()? + system.ok()?)
}

#[cfg(not(target_os = "linux"))]
fn ticks(_: &Child) -> Option<u128> {
    None
}

#[test]
fn a_server_without_descriptors_rests_and_serves_again_when_there_are_more() {
    let _watchdog = Watchdog::new();
    let mut child = start("serve");
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut logged = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = address(&mut said);
    let first = TcpStream::connect(address).unwrap();
    assert!(answers(&first));
    let mut streams: Vec<TcpStream> =
        (0..MANY).map(|_| TcpStream::connect(address).unwrap()).collect();

    // It finds out that there are too many, and says so each time that it
    // tries; between one and the next it sleeps.
    let mut tries = (&mut logged)
        .filter(|line| line.as_ref().unwrap().contains("a port cannot accept for now"));
    let mut wait = || drop(tries.next().unwrap());
    wait();
    assert!(answers(&first), "those that it has live on");
    let (began, spent) = (Instant::now(), ticks(&child));
    (0..10).for_each(|_| wait());
    if let Some((before, now)) = spent.zip(ticks(&child)) {
        let could = began.elapsed().as_millis() / 10;
        assert!(now - before <= could / 2 + 1, "it spins: {} of {could} ticks", now - before);
    }
    assert!(answers(&first));
    // The log has to go somewhere for as long as the server writes.
    let rest = thread::spawn(move || logged.map(|line| line.unwrap() + "\n").collect::<String>());

    // When some go, those that wait are served, to the last.
    let waiting = streams.split_off(MANY / 2);
    drop(streams);
    assert!(waiting.iter().all(answers));
    let new = TcpStream::connect(address).unwrap();
    assert!(answers(&new) && answers(&first));

    (&first).write_all(b"stop").unwrap();
    let mut end = String::new();
    said.read_to_string(&mut end).unwrap();
    assert!(child.wait().unwrap().success(), "{}", rest.join().unwrap());
    assert!(end.contains("stopped"), "{end}");
}

#[test]
fn a_client_without_descriptors_is_told_and_connects_when_there_are_some() {
    let _watchdog = Watchdog::new();
    let output = start("dial").wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("dialled"));
}
