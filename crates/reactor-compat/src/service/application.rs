//! [`Application`]: all services of a program, run by its reactor.
//!
//! Mirrors `Application` of `twisted.application.service`, and `startApplication` of
//! `twisted.application.app`. Tested in `tests/services/application.rs`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;

use super::MultiService;
use crate::clock_handle::ClockHandle;
use crate::error::RunError;
use crate::event::EventPhase;
use crate::reactor::{Reactor, Signal};

/// All services of a program: a [`MultiService`], to which it derefs, with a reactor that
/// runs them.
///
/// ```
/// use reactor_compat::service::{Application, strports};
/// use reactor_compat::{Connection, Protocol, Reactor};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let reactor = Reactor::new();
/// let application = Application::new(&reactor, "echo");
/// application.add_service(strports(&reactor, "tcp:0:interface=127.0.0.1", |_| Echo)?);
/// # reactor.call_when_running({ let reactor = reactor.clone(); move || reactor.stop() });
/// application.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "twisted.application.service.Application")]
pub struct Application {
    reactor: Reactor,
    services: MultiService,
}

/// What stops a program; when it comes again while that stops, it means now.
const HURRY: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

/// Why an [`Application`] ended otherwise than by being stopped.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::service::{Application, ApplicationError, service_fn};
/// use std::io;
///
/// let application = Application::new(&Reactor::new(), "broken");
/// let broken = || Err::<(), _>(io::Error::other("no more room").into());
/// application.add_named_service("disk", service_fn(broken, |()| Ok(())))?;
/// let error = application.run().unwrap_err();
/// assert!(matches!(error, ApplicationError::Service(_)));
/// assert_eq!(error.to_string(), "`disk` did not start: no more room");
/// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplicationError {
    /// Services did not start, or did not stop: a [`ServiceError`](super::ServiceError).
    Service(Failure),
    /// The reactor did not run.
    Run(RunError),
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(failure) => failure.fmt(f),
            Self::Run(error) => error.fmt(f),
        }
    }
}

impl Error for ApplicationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Service(failure) => Some(failure.value()),
            Self::Run(error) => Some(error),
        }
    }
}

impl Application {
    /// A program without services, that goes by that name in the log and in errors.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, name: &str) -> Self {
        let services = MultiService::named(name, ClockHandle::from(reactor));
        Self { reactor: reactor.clone(), services }
    }

    /// The reactor that runs it.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use reactor_compat::service::Application;
    ///
    /// let reactor = Reactor::new();
    /// assert!(!Application::new(&reactor, "echo").reactor().running());
    /// ```
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Starts the services, runs the reactor until it is stopped, by a signal or by
    /// [`Reactor::stop`], and stops the services, for which the reactor waits. A second
    /// SIGINT or SIGTERM meanwhile has them [stop now](super::Service::stop_now).
    ///
    /// # Errors
    ///
    /// [`ApplicationError::Service`] if one does not start: at once if that is known
    /// before the reactor runs, else the reactor is stopped for it; and if one does not
    /// stop. [`ApplicationError::Run`] if the reactor cannot run.
    ///
    /// See the [type's example](Self).
    pub fn run(&self) -> Result<(), ApplicationError> {
        let outcome = Outcome::default();
        self.start(&outcome);
        if let Some(error) = outcome.take() {
            return Err(error);
        }
        let (application, stopped) = (self.clone(), outcome.clone());
        let trigger =
            self.reactor.add_system_event_trigger(EventPhase::Before, "shutdown", move || {
                application.hurry_when_told_again();
                let stopping = application.services.stop_service();
                stopping.add_errback(move |failure| {
                    stopped.fail(ApplicationError::Service(failure));
                    Ok(())
                })
            });
        let ran = self.reactor.run();
        if ran.is_err() {
            // It did not run, so nobody has stopped them. The trigger is still there.
            let _ = self.reactor.remove_system_event_trigger(&trigger);
            drop(self.services.stop_service());
        }
        for signal in HURRY {
            self.reactor.remove_signal_handler(signal);
        }
        match outcome.take() {
            Some(error) => Err(error),
            None => ran.map_err(ApplicationError::Run),
        }
    }

    /// Starts the services; if one fails that is what comes of the run.
    fn start(&self, outcome: &Outcome) {
        let (failed, reactor) = (outcome.clone(), self.reactor.clone());
        drop(self.services.start_service().add_errback(move |failure| {
            if !matches!(failure.check(), Some(super::ServiceError::GivenUp)) {
                failed.fail(ApplicationError::Service(failure));
                // It does not run yet, or does not any more.
                let _ = reactor.stop();
            }
            Ok(())
        }));
    }

    /// From now on a signal means now. (A handler of the program's own for these signals
    /// would be called no more.)
    fn hurry_when_told_again(&self) {
        for signal in HURRY {
            let services = self.services.clone();
            let hurry = move || super::Service::stop_now(&services);
            if let Err(error) = self.reactor.set_signal_handler(signal, hurry) {
                tracing::debug!("a second {signal:?} will not be heard: {error}");
            }
        }
    }
}

/// The first thing that went wrong.
#[derive(Clone, Default)]
struct Outcome(Rc<RefCell<Option<ApplicationError>>>);

impl Outcome {
    fn fail(&self, error: ApplicationError) {
        self.0.borrow_mut().get_or_insert(error);
    }

    fn take(&self) -> Option<ApplicationError> {
        self.0.take()
    }
}

impl Deref for Application {
    type Target = MultiService;

    fn deref(&self) -> &MultiService {
        &self.services
    }
}
