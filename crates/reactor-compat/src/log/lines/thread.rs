//! [`LogThread`]: the thread that writes the lines of a log; and [`flush`].
//!
//! Tested in `tests/logging/hand_over.rs`.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::super::at_work::{self, Worker};
use super::outlet::{LostLine, Report, Writer};
use super::queue::{Entry, Queue};
use super::sync::Deadline;
use crate::panics;

/// A line, and the logs that were at work where it was logged.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) chain: Vec<Worker>,
}

/// How long the thread rests when what it writes to takes nothing just now.
const REST: Duration = Duration::from_millis(10);

/// All queues that a thread writes from, each with how long it is waited for.
static QUEUES: Mutex<Vec<(Weak<Queue<Line>>, Duration)>> = Mutex::new(Vec::new());

thread_local! {
    /// Set on a thread that writes a log. It does not wait for another, which may
    /// wait for it.
    static WRITES: Cell<bool> = const { Cell::new(false) };
    static WITH_MAIN: FlushWhenDropped = const { FlushWhenDropped };
}

/// Waits for what was logged to be written, where that is done by a thread, each
/// log as long as its [`HandOver`](super::HandOver) says: a second unless told
/// otherwise. Gives whether all of it is written.
///
/// It is done for you when a log ends, a reactor's run, and `main`; call it
/// before you end the process from another thread.
///
/// ```
/// use reactor_compat::log;
///
/// log::start_logging(std::io::stdout())?;
/// log::msg("about to exit");
/// assert!(log::flush());
/// # Ok::<(), log::LoggingError>(())
/// ```
pub fn flush() -> bool {
    if is_log_thread() {
        return false;
    }
    let queues: Vec<_> = {
        let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.iter().filter_map(|(queue, timeout)| Some((queue.upgrade()?, *timeout))).collect()
    };
    let start = Instant::now();
    let flushed = |(queue, timeout): &(Arc<Queue<Line>>, Duration)| {
        queue.flush(&Deadline::after(start, *timeout))
    };
    queues.iter().filter(|queue| !flushed(queue)).count() == 0
}

struct FlushWhenDropped;

impl Drop for FlushWhenDropped {
    fn drop(&mut self) {
        flush();
    }
}

/// Has the end of the main thread, and so that of the process, wait for what is
/// not yet written: where the system runs the destructors of that thread's
/// variables, as Linux and macOS do.
pub(in super::super) fn flush_when_main_ends() {
    if thread::current().name() == Some("main") {
        let _ = WITH_MAIN.try_with(|_| ());
    }
}

/// Whether this thread writes a log.
pub(super) fn is_log_thread() -> bool {
    WRITES.try_with(Cell::get).unwrap_or(false)
}

/// The thread of a log.
pub(super) struct LogThread {
    pub(super) queue: Arc<Queue<Line>>,
    /// It takes the writer from there, where that is if there is no thread.
    pub(super) writer: Arc<Mutex<Option<Writer>>>,
    pub(super) lost_line: LostLine,
    pub(super) report: Arc<Report>,
    pub(super) worker: Worker,
}

impl LogThread {
    pub(super) fn start(self, flush_timeout: Duration) -> io::Result<()> {
        let queue = Arc::downgrade(&self.queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || self.run())?;
        let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|(queue, _)| queue.strong_count() > 0);
        queues.push((queue, flush_timeout));
        Ok(())
    }

    fn run(self) {
        WRITES.set(true);
        // Nobody waits for a thread that has ended, however it did.
        let _ends = EndsWhenDropped(&self.queue);
        let taken = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut writer) = taken else { return };
        while let Some(entry) = self.queue.next() {
            let line = match entry {
                Entry::Item(line) => line,
                Entry::Lost(lost) => Line { text: (self.lost_line)(lost), chain: Vec::new() },
            };
            self.write(&mut writer, line);
            self.queue.done();
        }
        // It is the user's, as what it is written to.
        let _ = at_work::with(&[self.worker], || panics::catch(|| drop(writer)));
    }

    fn write(&self, writer: &mut Writer, line: Line) {
        let Line { text, mut chain } = line;
        chain.push(self.worker);
        at_work::with(&chain, || {
            self.report
                .note(|| self.write_whole(writer, text.as_bytes()).and_then(|()| writer.flush()))
        });
    }

    /// Writes all of it, also to what is not ready for it.
    fn write_whole(&self, writer: &mut Writer, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match writer.write(data) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => data = data.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.queue.given_up() {
                        return Err(error);
                    }
                    thread::sleep(REST);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct EndsWhenDropped<'a>(&'a Queue<Line>);

impl Drop for EndsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}
