//! Runs the programs of introductions to Twisted, and checks what they say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Instant;
use std::{fs, thread};

use crate::support::{NONE, connect, run, run_in, text};
use interop::{PATIENCE, Peer};
use tempfile::TempDir;

/// Waits until a program has a handler for the signal of this number.
#[cfg(target_os = "linux")]
fn until_it_handles(program: &Peer, signal: u32) {
    let path = format!("/proc/{}/status", program.id());
    let begun = Instant::now();
    loop {
        let status = fs::read_to_string(&path).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        if caught & (1 << (signal - 1)) != 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not handle signal {signal}");
        thread::yield_now();
    }
}

/// What a program says that ends by itself.
fn output(name: &str, arguments: &[&str]) -> Vec<String> {
    run(name, arguments).finish_quietly()
}

/// A log without its times, which have to look like `2015-02-17 11:46:16-0500`;
/// the dates that are logged, such as `15/02/17 11:46:16`, become `now`.
fn log(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| log_line(line)).collect()
}

fn log_line(line: &str) -> String {
    let (time, text) = line.split_at_checked(25).unwrap_or_else(|| panic!("no log line: {line}"));
    assert_eq!(shape(time), "dddd-dd-dd dd:dd:dd+dddd ", "{line}");
    match text.strip_prefix("[-] ") {
        Some(said) if shape(said) == "dd/dd/dd dd:dd:dd" => "[-] now".to_owned(),
        _ => text.to_owned(),
    }
}

fn shape(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "d")
}

// My python twisted introduction.

#[test]
fn two_tasks_run_and_then_ctrl_c() {
    let mut program = run("reactor_two_tasks", ["0.01"]);
    assert_eq!(program.line(), "Hello I'm async task one!");
    assert_eq!(program.line(), "Hello I'm async task two!");
    program.signal("INT");
    assert_eq!(program.finish_quietly(), ["After the reactor has run."]);
}

#[test]
fn a_reactor_in_a_thread_has_calls_and_signals_from_outside() {
    let mut program = run("reactor_in_a_thread", ["0.01"]);
    let mut said = [program.line(), program.line()];
    said.sort_unstable();
    assert_eq!(said, ["Hello I'm async task one!", "Hello I'm async task two!"]);
    program.signal("INT");
    assert_eq!(program.finish_quietly(), ["After the reactor has run."]);
}

