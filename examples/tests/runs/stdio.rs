//! Runs what serves the sockets and streams that a program is started with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::{NONE, connect, path_of, run};
use interop::Peer;

#[test]
fn lines_go_through_pipes() {
    let mut stdin = run("stdin", NONE);
    stdin.tell("hello");
    stdin.says(">>> Echo: hello");
    stdin.tell("good-bye");
    stdin.says(">>> Echo: good-bye");
    stdin.hang_up();
    stdin.finish_quietly();
}

#[test]
fn lines_come_from_a_file_and_go_into_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let lines: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
    fs::write(path("in"), &lines).unwrap();
    let status = Command::new(path_of("stdin"))
        .stdin(fs::File::open(path("in")).unwrap())
        .stdout(fs::File::create(path("out")).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    let said = fs::read_to_string(path("out")).unwrap();
    let echoed: String = said.replace(">>> ", "").replace("Echo: ", "");
    assert_eq!(echoed.replace("\r\n", "\n"), lines);
}

#[test]
fn a_terminal_is_read_line_by_line() {
    const TALK: &str = "import pty, os, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
def until(end):
    global said
    while end not in said:
        said += os.read(fd, 1000)
until(b'>>> ')
os.write(fd, b'hello\\n')
until(b'Echo: hello')
os.write(fd, b'\\x04')
_, status = os.waitpid(pid, 0)
print('ended with', os.waitstatus_to_exitcode(status))
";
    let Some(mut talk) = python(TALK, "stdin", &[]) else { return };
    assert_eq!(talk.line(), "ended with 0");
    talk.finish();
}

/// Opens a socket that listens, and becomes the example, as systemd would have it.
const ACTIVATE: &str = "import os, socket, sys
count = int(sys.argv[2])
sockets = [socket.socket() for _ in range(count)]
for n, s in enumerate(sockets):
    s.bind(('127.0.0.1', 0))
    s.listen()
copies = [os.dup(s.fileno()) for s in sockets]
for n, copy in enumerate(copies):
    os.dup2(copy, 3 + n, inheritable=True)
os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='one:two')
print([s.getsockname()[1] for s in sockets], flush=True)
os.execv(sys.argv[1], [sys.argv[1]] + sys.argv[3:])
";

#[test]
fn a_socket_that_the_supervisor_opened_is_listened_on() {
    for (description, which) in [
        ("systemd:domain=INET:index=0", 0),
        ("systemd:domain=INET:index=1", 1),
        ("systemd:INET:-1", 1),
        ("systemd:domain=INET:name=two", 1),
        ("haproxy:systemd:domain=INET:name=one", 0),
    ] {
        let Some(mut server) = python(ACTIVATE, "systemd_activation", &["2", description]) else {
            return;
        };
        let opened = server.line();
        let ports: Vec<u16> =
            opened.trim_matches(['[', ']']).split(", ").map(|port| port.parse().unwrap()).collect();
        let address = SocketAddr::from(([127, 0, 0, 1], ports[which]));
        assert_eq!(server.says("listening on "), address.to_string());
        let mut client = connect(address);
        if description.starts_with("haproxy") {
            client.write_all(b"PROXY UNKNOWN\r\n").unwrap();
        }
        client.write_all(b"hello").unwrap();
        let mut answer = [0; 5];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
        server.kill();
    }
}

#[test]
fn a_socket_that_nobody_opened_is_said_so() {
    for (description, said) in [
        ("systemd:domain=INET:index=2", "no such socket was inherited"),
        ("systemd:domain=INET:index=-3", "no such socket was inherited"),
        ("systemd:domain=INET:name=three", "no such socket was inherited"),
        ("systemd:domain=INET:index=0:name=one", "exactly one of index and name"),
        ("systemd:domain=INET", "exactly one of index and name"),
        ("systemd:domain=X25:index=0", "domain is to be INET, INET6 or UNIX"),
    ] {
        let Some(mut server) = python(ACTIVATE, "systemd_activation", &["2", description]) else {
            return;
        };
        server.line();
        let complaint = server.complain();
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn systemds_own_tool_starts_it() {
    let asked =
        Command::new("systemd-socket-activate").arg("--version").stdout(Stdio::null()).status();
    if asked.is_err() {
        eprintln!("skipped: there is no systemd-socket-activate");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut command = Command::new("systemd-socket-activate");
    command.arg(format!("--listen={}", path.display())).arg("--fdname=web");
    command.arg(path_of("systemd_activation")).arg("systemd:domain=UNIX:name=web");
    let mut server = Peer::start(&mut command);
    // It says so on its standard error; until then nobody listens.
    let mut client = loop {
        match std::os::unix::net::UnixStream::connect(&path) {
            Ok(client) => break client,
            Err(_) => std::thread::yield_now(),
        }
    };
    client.write_all(b"hello").unwrap();
    assert_eq!(server.says("listening on "), path.display().to_string());
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    server.kill();
}

/// Runs a script about an example, with Python if there is one.
fn python(script: &str, example: &str, arguments: &[&str]) -> Option<Peer> {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(path_of(example)).args(arguments);
    Some(Peer::start(&mut command))
}

#[test]
fn a_child_process_counts() {
    let said = run("process", NONE).finish_quietly();
    assert_eq!(said[0], "connection_made");
    assert!(said[1].ends_with("process finished with exit code 0."));
    assert_eq!(said[2], "lines, words, bytes: 2, 9, 49");
}
