//! What a reactor costs, beside the nearest peers, in one run.
//!
//! `cargo bench -p reactor-compat --bench reactor`; `docs/benchmarks.md` says
//! how to read it. Tokio's time is paused where calls are waited for, so that
//! only the work counts.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::FutureExt;
use reactor_compat::task::LoopingCall;
use reactor_compat::{DelayedCall, Reactor, RunOptions};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::sleep;
use tokio_util::time::{DelayQueue, delay_queue};

fn main() {
    divan::Divan::default().sample_count(7).sample_size(1).config_with_args().main();
}

/// How many calls are pending at once.
const CALLS: [u64; 2] = [100_000, 1_000_000];

/// How many turns are taken, or messages sent, in a run.
const TURNS: u64 = 100_000;

fn runtime() -> LocalRuntime {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap()
}

/// A runtime whose time goes on by itself when all have done their work.
fn paused() -> LocalRuntime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .unwrap()
}

fn options() -> RunOptions {
    RunOptions::new().install_signal_handlers(false)
}

/// Delays of up to a second, in no order: the same ones each time.
fn delays(count: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(1 + state % 1000)
    })
}

/// What the calls have done.
#[derive(Clone, Default)]
struct Tally(Rc<Cell<u64>>);

impl Tally {
    fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn total(&self) -> u64 {
        self.0.get()
    }
}

/// Schedules calls that add to `tally`.
fn schedule(reactor: &Reactor, count: u64, tally: &Tally) -> Vec<DelayedCall> {
    delays(count)
        .map(|delay| {
            let tally = tally.clone();
            reactor.call_later(delay, move || tally.add())
        })
        .collect()
}

/// Spawns tasks that sleep, and then add to `tally`.
fn spawn(count: u64, tally: &Tally) -> Vec<JoinHandle<()>> {
    delays(count)
        .map(|delay| {
            let tally = tally.clone();
            spawn_local(async move {
                sleep(delay).await;
                tally.add();
            })
        })
        .collect()
}

type Call = Box<dyn FnOnce()>;

fn insert(queue: &mut DelayQueue<Call>, count: u64, tally: &Tally) -> Vec<delay_queue::Key> {
    delays(count)
        .map(|delay| {
            let tally = tally.clone();
            queue.insert(Box::new(move || tally.add()), delay)
        })
        .collect()
}

/// Runs `work` while a reactor runs, in a runtime with paused time.
fn in_reactor(runtime: &LocalRuntime, work: impl FnOnce(&Reactor) + 'static) {
    let reactor = Reactor::new();
    let inner = reactor.clone();
    reactor.call_when_running(move || work(&inner));
    runtime.block_on(reactor.run_until_stopped()).unwrap();
}

/// All are scheduled, and then all are cancelled.
mod cancel {
    use super::*;

    #[divan::bench(args = CALLS)]
    fn call_later(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            in_reactor(&runtime, move |reactor| {
                let calls = schedule(reactor, count, &Tally::default());
                calls.iter().for_each(|call| call.cancel().unwrap());
                reactor.stop().unwrap();
            });
        });
    }

    #[divan::bench(args = CALLS)]
    fn delay_queue(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            runtime.block_on(async {
                let mut queue = DelayQueue::new();
                let keys = insert(&mut queue, count, &Tally::default());
                keys.iter().for_each(|key| drop(queue.remove(key)));
                assert!(queue.is_empty());
            });
        });
    }

    #[divan::bench(args = CALLS)]
    fn sleep_tasks(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            runtime.block_on(async {
                let tasks = spawn(count, &Tally::default());
                yield_now().await;
                tasks.iter().for_each(JoinHandle::abort);
                for task in tasks {
                    assert!(task.await.is_err());
                }
            });
        });
    }
}

/// All are scheduled, and then all are moved to a later time; cleared away
/// they are in one go.
mod reset {
    use super::*;

    const LATER: Duration = Duration::from_secs(5);

    #[divan::bench(args = CALLS)]
    fn call_later(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            in_reactor(&runtime, move |reactor| {
                let calls = schedule(reactor, count, &Tally::default());
                calls.iter().for_each(|call| call.reset(LATER).unwrap());
                drop(calls);
                reactor.stop().unwrap();
            });
        });
    }

    #[divan::bench(args = CALLS)]
    fn delay_queue(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            runtime.block_on(async {
                let mut queue = DelayQueue::new();
                let keys = insert(&mut queue, count, &Tally::default());
                keys.iter().for_each(|key| queue.reset(key, LATER));
                assert!(!queue.is_empty());
            });
        });
    }

    /// A task with a `Sleep` that others can reach.
    #[divan::bench(args = CALLS)]
    fn sleeps(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            runtime.block_on(async {
                let mut sleeps: Vec<_> =
                    delays(count).map(|delay| Box::pin(sleep(delay))).collect();
                for sleep in &mut sleeps {
                    assert!(sleep.now_or_never().is_none());
                }
                let later = tokio::time::Instant::now() + LATER;
                sleeps.iter_mut().for_each(|sleep| sleep.as_mut().reset(later));
            });
        });
    }
}

/// All are scheduled, and then made.
mod fire {
    use super::*;

