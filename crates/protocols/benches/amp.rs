//! What an AMP call costs, beside an exchange of the same bytes on bare Tokio,
//! in one run, over TCP on one thread.
//!
//! `cargo bench -p protocols --bench amp`; `docs/benchmarks.md` says how to read
//! it. `sequential` has one call in flight, `pipelined` a thousand.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use deferred::{Failure, ensure_deferred};
use divan::Bencher;
use divan::counter::ItemsCount;
use protocols::amp::{Amp, AmpBox, AmpTransport, Command, NoError, Responders};
use reactor_compat::{Address, Reactor, RunOptions};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

fn main() {
    divan::Divan::default().sample_count(7).sample_size(1).config_with_args().main();
}

const SEQUENTIAL: u64 = 20_000;
const PIPELINED: u64 = 400_000;
const IN_FLIGHT: u64 = 1000;

#[derive(Serialize, Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

#[derive(Serialize, Deserialize)]
struct Total {
    total: i64,
}

impl Command for Sum {
    const NAME: &str = "Sum";
    type Response = Total;
    type Error = NoError;
}

/// Runs a reactor in which `client` calls, until it stops it.
fn with_remote(client: impl FnOnce(Reactor, AmpTransport) + 'static) {
    let reactor = Reactor::new();
    let responders = Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b }));
    let serve = move |_: Address| Amp::with_responders(&responders);
    let port = reactor.listen_tcp(("127.0.0.1", 0), serve).unwrap();
    let address: SocketAddr = port.get_host().socket_addr().unwrap();
    let (connect, calling) = (reactor.clone(), reactor.clone());
    reactor.call_when_running(move || {
        let connected = ensure_deferred(async move {
            let (remote, trigger) = deferred::Deferred::new();
            let trigger = Cell::new(Some(trigger));
            connect.connect_tcp(address, move |_: Address| {
                Amp::with_handler(Hello(trigger.take()), &Responders::new())
            });
            remote.await
        });
        drop(connected.add_callback(move |remote| client(calling, remote)));
    });
    reactor.run_with(RunOptions::new().install_signal_handlers(false)).unwrap();
}

/// Says that the connection is there.
struct Hello(Option<deferred::Trigger<AmpTransport>>);

impl reactor_compat::Protocol<AmpTransport> for Hello {
    fn connection_made(&mut self, peer: &protocols::amp::AmpConnection<Self>) {
        if let Some(trigger) = self.0.take() {
            trigger.callback(peer.transport().clone()).unwrap();
        }
    }
}

#[divan::bench]
fn sequential_amp(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(SEQUENTIAL)).bench_local(|| {
        with_remote(|reactor, remote| {
            let calling = ensure_deferred(async move {
                for n in 0..SEQUENTIAL as i64 {
                    let Total { total } = remote.call_remote(Sum { a: n, b: 1 }).await?;
                    assert_eq!(total, n + 1);
                }
                reactor.stop()?;
                Ok::<_, Failure>(())
            });
            drop(calling);
        });
    });
}

/// Calls, and again as soon as there is an answer.
struct Pump {
    reactor: Reactor,
    remote: AmpTransport,
    asked: Cell<u64>,
    answered: Cell<u64>,
}

impl Pump {
    fn ask(self: Rc<Self>) {
        let n = self.asked.get();
        if n == PIPELINED {
            return;
        }
        self.asked.set(n + 1);
        let calling = self.remote.call_remote(Sum { a: n as i64, b: 1 });
        drop(calling.add_callback(move |Total { total }| {
            assert_eq!(total, n as i64 + 1);
            self.answered.set(self.answered.get() + 1);
            if self.answered.get() == PIPELINED {
                self.reactor.stop().unwrap();
            }
            self.ask();
        }));
    }
}

#[divan::bench]
fn pipelined_amp(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(PIPELINED)).bench_local(|| {
        with_remote(|reactor, remote| {
            let (asked, answered) = (Cell::new(0), Cell::new(0));
            let pump = Rc::new(Pump { reactor, remote, asked, answered });
            for _ in 0..IN_FLIGHT {
                pump.clone().ask();
            }
        });
    });
}

/// The bytes of a call and of its answer.
fn exchange() -> (Vec<u8>, Vec<u8>) {
    let ask = [("_ask", "2710"), ("_command", "Sum"), ("a", "10000"), ("b", "1")];
    let answer = [("_answer", "2710"), ("total", "10001")];
    (AmpBox::from(ask).serialize().unwrap(), AmpBox::from(answer).serialize().unwrap())
}

/// Sends as many bytes as `batch` calls have, waits for those of their answers,
/// and so on.
fn bare(calls: u64, batch: u64) {
    let runtime =
        Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    let (ask, answer) = exchange();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ask_length, reply) = (ask.len(), answer.repeat(batch as usize));
        let serving = spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut buffer, mut unread) = (vec![0; 65_536], 0);
            loop {
                let count = stream.read(&mut buffer).await.unwrap();
                if count == 0 {
                    return;
                }
                unread += count;
                let whole = unread / ask_length;
                unread %= ask_length;
                stream.write_all(&reply[..whole * (reply.len() / batch as usize)]).await.unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (asks, mut buffer) = (ask.repeat(batch as usize), vec![0; 65_536]);
        for _ in 0..calls / batch {
            stream.write_all(&asks).await.unwrap();
            let mut missing = answer.len() * batch as usize;
            while missing > 0 {
                missing -= stream.read(&mut buffer).await.unwrap();
            }
        }
        drop(stream);
        serving.await.unwrap();
    });
}

#[divan::bench]
fn sequential_bare(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(SEQUENTIAL)).bench_local(|| bare(SEQUENTIAL, 1));
}

#[divan::bench]
fn pipelined_bare(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(PIPELINED)).bench_local(|| bare(PIPELINED, IN_FLIGHT));
}
