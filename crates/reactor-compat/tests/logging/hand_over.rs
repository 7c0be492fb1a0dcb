//! Logs that nobody reads: who logs goes on, what is lost is counted, and what
//! can be written is. What is about a whole process is in `log_at_exit.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use reactor_compat::log::{self, HandOver, LogCapture, LogHandle, Logging, ThreadLog, Zone};

use super::support::{Paper, lecture};

/// Paper behind a gate: a write waits while that is shut.
#[derive(Clone, Default)]
struct Gate {
    open: Arc<(Mutex<bool>, Condvar)>,
    paper: Paper,
}

impl Gate {
    fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }

    /// The texts of the lines that went through.
    fn texts(&self) -> Vec<String> {
        texts(&self.paper)
    }
}

impl Write for Gate {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let open = self.open.0.lock().unwrap();
        drop(self.open.1.wait_while(open, |open| !*open).unwrap());
        self.paper.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn texts(paper: &Paper) -> Vec<String> {
    let text = |line: &str| line.split_once("] ").unwrap().1.to_owned();
    paper.text().lines().map(text).collect()
}

/// Bounds with which nobody waits but who ends a log: that one as long as it
/// takes.
fn bounds() -> HandOver {
    HandOver::new().patience(Duration::ZERO).flush_timeout(Duration::MAX)
}

fn start(writer: impl Write + Send + 'static, bounds: HandOver) -> ThreadLog {
    let logging = Logging::to(writer).zone(Zone::utc()).clock(lecture);
    logging.hand_over(bounds).start_on_this_thread()
}

#[test]
fn what_nobody_reads_is_lost_and_counted() {
    let gate = Gate::default();
    let log = start(gate.clone(), bounds().queue_limit(300));
    for number in 0..100 {
        log::msg(number);
    }
    let lost = log.lost_lines();
    assert!((90..100).contains(&lost), "{lost}");
    gate.open();
    drop(log);

    let texts = gate.texts();
    let kept = 100 - usize::try_from(lost).unwrap();
    assert_eq!(texts[0], "Log opened.");
    assert_eq!(texts[1..=kept], (0..kept).map(|number| number.to_string()).collect::<Vec<_>>());
    let remark = format!("{lost} lines of this log were lost, since nobody read it");
    assert_eq!(texts[kept + 1..], [remark]);
}

/// The remark stands where the lines would, and those after it are written.
#[test]
fn a_log_that_is_read_again_goes_on() {
    let gate = Gate::default();
    let log = start(gate.clone(), bounds().queue_limit(1));
    // The log's first line is all there is room for.
    log::msg("lost");
    gate.open();
    // Not `log::flush`, which waits for the logs of other tests, too.
    while gate.texts().len() < 2 {
        thread::yield_now();
    }
    log::msg("seen");
    drop(log);
    let remark = "1 line of this log was lost, since nobody read it";
    assert_eq!(gate.texts(), ["Log opened.", remark, "seen"]);
}

#[test]
fn who_logs_waits_for_his_line_if_he_has_the_patience() {
    let gate = Gate::default();
    let opener = gate.clone();
    let opener = thread::spawn(move || opener.open());
    let log = start(gate.clone(), bounds().patience(Duration::MAX));
    for number in 0..100 {
        log::msg(number);
        assert_eq!(gate.texts().last(), Some(&number.to_string()));
    }
    drop(log);
    opener.join().unwrap();
}

#[test]
fn a_reader_who_is_slow_slows_those_who_wait_and_loses_nothing() {
    let gate = Gate::default();
    let opener = gate.clone();
    let opener = thread::spawn(move || opener.open());
    let log = start(gate.clone(), bounds().queue_limit(1).patience(Duration::MAX));
    for number in 0..100 {
        log::msg(number);
    }
    assert_eq!(log.lost_lines(), 0);
    drop(log);
    opener.join().unwrap();
    assert_eq!(gate.texts().len(), 101);
}

/// Once somebody has waited in vain, nobody waits, until all is written.
#[test]
fn one_who_waits_in_vain_is_the_last() {
    let gate = Gate::default();
    let log = start(gate.clone(), bounds().patience(Duration::from_millis(1)));
    for number in 0..10_000 {
        log::msg(number);
    }
    assert_eq!(log.lost_lines(), 0);
    gate.open();
    drop(log);
    assert_eq!(gate.texts().len(), 10_001);
}

#[test]
fn a_line_longer_than_all_the_room_goes_through() {
    let gate = Gate::default();
    gate.open();
    let log = start(gate.clone(), bounds().queue_limit(10).patience(Duration::MAX));
    log::msg("x".repeat(1000));
    drop(log);
    assert_eq!(gate.texts()[1].len(), 1000);
}

/// Tells when it is dropped.
struct Told(Gate, Sender<()>);

impl Write for Told {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.1.send(()).unwrap();
    }
}

/// A log that is added to this thread's, and its writer's end.
fn added(gate: &Gate, bounds: HandOver) -> (LogCapture, LogHandle, Receiver<()>) {
    let capture = LogCapture::start();
    let (send, ended) = mpsc::channel();
    let logging = Logging::to(Told(gate.clone(), send)).hand_over(bounds);
    let handle = logging.add().unwrap().detach();
    (capture, handle, ended)
}

