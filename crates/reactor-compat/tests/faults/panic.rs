//! User code that panics: protocols, factories, producers. The panic ends what
//! it is of, with a line in the log, and nothing else.
//!
//! That a protocol's panic is the reason of its connection's end holds for
//! every kind of transport, and is in `tests/behaviour`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::Cell;
use std::rc::Rc;

use crate::support::{Event, Log, Recorder, connect, drive, listen, until};
use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::{
    Address, ClientFactory, ConnectError, Connection, ConnectionLost, Connector, Factory, Producer,
    ProducerKind, Protocol, Reactor,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The one panic that was logged.
fn logged(log: &LogCapture) -> String {
    let logged = log.flush_logged_errors::<Panic>();
    assert_eq!(logged.len(), 1, "{log:?}");
    logged[0].check::<Panic>().unwrap().message().to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callback {
    Made,
    Data,
    Resumed,
    ReadLost,
    WriteLost,
    Lost,
    Drop,
}

use Callback::{Data, Lost, Made, ReadLost, Resumed, WriteLost};

/// Panics in one of its callbacks; echoes while it lives.
struct Bomb {
    at: Option<Callback>,
    lost: Log,
    resume: bool,
}

impl Bomb {
    fn passes(&self, callback: Callback) {
        assert_ne!(self.at, Some(callback), "boom");
    }
}

impl Protocol for Bomb {
    fn connection_made(&mut self, _: &Connection<Self>) {
        self.passes(Made);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.passes(Data);
        transport.write(data);
        if self.at == Some(WriteLost) {
            transport.lose_write_connection();
        }
        if self.at == Some(Resumed) {
            transport.pause_producing();
            transport.resume_producing();
        }
    }

    fn resumed(&mut self, _: &Connection<Self>) {
        self.resume = true;
        self.passes(Resumed);
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.passes(ReadLost);
        transport.lose_connection();
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.passes(WriteLost);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        self.lost.push(crate::support::reason(&reason));
        self.passes(Lost);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.passes(Callback::Drop);
    }
}

/// Whether the connection echoes.
async fn lives(stream: &mut TcpStream) -> bool {
    let mut back = [0; 2];
    stream.write_all(b"hi").await.is_ok() && stream.read_exact(&mut back).await.is_ok()
}

#[test]
fn a_protocol_that_panics_ends_its_own_connection_and_no_other() {
    for at in [Made, Data, Resumed, ReadLost, WriteLost, Lost, Callback::Drop] {
        let capture = LogCapture::start();
        drive(move |reactor| async move {
            let lost = Log::default();
            let (seen, mut first) = (lost.clone(), true);
            let address = listen(&reactor, move |_: Address| {
                let at = if std::mem::take(&mut first) { None } else { Some(at) };
                Bomb { at, lost: seen.clone(), resume: false }
            });
            let mut other = TcpStream::connect(address).await.unwrap();
            assert!(lives(&mut other).await);
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It may be gone before it hears of anything.
            let _ = stream.write_all(b"x").await;
            if let ReadLost | Lost | Callback::Drop = at {
                stream.shutdown().await.unwrap();
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
            let end = lost.ended().await;
            if let Lost | Callback::Drop = at {
                assert_eq!(end, Event::Done);
            } else {
                assert!(matches!(&end, Event::Other(why) if why.contains("boom")), "{end:?}");
            }
            assert!(lives(&mut other).await);
            assert_eq!(lost.events().len(), 1, "it ends once");
            until(|| reactor.inventory().connections.len() <= 2).await;
        });
        let lines = capture.flush_logged_errors::<Panic>();
        assert!(!lines.is_empty(), "{at:?} is not in the log");
        for line in lines {
            assert!(line.to_string().contains("boom"), "{line}");
        }
    }
}

/// A client whose protocols panic when they are made, for the first few times.
struct Stubborn {
    attempts: Rc<Cell<usize>>,
    log: Log,
}

impl Factory for Stubborn {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        let attempt = self.attempts.get() + 1;
        self.attempts.set(attempt);
        Some(Recorder::new(&self.log).made(move |_, ()| assert!(attempt >= 3, "not yet")))
    }
}

impl ClientFactory for Stubborn {
    fn client_connection_lost(&mut self, connector: &Connector<Recorder>, reason: Failure) {
        if reason.is::<Panic>() {
            connector.connect().unwrap();
        }
    }
}

#[test]
fn a_client_that_panics_when_it_is_made_may_be_connected_again() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::default());
        let (log, attempts) = (Log::default(), Rc::<Cell<usize>>::default());
        let factory = Stubborn { attempts: attempts.clone(), log: log.clone() };
        let connector = reactor.connect_tcp(address, factory);
        let lost = connector.when_connected().await.unwrap_err();
        assert!(lost.is::<Panic>(), "who waits for it hears of the panic: {lost}");
        until(|| attempts.get() == 3 && log.events().last() == Some(&Event::Made)).await;
        let connection = connector.when_connected().await.unwrap();
        assert!(connection.connected());
        assert!(connector.connect().is_err(), "it is connected");
    });
    assert_eq!(capture.flush_logged_errors::<Panic>().len(), 2);
}

