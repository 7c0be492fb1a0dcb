//! [`Watchdog`]: ends a test that hangs.

use std::process;
use std::sync::mpsc;
use std::thread;

use interop::PATIENCE;

/// Ends the process if a test hangs. It goes by the computer's own clock, since
/// tests halt Tokio's.
pub(crate) struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let (alive, watch) = mpsc::channel();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if watch.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                process::abort();
            }
        });
        Self { _alive: alive }
    }
}