#[test]
fn an_orderly_end_does_not_wait_for_ever() {
    let gate = Gate::default();
    let (_capture, handle, ended) = added(&gate, bounds().flush_timeout(Duration::ZERO));
    for number in 0..3 {
        log::msg(number);
    }
    handle.stop();
    assert_eq!(handle.lost_lines(), 3);
    assert!(ended.try_recv().is_err());
    // The thread is left behind, not for good.
    gate.open();
    ended.recv().unwrap();
    assert!(gate.texts().len() <= 1);
    assert_eq!(handle.lost_lines(), 3);
}

#[test]
fn an_end_has_dropped_the_writer() {
    let gate = Gate::default();
    gate.open();
    let (_capture, handle, ended) = added(&gate, bounds());
    log::msg("hello");
    handle.stop();
    ended.try_recv().unwrap();
    log::msg("nobody hears this");
    assert_eq!(gate.texts(), ["hello"]);
    // A second time there is nothing to end.
    handle.stop();
}

#[test]
fn others_are_told_when_lines_are_lost() {
    let gate = Gate::default();
    let (capture, handle, _ended) = added(&gate, bounds().queue_limit(1));
    for number in 0..3 {
        log::msg(number);
    }
    let complaint = "Temporarily disabling observer due to exception: nobody reads it, and lines \
                     are lost";
    assert_eq!(capture.messages(), ["0", "1", complaint, "2"]);
    assert_eq!(capture.flush(|event| event.message() == complaint).len(), 1);
    gate.open();
    handle.stop();
}

#[test]
fn threads_lose_no_line_that_is_not_counted() {
    let paper = Paper::default();
    let capture = LogCapture::start();
    let logging = Logging::to(paper.clone()).hand_over(bounds().queue_limit(500));
    let handle = logging.add().unwrap().detach();
    tracing::dispatcher::get_default(|dispatch| {
        thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || {
                        (0..250).for_each(|line| log::msg(format_args!("{thread} {line}")));
                    });
                });
            }
        });
    });
    handle.stop();
    let remarks = |text: &String| Some(text.split_once(" of this log w")?.0.to_owned());
    let texts = texts(&paper);
    let said: u64 = texts
        .iter()
        .filter_map(remarks)
        .map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    let kept = texts.iter().filter(|text| remarks(text).is_none()).count() as u64;
    assert_eq!(handle.lost_lines(), said);
    // The others hear of the losses as well.
    capture.flush(|event| event.message().contains("lines are lost"));
    assert_eq!((kept + said, capture.take().len()), (1000, 1000));
}

/// Says on which threads it is written to.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<Vec<ThreadId>>>);

impl Write for Threads {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(thread::current().id());
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_written_by_a_thread_unless_they_are_to_be_written_at_once() {
    let (threads, here) = (Threads::default(), thread::current().id());
    drop(Logging::to(threads.clone()).start_on_this_thread());
    drop(Logging::to(threads.clone()).direct().start_on_this_thread());
    let threads = threads.0.lock().unwrap().clone();
    assert_eq!(threads.iter().map(|id| *id == here).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_writer_that_is_not_ready_is_tried_again() {
    #[derive(Clone)]
    struct Hesitant(Paper, Arc<Mutex<usize>>);
    impl Write for Hesitant {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let mut turn = self.1.lock().unwrap();
            *turn += 1;
            match *turn {
                1 | 3 => Err(io::ErrorKind::WouldBlock.into()),
                2 => self.0.write(&data[..5]),
                4 => Err(io::ErrorKind::Interrupted.into()),
                _ => self.0.write(data),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let paper = Paper::default();
    let log = start(Hesitant(paper.clone(), Arc::default()), bounds());
    log::msg("hello");
    drop(log);
    assert_eq!(texts(&paper), ["Log opened.", "hello"]);
}

/// One that is never ready does not hold up the end for ever.
#[test]
fn a_writer_that_is_never_ready_is_left() {
    struct Never;
    impl Write for Never {
        fn write(&mut self, _data: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let _capture = LogCapture::start();
    let bounds = bounds().flush_timeout(Duration::ZERO);
    let handle = Logging::to(Never).hand_over(bounds).add().unwrap().detach();
    log::msg("hello");
    handle.stop();
    assert_eq!(handle.lost_lines(), 1);
}

/// A writer that ends its own log, on the thread that writes it.
#[test]
fn a_writer_may_end_its_log() {
    struct Ends(Arc<OnceLock<LogHandle>>, Sender<()>, Arc<AtomicBool>);
    impl Write for Ends {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.wait().stop();
            // It waits for nobody, least of all for itself.
            self.2.store(log::flush(), Ordering::Relaxed);
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Ends {
        fn drop(&mut self) {
            self.1.send(()).unwrap();
        }
    }
    for by_thread in [true, false] {
        let _capture = LogCapture::start();
        let (own, (send, ended)) = (Arc::new(OnceLock::new()), mpsc::channel());
        let flushed = Arc::new(AtomicBool::new(true));
        let logging = Logging::to(Ends(own.clone(), send, flushed.clone()));
        let logging = if by_thread { logging.hand_over(bounds()) } else { logging.direct() };
        let handle = logging.add().unwrap().detach();
        assert!(own.set(handle.clone()).is_ok());
        log::msg("hello");
        ended.recv().unwrap();
        assert!(!handle.active());
        // Without a thread there is nothing of its own to wait for; of the logs of
        // other tests there may be.
        assert!(!by_thread || !flushed.load(Ordering::Relaxed));
    }
}
