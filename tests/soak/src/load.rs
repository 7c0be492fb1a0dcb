//! [`Load`]: rounds of one kind of work, one after the other, until it is stopped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::{Deferred, Failure};
use tokio::task::{JoinHandle, spawn_local};

/// Rounds of one kind of work.
pub(crate) struct Load {
    name: &'static str,
    shared: Rc<Shared>,
    workers: RefCell<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    rounds: Cell<u64>,
    seen: Cell<u64>,
    stopping: Cell<bool>,
    failure: RefCell<Option<Failure>>,
}

impl Load {
    /// Starts `workers` of them.
    pub(crate) fn start<F>(
        name: &'static str,
        workers: usize,
        round: impl Fn() -> F + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + 'static,
    {
        let shared = Rc::new(Shared::default());
        let round = Rc::new(round);
        let work = |_| {
            let (shared, round) = (shared.clone(), round.clone());
            spawn_local(async move {
                while !shared.stopping.get() {
                    if let Err(failure) = round().await {
                        shared.failure.replace(Some(failure));
                        return;
                    }
                    shared.rounds.set(shared.rounds.get() + 1);
                    // Each load has its turn, however little it waits for.
                    tokio::task::yield_now().await;
                }
            })
        };
        let workers = RefCell::new((0..workers).map(work).collect());
        Self { name, shared, workers }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// How many rounds there were; an error if none since it was asked last, or if one
    /// failed.
    pub(crate) fn rounds(&self) -> Result<u64, Failure> {
        if let Some(failure) = self.shared.failure.take() {
            return Err(Failure::msg(format!("{}: {failure}", self.name)));
        }
        let rounds = self.shared.rounds.get();
        if rounds == self.shared.seen.replace(rounds) {
            return Err(Failure::msg(format!("{} stands still", self.name)));
        }
        Ok(rounds)
    }

    /// Waits for the rounds that are under way.
    pub(crate) async fn stop(&self) -> Result<(), Failure> {
        self.shared.stopping.set(true);
        for worker in self.workers.take() {
            worker.await?;
        }
        match self.shared.failure.take() {
            Some(failure) => Err(Failure::msg(format!("{}: {failure}", self.name))),
            None => Ok(()),
        }
    }
}

/// What `result` is, in a time that is ample.
pub(crate) async fn soon<T: 'static>(result: Deferred<T>) -> Result<T, Failure> {
    tokio::time::timeout(std::time::Duration::from_secs(60), result).await?
}
