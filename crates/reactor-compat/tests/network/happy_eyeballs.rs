//! Which of a name's addresses a connection is made to, when, and from where.
//!
//! The attempts themselves are made up, and so is the time; then there are
//! some on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{pending, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Log, Recorder, drive, listen, until};
use deferred::Failure;
use reactor_compat::resolver::{DnsLookupError, HostsResolver};
use reactor_compat::{Address, ConnectError, ConnectOptions, Connection, Reactor, happy_eyeballs};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

const DELAY: Duration = Duration::from_millis(250);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn six(number: u16) -> SocketAddr {
    format!("[2001:db8::{number}]:80").parse().unwrap()
}

fn four(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 80))
}

/// What becomes of an attempt.
#[derive(Clone, Copy)]
enum Fate {
    Silent,
    Answers(u64),
    Refuses(u64),
}

use Fate::{Answers, Refuses, Silent};

/// A made-up network, with a record of the attempts and when they began.
#[derive(Clone)]
struct Network {
    fates: Rc<HashMap<SocketAddr, Fate>>,
    attempts: Rc<RefCell<Vec<(u128, SocketAddr)>>>,
    under_way: Rc<Cell<usize>>,
    epoch: Instant,
}

/// Counts an attempt for as long as it lasts.
struct UnderWay(Rc<Cell<usize>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Network {
    /// Addresses that are not listed refuse at once.
    fn new<const N: usize>(fates: [(SocketAddr, Fate); N]) -> Self {
        Self {
            fates: Rc::new(fates.into()),
            attempts: Rc::default(),
            under_way: Rc::default(),
            epoch: Instant::now(),
        }
    }

    async fn connect(self, address: SocketAddr) -> Result<SocketAddr, SocketAddr> {
        self.attempts.borrow_mut().push((self.epoch.elapsed().as_millis(), address));
        self.under_way.set(self.under_way.get() + 1);
        let _under_way = UnderWay(self.under_way.clone());
        match self.fates.get(&address) {
            Some(Silent) => pending().await,
            Some(Answers(after)) => {
                sleep(ms(*after)).await;
                Ok(address)
            }
            Some(Refuses(after)) => {
                sleep(ms(*after)).await;
                Err(address)
            }
            None => Err(address),
        }
    }

    async fn race(&self, addresses: &[SocketAddr]) -> Result<SocketAddr, Vec<SocketAddr>> {
        let connect = |address| self.clone().connect(address);
        happy_eyeballs(addresses.iter().copied(), DELAY, connect).await
    }

    fn attempts(&self) -> Vec<(u128, SocketAddr)> {
        self.attempts.borrow().clone()
    }

    fn order(&self) -> Vec<SocketAddr> {
        self.attempts().into_iter().map(|(_, address)| address).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_families_take_turns() {
    let network = Network::new([]);
    let failed = network.race(&[six(1), six(2), six(3), four(1)]).await.unwrap_err();
    assert_eq!(network.order(), [six(1), four(1), six(2), six(3)]);
    assert_eq!(failed, network.order(), "all the failures are told, in order");
}

#[tokio::test(start_paused = true)]
async fn the_family_of_the_first_address_begins() {
    let network = Network::new([]);
    network.race(&[four(1), six(1), six(2)]).await.unwrap_err();
    assert_eq!(network.order(), [four(1), six(1), six(2)]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_comes_twice_is_tried_once() {
    let network = Network::new([]);
    network.race(&[six(1), four(1), six(1), four(1)]).await.unwrap_err();
    assert_eq!(network.order(), [six(1), four(1)]);
}

#[tokio::test(start_paused = true)]
async fn no_addresses_are_no_failures() {
    assert_eq!(Network::new([]).race(&[]).await, Err(vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_begins_beside_one_that_gets_no_answer() {
    let network = Network::new([(six(1), Silent), (four(1), Silent), (six(2), Answers(10))]);
    assert_eq!(network.race(&[six(1), six(2), four(1), four(2)]).await, Ok(six(2)));
    assert_eq!(network.attempts(), [(0, six(1)), (250, four(1)), (500, six(2))]);
    assert_eq!(network.under_way.get(), 0, "those that lost are dropped");
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_begins_at_once_when_one_fails() {
    let network = Network::new([(six(1), Refuses(100)), (four(1), Silent), (six(2), Answers(0))]);
    assert_eq!(network.race(&[six(1), six(2), four(1)]).await, Ok(six(2)));
    // And the delay is counted from then on.
    assert_eq!(network.attempts(), [(0, six(1)), (100, four(1)), (350, six(2))]);
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_of_an_early_attempt_counts_as_well() {
    let network = Network::new([(six(1), Refuses(300)), (four(1), Silent), (six(2), Answers(0))]);
    assert_eq!(network.race(&[six(1), six(2), four(1)]).await, Ok(six(2)));
    assert_eq!(network.attempts(), [(0, six(1)), (250, four(1)), (300, six(2))]);
}

#[tokio::test(start_paused = true)]
async fn an_early_attempt_may_win_late() {
    let network = Network::new([(six(1), Answers(600)), (four(1), Silent), (six(2), Silent)]);
    assert_eq!(network.race(&[six(1), six(2), four(1)]).await, Ok(six(1)));
    assert_eq!(network.attempts().len(), 3);
    assert_eq!(network.under_way.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_failures_come_in_the_order_in_which_they_happened() {
    let network = Network::new([(six(1), Refuses(900)), (four(1), Refuses(10))]);
    assert_eq!(network.race(&[six(1), four(1)]).await, Err(vec![four(1), six(1)]));
}

#[tokio::test(start_paused = true)]
async fn dropping_it_drops_all_attempts() {
    let network = Network::new([(six(1), Silent), (four(1), Silent)]);
    let raced = tokio::time::timeout(ms(400), network.race(&[six(1), four(1), six(2)])).await;
    assert!(raced.is_err());
    assert_eq!(network.attempts().len(), 2);
    assert_eq!(network.under_way.get(), 0);
}

/// Has `name.test` stand for these addresses.
fn named<const N: usize>(reactor: &Reactor, addresses: [Ipv4Addr; N]) -> &'static str {
    reactor.install_resolver(HostsResolver::new().host("name.test", addresses));
    "name.test"
}

/// What connecting comes to: the two ends, or the error.
async fn connect(
    reactor: &Reactor,
    destination: (&str, u16),
    options: ConnectOptions,
) -> Result<(SocketAddr, SocketAddr), ConnectError> {
    let connector =
        reactor.connect_tcp_with(destination, options, |_: Address| Recorder::default());
    match connector.when_connected().await {
        Ok(connection) => {
            let ends = [connection.get_host(), connection.get_peer()];
            let [host, peer] = ends.map(|end| end.socket_addr().unwrap());
            Ok((host, peer))
        }
        Err(failure) => Err(failure.check::<ConnectError>().unwrap().clone()),
    }
}

#[cfg(target_os = "linux")] // All of 127.0.0.0/8 is this machine.
#[test]
fn a_name_is_connected_to_at_the_first_address_that_answers() {
    drive(|reactor| async move {
        let listening = listen(&reactor, |_: Address| Recorder::default());
        let name = named(&reactor, [[127, 0, 0, 2].into(), [127, 0, 0, 1].into()]);
        let options = ConnectOptions::new();
        let (_, peer) = connect(&reactor, (name, listening.port()), options).await.unwrap();
        assert_eq!(peer, listening);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_comes_from_the_address_that_it_is_told_to() {
    drive(|reactor| async move {
        let listening = listen(&reactor, |_: Address| Recorder::default());
        let local = Ipv4Addr::new(127, 0, 0, 9);
        let options = ConnectOptions::new().bind_address((local, 0));
        let name = named(&reactor, [Ipv4Addr::LOCALHOST]);
        for host in [name, "127.0.0.1"] {
            let (host, _) = connect(&reactor, (host, listening.port()), options).await.unwrap();
            assert_eq!(host.ip(), local);
        }
    });
}

/// A connection from `from` to a port of its own.
async fn connect_from(
    reactor: &Reactor,
    from: (Ipv4Addr, u16),
    options: ConnectOptions,
) -> Result<Connection<Recorder>, ConnectError> {
    let listening = listen(reactor, |_: Address| Recorder::default());
    let options = options.bind_address(from);
    let connector = reactor.connect_tcp_with(listening, options, |_: Address| Recorder::default());
    connector.when_connected().await.map_err(|failure| failure.check().cloned().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_whose_connections_are_dying_is_connected_from_again_if_that_is_said() {
    drive(|reactor| async move {
        let here = Ipv4Addr::LOCALHOST;
        let reuse = ConnectOptions::new().reuse_address(true);
        let first = connect_from(&reactor, (here, 0), reuse).await.unwrap();
        let port = first.get_host().port().unwrap();
        // We close first, so that the system keeps the port for a while.
        first.lose_connection();
        first.when_lost().await.unwrap();
        let error = connect_from(&reactor, (here, port), ConnectOptions::new()).await.unwrap_err();
        assert!(
            matches!(&error, ConnectError::Bind(_, source) if source.kind() == std::io::ErrorKind::AddrInUse),
            "{error:?}"
        );
        let again = connect_from(&reactor, (here, port), reuse).await.unwrap();
        assert_eq!(again.get_host().port(), Some(port));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_is_shared_by_connections_that_say_so() {
    drive(|reactor| async move {
        let here = Ipv4Addr::LOCALHOST;
        let share = ConnectOptions::new().reuse_port(true);
        let first = connect_from(&reactor, (here, 0), share).await.unwrap();
        let port = first.get_host().port().unwrap();
        let second = connect_from(&reactor, (here, port), share).await.unwrap();
        assert_eq!(second.get_host(), first.get_host());
        assert_ne!(second.get_peer(), first.get_peer());
        let error = connect_from(&reactor, (here, port), ConnectOptions::new()).await.unwrap_err();
        assert!(
            matches!(&error, ConnectError::Bind(_, source) if source.kind() == std::io::ErrorKind::AddrInUse),
            "{error:?}"
        );
    });
}

#[test]
fn an_address_that_is_not_ours_cannot_be_connected_from() {
    drive(|reactor| async move {
        let nobodys = Ipv4Addr::new(192, 0, 2, 1);
        let options = ConnectOptions::new().bind_address((nobodys, 0));
        let error = connect(&reactor, ("127.0.0.1", 1), options).await.unwrap_err();
        let ConnectError::Bind(from, error) = error else { panic!("{error:?}") };
        assert_eq!(from, (nobodys, 0).into());
        assert_eq!(error.kind(), std::io::ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn only_addresses_of_the_family_of_the_local_one_are_tried() {
    drive(|reactor| async move {
        let name = named(&reactor, [Ipv4Addr::LOCALHOST]);
        let options = ConnectOptions::new().bind_address((std::net::Ipv6Addr::LOCALHOST, 0));
        let error = connect(&reactor, (name, 1), options).await.unwrap_err();
        let ConnectError::UnknownHost(error) = error else { panic!("{error:?}") };
        assert_eq!(error.name(), name);
    });
}

#[test]
fn a_name_where_nobody_listens_is_refused() {
    drive(|reactor| async move {
        // It has the port, and does not listen.
        let deaf = TcpSocket::new_v4().unwrap();
        deaf.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let port = deaf.local_addr().unwrap().port();
        let name = named(&reactor, [Ipv4Addr::LOCALHOST]);
        let error = connect(&reactor, (name, port), ConnectOptions::new()).await;
        assert_eq!(error, Err(ConnectError::ConnectionRefused));
    });
}

#[test]
fn a_name_that_is_unknown_is_told_of() {
    drive(|reactor| async move {
        reactor.install_resolver(HostsResolver::new());
        let error = connect(&reactor, ("nowhere.test", 1), ConnectOptions::new()).await;
        let unknown = DnsLookupError::new("nowhere.test", "it is not in the table");
        assert_eq!(error, Err(unknown.into()));
    });
}

#[test]
fn the_timeout_counts_the_lookup() {
    drive(|reactor| async move {
        tokio::time::pause();
        let began = Instant::now();
        reactor.install_resolver(|_: String, _: u16| pending::<Result<_, Failure>>());
        let error = connect(&reactor, ("slow.test", 1), ConnectOptions::new()).await;
        assert_eq!(error, Err(ConnectError::Timeout));
        assert_eq!(began.elapsed().as_secs(), 30, "as in Twisted");

        let options = ConnectOptions::new().timeout(Duration::from_secs(5));
        let error = connect(&reactor, ("slow.test", 1), options).await;
        assert_eq!(error, Err(ConnectError::Timeout));
        assert_eq!(began.elapsed().as_secs(), 35);
    });
}

#[test]
fn stopping_to_connect_ends_the_lookup() {
    struct Ended(Rc<Cell<bool>>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    drive(|reactor| async move {
        let (began, ended) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let (begin, end) = (began.clone(), ended.clone());
        reactor.install_resolver(move |_: String, _: u16| {
            begin.set(true);
            let end = Ended(end.clone());
            async move {
                let _end = end;
                pending::<Result<Vec<SocketAddr>, Failure>>().await
            }
        });
        let log = Log::default();
        let recorder = log.clone();
        let connector =
            reactor.connect_tcp(("slow.test", 1), move |_: Address| Recorder::new(&recorder));
        let connected = connector.when_connected();
        until(|| began.get()).await;
        connector.stop_connecting().unwrap();
        let failure = connected.await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::UserAborted));
        until(|| ended.get()).await;
        assert_eq!(log.events(), []);
    });
}

#[test]
fn a_resolver_that_panics_is_one_that_fails() {
    drive(|reactor| async move {
        let (port, options) = (1, ConnectOptions::new());
        reactor.install_resolver(|_: String, _: u16| -> std::future::Ready<Result<_, Failure>> {
            std::panic::panic_any("in the call")
        });
        let error = connect(&reactor, ("name.test", port), options).await.unwrap_err();
        assert!(error.to_string().contains("in the call"), "{error}");

        reactor.install_resolver(|_: String, _: u16| async {
            ready(()).await;
            std::panic::resume_unwind(Box::new("in the future"));
            #[allow(unreachable_code, reason = "it gives the block its type")]
            Ok::<_, Failure>(Vec::new())
        });
        let error = connect(&reactor, ("name.test", port), options).await.unwrap_err();
        assert!(error.to_string().contains("in the future"), "{error}");
    });
}
