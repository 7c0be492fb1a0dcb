//! The signals that stop a reactor.
//!
//! Tokio's handlers stay installed for the rest of the process: after the
//! first run of a reactor these signals no longer end the process by
//! themselves.

use std::task::{Context, Poll};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The signals that stop a reactor: SIGINT and SIGTERM; on Windows Ctrl-C and
/// Ctrl-Break.
pub(crate) struct Signals {
    #[cfg(unix)]
    unix: Vec<(&'static str, Signal)>,
    #[cfg(windows)]
    windows: (Option<CtrlC>, Option<CtrlBreak>),
}

impl Signals {
    /// Listens for them, inside a runtime. What cannot be installed is logged
    /// and left out.
    #[cfg(unix)]
    pub(crate) fn install() -> Self {
        let kinds = [("SIGINT", SignalKind::interrupt()), ("SIGTERM", SignalKind::terminate())];
        let installed =
            kinds.into_iter().filter_map(|(name, kind)| Some((name, logged(name, signal(kind))?)));
        Self { unix: installed.collect() }
    }

    /// Listens for them, inside a runtime. What cannot be installed is logged
    /// and left out.
    #[cfg(windows)]
    pub(crate) fn install() -> Self {
        Self { windows: (logged("Ctrl-C", ctrl_c()), logged("Ctrl-Break", ctrl_break())) }
    }

    /// The name of a signal that came.
    #[cfg(unix)]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        for (name, signal) in &mut self.unix {
            if let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                return Poll::Ready(*name);
            }
        }
        Poll::Pending
    }

    /// The name of a signal that came.
    #[cfg(windows)]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        if let Some(Poll::Ready(Some(()))) =
            self.windows.0.as_mut().map(|signal| signal.poll_recv(cx))
        {
            return Poll::Ready("Ctrl-C");
        }
        if let Some(Poll::Ready(Some(()))) =
            self.windows.1.as_mut().map(|signal| signal.poll_recv(cx))
        {
            return Poll::Ready("Ctrl-Break");
        }
        Poll::Pending
    }
}

fn logged<S>(name: &str, installed: std::io::Result<S>) -> Option<S> {
    installed
        .inspect_err(
            |error| tracing::warn!(signal = name, %error, "the reactor cannot listen for a signal"),
        )
        .ok()
}
