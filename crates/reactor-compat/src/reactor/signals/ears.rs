//! [`Ears`]: what Tokio says of the signals that a reactor listens for.
//!
//! Tokio's handlers stay installed for the rest of the process: after a
//! reactor has listened for a signal once, that no longer ends the process by
//! itself.

use std::io;
use std::task::{Context, Poll};

#[cfg(unix)]
use tokio::signal::unix as system;
#[cfg(windows)]
use tokio::signal::windows as system;

use super::Signal;
use crate::reactor::need_io;

/// The signals that a run of a reactor listens for.
#[derive(Default)]
pub(in crate::reactor) struct Ears {
    ears: Vec<(Signal, Ear)>,
}

#[cfg(unix)]
type Ear = system::Signal;

#[cfg(windows)]
enum Ear {
    CtrlC(system::CtrlC),
    CtrlBreak(system::CtrlBreak),
}

impl Ears {
    /// Listens for `signals` and no others, inside a runtime. What cannot be
    /// listened for is logged and left out.
    pub(in crate::reactor) fn listen_for(&mut self, signals: &[Signal]) {
        self.ears.retain(|(signal, _)| signals.contains(signal));
        for &signal in signals {
            if self.ears.iter().any(|(known, _)| *known == signal) {
                continue;
            }
            // Tokio hears of signals through its I/O driver.
            match need_io().and_then(|()| ear(signal)) {
                Ok(ear) => self.ears.push((signal, ear)),
                Err(error) => {
                    tracing::warn!(%signal, %error, "the reactor cannot listen for a signal");
                }
            }
        }
    }

    /// A signal that came.
    pub(in crate::reactor) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        for (signal, ear) in &mut self.ears {
            if poll_ear(ear, cx) == Poll::Ready(Some(())) {
                return Poll::Ready(*signal);
            }
        }
        Poll::Pending
    }
}

#[cfg(unix)]
fn ear(signal: Signal) -> io::Result<Ear> {
    use system::SignalKind;
    let kind = match signal {
        Signal::Hangup => SignalKind::hangup(),
        Signal::Interrupt => SignalKind::interrupt(),
        Signal::Terminate => SignalKind::terminate(),
        Signal::Quit => SignalKind::quit(),
        Signal::User1 => SignalKind::user_defined1(),
        Signal::User2 => SignalKind::user_defined2(),
        Signal::Child => SignalKind::child(),
        Signal::WindowChange => SignalKind::window_change(),
        Signal::Number(number) => SignalKind::from_raw(number),
        Signal::Break => return Err(io::ErrorKind::Unsupported.into()),
    };
    system::signal(kind)
}

#[cfg(windows)]
fn ear(signal: Signal) -> io::Result<Ear> {
    match signal {
        Signal::Interrupt => system::ctrl_c().map(Ear::CtrlC),
        Signal::Break => system::ctrl_break().map(Ear::CtrlBreak),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(unix)]
fn poll_ear(ear: &mut Ear, cx: &mut Context<'_>) -> Poll<Option<()>> {
    ear.poll_recv(cx)
}

#[cfg(windows)]
fn poll_ear(ear: &mut Ear, cx: &mut Context<'_>) -> Poll<Option<()>> {
    match ear {
        Ear::CtrlC(ear) => ear.poll_recv(cx),
        Ear::CtrlBreak(ear) => ear.poll_recv(cx),
    }
}
