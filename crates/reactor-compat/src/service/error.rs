//! [`ServiceError`]: services that did not start, or did not stop.
//!
//! Tested in `tests/services/`.

use std::error::Error;
use std::fmt;

use deferred::Failure;

/// A service did not start, or services did not stop.
///
/// ```
/// use deferred::Deferred;
/// use deferred::testing::failure_result_of;
/// use reactor_compat::Reactor;
/// use reactor_compat::service::{MultiService, ServiceError, service_fn};
/// use std::io;
///
/// let services = MultiService::new(&Reactor::new());
/// let broken = || Err::<(), _>(io::Error::other("no more room").into());
/// services.add_named_service("disk", service_fn(broken, |()| Ok(())))?;
/// let failure = failure_result_of(services.start_service());
/// let error: &ServiceError = failure.check().unwrap();
/// assert_eq!(error.to_string(), "`disk` did not start: no more room");
/// # Ok::<(), reactor_compat::service::ServiceNameTaken>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// One did not start, so those before it were stopped.
    NotStarted {
        /// Which.
        service: String,
        /// Why.
        reason: Failure,
    },
    /// Its start was given up, since it was told to stop.
    GivenUp,
    /// It gave a Deferred, to wait for its end, whose other end is gone: it would never
    /// fire.
    Forgotten,
    /// Some did not stop: each with the reason. All others did.
    NotStopped(Vec<(String, Failure)>),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { service, reason } => {
                write!(f, "`{service}` did not start: {reason}")
            }
            Self::GivenUp => f.write_str("it was told to stop before it had started"),
            Self::Forgotten => f.write_str("it gave a Deferred that nobody can fire any more"),
            Self::NotStopped(which) => {
                for (number, (service, reason)) in which.iter().enumerate() {
                    let separator = if number > 0 { "; " } else { "" };
                    write!(f, "{separator}`{service}` did not stop: {reason}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotStarted { reason, .. } => Some(reason.value()),
            Self::GivenUp | Self::Forgotten => None,
            Self::NotStopped(which) => which.first().map(|(_, reason)| reason.value() as _),
        }
    }
}

/// A service was to be added under a name that another has.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::service::{MultiService, ServiceNameTaken};
///
/// let reactor = Reactor::new();
/// let services = MultiService::new(&reactor);
/// services.add_named_service("web", MultiService::new(&reactor))?;
/// let twice = services.add_named_service("web", MultiService::new(&reactor));
/// assert_eq!(twice.unwrap_err(), ServiceNameTaken("web".to_owned()));
/// # Ok::<(), ServiceNameTaken>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a service `{0}` already")]
pub struct ServiceNameTaken(pub String);
