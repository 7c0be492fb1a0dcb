//! [`StandardIo`]: the process's standard input and output as a stream.
//!
//! Mirrors `twisted.internet.stdio`. Tested in `examples/tests/runs/stdio.rs`.
//!
//! A terminal and a pipe may be shared with other programs, which would not expect
//! them to be `O_NONBLOCK`; and a file never is. So they are read and written by
//! threads of their own, which keep nobody from ending: neither a runtime nor the
//! process waits for them.

mod input;
mod output;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::input::Input;
use self::output::Output;

/// Whether some stream has them.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The process's standard input and output, which there is one of.
pub(super) struct StandardIo {
    input: Input,
    output: Output,
    /// Nobody wants what may still come.
    closed: bool,
    _taken: Taken,
}

/// Gives them back.
struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

impl StandardIo {
    /// Takes them, unless they are taken.
    pub(super) fn take() -> io::Result<Self> {
        if TAKEN.swap(true, Ordering::Acquire) {
            let why = "standard input and output are in use already";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        let taken = Taken;
        Ok(Self { input: Input::start()?, output: Output::start()?, closed: false, _taken: taken })
    }
}

impl AsyncRead for StandardIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closed { Poll::Ready(Ok(())) } else { self.input.poll_read(cx, buf) }
    }
}

impl AsyncWrite for StandardIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.output.poll_shutdown(cx);
        self.closed |= shut.is_ready();
        shut
    }
}
