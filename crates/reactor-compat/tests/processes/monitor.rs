//! Programs that are started again when they end, with doubles on the virtual clock.

use std::time::Duration;

use deferred::testing::success_result_of;
use reactor_compat::log::LogCapture;
use reactor_compat::process::{MonitorOptions, ProcessCommand, ProcessMonitor, SpawnError};
use reactor_compat::service::{MultiService, Service};
use reactor_compat::testing::MemoryReactor;

fn monitor(reactor: &MemoryReactor) -> ProcessMonitor {
    let monitor = ProcessMonitor::new(reactor);
    monitor.add_process("worker", ProcessCommand::new("worker")).unwrap();
    success_result_of(monitor.start_service());
    reactor.flush().unwrap();
    monitor
}

/// Ends the newest process.
fn exit(reactor: &MemoryReactor) {
    reactor.processes().last().unwrap().exit(1);
    reactor.flush().unwrap();
}

#[test]
fn one_that_fails_again_and_again_is_waited_for_longer_and_longer() {
    let reactor = MemoryReactor::new();
    let options =
        MonitorOptions { max_restart_delay: Duration::from_secs(4), ..MonitorOptions::default() };
    let monitor = ProcessMonitor::new(&reactor).options(options);
    monitor.add_process("worker", ProcessCommand::new("worker")).unwrap();
    success_result_of(monitor.start_service());
    for (count, delay) in [1, 2, 4, 4].into_iter().enumerate() {
        exit(&reactor);
        reactor.advance(Duration::from_secs(delay) - Duration::from_millis(1)).unwrap();
        assert_eq!(reactor.processes().len(), count + 1);
        reactor.advance(Duration::from_millis(1)).unwrap();
        assert_eq!(reactor.processes().len(), count + 2);
    }
    // One that ran for a while is started again at once, and forgiven.
    reactor.advance(Duration::from_secs(2)).unwrap();
    exit(&reactor);
    reactor.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(reactor.processes().len(), 6);
    exit(&reactor);
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(reactor.processes().len(), 7);
    drop(monitor.stop_service());
}

#[test]
fn stopping_kills_those_that_do_not_exit() {
    let reactor = MemoryReactor::new();
    let monitor = monitor(&reactor);
    monitor.add_process("other", ProcessCommand::new("other")).unwrap();
    let services = MultiService::new(&*reactor);
    services.add_service(monitor.clone());
    success_result_of(services.start_service());
    let stopping = services.stop_service();
    let processes = reactor.processes();
    assert!(processes.iter().all(|process| process.signals() == [15]));
    processes[0].kill(15);
    reactor.flush().unwrap();
    reactor.advance(Duration::from_secs(5)).unwrap();
    assert_eq!((processes[0].signals(), processes[1].signals()), (vec![15], vec![15, 9]));
    processes[1].kill(9);
    reactor.flush().unwrap();
    success_result_of(stopping);
    reactor.advance(Duration::from_secs(100)).unwrap();
    assert_eq!(reactor.processes().len(), 2);
}

#[test]
fn one_that_waits_to_be_started_again_is_not_when_it_stops() {
    let reactor = MemoryReactor::new();
    let monitor = monitor(&reactor);
    exit(&reactor);
    success_result_of(monitor.stop_service());
    reactor.advance(Duration::from_secs(100)).unwrap();
    assert_eq!(reactor.processes().len(), 1);
    success_result_of(monitor.start_service());
    assert_eq!(reactor.processes().len(), 2);
    let removing = monitor.remove_process("worker");
    reactor.processes()[1].kill(15);
    reactor.flush().unwrap();
    success_result_of(removing);
    reactor.advance(Duration::from_secs(100)).unwrap();
    assert_eq!(reactor.processes().len(), 2);
}

#[test]
fn what_programs_write_is_logged_line_by_line() {
    let capture = LogCapture::start();
    let reactor = MemoryReactor::new();
    let monitor = monitor(&reactor);
    let worker = reactor.processes()[0].clone();
    worker.pipe(1).unwrap().write("one\ntw").unwrap();
    worker.pipe(2).unwrap().write("error\n").unwrap();
    reactor.flush().unwrap();
    worker.pipe(1).unwrap().write("o\nthree").unwrap();
    exit(&reactor);
    let ours: Vec<_> =
        capture.messages().into_iter().filter(|message| message.starts_with("[worker]")).collect();
    let mut lines: Vec<_> = ours[..4].to_vec();
    lines.sort();
    assert_eq!(lines, ["[worker] error", "[worker] one", "[worker] three", "[worker] two"]);
    assert!(ours[4].ends_with("process ended with exit code 1."));
    drop(monitor.stop_service());
}

#[test]
fn a_program_that_cannot_be_started_is_tried_again() {
    let capture = LogCapture::start();
    let reactor = MemoryReactor::new();
    reactor.refuse_to_listen(std::io::ErrorKind::NotFound);
    let monitor = monitor(&reactor);
    assert_eq!(capture.flush_logged_errors::<SpawnError>().len(), 1);
    reactor.refuse_to_listen(None);
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(reactor.processes().len(), 1);
    monitor.restart(Some("worker"));
    monitor.restart(Some("nobody"));
    assert_eq!(reactor.processes()[0].signals(), [15]);
}
