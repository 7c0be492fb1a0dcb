//! [`CooperatorService`]: a `Cooperator` that is started and stopped.
//!
//! Mirrors `CooperatorService` of `twisted.application.internet`. Tested in
//! `tests/services/parts.rs`.

use deferred::Deferred;

use super::Service;
use crate::clock_handle::ClockHandle;
use crate::task::Cooperator;

/// A [`Cooperator`] whose tasks go on while the service runs.
///
/// Those that are left when it stops end, as when a Cooperator is
/// [stopped](Cooperator::stop).
///
/// ```
/// use deferred::testing::success_result_of;
/// use deferred::time::Clock;
/// use reactor_compat::service::{CooperatorService, Service};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let service = CooperatorService::new(&clock);
/// let task = service.cooperator().cooperate((0..3).map(|_| ()));
/// success_result_of(service.start_service());
/// clock.advance(Duration::from_secs(1));
/// success_result_of(task.when_done());
/// success_result_of(service.stop_service());
/// ```
#[derive(Clone, Debug)]
pub struct CooperatorService {
    cooperator: Cooperator,
}

impl CooperatorService {
    /// One whose tasks get their turns by that clock, a reactor's.
    ///
    /// See the [type's example](Self).
    pub fn new(clock: impl Into<ClockHandle>) -> Self {
        Self { cooperator: Cooperator::new().clock(clock).started(false) }
    }

    /// The cooperator, to be given tasks.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "coiterate")]
    pub fn cooperator(&self) -> &Cooperator {
        &self.cooperator
    }
}

impl Service for CooperatorService {
    fn start_service(&self) -> Deferred<()> {
        self.cooperator.start();
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        self.cooperator.stop();
        Deferred::succeed(())
    }
}
