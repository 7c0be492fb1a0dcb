//! [`MultiService`]: services that are started and stopped together.
//!
//! Mirrors `MultiService` of `twisted.application.service`. Tested in `tests/services/`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Deferred, Failure, ensure_deferred};

use super::lifecycle::{Level, Lifecycle};
use super::{Service, ServiceError, ServiceNameTaken};
use crate::clock_handle::ClockHandle;
use crate::protocol::short_name;

/// After how long a service that is starting or stopping is said to be slow.
const SLOW: Duration = Duration::from_secs(10);

/// Services that are started and stopped together; one of them may be such again.
///
/// They start in the order in which they were added, each when the one before has
/// started. If one fails, those that have started are stopped, and the start fails with a
/// [`ServiceError::NotStarted`] that says which and why. They are stopped all at once,
/// the last one first; one that fails to does not keep the others from it, and all those
/// are in a [`ServiceError::NotStopped`]. One that takes longer than 10 seconds to start
/// or to stop is named in the log, unless [`slow_after`](Self::slow_after) says otherwise.
///
/// It is a handle, cheap to clone. Dropping it stops nothing.
///
/// # Cancellation and re-entry
///
/// Starting and stopping may be asked for in any order at any time, by a service that is
/// being started as well: what was asked for last is what comes of it. A stop that comes
/// while it starts gives the start up, whose Deferred fails with
/// [`ServiceError::GivenUp`]; cancelling that is the same. A start that comes while it
/// stops waits for that. Cancelling the Deferred of a stop ends the waiting alone.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::Reactor;
/// use reactor_compat::service::{MultiService, service_fn};
/// use std::cell::RefCell;
/// use std::rc::{Rc, Weak};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let part = |name: &'static str| {
///     let (started, stopped) = (log.clone(), log.clone());
///     service_fn(
///         move || Ok(started.borrow_mut().push(format!("{name} starts"))),
///         move |()| Ok(stopped.borrow_mut().push(format!("{name} stops"))),
///     )
/// };
///
/// let services = MultiService::new(&Reactor::new());
/// services.add_named_service("database", part("database"))?;
/// services.add_named_service("web", part("web"))?;
/// success_result_of(services.start_service());
/// assert!(services.running());
/// let cache = services.add_named_service("cache", part("cache"))?;
/// success_result_of(cache.disown_service_parent());
/// success_result_of(services.stop_service());
/// assert_eq!(
///     *log.borrow(),
///     ["database starts", "web starts", "cache starts", "cache stops", "web stops",
///      "database stops"],
/// );
/// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IServiceCollection")]
pub struct MultiService {
    parts: Rc<Parts>,
    lifecycle: Rc<Lifecycle>,
}

/// The services in one.
struct Parts {
    /// By number, in the order in which they were added.
    children: RefCell<BTreeMap<u64, Child>>,
    next: Cell<u64>,
    clock: ClockHandle,
    slow: Cell<Duration>,
    /// That of all of them together.
    lifecycle: RefCell<Weak<Lifecycle>>,
}

#[derive(Clone)]
struct Child {
    number: u64,
    /// Whether it can be asked for by its name.
    named: bool,
    lifecycle: Rc<Lifecycle>,
}

impl MultiService {
    /// One without services, which goes by that clock, a reactor's, to see who is slow.
    ///
    /// See the [type's example](Self).
    pub fn new(clock: impl Into<ClockHandle>) -> Self {
        Self::named("services", clock.into())
    }

    pub(super) fn named(name: &str, clock: ClockHandle) -> Self {
        let parts = Rc::new(Parts {
            children: RefCell::default(),
            next: Cell::new(0),
            clock: clock.clone(),
            slow: Cell::new(SLOW),
            lifecycle: RefCell::default(),
        });
        let all = Rc::new(All(parts.clone()));
        // Its services are watched; so it need not be itself.
        let lifecycle = Lifecycle::new(all, name.to_owned(), clock, Duration::MAX);
        *parts.lifecycle.borrow_mut() = Rc::downgrade(&lifecycle);
        Self { parts, lifecycle }
    }

    /// After how long a service that is starting or stopping is said to be slow, of those
    /// that are added from then on.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use deferred::time::Clock;
    /// use reactor_compat::log::LogCapture;
    /// use reactor_compat::service::{MultiService, service_fn};
    /// use std::time::Duration;
    ///
    /// let (capture, clock) = (LogCapture::start(), Clock::new());
    /// let services = MultiService::new(&clock);
    /// services.slow_after(Duration::from_secs(2));
    /// let (waiting, _fire) = Deferred::<()>::new();
    /// let waiting = std::cell::Cell::new(Some(waiting));
    /// let slow = service_fn(move || waiting.take().unwrap(), |()| Ok(()));
    /// services.add_named_service("slow", slow)?;
    /// let _starting = services.start_service();
    /// clock.advance(Duration::from_secs(2));
    /// assert_eq!(capture.messages(), ["`slow` takes its time to start: 2s by now"]);
    /// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
    /// ```
    pub fn slow_after(&self, time: Duration) {
        self.parts.slow.set(time);
    }

