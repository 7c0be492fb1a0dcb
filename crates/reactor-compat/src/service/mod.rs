//! Services: parts of a program that are started and stopped.
//!
//! Mirrors `twisted.application.service`, `.internet` and `.strports`. Tested in
//! `tests/services/` and `tests/network/client_service.rs`, and by the conformance family
//! `client_service`.
//!
//! # Layout
//!
//! - [`Service`]: what is started and stopped; [`service_fn`], of two functions.
//! - [`MultiService`]: several of them, started and stopped together.
//! - [`Application`]: all of a program, run by its reactor.
//! - [`StreamServerEndpointService`], [`strports::service`](strports()): a port, whose
//!   connections are drained.
//! - [`ClientService`]: one connection, made again whenever it is lost, after a time that
//!   a [`RetryPolicy`] gives.
//! - [`TimerService`], [`CooperatorService`]: work that goes on meanwhile.

mod application;
mod client;
mod cooperator;
mod drain;
mod error;
mod lifecycle;
mod multi;
mod retry;
mod server;
mod timer;
mod traits;

pub use application::{Application, ApplicationError};
pub use client::ClientService;
pub use cooperator::CooperatorService;
pub use drain::Drained;
pub use error::{ServiceError, ServiceNameTaken};
pub use multi::{MultiService, ServiceHandle};
pub use retry::{BackoffPolicy, Delays, RetryPolicy};
pub use server::{StreamServerEndpointService, strports};
pub use timer::TimerService;
pub use traits::{Service, service_fn};
