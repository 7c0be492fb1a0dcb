//! Connections that do not come about: refused, unreachable, timed out and
//! given up, at each stage, each with the error that says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::support::deaf::Deaf;
use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::Failure;
use reactor_compat::resolver::HostsResolver;
use reactor_compat::{
    Address, ClientFactory, ConnectError, ConnectOptions, ConnectingCancelledError, Connection,
    ConnectionAborted, ConnectionDone, ConnectionLost, Connector, Destination, Factory,
    NotConnectingError, Protocol, Reactor,
};
use tokio::time::Instant;

/// What a factory and its protocol hear.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<String>>>);

impl Seen {
    fn push(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }

    fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    LookingUp,
    Attempting,
    Building,
    Making,
}

use Stage::{Attempting, Building, LookingUp, Making, Starting};

type Act = Rc<dyn Fn(&Connector<Told>)>;

/// Does something to its own connector at a certain stage.
#[derive(Clone)]
struct Doomed {
    seen: Seen,
    at: Stage,
    act: Act,
    connector: Rc<RefCell<Option<Connector<Told>>>>,
}

impl Doomed {
    fn reached(&self, stage: Stage) {
        let connector = self.connector.borrow().clone().unwrap();
        if self.at == stage {
            (self.act)(&connector);
            self.seen.push("acted");
        }
    }
}

struct Told(Doomed);

impl Protocol for Told {
    fn connection_made(&mut self, _: &Connection<Self>) {
        self.0.seen.push("made");
        self.0.reached(Making);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        let known = reason.is::<ConnectionAborted>()
            || reason.is::<ConnectionDone>()
            || reason.is::<ConnectionLost>();
        self.0.seen.push(if known { "connection_lost".to_owned() } else { reason.to_string() });
    }
}

impl Factory for Doomed {
    type Protocol = Told;

    fn build_protocol(&mut self, _: Address) -> Option<Told> {
        self.reached(Building);
        Some(Told(self.clone()))
    }
}

impl ClientFactory for Doomed {
    fn started_connecting(&mut self, connector: &Connector<Told>) {
        self.connector.replace(Some(connector.clone()));
        self.reached(Starting);
    }

    fn client_connection_failed(&mut self, _: &Connector<Told>, reason: Failure) {
        self.seen.push(format!("{:?}", reason.check::<ConnectError>().unwrap()));
    }

    fn client_connection_lost(&mut self, _: &Connector<Told>, _: Failure) {
        self.seen.push("client_connection_lost");
    }
}

/// What becomes of an attempt to whose connector `act` is done at a stage.
fn doom(at: Stage, act: impl Fn(&Connector<Told>) + 'static) -> Vec<String> {
    drive(move |reactor| async move {
        let seen = Seen::default();
        let act: Act = Rc::new(act);
        let factory = Doomed { seen: seen.clone(), at, act, connector: Rc::default() };
        let doomed = factory.clone();
        let deaf = Deaf::new();
        let destination: Destination = match at {
            LookingUp => ("slow.test", 80).into(),
            Attempting => deaf.address.into(),
            Starting | Building | Making => {
                listen(&reactor, |_: Address| Recorder::default()).into()
            }
        };
        let looked = Rc::new(Cell::new(false));
        let look = looked.clone();
        reactor.install_resolver(move |_: String, _: u16| {
            look.set(true);
            pending::<Result<_, Failure>>()
        });
        let connector = reactor.connect_tcp(destination, factory);
        if let LookingUp | Attempting = at {
            until(|| doomed.connector.borrow().is_some()).await;
            turns(50).await;
            assert_eq!(looked.get(), at == LookingUp);
            assert_eq!(reactor.inventory().connecting.len(), 1);
            doomed.reached(at);
        }
        let least = if at == Making { 4 } else { 2 };
        until(|| seen.len() >= least).await;
        turns(50).await;
        assert_eq!(reactor.inventory().connecting, []);
        assert_eq!(reactor.inventory().connections, []);
        assert_eq!(connector.stop_connecting(), Err(NotConnectingError));
        // There is no circle that would keep it.
        doomed.connector.take();
        seen.take()
    })
}

const ALL: [Stage; 5] = [Starting, LookingUp, Attempting, Building, Making];

fn expected(at: Stage) -> Vec<&'static str> {
    match at {
        Making => vec!["made", "acted", "connection_lost", "client_connection_lost"],
        _ => vec!["acted", "UserAborted"],
    }
}

#[test]
fn given_up_at_each_stage() {
    for at in ALL {
        let seen = doom(at, |connector| assert_eq!(connector.stop_connecting(), Ok(())));
        assert_eq!(seen, expected(at), "{at:?}");
    }
}

#[test]
fn disconnected_at_each_stage() {
    for at in ALL {
        assert_eq!(doom(at, Connector::disconnect), expected(at), "{at:?}");
    }
}

#[test]
fn cancelled_at_each_stage() {
    for at in ALL {
        let seen = doom(at, |connector| {
            let connected = connector.when_connected();
            connected.cancel();
            let cancelled = connected.take_result().unwrap().unwrap_err();
            assert!(cancelled.is::<ConnectingCancelledError>(), "{cancelled}");
        });
        assert_eq!(seen, expected(at), "{at:?}");
    }
}

/// The error of an attempt.
async fn error(reactor: &Reactor, to: impl Into<Destination>) -> ConnectError {
    let connector = reactor.connect_tcp(to, |_: Address| Recorder::default());
    let failure = connector.when_connected().await.unwrap_err();
    assert_eq!(reactor.inventory().connecting, []);
    failure.check::<ConnectError>().unwrap().clone()
}