#[test]
fn a_client_that_panics_when_it_is_made_leaves_its_connector_free() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::default());
        let factory = |_: Address| Recorder::default().made(|_, ()| panic!("boom"));
        let connector = reactor.connect_tcp(address, factory);
        assert!(connector.when_connected().await.unwrap_err().is::<Panic>());
        until(|| reactor.inventory().connections.is_empty()).await;
        assert!(connector.connect().is_ok());
        connector.disconnect();
        until(|| reactor.inventory().connecting.is_empty()).await;
    });
    assert_eq!(logged(&capture), "boom");
}

/// Factories that panic in one of their methods.
struct Faulty(&'static str);

impl Faulty {
    fn passes(&self, method: &str) {
        assert_ne!(self.0, method, "boom");
    }
}

impl Factory for Faulty {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        self.passes("build_protocol");
        Some(Recorder::echo(&Log::default()))
    }

    fn start_factory(&mut self) {
        self.passes("start_factory");
    }

    fn stop_factory(&mut self) {
        self.passes("stop_factory");
    }
}

impl ClientFactory for Faulty {
    fn started_connecting(&mut self, _: &Connector<Recorder>) {
        self.passes("started_connecting");
    }

    fn client_connection_failed(&mut self, _: &Connector<Recorder>, _: Failure) {
        self.passes("client_connection_failed");
    }

    fn client_connection_lost(&mut self, _: &Connector<Recorder>, _: Failure) {
        self.passes("client_connection_lost");
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.passes("drop");
    }
}

#[test]
fn a_port_whose_factory_panics_goes_on() {
    for method in ["start_factory", "build_protocol", "stop_factory"] {
        let capture = LogCapture::start();
        drive(move |reactor| async move {
            let port = reactor.listen_tcp(("127.0.0.1", 0), Faulty(method)).unwrap();
            let address = port.get_host().socket_addr().unwrap();
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert_eq!(lives(&mut stream).await, method != "build_protocol", "{method}");
            port.stop_listening().await.unwrap();
            assert_eq!(reactor.inventory().ports, []);
            assert_eq!(lives(&mut stream).await, method != "build_protocol", "{method}");
        });
        assert!(logged(&capture).contains("boom"), "{method}");
    }
}

#[test]
fn a_connector_whose_factory_panics_comes_to_its_end() {
    let methods = ["started_connecting", "client_connection_failed", "client_connection_lost"];
    for method in methods {
        let capture = LogCapture::start();
        drive(move |reactor| async move {
            let address = listen(&reactor, |_: Address| Recorder::default());
            let connector = reactor.connect_tcp(address, Faulty(method));
            if method == "client_connection_failed" {
                let connected = connector.when_connected();
                connector.stop_connecting().unwrap();
                let failure = connected.await.unwrap_err();
                assert_eq!(failure.check(), Some(&ConnectError::UserAborted));
            } else {
                let connection = connector.when_connected().await.unwrap();
                connection.lose_connection();
                until(|| !connection.disconnecting()).await;
            }
            until(|| connector.connect().is_ok()).await;
            let connection = connector.when_connected().await.unwrap();
            // The end of the reactor is another that is told.
            until(|| connection.connected()).await;
        });
        let lines = capture.flush_logged_errors::<Panic>();
        assert!(!lines.is_empty() && lines.len() <= 2, "{method}: {lines:?}");
    }
}