    /// Adds a service. If this is running, it is started at once; if that fails, the
    /// failure is logged, and the service stays, stopped.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "addService")]
    #[doc(alias = "setServiceParent")]
    pub fn add_service<S: Service>(&self, service: S) -> ServiceHandle {
        self.add(short_name::<S>().to_owned(), false, Rc::new(service))
    }

    /// Adds a service under a name, by which it can be asked for, and which the log and
    /// errors tell.
    ///
    /// # Errors
    ///
    /// [`ServiceNameTaken`] if one has it.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "setName")]
    pub fn add_named_service<S: Service>(
        &self,
        name: &str,
        service: S,
    ) -> Result<ServiceHandle, ServiceNameTaken> {
        if self.get_service_named(name).is_some() {
            return Err(ServiceNameTaken(name.to_owned()));
        }
        Ok(self.add(name.to_owned(), true, Rc::new(service)))
    }

    fn add(&self, name: String, named: bool, service: Rc<dyn Service>) -> ServiceHandle {
        let (number, slow) = (self.parts.next.get(), self.parts.slow.get());
        self.parts.next.set(number + 1);
        let lifecycle = Lifecycle::new(service, name, self.parts.clock.clone(), slow);
        let child = Child { number, named, lifecycle: lifecycle.clone() };
        self.parts.children.borrow_mut().insert(number, child);
        // While it starts, the start comes to it; while it stops, nobody starts.
        if self.lifecycle.settled() && self.lifecycle.level() != Level::Down {
            let name = lifecycle.name().to_owned();
            let starting = lifecycle.raise(self.lifecycle.level());
            drop(starting.add_errback(move |failure| {
                if !matches!(failure.check(), Some(ServiceError::GivenUp)) {
                    crate::log::err(failure, &format!("`{name}` did not start"));
                }
                Ok(())
            }));
        }
        ServiceHandle { parts: self.parts.clone(), number, lifecycle }
    }

    /// The service of that name.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use reactor_compat::service::MultiService;
    ///
    /// let reactor = Reactor::new();
    /// let services = MultiService::new(&reactor);
    /// services.add_named_service("web", MultiService::new(&reactor))?;
    /// assert!(services.get_service_named("web").is_some_and(|web| !web.running()));
    /// assert!(services.get_service_named("mail").is_none());
    /// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
    /// ```
    #[doc(alias = "getServiceNamed")]
    pub fn get_service_named(&self, name: &str) -> Option<ServiceHandle> {
        let children = self.parts.children.borrow();
        let child =
            children.values().find(|child| child.named && child.lifecycle.name() == name)?;
        Some(self.handle(child))
    }

    /// The services, in the order in which they were added.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use reactor_compat::service::MultiService;
    ///
    /// let reactor = Reactor::new();
    /// let services = MultiService::new(&reactor);
    /// services.add_named_service("web", MultiService::new(&reactor))?;
    /// services.add_service(MultiService::new(&reactor));
    /// let names: Vec<_> = services.services().iter().map(|one| one.name().to_owned()).collect();
    /// assert_eq!(names, ["web", "MultiService"]);
    /// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
    /// ```
    pub fn services(&self) -> Vec<ServiceHandle> {
        self.parts.children.borrow().values().map(|child| self.handle(child)).collect()
    }

    fn handle(&self, child: &Child) -> ServiceHandle {
        let Child { number, lifecycle, .. } = child.clone();
        ServiceHandle { parts: self.parts.clone(), number, lifecycle }
    }

    /// Whether all have started.
    ///
    /// See the [type's example](Self).
    pub fn running(&self) -> bool {
        self.lifecycle.level() == Level::Up
    }

    /// Has all services do what needs rights that the process is about to give away.
    ///
    /// See [`Service::privileged_start_service`].
    #[doc(alias = "privilegedStartService")]
    pub fn privileged_start_service(&self) -> Deferred<()> {
        self.lifecycle.raise(Level::Bound)
    }

    /// Starts all services. The Deferred fires when they have started, or fails with the
    /// [`ServiceError`] once all are stopped again.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "startService")]
    pub fn start_service(&self) -> Deferred<()> {
        self.lifecycle.raise(Level::Up)
    }

    /// Stops all services. The Deferred fires when they have stopped, or fails with a
    /// [`ServiceError::NotStopped`].
    ///
    /// See the [type's example](Self).
    #[doc(alias = "stopService")]
    pub fn stop_service(&self) -> Deferred<()> {
        self.lifecycle.lower()
    }
}

impl Service for MultiService {
    fn privileged_start_service(&self) -> Deferred<()> {
        Self::privileged_start_service(self)
    }

    fn start_service(&self) -> Deferred<()> {
        Self::start_service(self)
    }

    fn stop_service(&self) -> Deferred<()> {
        Self::stop_service(self)
    }

    fn stop_now(&self) {
        self.lifecycle.service().stop_now();
    }
}

