//! [`drive()`]: a reactor for a test.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use deferred::{Deferred, Failure};
use reactor_compat::{Factory, Port, Reactor};

use crate::{Certificate, PATIENCE};

/// Runs a reactor until `body` is done, and gives what it comes to.
///
/// # Panics
///
/// If `body` fails, or takes longer than [`PATIENCE`].
pub fn drive<F, T>(body: impl FnOnce(Reactor) -> F + 'static) -> T
where
    F: Future<Output = Result<T, Failure>> + 'static,
    T: 'static,
{
    let reactor = Reactor::new();
    let inner = reactor.clone();
    let result = Rc::new(RefCell::new(None));
    let place = result.clone();
    reactor.call_when_running(move || {
        let clock = inner.clone();
        let done = Deferred::from_coroutine(body(inner.clone()))
            .add_timeout(PATIENCE, &clock)
            .add_both(move |outcome| {
                place.replace(Some(outcome));
                // It may have been stopped by the body itself.
                let _ = inner.stop();
            });
        drop(done);
    });
    reactor.run().unwrap();
    let outcome = result.take().unwrap_or_else(|| panic!("the reactor was stopped"));
    outcome.unwrap_or_else(|failure| panic!("{}", failure.get_traceback()))
}

/// Listens on any port of 127.0.0.1, with TLS if there is a certificate.
pub fn listen_on(
    reactor: &Reactor,
    certificate: Option<&Certificate>,
    factory: impl Factory,
) -> Port {
    let listening = match certificate {
        None => reactor.listen_tcp(("127.0.0.1", 0), factory),
        Some(certificate) => {
            reactor.listen_ssl(("127.0.0.1", 0), factory, certificate.server_options())
        }
    };
    listening.unwrap()
}
