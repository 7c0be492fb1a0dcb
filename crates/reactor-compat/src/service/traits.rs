//! [`Service`]: what is started and stopped.
//!
//! Mirrors `IService` of `twisted.application.service`. Tested in `tests/services/`.

use std::rc::Rc;

use deferred::{CallbackResult, Deferred, maybe_deferred};
use std::cell::Cell;

use super::ClientService;
use crate::protocol::Protocol;

/// A part of a program that is started and stopped: a port, a connection, a loop, a pool,
/// or several of them.
///
/// Whoever has it started, a [`MultiService`](super::MultiService) or an
/// [`Application`](super::Application), sees to the order of things:
///
/// - `privileged_start_service` is called before `start_service`, and that only once the
///   first has succeeded;
/// - neither is called again before it was stopped;
/// - if one of them was called, `stop_service` is called once in the end, whatever came of
///   it: also after a start that failed, or was given up half-way;
/// - a start that is given up is cancelled first.
///
/// The trait can be used without a type, as `Rc<dyn Service>`.
///
/// ```
/// use deferred::Deferred;
/// use deferred::testing::success_result_of;
/// use reactor_compat::Reactor;
/// use reactor_compat::service::{MultiService, Service};
///
/// struct Greeter;
///
/// impl Service for Greeter {
///     fn start_service(&self) -> Deferred<()> {
///         println!("hello");
///         Deferred::succeed(())
///     }
///
///     fn stop_service(&self) -> Deferred<()> {
///         println!("good-bye");
///         Deferred::succeed(())
///     }
/// }
///
/// let services = MultiService::new(&Reactor::new());
/// let greeter = services.add_service(Greeter);
/// success_result_of(services.start_service());
/// assert!(greeter.running());
/// success_result_of(services.stop_service());
/// assert!(!greeter.running());
/// ```
#[doc(alias = "IService")]
pub trait Service: 'static {
    /// Does what needs the rights that the process is about to give away, such as opening
    /// a port below 1024. The Deferred fires when that is done.
    ///
    /// See the example of [`service_fn`] for a service that has no need of it.
    #[doc(alias = "privilegedStartService")]
    fn privileged_start_service(&self) -> Deferred<()> {
        Deferred::succeed(())
    }

    /// Starts. The Deferred fires when it has started, or fails with the reason.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "startService")]
    fn start_service(&self) -> Deferred<()>;

    /// Stops, and gives back what start took. The Deferred fires when that is done.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "stopService")]
    fn stop_service(&self) -> Deferred<()>;

    /// Stops waiting for others, if it is stopping and does: connections that it drains,
    /// say.
    ///
    /// See the example of [`drain`](super::StreamServerEndpointService::drain).
    fn stop_now(&self) {}
}

impl<S: Service + ?Sized> Service for Rc<S> {
    fn privileged_start_service(&self) -> Deferred<()> {
        (**self).privileged_start_service()
    }

    fn start_service(&self) -> Deferred<()> {
        (**self).start_service()
    }

    fn stop_service(&self) -> Deferred<()> {
        (**self).stop_service()
    }

    fn stop_now(&self) {
        (**self).stop_now();
    }
}

impl<P: Protocol> Service for ClientService<P> {
    fn start_service(&self) -> Deferred<()> {
        Self::start_service(self);
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        Self::stop_service(self)
    }
}

/// A service of two functions: `start` gives what the service is while it runs, or fails;
/// `stop` takes it back. Each may give a Deferred.
///
/// It is what Twisted has `TCPServer`, `UDPServer`, `UNIXClient` and the like for.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::service::{MultiService, service_fn};
/// use reactor_compat::{DatagramProtocol, Port, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
/// impl DatagramProtocol for Silent {}
///
/// let reactor = Reactor::new();
/// let services = MultiService::new(&reactor);
///
/// let tcp = reactor.clone();
/// services.add_service(service_fn(
///     move || Ok(tcp.listen_tcp(("127.0.0.1", 0), |_| Silent)?),
///     |port: Port| port.stop_listening(),
/// ));
/// let udp = reactor.clone();
/// services.add_service(service_fn(
///     move || Ok(udp.listen_udp(("127.0.0.1", 0), Silent)?),
///     |port| port.stop_listening(),
/// ));
/// success_result_of(services.start_service());
/// assert_eq!(reactor.inventory().ports.len(), 2);
/// # drop(services.stop_service());
/// ```
#[doc(alias = "TCPServer")]
#[doc(alias = "TCPClient")]
#[doc(alias = "UNIXServer")]
#[doc(alias = "UNIXClient")]
#[doc(alias = "SSLServer")]
#[doc(alias = "SSLClient")]
#[doc(alias = "UDPServer")]
#[doc(alias = "MulticastServer")]
#[doc(alias = "UNIXDatagramServer")]
#[doc(alias = "UNIXDatagramClient")]
pub fn service_fn<T, R, S>(
    start: impl Fn() -> R + 'static,
    stop: impl Fn(T) -> S + 'static,
) -> impl Service
where
    T: 'static,
    R: CallbackResult<Value = T> + 'static,
    S: CallbackResult + 'static,
{
    FunctionService { start, stop, running: Rc::new(Cell::new(None)) }
}

/// A service of two functions.
struct FunctionService<F, G, T> {
    start: F,
    stop: G,
    running: Rc<Cell<Option<T>>>,
}

impl<F, G, T, R, S> Service for FunctionService<F, G, T>
where
    T: 'static,
    R: CallbackResult<Value = T> + 'static,
    S: CallbackResult + 'static,
    F: Fn() -> R + 'static,
    G: Fn(T) -> S + 'static,
{
    fn start_service(&self) -> Deferred<()> {
        let running = self.running.clone();
        maybe_deferred(|| (self.start)()).add_callback(move |made| running.set(Some(made)))
    }

    fn stop_service(&self) -> Deferred<()> {
        match self.running.take() {
            Some(made) => maybe_deferred(|| (self.stop)(made)).add_callback(drop),
            None => Deferred::succeed(()),
        }
    }
}
