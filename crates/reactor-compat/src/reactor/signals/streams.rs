//! [`SignalStreams`]: the signals that a reactor listens for, from Tokio.
//!
//! Tokio's handlers stay installed for the rest of the process: after a
//! reactor has listened for a signal once, that no longer ends the process by
//! itself. Tested in `tests/signals.rs`.

use std::io;
use std::task::{Context, Poll};

#[cfg(unix)]
use tokio::signal::unix as system;
#[cfg(windows)]
use tokio::signal::windows as system;

use super::Signal;
use crate::io_driver::need_io;

/// The signals that a run of a reactor listens for.
#[derive(Default)]
pub(in crate::reactor) struct SignalStreams {
    streams: Vec<(Signal, Stream)>,
}

#[cfg(unix)]
type Stream = system::Signal;

#[cfg(windows)]
enum Stream {
    CtrlC(system::CtrlC),
    CtrlBreak(system::CtrlBreak),
}

impl SignalStreams {
    /// Listens for `signals` and no others, inside a runtime. What cannot be
    /// listened for is logged and left out.
    pub(in crate::reactor) fn listen_for(&mut self, signals: &[Signal]) {
        self.streams.retain(|(signal, _)| signals.contains(signal));
        for &signal in signals {
            if self.streams.iter().any(|(known, _)| *known == signal) {
                continue;
            }
            // Tokio hears of signals through its I/O driver.
            match need_io().and_then(|()| stream_of(signal)) {
                Ok(stream) => self.streams.push((signal, stream)),
                Err(error) => {
                    tracing::warn!(%signal, %error, "the reactor cannot listen for a signal");
                }
            }
        }
    }

    /// A signal that came.
    pub(in crate::reactor) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        for (signal, stream) in &mut self.streams {
            if poll_stream(stream, cx) == Poll::Ready(Some(())) {
                return Poll::Ready(*signal);
            }
        }
        Poll::Pending
    }
}

#[cfg(unix)]
fn stream_of(signal: Signal) -> io::Result<Stream> {
    let number = signal.number().ok_or(io::ErrorKind::Unsupported)?;
    system::signal(system::SignalKind::from_raw(number))
}

#[cfg(windows)]
fn stream_of(signal: Signal) -> io::Result<Stream> {
    match signal {
        Signal::Interrupt => system::ctrl_c().map(Stream::CtrlC),
        Signal::Break => system::ctrl_break().map(Stream::CtrlBreak),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(unix)]
fn poll_stream(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<()>> {
    stream.poll_recv(cx)
}

#[cfg(windows)]
fn poll_stream(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<()>> {
    match stream {
        Stream::CtrlC(stream) => stream.poll_recv(cx),
        Stream::CtrlBreak(stream) => stream.poll_recv(cx),
    }
}
