//! [`TestReactor`]: the reactor of one test, and what was logged in it.
//!
//! Mirrors what `twisted.trial` does with logged errors. Tested in
//! `tests/runtime/per_test_reactor.rs`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;
use deferred::unhandled::{UnhandledError, UnhandledObserver, observe};
use tracing::Level;

use crate::log::{LogCapture, LogEvent};
use crate::reactor::Reactor;

/// The reactor of one test, and what was logged in it. It derefs to the
/// [`Reactor`].
///
/// See the example of [`run_test`](super::run_test).
#[derive(Clone)]
pub struct TestReactor {
    pub(super) reactor: Reactor,
    logged: Rc<Logged>,
}

impl TestReactor {
    pub(super) fn new(reactor: Reactor) -> Self {
        Self { reactor, logged: Rc::new(Logged::new()) }
    }

    /// Takes the errors that nobody expected.
    pub(super) fn take_errors(&self) -> Vec<String> {
        self.logged.take()
    }

    /// Takes the errors of type `E` that were logged, or that a Deferred went
    /// away with: the test expects them.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::{log, testing::run_test};
    ///
    /// run_test(|reactor| async move {
    ///     log::err(std::fmt::Error, "while printing");
    ///     drop(Deferred::<()>::fail(std::fmt::Error));
    ///     assert_eq!(reactor.flush_logged_errors::<std::fmt::Error>().len(), 2);
    /// });
    /// ```
    #[doc(alias = "flushLoggedErrors")]
    pub fn flush_logged_errors<E: Error + 'static>(&self) -> Vec<Failure> {
        let mut flushed = self.logged.capture.flush_logged_errors::<E>();
        let mut unhandled = self.logged.unhandled.borrow_mut();
        let expected = unhandled.extract_if(.., |error| error.failure().is::<E>());
        flushed.extend(expected.map(|error| error.failure().clone()));
        flushed
    }

    /// All that is logged.
    ///
    /// ```
    /// use reactor_compat::testing::run_test;
    ///
    /// run_test(|reactor| async move {
    ///     tracing::info!("hello");
    ///     assert!(reactor.log().messages().contains(&"hello".to_owned()));
    /// });
    /// ```
    pub fn log(&self) -> &LogCapture {
        &self.logged.capture
    }
}

impl Deref for TestReactor {
    type Target = Reactor;

    fn deref(&self) -> &Reactor {
        &self.reactor
    }
}

impl fmt::Debug for TestReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestReactor").field(&self.reactor).finish()
    }
}

/// The log of a test.
struct Logged {
    capture: LogCapture,
    unhandled: Rc<RefCell<Vec<UnhandledError>>>,
    _observer: UnhandledObserver,
}

impl Logged {
    fn new() -> Self {
        let unhandled = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&unhandled);
        let observer = observe(move |error| seen.borrow_mut().push(error.clone()));
        Self { capture: LogCapture::start(), unhandled, _observer: observer }
    }

    /// Takes the errors that nobody expected.
    fn take(&self) -> Vec<String> {
        let logged = self.capture.take();
        let errors = logged.iter().filter(|event| event.level() == Level::ERROR);
        let unhandled = self.unhandled.take();
        errors.map(LogEvent::text).chain(unhandled.iter().map(ToString::to_string)).collect()
    }
}
