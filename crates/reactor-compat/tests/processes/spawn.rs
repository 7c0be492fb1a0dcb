//! Real processes, and their protocols.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{drive, until};
use deferred::Failure;
use reactor_compat::process::{
    ChildFd, Process, ProcessCommand, ProcessDone, ProcessProtocol, ProcessTerminated,
};
use reactor_compat::{Reactor, Signal};

/// What came, and from which pipe.
type Piece = (u32, Vec<u8>);

/// Keeps what it hears.
#[derive(Clone, Default)]
struct Collect {
    data: Rc<RefCell<Vec<Piece>>>,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Collect {
    fn from(&self, number: u32) -> String {
        let data = self.data.borrow();
        let pieces = data.iter().filter(|(from, _)| *from == number).map(|(_, data)| &data[..]);
        String::from_utf8(pieces.collect::<Vec<_>>().concat()).unwrap()
    }

    fn ended(&self) -> bool {
        self.heard.borrow().last().is_some_and(|last| last == "ended")
    }
}

impl ProcessProtocol for Collect {
    fn child_data_received(&mut self, _: &Process<Self>, number: u32, data: &[u8]) {
        self.data.borrow_mut().push((number, data.to_vec()));
    }

    fn child_connection_lost(&mut self, _: &Process<Self>, number: u32) {
        self.heard.borrow_mut().push(format!("lost {number}"));
    }

    fn process_exited(&mut self, _: &Process<Self>, _: Failure) {
        self.heard.borrow_mut().push("exited".to_owned());
    }

