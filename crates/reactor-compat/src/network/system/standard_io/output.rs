//! Standard output, written by a thread.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// How much may wait to be written.
const MOST: usize = 64 * 1024;

/// Standard output.
pub(super) struct Output {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do for the thread.
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    progress: Progress,
    /// It is to be closed, once all is written.
    ending: bool,
    error: Option<io::ErrorKind>,
    waker: Option<Waker>,
}

/// What the thread does.
///
/// ```text
/// Idle ⇄ Writing
///   └──────┴───▶ Over
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Idle,
    Writing,
    Over,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's work.
    fn write_all(&self) {
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() && !state.ending {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let data = std::mem::take(&mut state.waiting);
            if data.is_empty() {
                drop(state);
                close();
                return self.done(Progress::Over, Ok(()));
            }
            state.progress = Progress::Writing;
            drop(state);
            let mut output = io::stdout().lock();
            let written = output.write_all(&data).and_then(|()| output.flush());
            drop(output);
            let failed = written.is_err();
            self.done(if failed { Progress::Over } else { Progress::Idle }, written);
            if failed {
                return close();
            }
        }
    }

    fn done(&self, progress: Progress, result: io::Result<()>) {
        let mut state = self.state();
        state.progress = progress;
        state.error = result.err().map(|error| error.kind());
        if let Some(waker) = state.waker.take() {
            drop(state);
            waker.wake();
        }
    }
}

impl Output {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = shared.clone();
        let builder = thread::Builder::new().name("standard output".to_owned());
        builder.spawn(move || thread.write_all())?;
        Ok(Self { shared })
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.shared.state();
        if let Some(kind) = state.error {
            return Poll::Ready(Err(kind.into()));
        }
        let room = MOST.saturating_sub(state.waiting.len()).min(data.len());
        if room == 0 && !data.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.waiting.extend_from_slice(&data[..room]);
        drop(state);
        self.shared.work.notify_one();
        Poll::Ready(Ok(room))
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_until(cx, |state| state.waiting.is_empty() && state.progress != Progress::Writing)
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        self.poll_until(cx, |state| state.progress == Progress::Over)
    }

    fn poll_until(
        &self,
        cx: &mut Context<'_>,
        done: impl FnOnce(&State) -> bool,
    ) -> Poll<io::Result<()>> {
        let mut state = self.shared.state();
        if let Some(kind) = state.error {
            return Poll::Ready(Err(kind.into()));
        }
        if done(&state) {
            return Poll::Ready(Ok(()));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn end(&self) {
        self.shared.state().ending = true;
        self.shared.work.notify_one();
    }
}

/// The thread ends when it has written all; nobody waits for it.
impl Drop for Output {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whoever reads from the pipe hears that nothing more comes.
fn close() {
    #[cfg(unix)]
    let_go_of_pipe(rustix::stdio::stdout(), |null| rustix::stdio::dup2_stdout(null));
}

/// Puts the null device in the place of a standard stream that is a pipe or a socket: so
/// its other end hears of the end. A terminal or a file has no such end.
#[cfg(unix)]
pub(super) fn let_go_of_pipe(
    stream: std::os::fd::BorrowedFd<'_>,
    replace: impl FnOnce(&std::fs::File) -> rustix::io::Result<()>,
) {
    use rustix::fs::FileType;

    let kind = rustix::fs::fstat(stream).map(|about| FileType::from_raw_mode(about.st_mode));
    if !matches!(kind, Ok(FileType::Fifo | FileType::Socket)) {
        return;
    }
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    if let Ok(null) = null {
        // What cannot be closed stays open until the process ends.
        let _ = replace(&null);
    }
}