/// Panics in one of its methods; counts those that were called.
#[derive(Clone)]
struct Jumpy {
    at: &'static str,
    calls: Rc<Cell<usize>>,
}

impl Jumpy {
    fn passes(&self, method: &str) {
        self.calls.set(self.calls.get() + 1);
        assert_ne!(self.at, method, "boom");
    }
}

impl Producer for Jumpy {
    fn pause_producing(&self) {
        self.passes("pause");
    }

    fn resume_producing(&self) {
        self.passes("resume");
    }

    fn stop_producing(&self) {
        self.passes("stop");
    }
}

#[test]
fn a_producer_that_panics_when_it_may_go_on_ends_its_connection() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let calls = Rc::<Cell<usize>>::default();
        let producer = Jumpy { at: "resume", calls: calls.clone() };
        let (mut stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.register_producer(producer, ProducerKind::Push).unwrap();
        transport.write(vec![1; 10_000_000]);
        assert_eq!(calls.get(), 1, "it is paused");
        let _ = stream.read_to_end(&mut Vec::new()).await;
        let end = log.ended().await;
        assert!(matches!(&end, Event::Other(why) if why.contains("boom")), "{end:?}");
        assert_eq!(calls.get(), 3, "it was resumed, and then stopped");
    });
    assert!(logged(&capture).contains("boom"));
}

#[test]
fn a_producer_that_panics_when_it_is_stopped_keeps_nobody_from_hearing_of_the_end() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let producer = Jumpy { at: "stop", calls: Rc::default() };
        let (stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.register_producer(producer, ProducerKind::Push).unwrap();
        transport.write(vec![1; 10_000_000]);
        let drained = transport.drain();
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(log.ended().await, Event::Lost);
        assert!(drained.await.unwrap_err().is::<ConnectionLost>());
        assert_eq!(reactor.inventory().connections, []);
    });
    assert!(logged(&capture).contains("boom"));
}

#[test]
fn a_producer_that_panics_when_it_is_paused_panics_in_the_write() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, _) = connect(&reactor, move || {
            Recorder::new(&seen).data(|transport, _| {
                let producer = Jumpy { at: "pause", calls: Rc::default() };
                transport.register_producer(producer, ProducerKind::Push).unwrap();
                transport.write(vec![1; 10_000_000]);
            })
        })
        .await;
        stream.write_all(b"go").await.unwrap();
        let end = log.ended().await;
        assert!(matches!(&end, Event::Other(why) if why.contains("boom")), "{end:?}");
    });
    assert!(logged(&capture).contains("boom"));
}

#[test]
fn what_waits_for_a_drain_may_panic() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let (mut stream, transport) = connect(&reactor, Recorder::default).await;
        transport.write(vec![1; 1_000_000]);
        drop(transport.drain().add_callback(|()| -> Result<(), Failure> { panic!("boom") }));
        let second = transport.drain();
        stream.read_exact(&mut vec![0; 1_000_000]).await.unwrap();
        second.await.unwrap();
        assert!(transport.connected(), "a Deferred keeps its panics");
    });
    assert_eq!(logged(&capture), "boom");
}

#[test]
fn panics_while_the_reactor_stops_do_not_keep_it() {
    let capture = LogCapture::start();
    let reactor = Reactor::new();
    let inner = reactor.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            let lost = Log::default();
            let (seen, bombs) = (lost.clone(), [Lost, Callback::Drop]);
            let mut made = 0;
            let address = listen(&inner, move |_: Address| {
                made += 1;
                Bomb { at: Some(bombs[made % 2]), lost: seen.clone(), resume: false }
            });
            let mut streams = Vec::new();
            for _ in 0..10 {
                streams.push(TcpStream::connect(address).await.unwrap());
            }
            until(|| inner.inventory().connections.len() == 10).await;
            drop(inner.listen_tcp(("127.0.0.1", 0), Faulty("stop_factory")));
            crate::support::turns(20).await;
            inner.stop().unwrap();
        });
    });
    let watchdog = crate::support::Watchdog::new();
    reactor.run().unwrap();
    drop(watchdog);
    assert!(reactor.inventory().connections.is_empty());
    assert_eq!(capture.flush_logged_errors::<Panic>().len(), 11);
}
