//! Coroutines that talk over TCP.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, ensure_deferred};
use protocols::amp::{Amp, AmpTransport, CallRemote, Responders};
use reactor_compat::{Address, Connection, Protocol, Reactor, RunOptions};

/// Longer than any of it takes: what hangs is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a coroutine in a reactor of its own, to its end.
pub(crate) fn run<F>(coroutine: impl FnOnce(Reactor) -> F + 'static)
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let reactor = Reactor::new();
    let result = Rc::new(RefCell::new(None));
    let (host, store) = (reactor.clone(), result.clone());
    reactor.call_when_running(move || {
        let running = ensure_deferred(coroutine(host.clone()));
        let stop = host.clone();
        let running = running.add_timeout(PATIENCE, &host);
        drop(running.add_both(move |result| {
            store.replace(Some(result));
            stop.call_later(Duration::ZERO, {
                let stop = stop.clone();
                move || stop.stop().unwrap()
            });
        }));
    });
    reactor.run_with(RunOptions::new().install_signal_handlers(false)).unwrap();
    result.take().expect("the coroutine ended").unwrap();
}

/// Listens, and says where.
pub(crate) fn listen(reactor: &Reactor, responders: &Responders) -> SocketAddr {
    let responders = responders.clone();
    let serve = move |_: Address| Amp::with_responders(&responders);
    let port = reactor.listen_tcp(("127.0.0.1", 0), serve).unwrap();
    port.get_host().socket_addr().unwrap()
}

/// Connects a client that answers, too.
pub(crate) async fn connect(reactor: &Reactor, to: SocketAddr) -> Result<AmpTransport, Failure> {
    connect_amp(reactor, to, Amp::new).await?.remote().await
}

/// Connects a protocol.
pub(crate) fn connect_amp<P: Protocol>(
    reactor: &Reactor,
    to: SocketAddr,
    build: impl Fn() -> P + Clone + 'static,
) -> Deferred<Connection<P>> {
    let description = format!("tcp:127.0.0.1:{}", to.port());
    match reactor_compat::endpoint::client_from_string(reactor, &description) {
        Ok(endpoint) => endpoint.connect(move |_: Address| build()),
        Err(error) => Deferred::fail(error),
    }
}
