//! How much memory a connection takes whose peer does not read, and what is
//! left of those that are gone. In a process of its own, that counts what is
//! allocated.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reactor_compat::{Address, Connection, Producer, ProducerKind, Protocol, Transport};
use support::reserved::Reserved;
use support::{Recorder, connect, drive, listen, turns, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's, with a count of what is in use.
struct Counting;

impl Counting {
    fn add(size: usize) {
        let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
        MOST.fetch_max(now, Ordering::Relaxed);
    }
}

// SAFETY: all is passed on to the system's allocator, as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A large one is moved by the kernel, without a copy.
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        Self::add(size);
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: they count the memory of the process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most that was in use at a time since it began, above what was then.
struct Peak(usize);

impl Peak {
    fn begin() -> Self {
        let now = NOW.load(Ordering::Relaxed);
        MOST.store(now, Ordering::Relaxed);
        Self(now)
    }

    fn check(&self, most: usize) {
        let peak = MOST.load(Ordering::Relaxed).saturating_sub(self.0);
        assert!(peak <= most, "{peak} bytes were in use at a time, more than {most}");
    }
}

const GIB: u64 = 1024 * 1024 * 1024;
const PIECE: usize = 32 * 1024;

/// What one connection may take: a few hundred KiB.
const FEW: usize = 400 * 1024;

/// Lets the reactor turn until a connection writes no more.
async fn until_stuck(transport: &Transport) {
    let mut written = transport.written();
    loop {
        turns(500).await;
        if transport.written() == written {
            return;
        }
        written = transport.written();
    }
}

/// Reads all that there is to read, and says how much that was.
async fn swallow(stream: &mut TcpStream, buffer: &mut [u8]) -> u64 {
    let mut all = 0;
    loop {
        match stream.read(buffer).await.unwrap() {
            0 => return all,
            count => all += count as u64,
        }
    }
}

/// Writes much, in pieces, while it may; then closes.
#[derive(Clone)]
struct Flood {
    transport: Transport,
    paused: Rc<Cell<bool>>,
    piece: Rc<[u8]>,
    much: u64,
}

impl Flood {
    fn begin(transport: &Transport, kind: ProducerKind, much: u64) -> Self {
        let (transport, piece) = (transport.clone(), [9; PIECE].into());
        let flood = Self { transport, paused: Rc::default(), piece, much };
        flood.transport.register_producer(flood.clone(), kind).unwrap();
        flood
    }

    fn write(&self) {
        if self.transport.written() < self.much {
            self.transport.write(&*self.piece);
        } else {
            self.paused.set(true);
            self.transport.unregister_producer();
            self.transport.lose_connection();
        }
    }
}

impl Producer for Flood {
    fn pause_producing(&self) {
        self.paused.set(true);
    }

    fn resume_producing(&self) {
        self.paused.set(false);
        self.write();
    }

    fn stop_producing(&self) {
        self.paused.set(true);
    }
}

/// A push producer, which goes on of itself.
async fn push(flood: Flood) {
    while flood.transport.connected() {
        while flood.paused.get() && flood.transport.connected() {
            tokio::task::yield_now().await;
        }
        flood.write();
    }
}

/// A peer that reads nothing, and then all; and the memory that takes.
fn flooded(begin: impl FnOnce(&Transport) + 'static) {
    let _alone = alone();
    drive(|reactor| async move {
        let (mut stream, transport) = connect(&reactor, Recorder::default).await;
        let mut buffer = vec![0; 256 * 1024];
        turns(50).await;
        let peak = Peak::begin();
        begin(&transport);
        until_stuck(&transport).await;
        let stuck = transport.written();
        assert!(0 < stuck && stuck < GIB / 8, "{stuck} bytes were written to one who reads none");
        assert!(transport.unsent() > 0);
        peak.check(FEW);
        assert_eq!(swallow(&mut stream, &mut buffer).await, GIB);
        peak.check(FEW);
        until(|| reactor.inventory().connections.is_empty()).await;
    });
}

#[test]
fn a_peer_that_never_reads_while_a_pull_producer_writes_1_gib() {
    flooded(|transport| drop(Flood::begin(transport, ProducerKind::Pull, GIB)));
}

#[test]
fn a_peer_that_never_reads_while_a_push_producer_writes_1_gib() {
    flooded(|transport| {
        tokio::task::spawn_local(push(Flood::begin(transport, ProducerKind::Push, GIB)));
    });
}

#[test]
fn a_peer_that_never_reads_while_1_gib_is_written_by_drain() {
    flooded(|transport| {
        let transport = transport.clone();
        tokio::task::spawn_local(async move {
            let piece = [9; PIECE];
            while transport.written() < GIB {
                transport.write(piece);
                transport.drain().await.unwrap();
            }
            transport.lose_connection();
        });
    });
}

/// The size of a request, and how much larger its answer is.
const REQUEST: usize = 256;
const TIMES: u64 = 4;

/// Answers each request, without regard for who reads the answers.
#[derive(Default)]
struct Generous {
    part: usize,
}

impl Protocol for Generous {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.part += data.len();
        while self.part >= REQUEST {
            self.part -= REQUEST;
            transport.write([9; REQUEST * TIMES as usize]);
        }
    }
}

