//! What the tests of this crate have in common.

#![allow(dead_code, unreachable_pub, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[cfg(feature = "tls")]
pub mod authority;
pub mod deaf;
pub mod reserved;

pub mod plain_stream {
    include!("plain_stream.in");
}

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::process;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::{
    Address, Connection, ConnectionAborted, ConnectionDone, ConnectionLost, Factory, Protocol,
    Reactor, Transport,
};
use tokio::net::TcpStream;

/// Runs a reactor until `body`, a task of its runtime, has ended.
pub fn drive<F, R>(body: impl FnOnce(Reactor) -> F + 'static) -> R
where
    F: Future<Output = R> + 'static,
    R: 'static,
{
    drive_on(Reactor::new(), body)
}

/// Runs `reactor` until `body`, a task of its runtime, has ended.
pub fn drive_on<F, R>(reactor: Reactor, body: impl FnOnce(Reactor) -> F + 'static) -> R
where
    F: Future<Output = R> + 'static,
    R: 'static,
{
    let inner = reactor.clone();
    let result = Rc::new(RefCell::new(None));
    let place = result.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            let _stop = StopOnDrop(inner.clone());
            *place.borrow_mut() = Some(body(inner).await);
        });
    });
    let _watchdog = Watchdog::new();
    reactor.run().expect("the reactor should run");
    result.take().expect("the test's task should not panic")
}

/// Ends the process if a test hangs. It goes by the computer's own clock, since
/// tests halt Tokio's.
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn new() -> Self {
        let (alive, watch) = mpsc::channel();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            let patience = Duration::from_secs(60);
            if watch.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                process::abort();
            }
        });
        Self { _alive: alive }
    }
}

struct StopOnDrop(Reactor);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let _ = self.0.stop();
    }
}

/// Waits until `condition` holds, a turn of the reactor at a time.
pub async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

/// Lets the reactor turn for a while, without waiting for time to pass.
pub async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// What happened to a [`Recorder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Made,
    Data(Vec<u8>),
    Done,
    Lost,
    Aborted(Option<usize>),
    Other(String),
}

pub fn reason(failure: &Failure) -> Event {
    if failure.is::<ConnectionDone>() {
        Event::Done
    } else if failure.is::<ConnectionLost>() {
        Event::Lost
    } else if let Some(aborted) = failure.check::<ConnectionAborted>() {
        Event::Aborted(aborted.unsent())
    } else {
        Event::Other(failure.to_string())
    }
}

/// What happened, for all to see.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<Event>>>);

impl Log {
    pub fn push(&self, event: Event) {
        let mut events = self.0.borrow_mut();
        match (events.last_mut(), event) {
            (Some(Event::Data(before)), Event::Data(more)) => before.extend(more),
            (_, event) => events.push(event),
        }
    }

    pub fn events(&self) -> Vec<Event> {
        self.0.borrow().clone()
    }

    /// What ended the connection, if it has ended.
    pub fn end(&self) -> Option<Event> {
        self.0.borrow().last().filter(|last| !matches!(last, Event::Made | Event::Data(_))).cloned()
    }

    /// How the connection ends.
    pub async fn ended(&self) -> Event {
        until(|| self.end().is_some()).await;
        self.end().unwrap()
    }

    /// How it ends, where the (paused) clock has to move for that.
    pub async fn ended_in_time(&self) -> Event {
        while self.end().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.end().unwrap()
    }

    /// All the data that came.
    pub fn data(&self) -> Vec<u8> {
        let data = |event: &Event| match event {
            Event::Data(data) => data.clone(),
            _ => Vec::new(),
        };
        self.0.borrow().iter().flat_map(data).collect()
    }
}

type Action<A> = Box<dyn FnMut(&Connection<Recorder>, A)>;

/// A protocol that keeps a log, and does what it is told.
#[derive(Default)]
pub struct Recorder {
    pub log: Log,
    pub on_made: Option<Action<()>>,
    pub on_data: Option<Action<Vec<u8>>>,
    pub on_lost: Option<Action<()>>,
}

impl Recorder {
    pub fn new(log: &Log) -> Self {
        Self { log: log.clone(), ..Self::default() }
    }

    pub fn made(mut self, action: impl FnMut(&Connection<Self>, ()) + 'static) -> Self {
        self.on_made = Some(Box::new(action));
        self
    }

    pub fn data(mut self, action: impl FnMut(&Connection<Self>, Vec<u8>) + 'static) -> Self {
        self.on_data = Some(Box::new(action));
        self
    }

    pub fn lost(mut self, action: impl FnMut(&Connection<Self>, ()) + 'static) -> Self {
        self.on_lost = Some(Box::new(action));
        self
    }

    pub fn echo(log: &Log) -> Self {
        Self::new(log).data(|transport, data| transport.write(data))
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.log.push(Event::Made);
        if let Some(action) = &mut self.on_made {
            action(transport, ());
        }
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.log.push(Event::Data(data.to_vec()));
        if let Some(action) = &mut self.on_data {
            action(transport, data.to_vec());
        }
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, failure: Failure) {
        self.log.push(reason(&failure));
        if let Some(action) = &mut self.on_lost {
            action(transport, ());
        }
    }
}

/// Opens a port on this machine.
pub fn listen(reactor: &Reactor, factory: impl Factory) -> SocketAddr {
    let port = reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap();
    port.get_host().socket_addr().unwrap()
}

/// A connection to a port of this machine, as a plain Tokio socket, and the
/// transport at its other end.
pub async fn connect(
    reactor: &Reactor,
    mut protocol: impl FnMut() -> Recorder + 'static,
) -> (TcpStream, Transport) {
    let transport = Rc::new(RefCell::new(None));
    let place = transport.clone();
    let address = listen(reactor, move |_: Address| {
        let place = place.clone();
        let mut recorder = protocol();
        let mut made = recorder.on_made.take();
        recorder.made(move |connection, ()| {
            place.replace(Some(connection.transport().clone()));
            if let Some(made) = &mut made {
                made(connection, ());
            }
        })
    });
    let stream = TcpStream::connect(address).await.unwrap();
    until(|| transport.borrow().is_some()).await;
    let transport = transport.take().unwrap();
    (stream, transport)
}