impl fmt::Debug for MultiService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiService")
            .field("running", &self.running())
            .field("services", &self.services())
            .finish()
    }
}

/// All services of one, as a service: what its [`Lifecycle`] starts and stops.
struct All(Rc<Parts>);

impl All {
    fn raise(&self, level: Level) -> Deferred<()> {
        let parts = self.0.clone();
        ensure_deferred(async move {
            let mut done = None;
            while let Some(child) = parts.after(done) {
                done = Some(child.number);
                child.lifecycle.raise(level).await.map_err(|reason| not_started(&child, reason))?;
                if parts.falls() {
                    return Err(ServiceError::GivenUp.into());
                }
            }
            Ok(())
        })
    }
}

fn not_started(child: &Child, reason: Failure) -> Failure {
    let service = child.lifecycle.name();
    Failure::new(match reason.check() {
        // It is said which of its own it was.
        Some(ServiceError::NotStarted { service: inner, reason }) => ServiceError::NotStarted {
            service: format!("{service}/{inner}"),
            reason: reason.clone(),
        },
        _ => ServiceError::NotStarted { service: service.to_owned(), reason },
    })
}

impl Parts {
    /// Whether they are to stop, though they are starting.
    fn falls(&self) -> bool {
        self.lifecycle.borrow().upgrade().is_some_and(|lifecycle| lifecycle.falls())
    }

    fn all(&self) -> Vec<Child> {
        self.children.borrow().values().cloned().collect()
    }

    /// The service behind that of a number, which may be gone.
    fn after(&self, number: Option<u64>) -> Option<Child> {
        let children = self.children.borrow();
        let from = number.map_or(Bound::Unbounded, Bound::Excluded);
        children.range((from, Bound::Unbounded)).next().map(|(_, child)| child.clone())
    }
}

impl Service for All {
    fn privileged_start_service(&self) -> Deferred<()> {
        self.raise(Level::Bound)
    }

    fn start_service(&self) -> Deferred<()> {
        self.raise(Level::Up)
    }

    fn stop_service(&self) -> Deferred<()> {
        let stopping: Vec<_> = self
            .0
            .all()
            .iter()
            .rev()
            .map(|child| (child.lifecycle.name().to_owned(), child.lifecycle.lower()))
            .collect();
        ensure_deferred(async move {
            let mut failed = Vec::new();
            for (name, stopping) in stopping {
                if let Err(failure) = stopping.await {
                    failed.extend(not_stopped(name, failure));
                }
            }
            if failed.is_empty() { Ok(()) } else { Err(ServiceError::NotStopped(failed).into()) }
        })
    }

    fn stop_now(&self) {
        self.0.all().iter().rev().for_each(|child| child.lifecycle.service().stop_now());
    }
}

fn not_stopped(name: String, failure: Failure) -> Vec<(String, Failure)> {
    match failure.check() {
        Some(ServiceError::NotStopped(inner)) => {
            inner.iter().map(|(one, reason)| (format!("{name}/{one}"), reason.clone())).collect()
        }
        _ => vec![(name, failure)],
    }
}

/// A service in a [`MultiService`]. It is a handle, cheap to clone.
///
/// See the example of [`MultiService`].
#[derive(Clone)]
pub struct ServiceHandle {
    parts: Rc<Parts>,
    number: u64,
    lifecycle: Rc<Lifecycle>,
}

impl ServiceHandle {
    /// Its name; that of its type if it was given none.
    ///
    /// See the example of [`MultiService::services`].
    pub fn name(&self) -> &str {
        self.lifecycle.name()
    }

    /// Whether it has started.
    ///
    /// See the example of [`Service`].
    pub fn running(&self) -> bool {
        self.lifecycle.level() == Level::Up
    }

    /// Waits until it has started. The Deferred fails if it is not being started.
    ///
    /// Cancelling it ends the waiting and the start.
    ///
    /// ```
    /// use deferred::testing::{failure_result_of, success_result_of};
    /// use reactor_compat::Reactor;
    /// use reactor_compat::service::{MultiService, service_fn};
    ///
    /// let services = MultiService::new(&Reactor::new());
    /// let part = services.add_service(service_fn(|| Ok(()), |()| Ok(())));
    /// failure_result_of(part.when_started());
    /// success_result_of(services.start_service());
    /// success_result_of(part.when_started());
    /// ```
    pub fn when_started(&self) -> Deferred<()> {
        if self.lifecycle.settled() && !self.running() {
            return Deferred::fail(ServiceError::GivenUp);
        }
        self.lifecycle.raise(Level::Up)
    }

    /// Takes it out of its parent, and stops it. The Deferred fires when it has stopped.
    ///
    /// See the example of [`MultiService`].
    #[doc(alias = "disownServiceParent")]
    #[doc(alias = "removeService")]
    pub fn disown_service_parent(&self) -> Deferred<()> {
        self.parts.children.borrow_mut().remove(&self.number);
        self.lifecycle.lower()
    }
}

impl fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandle")
            .field("name", &self.name())
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