#[test]
fn a_peer_that_asks_for_1_gib_and_never_reads_the_answers() {
    let _alone = alone();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Generous::default());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let requests = vec![1; 64 * REQUEST];
        let mut buffer = vec![0; 256 * 1024];
        turns(50).await;
        let peak = Peak::begin();
        let (mut asked, mut stuck) = (0, 0);
        while stuck < 2_000 {
            match stream.try_write(&requests) {
                Ok(count) => (asked, stuck) = (asked + count as u64, 0),
                Err(_) => stuck += 1,
            }
            tokio::task::yield_now().await;
        }
        // A single callback may answer all that is read at once, 64 KiB.
        let most = FEW + TIMES as usize * 64 * 1024;
        peak.check(most);
        assert!(asked * TIMES < GIB / 8);
        let unsent = reactor.inventory().connections[0].unsent;
        assert!(unsent > 64 * 1024, "it is held up");
        // And it goes on as it is read, to the last byte.
        let (mut reader, mut writer) = stream.split();
        let ask = async {
            while asked * TIMES < GIB {
                let left = (GIB / TIMES - asked).min(requests.len() as u64);
                asked += writer.write(&requests[..left as usize]).await.unwrap() as u64;
            }
            writer.shutdown().await.unwrap();
        };
        let read = async {
            let mut all = 0;
            loop {
                match reader.read(&mut buffer).await.unwrap() {
                    0 => break all,
                    count => all += count as u64,
                }
            }
        };
        let ((), all) = tokio::join!(ask, read);
        assert_eq!(all, GIB);
        peak.check(most);
    });
}

#[test]
fn a_peer_that_sends_without_end_and_never_reads_what_is_echoed() {
    let _alone = alone();
    drive(|reactor| async move {
        struct Echo;
        impl Protocol for Echo {
            fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
                transport.write(data);
            }
        }
        let address = listen(&reactor, |_: Address| Echo);
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        turns(100).await;
        let peak = Peak::begin();
        let data = vec![1; 64 * 1024];
        let mut stuck = 0;
        while stuck < 500 {
            let took = streams.iter().filter(|stream| stream.try_write(&data).is_ok()).count();
            stuck = if took == 0 { stuck + 1 } else { 0 };
            tokio::task::yield_now().await;
        }
        peak.check(20 * FEW);
    });
}