    #[divan::bench(args = CALLS)]
    fn call_later(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            let tally = Tally::default();
            let made = tally.clone();
            in_reactor(&runtime, move |reactor| {
                drop(schedule(reactor, count, &made));
                let stop = reactor.clone();
                reactor.call_later(Duration::from_secs(2), move || stop.stop().unwrap());
            });
            assert_eq!(tally.total(), count);
        });
    }

    #[divan::bench(args = CALLS)]
    fn delay_queue(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            let tally = Tally::default();
            runtime.block_on(async {
                let mut queue = DelayQueue::new();
                drop(insert(&mut queue, count, &tally));
                while let Some(call) = std::future::poll_fn(|cx| queue.poll_expired(cx)).await {
                    call.into_inner()();
                }
            });
            assert_eq!(tally.total(), count);
        });
    }

    #[divan::bench(args = CALLS)]
    fn sleep_tasks(bencher: Bencher<'_, '_>, count: u64) {
        let runtime = paused();
        bencher.counter(ItemsCount::new(count)).bench_local(|| {
            let tally = Tally::default();
            runtime.block_on(async {
                for task in spawn(count, &tally) {
                    task.await.unwrap();
                }
            });
            assert_eq!(tally.total(), count);
        });
    }
}

/// From another thread: many calls, one after the other.
mod from_thread {
    use super::*;
    use tokio::sync::mpsc;

    fn touch(n: u64) {
        black_box(n);
    }

    #[divan::bench]
    fn call_from_thread(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TURNS)).bench_local(|| {
            let reactor = Reactor::new();
            let remote = reactor.remote();
            let worker = thread::spawn(move || {
                for n in 0..TURNS {
                    remote.call_from_thread(move || touch(n)).unwrap();
                }
                remote.stop().unwrap();
            });
            reactor.run_with(options()).unwrap();
            worker.join().unwrap();
        });
    }

    #[divan::bench]
    fn tokio_mpsc(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TURNS)).bench_local(|| {
            let (sender, mut receiver) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
            let worker = thread::spawn(move || {
                for n in 0..TURNS {
                    sender.send(Box::new(move || touch(n))).unwrap();
                }
            });
            runtime().block_on(async {
                while let Some(call) = receiver.recv().await {
                    call();
                }
            });
            worker.join().unwrap();
        });
    }
}

/// From another thread: a call whose result is waited for.
mod round_trip {
    use super::*;
    use tokio::sync::{mpsc, oneshot};

    const TRIPS: u64 = 10_000;

    #[divan::bench]
    fn blocking_call_from_thread(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TRIPS)).bench_local(|| {
            let reactor = Reactor::new();
            let remote = reactor.remote();
            let worker = thread::spawn(move || {
                for n in 0..TRIPS {
                    assert_eq!(remote.blocking_call_from_thread(move || Ok(n)).unwrap(), n);
                }
                remote.stop().unwrap();
            });
            reactor.run_with(options()).unwrap();
            worker.join().unwrap();
        });
    }

    #[divan::bench]
    fn tokio_mpsc_and_oneshot(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TRIPS)).bench_local(|| {
            let (sender, mut receiver) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
            let worker = thread::spawn(move || {
                for n in 0..TRIPS {
                    let (answer, result) = oneshot::channel();
                    sender.send(Box::new(move || answer.send(n).unwrap())).unwrap();
                    assert_eq!(result.blocking_recv().unwrap(), n);
                }
            });
            runtime().block_on(async {
                while let Some(call) = receiver.recv().await {
                    call();
                }
            });
            worker.join().unwrap();
        });
    }
}

/// One turn of the loop after the other.
mod turns {
    use super::*;

    #[divan::bench]
    fn call_later_zero(bencher: Bencher<'_, '_>) {
        fn again(reactor: Reactor, left: u64) {
            if left == 0 {
                return reactor.stop().unwrap();
            }
            let next = reactor.clone();
            reactor.call_later(Duration::ZERO, move || again(next, left - 1));
        }
        bencher.counter(ItemsCount::new(TURNS)).bench_local(|| {
            let reactor = Reactor::new();
            let first = reactor.clone();
            reactor.call_when_running(move || again(first, TURNS));
            reactor.run_with(options()).unwrap();
        });
    }

    #[divan::bench]
    fn looping_call_zero(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TURNS)).bench_local(|| {
            let reactor = Reactor::new();
            let (stop, left) = (reactor.clone(), Cell::new(TURNS));
            let call = LoopingCall::new(move || {
                left.set(left.get() - 1);
                if left.get() == 0 {
                    stop.stop().unwrap();
                }
            });
            let call = call.clock(&reactor);
            reactor.call_when_running(move || drop(call.start(Duration::ZERO, true)));
            reactor.run_with(options()).unwrap();
        });
    }

    /// The peer: a task that lets others run.
    #[divan::bench]
    fn tokio_yield_now(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(TURNS)).bench_local(|| {
            runtime().block_on(async {
                for _ in 0..TURNS {
                    yield_now().await;
                }
            });
        });
    }
}

/// From nothing to nothing.
mod start_and_stop {
    use super::*;

    #[divan::bench(sample_size = 100)]
    fn reactor() {
        let reactor = Reactor::new();
        let stop = reactor.clone();
        reactor.call_when_running(move || stop.stop().unwrap());
        reactor.run_with(options()).unwrap();
    }

    #[divan::bench(sample_size = 100)]
    fn local_runtime() {
        runtime().block_on(yield_now());
    }
}