    fn process_ended(&mut self, _: &Process<Self>, _: Failure) {
        self.heard.borrow_mut().push("ended".to_owned());
    }
}

fn sh(script: &str) -> ProcessCommand {
    ProcessCommand::new("/bin/sh").args(["-c", script]).env("PATH", "/bin:/usr/bin")
}

/// Starts a process, and keeps what comes of it.
fn start(reactor: &Reactor, command: &ProcessCommand) -> (Collect, Process<Collect>) {
    let collect = Collect::default();
    let process = reactor.spawn_process(collect.clone(), command).unwrap();
    (collect, process)
}

async fn run(reactor: &Reactor, command: &ProcessCommand) -> (Collect, Failure) {
    let (collect, process) = start(reactor, command);
    process.when_ended().await.unwrap();
    assert!(collect.ended());
    (collect, process.reason().unwrap())
}

#[test]
fn what_is_written_comes_back_and_the_end_comes_last() {
    drive(|reactor| async move {
        let collect = Collect::default();
        let command = sh("cat; echo error >&2; exit 3");
        let process = reactor.spawn_process(collect.clone(), &command).unwrap();
        // More than a pipe holds.
        let much = "x".repeat(300_000);
        process.write(&much);
        process.close_stdin();
        process.when_ended().await.unwrap();
        assert!(collect.from(1) == much);
        assert_eq!(collect.from(2), "error\n");
        let reason = process.reason().unwrap();
        assert_eq!(reason.check(), Some(&ProcessTerminated::with_exit_code(3)));
        let mut heard = collect.heard.borrow().clone();
        assert_eq!(heard.pop().unwrap(), "ended");
        heard.sort();
        assert_eq!(heard, ["exited", "lost 0", "lost 1", "lost 2"]);
    });
}

#[test]
fn pipes_of_any_number_go_both_ways() {
    drive(|reactor| async move {
        let command = sh("cat <&5 >&7").fd(5, ChildFd::Write).fd(7, ChildFd::Read);
        let collect = Collect::default();
        let process = reactor.spawn_process(collect.clone(), &command).unwrap();
        process.write_to_child(5, "hello");
        process.close_child_fd(5);
        process.when_ended().await.unwrap();
        assert_eq!(collect.from(7), "hello");
        assert!(process.reason().unwrap().is::<ProcessDone>());
    });
}

#[test]
fn descriptors_can_be_given() {
    drive(|reactor| async move {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let file: OwnedFd = File::create(&path).unwrap().into();
        let command = sh("echo into the file").fd(1, ChildFd::Given(Arc::new(file)));
        let command = command.fd(0, ChildFd::Null).fd(2, ChildFd::Inherit);
        let (collect, _) = run(&reactor, &command).await;
        let mut written = String::new();
        File::open(path).unwrap().read_to_string(&mut written).unwrap();
        assert_eq!(written, "into the file\n");
        assert_eq!(*collect.heard.borrow(), ["exited", "ended"]);
    });
}

/// Our own descriptors that whoever started us lets everybody inherit.
#[cfg(target_os = "linux")]
fn open_to_all() -> Vec<String> {
    let ours = std::fs::read_dir("/proc/self/fdinfo").unwrap();
    let names = ours.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_open = |number: &String| {
        let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
        let flags = about.ok().and_then(|about| {
            let line =
                about.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
            u32::from_str_radix(&line, 8).ok()
        });
        flags.is_some_and(|flags| flags & 0o2_000_000 == 0)
    };
    names.filter(is_open).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn no_other_descriptor_is_inherited() {
    drive(|reactor| async move {
        let _ours = File::open("/dev/null").unwrap();
        let command = ProcessCommand::new("/bin/ls").args(["/proc/self/fd"]);
        let (collect, _) = run(&reactor, &command).await;
        let all = open_to_all();
        let theirs = collect.from(1);
        let theirs: Vec<_> =
            theirs.lines().filter(|one| !all.iter().any(|of_all| of_all == one)).collect();
        // The standard ones are among those of all; that of the directory is left.
        assert!(theirs.len() <= 1, "{theirs:?}");
    });
}

#[test]
fn signals_are_sent_and_told() {
    drive(|reactor| async move {
        let collect = Collect::default();
        let command = sh("trap 'echo heard' USR1; echo ready; while :; do sleep 0.01; done");
        let process = reactor.spawn_process(collect.clone(), &command).unwrap();
        until(|| collect.from(1) == "ready\n").await;
        process.signal_process(Signal::User1).unwrap();
        until(|| collect.from(1) == "ready\nheard\n").await;
        process.signal_process(Signal::Number(9)).unwrap();
        process.when_ended().await.unwrap();
        let reason = process.reason().unwrap();
        assert_eq!(reason.check(), Some(&ProcessTerminated::by_signal(9)));
        assert!(process.signal_process(Signal::Terminate).is_err());
    });
}

#[test]
fn one_that_ignores_term_is_killed_with_its_group() {
    drive(|reactor| async move {
        let collect = Collect::default();
        let script = "trap '' TERM; sleep 1000 & echo ready; wait; wait";
        let command = sh(script).own_group().grace(Duration::from_millis(1));
        let process = reactor.spawn_process(collect.clone(), &command).unwrap();
        until(|| collect.from(1) == "ready\n").await;
        // Its pipes are closed too, which the other held.
        process.terminate().await.unwrap();
        assert_eq!(process.reason().unwrap().check(), Some(&ProcessTerminated::by_signal(9)));
    });
}

#[test]
fn the_exit_is_told_though_a_grandchild_holds_a_pipe() {
    drive(|reactor| async move {
        let command = sh("sleep 1000 & echo $!");
        let (collect, process) = start(&reactor, &command);
        until(|| process.exited() && collect.from(1).ends_with('\n')).await;
        assert!(!process.ended());
        let grandchild = collect.from(1);
        let kill = sh("kill $0").args([grandchild.trim()]);
        run(&reactor, &kill).await;
        process.when_ended().await.unwrap();
    });
}

#[test]
fn one_that_closes_its_pipes_and_stays_has_not_ended() {
    drive(|reactor| async move {
        let collect = Collect::default();
        let command = sh("exec >&- 2>&-; sleep 1000").own_group();
        let process = reactor.spawn_process(collect.clone(), &command).unwrap();
        until(|| collect.heard.borrow().len() == 2).await;
        assert!(!process.exited());
        process.terminate().await.unwrap();
        assert!(collect.ended());
    });
}

#[test]
fn a_pipe_that_is_paused_holds_the_writer_back() {
    drive(|reactor| async move {
        let command = sh("head -c 10000000 /dev/zero");
        let (collect, process) = start(&reactor, &command);
        process.pipe(1).unwrap().pause_producing();
        let quick = sh("exit 0");
        run(&reactor, &quick).await;
        assert!(!process.exited());
        process.pipe(1).unwrap().resume_producing();
        process.when_ended().await.unwrap();
        let total: usize = collect.data.borrow().iter().map(|(_, data)| data.len()).sum();
        assert_eq!(total, 10_000_000);
    });
}

#[test]
fn a_hundred_at_once_all_end() {
    drive(|reactor| async move {
        let all: Vec<_> = (0..100)
            .map(|number| (number, start(&reactor, &sh("echo $0").args([number.to_string()]))))
            .collect();
        for (number, (collect, process)) in all {
            process.when_ended().await.unwrap();
            assert_eq!(collect.from(1), format!("{number}\n"));
        }
    });
}
