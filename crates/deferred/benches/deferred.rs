//! What a Deferred costs, beside the nearest peers, in one run.
//!
//! `cargo bench -p deferred --bench deferred`; `docs/benchmarks.md` says how to
//! read it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use deferred::{Deferred, DeferredLock, DeferredQueue, Failure, gather_results, succeed};
use divan::Bencher;
use futures::executor::block_on;
use futures::future::{FutureExt, TryFutureExt};
use futures::task::noop_waker_ref;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

fn main() {
    // Long samples, so that the timer does not count.
    divan::Divan::default().sample_size(1000).config_with_args().main();
}

/// Polls a future that is ready, without an executor.
fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(noop_waker_ref());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("it is ready"),
    }
}

/// Makes `d` longer by ten callbacks.
macro_rules! ten {
    ($d:expr, $method:ident, $f:expr) => {
        $d.$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
            .$method($f)
    };
}

/// Make, add N callbacks, fire, read.
mod fire {
    use super::*;

    #[divan::bench]
    fn deferred_0() -> u64 {
        let (d, trigger) = Deferred::new();
        trigger.callback(black_box(1)).unwrap();
        ready(d).unwrap()
    }

    #[divan::bench]
    fn deferred_1() -> u64 {
        let (d, trigger) = Deferred::new();
        let d = d.add_callback(|n: u64| Ok(n + 1));
        trigger.callback(black_box(1)).unwrap();
        ready(d).unwrap()
    }

    #[divan::bench]
    fn deferred_10() -> u64 {
        let (d, trigger) = Deferred::new();
        let x = black_box(1);
        let d = ten!(d, add_callback, move |n: u64| Ok(n + x));
        trigger.callback(black_box(1)).unwrap();
        ready(d).unwrap()
    }

    #[divan::bench]
    fn tokio_oneshot_0() -> u64 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        sender.send(black_box(1)).unwrap();
        ready(receiver).unwrap()
    }

    #[divan::bench]
    fn futures_oneshot_0() -> u64 {
        let (sender, receiver) = futures::channel::oneshot::channel();
        sender.send(black_box(1)).unwrap();
        ready(receiver).unwrap()
    }

    #[divan::bench]
    fn futures_oneshot_map_ok_1() -> u64 {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let mapped = receiver.map_ok(|n: u64| n + 1);
        sender.send(black_box(1)).unwrap();
        ready(mapped).unwrap()
    }

    #[divan::bench]
    fn futures_oneshot_map_ok_10() -> u64 {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let x = black_box(1);
        let mapped = ten!(receiver, map_ok, move |n: u64| n + x);
        sender.send(black_box(1)).unwrap();
        ready(mapped).unwrap()
    }

    type Boxed = Box<dyn FnOnce(Result<u64, Failure>) -> Result<u64, Failure>>;

    fn run(closures: Vec<Boxed>) -> u64 {
        let mut result = Ok(black_box(1));
        for closure in closures {
            result = closure(result);
        }
        result.unwrap()
    }

    /// The floor for anything that keeps its callbacks in boxes.
    #[divan::bench]
    fn vec_of_boxes_10() -> u64 {
        let mut closures: Vec<Boxed> = Vec::new();
        let x = black_box(1);
        for _ in 0..10 {
            closures.push(Box::new(move |result| result.map(|n| n + x)));
        }
        run(black_box(closures))
    }
}

/// A callback returns a Deferred: one that has fired, one that has not.
mod chain {
    use super::*;

    #[divan::bench]
    fn fired() -> u64 {
        let d = Deferred::succeed(black_box(1)).add_callback(|n: u64| Deferred::succeed(n + 1));
        ready(d).unwrap()
    }

    #[divan::bench]
    fn unfired() -> u64 {
        let (inner, trigger) = Deferred::new();
        let d = Deferred::succeed(()).add_callback(move |()| inner);
        trigger.callback(black_box(1)).unwrap();
        ready(d).unwrap()
    }

