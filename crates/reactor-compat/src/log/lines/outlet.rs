//! [`Lines`]: the way of a log's lines to what it is written to.
//!
//! Tested in `tests/logging/hand_over.rs` and `tests/logging/log.rs`.

use std::any::Any;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::super::at_work::{self, Worker};
use super::hand_over::HandOver;
use super::queue::{Pushed, Queue};
use super::sync::Deadline;
use super::thread::{Line, LogThread, flush_when_main_ends, is_log_thread};
use crate::panics;

/// The writer of a log.
pub(in super::super) type Writer = Box<dyn Write + Send>;

/// Makes the line that says how many were lost.
pub(in super::super) type LostLine = Arc<dyn Fn(u64) -> String + Send + Sync>;

/// The thread that writes the lines.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Delivery {
    /// The one that logs them.
    Direct,
    /// A thread.
    HandedOver(HandOver),
}

impl Delivery {
    /// As fits what is written to: a regular file takes all that is written,
    /// without anybody reading it.
    pub(in super::super) fn fitting(writer: &dyn Any) -> Self {
        if takes_all(writer) { Self::Direct } else { Self::HandedOver(HandOver::new()) }
    }
}

fn takes_all(writer: &dyn Any) -> bool {
    #[cfg(feature = "logging")]
    {
        use super::super::file::{DailyLogFile, LogFile};

        if let Some(file) = writer.downcast_ref::<LogFile>() {
            return file.is_regular();
        }
        if let Some(file) = writer.downcast_ref::<DailyLogFile>() {
            return file.is_regular();
        }
    }
    if let Some(file) = writer.downcast_ref::<File>() {
        return file.metadata().is_ok_and(|metadata| metadata.is_file());
    }
    #[cfg(unix)]
    {
        use rustix::fs::{FileType, fstat};

        let regular = |found: rustix::io::Result<rustix::fs::Stat>| {
            found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        };
        if writer.is::<io::Stdout>() {
            return regular(fstat(io::stdout()));
        }
        if writer.is::<io::Stderr>() {
            return regular(fstat(io::stderr()));
        }
    }
    writer.is::<io::Sink>()
}

/// An error of writing that was not told yet.
#[derive(Default)]
pub(super) struct Report {
    error: Mutex<Option<io::Error>>,
    complaint: Mutex<Option<String>>,
}

impl Report {
    /// Writes, and remembers what goes wrong.
    pub(super) fn note(&self, write: impl FnOnce() -> io::Result<()>) {
        let written =
            panics::catch(write).unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        if let Err(error) = written {
            self.complain(error.to_string());
            *lock(&self.error) = Some(error);
        }
    }

    fn complain(&self, text: String) {
        *lock(&self.complaint) = Some(text);
    }
}

/// The way of a log's lines to what it is written to: at once, or by a queue and
/// a thread, which starts with the first line.
pub(in super::super) struct Lines {
    /// Not there while a thread has it, and once it was closed.
    writer: Arc<Mutex<Option<Writer>>>,
    delivery: Delivery,
    /// `None` if the lines are written at once.
    queue: OnceLock<Option<Arc<Queue<Line>>>>,
    lost_line: LostLine,
    report: Arc<Report>,
    worker: Worker,
}

impl Lines {
    pub(in super::super) fn new(
        writer: Writer,
        delivery: Delivery,
        worker: Worker,
        lost_line: LostLine,
    ) -> Self {
        Self {
            writer: Arc::new(Mutex::new(Some(writer))),
            delivery,
            queue: OnceLock::new(),
            lost_line,
            report: Arc::default(),
            worker,
        }
    }

    /// Writes a line, or has it written. What goes wrong is remembered.
    pub(in super::super) fn write(&self, text: String) {
        let (Some(queue), Delivery::HandedOver(bounds)) = (self.queue(), self.delivery) else {
            let mut writer = lock(&self.writer);
            if let Some(writer) = &mut *writer {
                self.report
                    .note(|| writer.write_all(text.as_bytes()).and_then(|()| writer.flush()));
            }
            return;
        };
        let patience = if is_log_thread() { Duration::ZERO } else { bounds.patience };
        let patience = Deadline::after(Instant::now(), patience);
        let size = text.len();
        match queue.push(Line { text, chain: at_work::chain() }, size, &patience) {
            Pushed::Lost { first: true } => {
                self.report.complain("nobody reads it, and lines are lost".to_owned());
            }
            Pushed::Waiting => flush_when_main_ends(),
            Pushed::Written | Pushed::Lost { first: false } | Pushed::Closed => {}
        }
    }

    /// The queue, and a thread that reads it, if there is to be one.
    fn queue(&self) -> Option<&Arc<Queue<Line>>> {
        let Delivery::HandedOver(bounds) = self.delivery else { return None };
        let start = || {
            let queue = Arc::new(Queue::new(bounds.queue_limit));
            let thread = LogThread {
                queue: queue.clone(),
                writer: self.writer.clone(),
                lost_line: self.lost_line.clone(),
                report: self.report.clone(),
                worker: self.worker,
            };
            // If there can be no more threads, lines are written at once.
            thread.start(bounds.flush_timeout).is_ok().then_some(queue)
        };
        self.queue.get_or_init(start).as_ref()
    }

    /// The queue, if there is one by now.
    fn begun(&self) -> Option<(&Queue<Line>, HandOver)> {
        match (self.queue.get(), self.delivery) {
            (Some(Some(queue)), Delivery::HandedOver(bounds)) => Some((queue, bounds)),
            _ => None,
        }
    }

    /// Lets go of what is written to, once all is written; waits for that, with
    /// the bound that was chosen, if it `may_wait`.
    pub(in super::super) fn close(&self, may_wait: bool) {
        let Some((queue, bounds)) = self.begun() else {
            // What is dropped is the user's, and dropped with no lock held.
            let writer = lock(&self.writer).take();
            return drop(writer);
        };
        queue.close();
        if may_wait && !is_log_thread() {
            queue.wait_for_end(&Deadline::after(Instant::now(), bounds.flush_timeout));
        }
    }

    /// Has the thread let go of what is written to, if there is one: for who is
    /// at work on that himself.
    pub(in super::super) fn close_later(&self) {
        if let Some((queue, _)) = self.begun() {
            queue.close();
        }
    }

    /// How many lines were lost because nobody read them.
    pub(in super::super) fn lost(&self) -> u64 {
        self.begun().map_or(0, |(queue, _)| queue.lost())
    }

    /// The last error, to be told to others.
    pub(in super::super) fn take_complaint(&self) -> Option<String> {
        lock(&self.report.complaint).take()
    }

    /// The last error of writing.
    pub(in super::super) fn take_error(&self) -> Option<io::Error> {
        lock(&self.report.error).take()
    }
}

/// Writes what is left, within the bounds.
impl Drop for Lines {
    fn drop(&mut self) {
        self.close(true);
    }
}

/// Locks, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
