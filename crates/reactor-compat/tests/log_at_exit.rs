//! Logs and the end of a process: what is written when `main` ends, a program
//! whose log nobody reads, writers that log themselves. Each part is a process of
//! its own, on whose main thread all is done.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "it is what a part tells the test")]

mod support;

#[cfg(unix)]
fn main() {
    match std::env::var(unix::PART) {
        Ok(part) => unix::part(&part),
        Err(_) => unix::tests(),
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, BufRead, BufReader, Read, Seek, Write};
    use std::process::{Child, Command, Output, Stdio};
    use std::rc::Rc;
    use std::time::Duration;

    use reactor_compat::log::{self, HandOver, LogHandle, Logging};
    use reactor_compat::{Reactor, ReactorTime};
    use rustix::process::{Pid, Signal, kill_process};

    use crate::support::Watchdog;

    pub(super) const PART: &str = "LOG_AT_EXIT_PART";

    const LINES: usize = 1000;

    /// Nobody waits but who ends the log.
    fn start() -> LogHandle {
        let bounds = HandOver::new().patience(Duration::ZERO).flush_timeout(Duration::MAX);
        Logging::to(io::stdout()).hand_over(bounds).start().unwrap()
    }

    /// What a process does that a test has started.
    pub(super) fn part(name: &str) {
        match name {
            "main ends" => lines(),
            "exit" => {
                lines();
                std::process::exit(0);
            }
            "panic" => {
                lines();
                panic!("boom");
            }
            "run" => {
                let _log = start();
                let reactor = Reactor::new();
                let stop = reactor.clone();
                reactor.call_when_running(move || {
                    (0..LINES).for_each(log::msg);
                    stop.stop().unwrap();
                });
                reactor.run().unwrap();
                std::process::abort();
            }
            "file" => {
                log::start_logging(io::stdout()).unwrap();
                log::msg("hello");
                assert_eq!(log_threads(), 0);
                log::start_logging(io::stderr()).unwrap().stop();
                log::msg("bye");
            }
            "nobody reads" => nobody_reads(),
            "writers" => writers(),
            other => panic!("there is no part {other}"),
        }
    }

    fn lines() {
        start();
        (0..LINES).for_each(log::msg);
    }

    /// How many threads of this process write logs.
    fn log_threads() -> usize {
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
        let name = |thread: io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default()
        };
        threads.map(name).filter(|name| name.trim_end() == "log").count()
    }

    /// A server whose standard output is a pipe that nobody reads.
    fn nobody_reads() {
        let bounds = HandOver::new().queue_limit(10_000).flush_timeout(Duration::from_millis(1));
        let log = Logging::to(io::stdout()).hand_over(bounds).start().unwrap();
        let reactor = Reactor::new();
        flood(&Rc::new(reactor.clone()), &log);
        reactor.run().unwrap();
        log.stop();
        eprintln!("{} lines were lost", log.lost_lines());
    }

    /// Logs until lines are lost. That it gets there shows that timers go on.
    fn flood(reactor: &Rc<Reactor>, log: &LogHandle) {
        (0..100).for_each(|_| log::msg("x".repeat(100)));
        if log.lost_lines() > 0 {
            eprintln!("lines are lost");
            return;
        }
        let (again, log) = (reactor.clone(), log.clone());
        reactor.call_later(Duration::ZERO, move || flood(&again, &log));
    }

    /// Two writers that log what they do, each on a thread of its own.
    fn writers() {
        struct Chatty(&'static str);
        impl Write for Chatty {
            fn write(&mut self, data: &[u8]) -> io::Result<usize> {
                log::msg(self.0);
                Ok(data.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        log::start_logging(io::stdout()).unwrap();
        let bounds = HandOver::new().patience(Duration::MAX).flush_timeout(Duration::MAX);
        let one = Logging::to(Chatty("one writes")).hand_over(bounds).add().unwrap();
        let two = Logging::to(Chatty("two writes")).hand_over(bounds).add().unwrap();
        log::msg("hello");
        drop((one, two));
    }

    fn command(part: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(PART, part).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command
    }

    fn output(part: &str) -> Output {
        command(part).output().unwrap()
    }

    /// The texts of the lines of a log.
    fn texts(bytes: &[u8]) -> Vec<String> {
        let text = |line: &str| Some(line.split_once(" [-] ")?.1.to_owned());
        String::from_utf8_lossy(bytes).lines().filter_map(text).collect()
    }

    fn numbers() -> Vec<String> {
        (0..LINES).map(|number| number.to_string()).collect()
    }

    pub(super) fn tests() {
        for (name, test) in [
            ("what_was_logged_is_written_when_main_ends", when_main_ends as fn()),
            ("what_was_logged_is_written_when_a_run_ends", when_a_run_ends),
            ("a_regular_file_needs_no_thread", a_regular_file_needs_no_thread),
            ("a_reader_who_has_stopped_stops_nobody_else", a_reader_who_has_stopped),
            ("writers_that_log_do_not_hear_themselves", writers_that_log),
        ] {
            let watchdog = Watchdog::new();
            test();
            drop(watchdog);
            println!("test {name} ... ok");
        }
    }

    fn when_main_ends() {
        for part in ["main ends", "exit", "panic"] {
            let output = output(part);
            assert_eq!(output.status.success(), part != "panic", "{part}: {output:?}");
            assert_eq!(texts(&output.stdout)[1..], numbers(), "{part}");
        }
    }

    fn when_a_run_ends() {
        let output = output("run");
        assert!(!output.status.success(), "it aborts after the run");
        let texts = texts(&output.stdout);
        assert_eq!(texts[1..=LINES], numbers());
        assert_eq!(texts.last().unwrap(), "Main loop terminated.");
    }

    fn a_regular_file_needs_no_thread() {
        let mut file = tempfile::tempfile().unwrap();
        let (out, err): (File, File) = (file.try_clone().unwrap(), file.try_clone().unwrap());
        let status = command("file").stdout(out).stderr(err).status().unwrap();
        let mut text = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&text));
        assert_eq!(texts(&text).last().unwrap(), "bye");
    }

    fn a_reader_who_has_stopped() {
        let spawned = command("nobody reads").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child: Child = spawned.unwrap();
        let mut says = BufReader::new(child.stderr.take().unwrap()).lines();
        assert_eq!(says.next().unwrap().unwrap(), "lines are lost");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let last = says.next().unwrap().unwrap();
        assert!(child.wait().unwrap().success());
        // As many as it has logged, but for what the pipe and nobody else has.
        let lost: usize = last.strip_suffix(" lines were lost").unwrap().parse().unwrap();
        let mut piped = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut piped).unwrap();
        let kept = texts(&piped).len();
        assert!(lost > 0 && kept > 0, "{lost} lost, {kept} kept");
    }

    fn writers_that_log() {
        let output = output("writers");
        assert!(output.status.success(), "{output:?}");
        let mut texts = texts(&output.stdout);
        texts.sort();
        // Each hears "hello", and what the other says of that, which is the end.
        let (one, two) = ("one writes", "two writes");
        assert_eq!(texts, ["Log opened.", "hello", one, one, two, two]);
    }
}