    #[divan::bench]
    fn futures_and_then() -> u64 {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let chained = futures::future::ready(Ok(())).and_then(|()| receiver);
        sender.send(black_box(1)).unwrap();
        ready(chained).unwrap()
    }
}

/// A coroutine awaits: what has fired, what has not.
mod awaiting {
    use super::*;

    #[divan::bench]
    fn fired_in_place() -> u64 {
        ready(async { Ok::<u64, Failure>(succeed(black_box(1)).await? + 1) }).unwrap()
    }

    #[divan::bench]
    fn coroutine_fired() -> u64 {
        ready(Deferred::from_coroutine(async { Ok(succeed(black_box(1_u64)).await? + 1) })).unwrap()
    }

    #[divan::bench]
    fn coroutine_unfired() -> u64 {
        let (d, trigger) = Deferred::new();
        let coroutine = Deferred::from_coroutine(async { Ok(d.await? + 1_u64) });
        trigger.callback(black_box(1)).unwrap();
        ready(coroutine).unwrap()
    }

    /// The peer: a Tokio task on a current-thread runtime, spawned, suspended
    /// on a oneshot, and resumed.
    #[divan::bench]
    fn tokio_task_unfired(bencher: Bencher<'_, '_>) {
        let local = tokio::runtime::LocalRuntime::new().unwrap();
        bencher.bench_local(|| {
            local.block_on(async {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                let task = tokio::task::spawn_local(async { receiver.await.unwrap() + 1_u64 });
                tokio::task::yield_now().await;
                sender.send(black_box(1)).unwrap();
                task.await.unwrap()
            })
        });
    }
}

/// A hundred at once.
mod gather {
    use super::*;

    #[divan::bench]
    fn deferred_100() -> usize {
        let (ds, triggers): (Vec<_>, Vec<_>) = (0..100).map(|_| Deferred::new()).unzip();
        let all = gather_results(ds);
        for trigger in &triggers {
            trigger.callback(black_box(1_u64)).unwrap();
        }
        ready(all).unwrap().len()
    }

    #[divan::bench]
    fn futures_join_all_100() -> usize {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..100).map(|_| tokio::sync::oneshot::channel()).unzip();
        let mut all = futures::future::join_all(receivers);
        assert!(block_on(async { futures::poll!(&mut all) }).is_pending());
        for sender in senders {
            sender.send(black_box(1_u64)).unwrap();
        }
        all.now_or_never().unwrap().len()
    }
}

/// From one holder to the next; from one end of a queue to the other.
mod hand_over {
    use super::*;

    #[divan::bench]
    fn lock(bencher: Bencher<'_, '_>) {
        let lock = DeferredLock::new();
        let _held = ready(lock.acquire());
        bencher.bench_local(|| {
            let next = lock.acquire();
            lock.release().unwrap();
            ready(next).unwrap()
        });
    }

    #[divan::bench]
    fn tokio_mutex(bencher: Bencher<'_, '_>) {
        let lock = tokio::sync::Mutex::new(());
        let mut held = Some(ready(lock.lock()));
        let mut context = Context::from_waker(noop_waker_ref());
        bencher.bench_local(|| {
            let mut next = Box::pin(lock.lock());
            assert!(next.as_mut().poll(&mut context).is_pending());
            drop(held.take());
            held = Some(ready(next));
        });
    }

    #[divan::bench]
    fn queue(bencher: Bencher<'_, '_>) {
        let queue = DeferredQueue::new();
        bencher.bench_local(|| {
            let next = queue.get().unwrap();
            queue.put(black_box(1_u64)).unwrap();
            ready(next).unwrap()
        });
    }

    #[divan::bench]
    fn tokio_mpsc(bencher: Bencher<'_, '_>) {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut context = Context::from_waker(noop_waker_ref());
        bencher.bench_local(|| {
            let mut next = Box::pin(receiver.recv());
            assert!(next.as_mut().poll(&mut context).is_pending());
            sender.send(black_box(1_u64)).unwrap();
            ready(next).unwrap()
        });
    }
}
