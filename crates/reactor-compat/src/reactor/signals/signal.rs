//! [`Signal`]: which signal is meant.

use std::fmt;

/// A signal of the operating system's.
///
/// Windows has [`Interrupt`](Self::Interrupt) (Ctrl-C) and
/// [`Break`](Self::Break) only; elsewhere there is no `Break`.
///
/// ```
/// use reactor_compat::Signal;
///
/// assert_eq!(Signal::Hangup.to_string(), "SIGHUP");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Signal {
    /// SIGHUP: the terminal is gone; by custom, read the configuration again.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: please end.
    Terminate,
    /// SIGQUIT: Ctrl-\.
    Quit,
    /// SIGUSR1: whatever the program likes.
    User1,
    /// SIGUSR2: whatever the program likes.
    User2,
    /// SIGCHLD: a child process has ended.
    Child,
    /// SIGWINCH: the terminal's size has changed.
    WindowChange,
    /// SIGBREAK: Ctrl-Break, on Windows.
    Break,
    /// Any other, by its number.
    Number(i32),
}

impl Signal {
    /// Its number here, if it has one.
    #[cfg(unix)]
    pub(crate) fn number(self) -> Option<i32> {
        use tokio::signal::unix::SignalKind;
        let kind = match self {
            Self::Hangup => SignalKind::hangup(),
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
            Self::Quit => SignalKind::quit(),
            Self::User1 => SignalKind::user_defined1(),
            Self::User2 => SignalKind::user_defined2(),
            Self::Child => SignalKind::child(),
            Self::WindowChange => SignalKind::window_change(),
            Self::Number(number) => return Some(number),
            Self::Break => return None,
        };
        Some(kind.as_raw_value())
    }

    /// Its number here, if it has one.
    #[cfg(not(unix))]
    pub(crate) fn number(self) -> Option<i32> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Quit => "SIGQUIT",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
            Self::Child => "SIGCHLD",
            Self::WindowChange => "SIGWINCH",
            Self::Break => "SIGBREAK",
            Self::Number(number) => return write!(f, "signal {number}"),
        })
    }
}
