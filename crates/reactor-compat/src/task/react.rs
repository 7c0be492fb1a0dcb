//! [`react()`]: a whole program, from its main function to its exit code.
//!
//! Mirrors `twisted.internet.task.react`. Tested in `tests/runtime/react.rs`.

use std::cell::Cell;
use std::future::Future;
use std::process::ExitCode;
use std::rc::Rc;

use deferred::{CallbackResult, Deferred, Failure};

use crate::error::ReactorAlreadyRunning;
use crate::reactor::{Reactor, reactor};

/// Runs the thread's reactor until `main` is done, and gives the exit code.
///
/// `main` is given the reactor, and gives a Deferred or a coroutine. It is
/// called as soon as the reactor runs, so that it may use what belongs to
/// Tokio. The exit code is 0 if it succeeds, that of its [`SystemExit`] if it
/// fails with one, and 1 if it fails with anything else, panics, or cannot be
/// run at all; then the error is [logged](crate::log::err), which writes it to
/// standard error if the program has no subscriber. If the reactor is stopped before
/// `main` is done, by a signal for example, the code is 0.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{Reactor, task::{defer_later, react}};
/// use std::{process::ExitCode, time::Duration};
///
/// async fn cook(reactor: Reactor) -> Result<(), Failure> {
///     defer_later(&reactor, Duration::from_millis(3), || println!("tea is ready")).await
/// }
///
/// fn main() -> ExitCode {
///     react(cook)
/// }
/// ```
#[doc(alias = "twisted.internet.task.react")]
pub fn react<F, R>(main: F) -> ExitCode
where
    F: FnOnce(Reactor) -> R + 'static,
    R: Future<Output: CallbackResult> + 'static,
{
    react_on(&reactor(), main)
}

/// [`react`] on a reactor of your own.
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::{Reactor, task::{SystemExit, react_on}};
/// use std::process::ExitCode;
///
/// let reactor = Reactor::new();
/// assert_eq!(react_on(&reactor, |_| Deferred::succeed(())), ExitCode::SUCCESS);
/// let code = react_on(&reactor, |_| async { Err::<(), _>(SystemExit(3).into()) });
/// assert_eq!(code, ExitCode::from(3));
/// ```
pub fn react_on<F, R>(reactor: &Reactor, main: F) -> ExitCode
where
    F: FnOnce(Reactor) -> R + 'static,
    R: Future<Output: CallbackResult> + 'static,
{
    if reactor.running() {
        let code = Cell::new(ExitCode::FAILURE);
        fail(&ReactorAlreadyRunning.into(), &code);
        return code.get();
    }
    let code = Rc::new(Cell::new(ExitCode::SUCCESS));
    let main = Rc::new(Cell::new(Some(main)));
    let (inner, place, called) = (reactor.clone(), code.clone(), main.clone());
    reactor.call_when_running(move || {
        if let Some(main) = called.take() {
            start(inner, main, place);
        }
    });
    let ran = reactor.run();
    // If it could not run now, `main` is not to be called by a later run.
    drop(main.take());
    if let Err(error) = ran {
        fail(&error.into(), &code);
    }
    code.get()
}

/// Calls `main`, and stops the reactor when it is done.
fn start<F, R>(reactor: Reactor, main: F, code: Rc<Cell<ExitCode>>)
where
    F: FnOnce(Reactor) -> R + 'static,
    R: Future<Output: CallbackResult> + 'static,
{
    let its = reactor.clone();
    let finished = Deferred::from_coroutine(async move { main(its).await });
    drop(finished.add_both(move |result| {
        // Whoever stopped it before was faster.
        let _ = reactor.stop();
        match result {
            Ok(_) => code.set(ExitCode::SUCCESS),
            Err(failure) => fail(&failure, &code),
        }
    }));
}

/// Sets the exit code of a program that failed, and then logs why: whatever
/// becomes of that, the program has failed.
fn fail(failure: &Failure, code: &Cell<ExitCode>) {
    if let Some(SystemExit(chosen)) = failure.check() {
        return code.set(ExitCode::from(*chosen));
    }
    code.set(ExitCode::FAILURE);
    crate::log::err(failure.clone(), "main function encountered error");
}

/// An error of the main function of [`react`] that chooses the exit code; it is
/// not logged.
///
/// Mirrors Python's `SystemExit`.
///
/// ```
/// use reactor_compat::{Reactor, task::{SystemExit, react_on}};
/// use std::process::ExitCode;
///
/// let code = react_on(&Reactor::new(), |_| async {
///     Err(SystemExit(2))?;
///     Ok(())
/// });
/// assert_eq!(code, ExitCode::from(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the program ends with exit code {0}")]
pub struct SystemExit(pub u8);