#[cfg(target_os = "linux")] // Elsewhere other addresses have no way to them.
#[test]
fn a_host_that_cannot_be_reached() {
    drive(|reactor| async move {
        // No TCP connection can be made to a group.
        let group = Ipv4Addr::new(224, 0, 0, 1);
        assert_eq!(error(&reactor, (group, 80)).await, ConnectError::NoRoute);
        reactor.install_resolver(HostsResolver::new().host("group.test", [group]));
        assert_eq!(error(&reactor, ("group.test", 80)).await, ConnectError::NoRoute);
    });
}

#[test]
fn a_host_that_answers_and_resets_at_once() {
    drive(|reactor| async move {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        for turn in 0..60 {
            let log = Log::default();
            let seen = log.clone();
            let connector = reactor.connect_tcp(address, move |_: Address| Recorder::new(&seen));
            let connected = connector.when_connected();
            turns(turn % 4).await;
            let mut accepted = None;
            until(|| {
                accepted = listener.accept().ok();
                accepted.is_some()
            })
            .await;
            let (peer, _) = accepted.unwrap();
            socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
            drop(peer);
            // It is not for us to say which of the two it sees.
            match connected.await {
                Ok(_) => assert_eq!(log.ended().await, Event::Lost),
                Err(failure) => {
                    let error = failure.check::<ConnectError>().unwrap();
                    let reset = std::io::ErrorKind::ConnectionReset;
                    assert!(
                        matches!(error, ConnectError::Other(error) if error.kind() == reset),
                        "{error:?}"
                    );
                    assert_eq!(log.events(), []);
                }
            }
        }
    });
}

#[test]
fn a_host_that_does_not_answer() {
    drive(|reactor| async move {
        let deaf = Deaf::new();
        tokio::time::pause();
        let began = Instant::now();
        assert_eq!(error(&reactor, deaf.address).await, ConnectError::Timeout);
        assert_eq!(began.elapsed().as_secs(), 30, "as in Twisted");
        reactor.install_resolver(HostsResolver::new().host("deaf.test", [Ipv4Addr::LOCALHOST]));
        let named = ("deaf.test", deaf.address.port());
        assert_eq!(error(&reactor, named).await, ConnectError::Timeout);
        assert_eq!(began.elapsed().as_secs(), 60);
    });
}

#[test]
fn a_host_that_answers_just_in_time_and_then_no_more() {
    drive(|reactor| async move {
        let port = listen(&reactor, |_: Address| Recorder::default());
        let options = ConnectOptions::new().timeout(Duration::from_secs(60));
        let connector = reactor.connect_tcp_with(port, options, |_: Address| Recorder::default());
        let connection = connector.when_connected().await.unwrap();
        // Not before: while the system connects, a paused clock may run on.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(connection.connected(), "the timeout is of the attempt only");
    });
}

#[test]
fn a_refused_attempt_can_be_made_again() {
    drive(|reactor| async move {
        let closed = Reserved::new();
        let connector = reactor.connect_tcp(closed.address, |_: Address| Recorder::default());
        for _ in 0..3 {
            let failure = connector.when_connected().await.unwrap_err();
            assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
            connector.connect().unwrap();
        }
        connector.disconnect();
        until(|| reactor.inventory().connecting.is_empty()).await;
    });
}

#[test]
fn a_resolver_that_panics_fails_the_attempt() {
    drive(|reactor| async move {
        type Found = Result<Vec<SocketAddr>, Failure>;
        reactor
            .install_resolver(|_: String, _: u16| -> std::future::Ready<Found> { panic!("asked") });
        let asked = error(&reactor, ("panics.test", 80)).await;
        reactor.install_resolver(|_: String, _: u16| async { panic!("polled") as Found });
        let polled = error(&reactor, ("panics.test", 80)).await;
        for error in [asked, polled] {
            assert!(matches!(error, ConnectError::UnknownHost(_)), "{error:?}");
        }
    });
}

#[test]
fn the_reactor_stops_at_each_stage() {
    for at in ALL {
        let reactor = Reactor::new();
        let seen = Seen::default();
        let stop = reactor.clone();
        let factory = Doomed {
            seen: seen.clone(),
            at,
            act: Rc::new(move |_| stop.stop().unwrap()),
            connector: Rc::default(),
        };
        let deaf = Deaf::new();
        let (inner, doomed) = (reactor.clone(), factory.clone());
        reactor.install_resolver(|_: String, _: u16| pending::<Result<_, Failure>>());
        reactor.call_when_running(move || {
            let destination: Destination = match at {
                LookingUp => ("slow.test", 80).into(),
                Attempting => deaf.address.into(),
                Starting | Building | Making => {
                    listen(&inner, |_: Address| Recorder::default()).into()
                }
            };
            drop(inner.connect_tcp(destination, doomed.clone()));
            if let LookingUp | Attempting = at {
                tokio::task::spawn_local(async move {
                    let _deaf = deaf;
                    turns(50).await;
                    doomed.reached(at);
                });
            }
        });
        let watchdog = crate::support::Watchdog::new();
        reactor.run().unwrap();
        drop(watchdog);
        factory.connector.take();
        let heard = seen.take();
        match at {
            Making => {
                let all = ["made", "acted", "connection_lost", "client_connection_lost"];
                assert_eq!(heard, all);
            }
            // It may have been made before the reactor turned to stopping.
            Building if heard.len() > 2 => assert_eq!(heard[1], "made"),
            _ => assert_eq!(heard, ["acted", "ReactorStopped"], "{at:?}"),
        }
    }
}
