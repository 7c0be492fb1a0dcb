//! [`Queue`]: the lines between those who log and the thread that writes.
//!
//! Tested in `tests/logging/hand_over.rs`; modelled in the package `models`.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::sync::{Condvar, Deadline, Mutex, MutexGuard};

/// A bounded queue between those who log and the thread that writes. It
/// remembers where something was lost.
pub(super) struct Queue<T> {
    pub(super) state: Mutex<State<T>>,
    /// Something has come, or it was closed: for the thread.
    news: Condvar,
    /// Something was written, or the phase is another: for all others.
    pub(super) progress: Condvar,
}

/// An entry that comes out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<T> {
    Item(T),
    /// Here so many items were lost.
    Lost(u64),
}

/// The fate of an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is written.
    Written,
    /// It waits to be.
    Waiting,
    /// There was no room for it; `first` if there was for the one before.
    Lost { first: bool },
    /// The queue is closed.
    Closed,
}

/// ```text
///  Flowing ──somebody waited in vain──> Stalled
///     ^  <──all is written───────────────  │
///     │                                    │
///     └──────────────┬─────────────────────┘
///                  close
///                    v           it took too long
///                 Closing ──────────────────────────> GivenUp
///                    │ all is written                    │
///                    v                                   │
///                  Ended <──the thread has come back─────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Items are written soon: a thread that logs waits for that.
    Flowing,
    /// Nobody waits.
    Stalled,
    /// Nothing comes any more.
    Closing,
    /// Nor is anything written any more.
    GivenUp,
    /// The thread has let go of what it writes to.
    Ended,
}

pub(super) struct State<T> {
    phase: Phase,
    entries: VecDeque<(Entry<T>, usize)>,
    /// The size of the entry that is being written.
    writing: Option<usize>,
    /// The sizes of all that wait or are being written.
    size: usize,
    limit: usize,
    /// How many entries have come, and how many of them are written.
    accepted: u64,
    written: u64,
    lost: u64,
}

impl<T> State<T> {
    /// An item larger than all the room there is has to go through as well.
    fn has_room(&self, size: usize) -> bool {
        self.size == 0 || self.size.saturating_add(size) <= self.limit
    }

    fn add(&mut self, entry: Entry<T>, size: usize) -> u64 {
        self.entries.push_back((entry, size));
        self.size += size;
        self.accepted += 1;
        self.accepted
    }

    /// Counts an item as lost; says whether there was room for the one before.
    fn lose(&mut self) -> bool {
        self.lost += 1;
        if let Some((Entry::Lost(lost), _)) = self.entries.back_mut() {
            *lost += 1;
            return false;
        }
        self.add(Entry::Lost(1), 0);
        true
    }

    /// Leaves all that is not written.
    fn give_up(&mut self) {
        self.phase = Phase::GivenUp;
        let items = self.entries.iter().filter(|(entry, _)| matches!(entry, Entry::Item(_)));
        self.lost += items.count() as u64 + u64::from(self.writing.is_some());
        self.entries.clear();
    }
}

impl<T> Queue<T> {
    pub(super) fn new(limit: usize) -> Self {
        let state = State {
            phase: Phase::Flowing,
            entries: VecDeque::new(),
            writing: None,
            size: 0,
            limit,
            accepted: 0,
            written: 0,
            lost: 0,
        };
        Self { state: Mutex::new(state), news: Condvar::new(), progress: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an item over, and waits for it to be written, while that flows, at
    /// most until `patience` ends.
    pub(super) fn push(&self, item: T, size: usize, patience: &Deadline) -> Pushed {
        let mut state =
            self.wait_while_flowing(self.lock(), patience, |state| !state.has_room(size));
        if !matches!(state.phase, Phase::Flowing | Phase::Stalled) {
            return Pushed::Closed;
        }
        if !state.has_room(size) {
            return Pushed::Lost { first: state.lose() };
        }
        let number = state.add(Entry::Item(item), size);
        self.news.notify_one();
        state = self.wait_while_flowing(state, patience, |state| state.written < number);
        if state.written < number { Pushed::Waiting } else { Pushed::Written }
    }

    /// Waits while items flow; one wait in vain has the others wait no more.
    fn wait_while_flowing<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        patience: &Deadline,
        condition: impl Fn(&State<T>) -> bool,
    ) -> MutexGuard<'a, State<T>> {
        if patience.is_now() {
            return state;
        }
        while state.phase == Phase::Flowing && condition(&state) {
            let passed;
            (state, passed) = patience.wait(&self.progress, state);
            if passed && state.phase == Phase::Flowing && condition(&state) {
                state.phase = Phase::Stalled;
                self.progress.notify_all();
            }
        }
        state
    }

    /// The next entry for the thread, which is to say when it is
    /// [done](Self::done) with it; `None` when nothing will come any more.
    pub(super) fn next(&self) -> Option<Entry<T>> {
        let mut state = self.lock();
        loop {
            if let Some((entry, size)) = state.entries.pop_front() {
                state.writing = Some(size);
                return Some(entry);
            }
            if !matches!(state.phase, Phase::Flowing | Phase::Stalled) {
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread has written the entry, or failed to.
    pub(super) fn done(&self) {
        let mut state = self.lock();
        state.size -= state.writing.take().unwrap_or(0);
        state.written += 1;
        if state.phase == Phase::Stalled && state.entries.is_empty() {
            state.phase = Phase::Flowing;
        }
        self.progress.notify_all();
    }

    /// The thread has let go of what it writes to.
    pub(super) fn ended(&self) {
        self.lock().phase = Phase::Ended;
        self.progress.notify_all();
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Flowing | Phase::Stalled) {
            state.phase = Phase::Closing;
            self.news.notify_one();
            self.progress.notify_all();
        }
    }

    /// Waits, once it was closed, for the thread to have written all and let go
    /// of what it writes to; leaves what is not written by the deadline. Says
    /// whether all was.
    pub(super) fn wait_for_end(&self, deadline: &Deadline) -> bool {
        let mut state = self.lock();
        while state.phase == Phase::Closing {
            let passed;
            (state, passed) = deadline.wait(&self.progress, state);
            if passed && state.phase == Phase::Closing {
                state.give_up();
                self.progress.notify_all();
            }
        }
        state.phase == Phase::Ended
    }

    /// Waits, at most until the deadline, for all that has come by now to be
    /// written; says whether it is.
    pub(super) fn flush(&self, deadline: &Deadline) -> bool {
        let mut state = self.lock();
        let all = state.accepted;
        while state.written < all && !matches!(state.phase, Phase::GivenUp | Phase::Ended) {
            let passed;
            (state, passed) = deadline.wait(&self.progress, state);
            if passed {
                break;
            }
        }
        state.written >= all
    }

    /// Whether what is not written is left.
    pub(super) fn given_up(&self) -> bool {
        self.lock().phase == Phase::GivenUp
    }

    /// How many items were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }
}
