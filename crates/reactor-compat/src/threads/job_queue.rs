//! [`JobQueue`]: the jobs of a thread pool, and how many threads are at them.
//!
//! It starts no thread itself: it says how many are to be started. Tested in
//! `tests/runtime/thread_pool.rs`, and in all orders of the threads' steps in
//! the package `models`.

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;

use crate::sync::{Mutex, MutexGuard};

/// The phases of a queue; `S` is what starts threads.
///
/// ```text
/// Waiting ──start──▶ Started ──stop──▶ Stopped
///    └──────────────stop──────────────────▲
/// ```
enum Phase<S> {
    Waiting,
    Started(S),
    Stopped,
}

/// Why a job is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Stopped,
    Full,
}

/// Threads that are to be started: each calls [`JobQueue::next`] until there is
/// no more.
#[must_use = "they count as working"]
pub(crate) struct NewThreads<S> {
    pub(crate) starter: S,
    pub(crate) count: usize,
}

struct State<J, S> {
    phase: Phase<S>,
    jobs: VecDeque<J>,
    /// How many threads are at work.
    working: usize,
    threads: usize,
    backlog: usize,
}

/// The jobs of a thread pool.
pub(crate) struct JobQueue<J, S> {
    state: Mutex<State<J, S>>,
}

impl<J, S: Clone> JobQueue<J, S> {
    /// A queue for no more than `threads` threads, one at least, at a time.
    pub(crate) fn new(threads: usize) -> Self {
        let state = State {
            phase: Phase::Waiting,
            jobs: VecDeque::new(),
            working: 0,
            threads: threads.max(1),
            backlog: usize::MAX,
        };
        Self { state: Mutex::new(state) }
    }

    /// Starts; one that was started or stopped before stays as it is.
    pub(crate) fn start(&self, starter: S) -> Option<NewThreads<S>> {
        let mut state = self.state();
        if matches!(state.phase, Phase::Waiting) {
            state.phase = Phase::Started(starter);
            return state.new_threads();
        }
        None
    }

    /// Takes no more jobs, and gives those that wait.
    pub(crate) fn stop(&self) -> VecDeque<J> {
        let mut state = self.state();
        let phase = mem::replace(&mut state.phase, Phase::Stopped);
        let jobs = mem::take(&mut state.jobs);
        drop(state);
        drop(phase);
        jobs
    }

    /// Takes a job; gives it back if it is refused.
    pub(crate) fn submit(&self, job: J) -> Result<Option<NewThreads<S>>, (J, Refused)> {
        let mut state = self.state();
        let full = state.jobs.len() >= state.backlog;
        let refused = match state.phase {
            Phase::Stopped => Some(Refused::Stopped),
            Phase::Started(_) if state.working < state.threads => None,
            Phase::Waiting | Phase::Started(_) => full.then_some(Refused::Full),
        };
        if let Some(refused) = refused {
            return Err((job, refused));
        }
        state.jobs.push_back(job);
        Ok(state.new_threads())
    }

    /// Sets how many threads may work, one at least. If that is fewer than do, it
    /// comes down to it as they become free.
    pub(crate) fn resize(&self, threads: usize) -> Option<NewThreads<S>> {
        let mut state = self.state();
        state.threads = threads.max(1);
        state.new_threads()
    }

    /// Sets how many jobs may wait.
    pub(crate) fn set_backlog(&self, jobs: usize) {
        self.state().backlog = jobs;
    }

    /// The next job for a thread that works; if there is none, the thread no
    /// longer counts.
    pub(crate) fn next(&self) -> Option<J> {
        let mut state = self.state();
        let enough = state.working > state.threads;
        let job = if enough { None } else { state.jobs.pop_front() };
        if job.is_none() {
            state.working -= 1;
        }
        job
    }

    /// A thread ends, or never began, without having asked for its next job.
    pub(crate) fn lose_thread(&self) {
        self.state().working -= 1;
    }

    /// How many threads may work.
    pub(crate) fn threads(&self) -> usize {
        self.state().threads
    }

    /// How many threads work.
    pub(crate) fn working(&self) -> usize {
        self.state().working
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().jobs.len()
    }

    fn state(&self) -> MutexGuard<'_, State<J, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, S: Clone> State<J, S> {
    /// As many threads as there are jobs for.
    fn new_threads(&mut self) -> Option<NewThreads<S>> {
        let Phase::Started(starter) = &self.phase else { return None };
        let idle = self.threads.saturating_sub(self.working);
        let count = idle.min(self.jobs.len());
        self.working += count;
        (count > 0).then(|| NewThreads { starter: starter.clone(), count })
    }
}
