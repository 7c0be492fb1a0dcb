//! What services and processes cost, beside the same by hand on Tokio, in one run.
//!
//! `cargo bench -p reactor-compat --bench services`; `docs/benchmarks.md` says how to
//! read it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use deferred::Deferred;
use divan::Bencher;
use divan::counter::ItemsCount;
use futures::future::join_all;
use reactor_compat::Reactor;
use reactor_compat::process::{ChildFd, Process, ProcessCommand, ProcessProtocol};
use reactor_compat::service::{MultiService, Service};
use reactor_compat::task::react_on;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::watch;
use tokio::task::spawn_local;

fn main() {
    divan::Divan::default().sample_count(7).sample_size(1).config_with_args().main();
}

const SERVICES: usize = 10_000;
const PROCESSES: usize = 1_000;

/// How many run at a time.
const AT_A_TIME: usize = 50;

fn runtime() -> LocalRuntime {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap()
}

struct Nothing;

impl Service for Nothing {
    fn start_service(&self) -> Deferred<()> {
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        Deferred::succeed(())
    }
}

/// Services made, started and stopped.
#[divan::bench]
fn services(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(SERVICES)).bench_local(|| {
        let services = MultiService::new(&Reactor::new());
        for _ in 0..SERVICES {
            services.add_service(Nothing);
        }
        deferred::testing::success_result_of(services.start_service());
        deferred::testing::success_result_of(services.stop_service());
    });
}

/// By hand: a task each, which waits to be told to stop.
#[divan::bench]
fn services_by_hand(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(SERVICES)).bench_local(|| {
        runtime().block_on(async {
            let (stop, stopped) = watch::channel(false);
            let tasks: Vec<_> = (0..SERVICES)
                .map(|_| {
                    let mut stopped = stopped.clone();
                    spawn_local(async move { stopped.changed().await.unwrap() })
                })
                .collect();
            stop.send(true).unwrap();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

struct Silent;

impl ProcessProtocol for Silent {}

/// Processes started and reaped.
#[divan::bench]
fn processes(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(PROCESSES)).bench_local(|| {
        let command = ProcessCommand::new("/bin/true")
            .fd(0, ChildFd::Null)
            .fd(1, ChildFd::Null)
            .fd(2, ChildFd::Null);
        let code = react_on(&Reactor::new(), move |reactor| async move {
            for _ in 0..PROCESSES / AT_A_TIME {
                let some: Vec<Process<Silent>> = (0..AT_A_TIME)
                    .map(|_| reactor.spawn_process(Silent, &command).unwrap())
                    .collect();
                for process in some {
                    process.when_ended().await?;
                }
            }
            Ok(())
        });
        assert_eq!(code, std::process::ExitCode::SUCCESS);
    });
}

/// By hand.
#[divan::bench]
fn processes_by_hand(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(PROCESSES)).bench_local(|| {
        runtime().block_on(async {
            for _ in 0..PROCESSES / AT_A_TIME {
                let some: Vec<_> = (0..AT_A_TIME)
                    .map(|_| {
                        let mut command = tokio::process::Command::new("/bin/true");
                        command.env_clear();
                        for standard in [
                            tokio::process::Command::stdin,
                            tokio::process::Command::stdout,
                            tokio::process::Command::stderr,
                        ] {
                            standard(&mut command, std::process::Stdio::null());
                        }
                        command.spawn().unwrap()
                    })
                    .collect();
                let ended = some.into_iter().map(|mut child| async move { child.wait().await });
                assert!(join_all(ended).await.into_iter().all(|status| status.unwrap().success()));
            }
        });
    });
}