#[test]
fn ten_thousand_connections_leave_nothing_behind() {
    const BATCH: usize = 250;
    let _alone = alone();
    drive(|reactor| async move {
        let (made, lost) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (make, lose) = (made.clone(), lost.clone());
        let address = listen(&reactor, move |_: Address| {
            let (make, lose) = (make.clone(), lose.clone());
            Recorder::default()
                .made(move |_, ()| make.set(make.get() + 1))
                .data(|transport, data| transport.write(data))
                .lost(move |_, ()| lose.set(lose.get() + 1))
        });
        let mut before = 0;
        for batch in 0..10_000 / BATCH {
            let mut streams = Vec::new();
            for _ in 0..BATCH {
                streams.push(TcpStream::connect(address).await.unwrap());
            }
            until(|| made.get() == BATCH * (batch + 1)).await;
            assert_eq!(reactor.inventory().connections.len(), BATCH);
            for (number, mut stream) in streams.into_iter().enumerate() {
                match number % 3 {
                    0 => drop(stream),
                    1 => {
                        stream.set_zero_linger().unwrap();
                        drop(stream);
                    }
                    _ => {
                        stream.write_all(b"ping").await.unwrap();
                        stream.read_exact(&mut [0; 4]).await.unwrap();
                    }
                }
            }
            until(|| lost.get() == made.get()).await;
            turns(100).await;
            assert_eq!(reactor.inventory().connections, []);
            let now = NOW.load(Ordering::Relaxed);
            match batch {
                // What is kept for the next ones is there by then.
                0..=3 => before = before.max(now),
                _ => assert!(now <= before + 64 * 1024, "{before} bytes became {now}"),
            }
        }
        assert_eq!(lost.get(), 10_000);
    });
}

#[test]
fn thousands_of_attempts_and_connections_of_ours_leave_nothing_behind() {
    let _alone = alone();
    drive(|reactor| async move {
        let open = listen(&reactor, |_: Address| Recorder::default());
        let reserved = Reserved::new();
        let closed = reserved.address;
        let mut before = 0;
        for batch in 0..20 {
            for number in 0..100 {
                let to = if number % 2 == 0 { open } else { closed };
                let connector = reactor.connect_tcp(to, |_: Address| Recorder::default());
                let connected = connector.when_connected().await;
                assert_eq!(connected.is_ok(), to == open);
                connector.disconnect();
            }
            until(|| {
                let left = reactor.inventory();
                left.connections.is_empty() && left.connecting.is_empty()
            })
            .await;
            turns(100).await;
            let now = NOW.load(Ordering::Relaxed);
            match batch {
                0..=3 => before = before.max(now),
                _ => assert!(now <= before + 64 * 1024, "{before} bytes became {now}"),
            }
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn a_peer_that_never_reads_while_much_is_written_under_tls() {
    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

    /// Under debugging, encryption takes its time.
    const MUCH: u64 = GIB / 8;

    #[derive(Clone, Default)]
    struct Lazy {
        transport: Rc<Cell<Option<Transport>>>,
        received: Rc<Cell<u64>>,
    }

    impl Protocol for Lazy {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            transport.pause_producing();
            self.transport.set(Some(transport.transport().clone()));
        }

        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            self.received.set(self.received.get() + data.len() as u64);
        }
    }

    let _alone = alone();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = own.cert.pem();
    let identity = Identity::from_pem(&pem, own.signing_key.serialize_pem()).unwrap();
    let server = ServerOptions::new(identity).unwrap();
    let roots = TrustRoots::from_pem(&pem).unwrap();
    let client = ClientOptions::new("localhost").unwrap().trust_roots(roots);
    drive(|reactor| async move {
        let (theirs, lazy) = (Lazy::default(), Lazy::default());
        let seen = theirs.clone();
        let factory = move |_: Address| seen.clone();
        let port = reactor.listen_ssl(("127.0.0.1", 0), factory, server).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let made = lazy.clone();
        reactor.connect_ssl(address, move |_: Address| made.clone(), client).unwrap();
        let mut transport = None;
        until(|| {
            transport = transport.take().or_else(|| theirs.transport.take());
            transport.as_ref().is_some_and(Transport::is_secure)
        })
        .await;
        let transport = transport.unwrap();
        let peak = Peak::begin();
        Flood::begin(&transport, ProducerKind::Pull, MUCH);
        until_stuck(&transport).await;
        assert!(transport.unsent() > 0);
        // Of both ends: what TLS holds comes on top.
        peak.check(2 * FEW);
        let peer = lazy.transport.take().unwrap();
        peer.resume_producing();
        until(|| lazy.received.get() >= MUCH).await;
        peak.check(2 * FEW);
    });
}
