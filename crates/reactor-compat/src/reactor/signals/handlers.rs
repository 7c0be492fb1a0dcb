//! Handlers of the user's own, for any signal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tracing::Span;

use super::Signal;
use super::disposition::Ignored;
use crate::call_result::CallResult;
use crate::guard;
use crate::reactor::Reactor;

/// The words in the log for a handler that fails.
const WHILE_HANDLING: &str = "while handling a signal";

type Handler = Rc<RefCell<dyn FnMut()>>;

/// The user's handlers.
#[derive(Default)]
pub(in crate::reactor) struct Handlers {
    handlers: RefCell<BTreeMap<Signal, Handler>>,
}

/// The signals that stop a reactor.
const STOPPING: [Signal; 2] =
    [Signal::Interrupt, if cfg!(windows) { Signal::Break } else { Signal::Terminate }];

impl Handlers {
    /// The signals to be listened for. One that the process ignores is left so,
    /// unless it has a handler of the user's.
    pub(in crate::reactor) fn signals(&self, defaults: bool) -> Vec<Signal> {
        let ignored = if defaults { Ignored::of_process() } else { Ignored::default() };
        let stopping = |signal: &Signal| defaults && !ignored.contains(*signal);
        let defaults = STOPPING.iter().filter(|signal| stopping(signal)).copied();
        let mut signals: Vec<_> = defaults.chain(self.handlers.borrow().keys().copied()).collect();
        signals.sort();
        signals.dedup();
        signals
    }

    /// Calls the handler of `signal`; whether there is one.
    pub(in crate::reactor) fn handle(&self, signal: Signal) -> bool {
        let handler = self.handlers.borrow().get(&signal).cloned();
        let Some(handler) = handler else { return false };
        guard::run_logged(WHILE_HANDLING, || {
            // One that takes turns from within itself is not called again.
            if let Ok(mut handler) = handler.try_borrow_mut() {
                handler();
            }
        });
        true
    }

    fn replace(&self, signal: Signal, handler: Option<Handler>) -> Option<Handler> {
        let mut handlers = self.handlers.borrow_mut();
        match handler {
            Some(handler) => handlers.insert(signal, handler),
            None => handlers.remove(&signal),
        }
    }
}

impl Reactor {
    /// Has `handler` called whenever `signal` comes while the reactor runs, on
    /// its thread like any other callback. It takes the place of the handler
    /// that was there, the one that stops the reactor included. What it fails
    /// with is logged (see [`CallResult`]).
    ///
    /// Handlers stay from one run to the next. Signals that come while the
    /// reactor does not run are lost; but a signal that a reactor has once
    /// listened for no longer does what it does by default, such as end the
    /// process. Several that come at once may count as one.
    ///
    /// # Errors
    ///
    /// [`SignalError`] if no program can handle that signal. What else the
    /// operating system may refuse is logged when the reactor runs.
    ///
    /// ```
    /// use reactor_compat::{Reactor, Signal};
    ///
    /// let reactor = Reactor::new();
    /// let stop = reactor.clone();
    /// reactor.set_signal_handler(Signal::User1, move || stop.stop())?;
    /// reactor.call_when_running(|| {
    ///     let pid = std::process::id().to_string();
    ///     std::process::Command::new("kill").args(["-USR1", &pid]).status().unwrap();
    /// });
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "signal.signal")]
    pub fn set_signal_handler<R: CallResult>(
        &self,
        signal: Signal,
        mut handler: impl FnMut() -> R + 'static,
    ) -> Result<(), SignalError> {
        // What would end up as a panic of Tokio's, or never come.
        const FORBIDDEN: [i32; 5] = [4, 8, 9, 11, 19];
        if matches!(signal, Signal::Number(number) if number <= 0 || FORBIDDEN.contains(&number)) {
            return Err(SignalError { signal });
        }
        let span = Span::current();
        let mut handler = move || guard::report(WHILE_HANDLING, handler());
        let handler: Handler = if span.is_none() {
            Rc::new(RefCell::new(handler))
        } else {
            Rc::new(RefCell::new(move || span.in_scope(&mut handler)))
        };
        let replaced = self.core.handlers.replace(signal, Some(handler));
        drop(replaced);
        self.core.update_signals();
        Ok(())
    }

    /// Takes the handler of `signal` back; SIGINT and SIGTERM stop the reactor
    /// again. Whether there was one.
    ///
    /// ```
    /// use reactor_compat::{Reactor, Signal};
    ///
    /// let reactor = Reactor::new();
    /// reactor.set_signal_handler(Signal::Interrupt, || println!("not now"))?;
    /// assert!(reactor.remove_signal_handler(Signal::Interrupt));
    /// assert!(!reactor.remove_signal_handler(Signal::Interrupt));
    /// # Ok::<(), reactor_compat::SignalError>(())
    /// ```
    pub fn remove_signal_handler(&self, signal: Signal) -> bool {
        let removed = self.core.handlers.replace(signal, None);
        self.core.update_signals();
        removed.is_some()
    }
}

/// No program can handle that signal.
///
/// ```
/// use reactor_compat::{Reactor, Signal};
///
/// let kill = Signal::Number(9);
/// let error = Reactor::new().set_signal_handler(kill, || ()).unwrap_err();
/// assert_eq!(error.signal(), kill);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{signal} cannot be handled")]
pub struct SignalError {
    signal: Signal,
}

impl SignalError {
    /// Which signal that is.
    ///
    /// See the [type's example](Self).
    pub fn signal(&self) -> Signal {
        self.signal
    }
}