// Learning Twisted #1 reactor basics.

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_the_simplest_program() {
    let mut program = run("reactor_basics", NONE);
    until_it_handles(&program, 2);
    program.signal("INT");
    assert_eq!(program.finish_quietly(), ["To stop this example, press ctrl-c"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_log_tells_of_ctrl_c() {
    let mut program = run("reactor_log", NONE);
    assert_eq!(log_line(&program.line()), "[-] Log opened.");
    assert_eq!(program.line(), "");
    assert_eq!(program.line(), "To stop this example, press ctrl-c");
    assert_eq!(program.line(), "");
    until_it_handles(&program, 2);
    program.signal("INT");
    let last = log(program.finish_quietly());
    assert_eq!(last, ["[-] Received SIGINT, shutting down.", "[-] Main loop terminated."]);
}

#[test]
fn a_function_is_called_when_the_reactor_runs() {
    assert_eq!(
        log(output("reactor_call_when_running", &[])),
        [
            "[-] Log opened.",
            "[-] In callfunc as event handler",
            "[-] This was passed to callfunc",
            "[-] Will shut down",
            "[-] Main loop terminated.",
        ]
    );
}

#[test]
fn a_function_is_called_later() {
    assert_eq!(
        log(output("reactor_call_later", &["0.01"])),
        [
            "[-] Log opened.",
            "[-] now",
            "[-] callfunc called after 4 sec",
            "[-] now",
            "[-] Will stop",
            "[-] Main loop terminated.",
        ]
    );
}

#[test]
fn an_event_of_its_own_ends_the_program() {
    assert_eq!(
        log(output("reactor_own_event", &["0.01"])),
        [
            "[-] Log opened.",
            "[-] now",
            "[-] callfunc called after 4 sec",
            "[-] now",
            "[-] Fire Event1 after 4 seconds",
            "[-] now",
            "[-] In Event1_CustomEventHandler .., shutting down",
            "[-] Main loop terminated.",
        ]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn its_own_handlers_get_the_signals() {
    let mut program = run("reactor_signal_handlers", NONE);
    assert_eq!(log_line(&program.line()), "[-] Log opened.");
    until_it_handles(&program, 1);
    until_it_handles(&program, 2);
    for _ in 0..2 {
        program.signal("HUP");
        assert_eq!(log_line(&program.line()), "[-] Recieved signal - SIGHUP");
        assert_eq!(log_line(&program.line()), "[-] In SIGINT_CustomEventHandler");
    }
    program.signal("INT");
    assert_eq!(
        log(program.finish_quietly()),
        [
            "[-] Recieved signal - SIGINT",
            "[-] In SIGINT_CustomEventHandler",
            "[-] shutting down ....",
            "[-] Main loop terminated.",
        ]
    );
}

// Twisted - hello, asynchronous programming.

/// Puts the mail there, all at once.
fn deliver(directory: &TempDir) {
    let written = directory.path().join("written");
    fs::write(&written, "Hello,\nhow are you?\n").unwrap();
    fs::rename(written, directory.path().join("mail")).unwrap();
}

/// What a poller says, if the mail comes before it looks, and if it may come
/// after that.
fn polled(name: &str, arguments: &[&str]) -> [Vec<String>; 2] {
    let directory = tempfile::tempdir().unwrap();
    deliver(&directory);
    let at_once = run_in(directory.path(), name, arguments).finish_quietly();

    let directory = tempfile::tempdir().unwrap();
    let program = run_in(directory.path(), name, arguments);
    deliver(&directory);
    [at_once, program.finish_quietly()]
}

const MAIL: &str = r#"["Hello,\n", "how are you?\n"]"#;

#[test]
fn mail_comes_to_a_callback() {
    assert_eq!(polled("mail_poller_callback", &[]), [[MAIL]; 2]);
}

#[test]
fn mail_that_cannot_be_read_comes_to_the_other_callback() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mail"), [0xff]).unwrap();
    let program = run_in(directory.path(), "mail_poller_callback", NONE);
    assert_eq!(program.complain(), "error: stream did not contain valid UTF-8");
}

#[test]
fn mail_comes_to_a_thread() {
    assert_eq!(polled("mail_poller_thread", &[]), [[MAIL]; 2]);
}

#[test]
fn mail_comes_to_a_thread_of_the_reactors() {
    assert_eq!(polled("mail_poller_defer_to_thread", &[]), [[MAIL]; 2]);
}

#[test]
fn mail_comes_to_a_deferred() {
    assert_eq!(polled("mail_poller_call_later", &["0.01"]), [[MAIL]; 2]);
}

#[test]
fn a_mailbox_that_stays_empty_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let program = run_in(directory.path(), "mail_poller_call_later", ["0.005", "0.02"]);
    assert_eq!(program.finish_quietly(), NONE);
}

#[test]
fn mail_comes_to_a_coroutine() {
    let got = format!("got mail {MAIL}");
    assert_eq!(polled("mail_poller_coroutine", &["0.01"]), [[got.clone()], [got]]);
}

#[test]
fn the_second_callback_gets_what_the_first_makes_of_the_mail() {
    let said = ["letter", "buzzzzz: this letter is junk"];
    assert_eq!(polled("mail_two_callbacks", &["0.01"]), [said; 2]);
}

// Lecture 12: Twisted.

#[test]
fn the_lecture_calls_when_running() {
    assert_eq!(
        log(output("lecture_call_when_running", &[])),
        [
            "[-] Log opened.",
            "[-] In func as event handler",
            "[-] Hello!",
            "[-] Shutting down now!",
            "[-] Main loop terminated.",
        ]
    );
}

#[test]
fn the_lecture_calls_later() {
    assert_eq!(
        log(output("lecture_call_later", &["0.01"])),
        [
            "[-] Log opened.",
            "[-] now",
            "[-] Hello after 5 seconds!",
            "[-] now",
            "[-] Shutting down now!",
            "[-] Main loop terminated.",
        ]
    );
}

/// What a program says first; it goes on until Ctrl-C, and says nothing more.
fn three_lines(name: &str, arguments: &[&str]) -> [String; 3] {
    let mut program = run(name, arguments);
    let lines = [(); 3].map(|()| program.line());
    program.signal("INT");
    assert_eq!(program.finish_quietly(), NONE);
    lines
}

#[test]
fn blocking_code_makes_everything_else_late() {
    let lines = three_lines("lecture_blocking", &["0.05", "0"]);
    assert_eq!(lines, ["Hello!", "30 seconds have passed!", "10 seconds have passed!"]);
}

#[test]
fn a_deferred_lets_everything_else_be_in_time() {
    // The longer one is long enough for a computer that is busy.
    let lines = three_lines("lecture_deferred", &["2", "0"]);
    assert_eq!(lines, ["Hello!", "10 seconds have passed!", "30 seconds have passed!"]);
}

#[test]
fn what_takes_long_is_followed_by_what_needs_it() {
    assert_eq!(
        output("lecture_names", &["0.01"]),
        [
            "meanwhile, something else",
            "the pod bay doors are open",
            "the pod is launched",
            r#"["Dave", "Frank", "HAL"]"#
        ]
    );
}

#[test]
fn the_lectures_server_echoes() {
    let mut program = run("lecture_echo", ["0"]);
    let mut client = connect(program.address());
    client.write_all(b"anything you send").unwrap();
    let mut echo = [0; 17];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"anything you send");
    program.signal("INT");
    assert_eq!(program.finish_quietly(), NONE);
}

// Twisted Mixing.

#[test]
fn all_three_ways_have_the_same_results_and_failures() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let path = text(&path);
    let missing = fs::read(path).unwrap_err();
    assert_eq!(output("three_ways", &[path]), vec![format!("failed: {missing}"); 3]);
    fs::write(path, "12345").unwrap();
    assert_eq!(output("three_ways", &[path]), ["5 bytes"; 3]);
}

#[test]
fn a_computation_that_cooperates_lets_others_run() {
    let computed = (0..100_000).fold(2_u64, |x, _| x * x % 1_000_000_007);
    assert_eq!(
        output("cooperation", &["100000"]),
        ["meanwhile, something else".to_owned(), format!("computed: {computed}")]
    );
}

/// A port, and its address.
fn listen() -> (TcpListener, String) {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = port.local_addr().unwrap().to_string();
    (port, address)
}

/// Says something to the next client, and hangs up.
fn serve(port: &TcpListener, text: &str) {
    let port = port.try_clone().unwrap();
    let (sender, accepted) = mpsc::channel();
    thread::spawn(move || sender.send(port.accept().unwrap().0));
    let mut client: TcpStream = accepted.recv_timeout(PATIENCE).expect("it should connect");
    client.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_read_in_a_thread_does_not_block_the_reactor() {
    let (port, address) = listen();
    let mut program = run("defer_to_thread", [&address]);
    assert_eq!(program.line(), "the reactor is not blocked");
    serve(&port, "data\n");
    assert_eq!(program.finish_quietly(), ["data"]);
}

#[test]
fn a_failure_in_a_thread_is_told() {
    let mut said = output("defer_to_thread", &["nowhere"]);
    said.sort_unstable(); // it is not said which comes first
    assert_eq!(said, ["failed: invalid socket address", "the reactor is not blocked"]);
}

#[test]
fn a_blocking_program_waits_for_the_reactor() {
    let (port, address) = listen();
    let program = run("eventual_result", [&address]);
    serve(&port, "a page\n");
    assert_eq!(program.finish_quietly(), ["a page"]);
}

#[test]
fn a_blocking_program_is_told_of_failures() {
    let errors = run("eventual_result", ["nowhere"]).complain();
    assert!(errors.contains("invalid socket address"), "{errors}");
}

/// Asks for the rate until it has changed.
fn rate_after(program: &mut Peer, old: &str) -> String {
    let begun = Instant::now();
    loop {
        program.tell("?");
        let line = program.line();
        assert!(begun.elapsed() < PATIENCE, "the rate stays {line:?}");
        if line != old {
            return line;
        }
    }
}

#[test]
fn a_blocking_program_reads_what_the_reactor_keeps_up_to_date() {
    let (port, address) = listen();
    let mut program = run("exchange_rate", [&address, "0.01"]);
    let none = rate_after(&mut program, "");
    assert_eq!(none, "EUR/USD rate: unavailable.");
    serve(&port, "1.0837\n");
    let first = rate_after(&mut program, &none);
    assert_eq!(first, "EUR/USD rate: 1.0837.");
    serve(&port, "no number\n"); // logged, and no reason to stop asking
    serve(&port, "1.25\n");
    assert_eq!(rate_after(&mut program, &first), "EUR/USD rate: 1.25.");
    program.hang_up();
    let (rest, errors) = program.finish_with_complaints();
    assert_eq!(rest, NONE);
    assert!(errors.contains("while asking for the rate"), "{errors}");
}

#[test]
fn a_greenlet_waits_while_others_run() {
    assert_eq!(
        output("greenlet", &["0.01"]),
        ["meanwhile, something else", "got 1", "got 2", "got 3", "the sum is 6"]
    );
}
