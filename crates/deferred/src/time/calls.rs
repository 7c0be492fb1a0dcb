//! The calls of a [`TimerQueue`](super::TimerQueue): which of them are pending,
//! and which is the next.
//!
//! Cancelling or moving a call changes its slot and nothing else; the entry
//! that it leaves behind in the heap is *stale*, and is thrown away when it
//! comes up, or when there are more of them than of the others. What was
//! scheduled or moved is put in the heap, all of it at once, when the next call is
//! wanted, so that one which is cancelled before costs the heap
//! nothing. Twisted's reactors do both (`_newDelayedCalls`,
//! `_cancellations`).
//!
//! Beside the heap there is a sorted list. When more calls come at once than
//! there were, all are sorted into it: taking the next one from the end of a
//! list is cheaper than taking it from a heap, which for a million calls is
//! memory far apart. Tested in `tests/chains/time.rs`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::mem;

use slab::Slab;

use super::{Call, DelayedCallError};

/// Number of stale entries that is never too large, and of calls that room is
/// kept for when there are none.
const FEW: usize = 64;

/// Number of slots to one in use at which room is given up.
const SHARE: usize = 8;

/// The number of a call's slot.
pub(super) type SlotId = usize;

/// Time at which a call is due, and its order among those of one time. No two
/// calls have had the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Nanoseconds on the clock.
    pub(super) due: u64,
    pub(super) order: i64,
}

/// Entry of a call in the heap; stale once its call has another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: Key,
    slot: SlotId,
}

/// Slot of a call, which is used again when the call is no longer pending and
/// nobody has a handle of it.
struct Slot {
    state: State,
    /// Number of [`DelayedCall`](super::DelayedCall)s.
    handles: u32,
    /// Whether it is in the list of those that were moved.
    moved: bool,
}

enum State {
    /// The call is to be made.
    Pending { call: Call, key: Key },
    /// The call is no longer to be made; `due` is when it would have been.
    Over { due: u64, error: DelayedCallError },
}

/// A time before which nothing is due, if there is one.
struct Soonest(u64);

#[derive(Default)]
pub(super) struct Calls {
    slots: Slab<Slot>,
    /// Permit is given up when no more slots than these are in use.
    trim_at: usize,
    /// Number of pending calls.
    pending: usize,
    heap: BinaryHeap<Reverse<Entry>>,
    /// The next one last.
    sorted: Vec<Entry>,
    /// Entries that are yet to be put in one of the two.
    fresh: Vec<Entry>,
    /// The smallest of the times of those that are fresh, or were moved.
    soonest: Soonest,
    /// The orders given to calls put behind, and before, all others of a time.
    last: i64,
    first: i64,
    /// Calls that were moved, each once, with the key before that; where they
    /// belong among those of one time is settled when it matters.
    moved: Vec<(Key, SlotId)>,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.pending
    }

    /// The order of the call that was scheduled last.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// A slot for a call, with one handle.
    pub(super) fn insert(&mut self, due: u64, call: Call) -> SlotId {
        self.settle_ties();
        self.last += 1;
        let key = Key { due, order: self.last };
        let state = State::Pending { call, key };
        let slot = self.slots.insert(Slot { state, handles: 1, moved: false });
        self.trim_at = self.trim_at.max(self.slots.len() / SHARE);
        self.pending += 1;
        self.soonest.lower(due);
        self.put(Entry { key, slot });
        slot
    }

    /// The key of a call that is pending; if it is not, why.
    pub(super) fn pending(&self, slot: SlotId) -> Result<Key, DelayedCallError> {
        match self.slots[slot].state {
            State::Pending { key, .. } => Ok(key),
            State::Over { error, .. } => Err(error),
        }
    }

    /// The time at which the call is, or was, due.
    pub(super) fn due(&self, slot: SlotId) -> u64 {
        match self.slots[slot].state {
            State::Pending { key, .. } => key.due,
            State::Over { due, .. } => due,
        }
    }

    pub(super) fn add_handle(&mut self, slot: SlotId) {
        self.slots[slot].handles += 1;
    }

    pub(super) fn drop_handle(&mut self, slot: SlotId) {
        self.slots[slot].handles -= 1;
        self.free_if_over(slot);
    }

    /// Takes the call out of its slot; `why` is what its handles say from now
    /// on.
    pub(super) fn end(
        &mut self,
        slot: SlotId,
        why: DelayedCallError,
    ) -> Result<Call, DelayedCallError> {
        let due = self.pending(slot)?.due;
        let over = State::Over { due, error: why };
        let before = mem::replace(&mut self.slots[slot].state, over);
        self.pending -= 1;
        self.free_if_over(slot);
        match before {
            State::Pending { call, .. } => Ok(call),
            State::Over { error, .. } => Err(error),
        }
    }

    /// Moves the call to another time.
    pub(super) fn move_to(&mut self, slot: SlotId, due: u64) {
        let Slot { state, moved, .. } = &mut self.slots[slot];
        if let State::Pending { key, .. } = state {
            if !mem::replace(moved, true) {
                self.moved.push((*key, slot));
            }
            key.due = due;
            self.soonest.lower(due);
        }
    }

    /// The next call, if it is due `now` and its order is no more than `last`.
    pub(super) fn pop_due(&mut self, now: u64, last: i64) -> Option<Call> {
        self.settle();
        loop {
            let first = self.peek()?;
            if first.key.due > now {
                return None;
            }
            let valid = is_valid(&self.slots, &first);
            if valid && first.key.order > last {
                return None;
            }
            self.pop(first);
            if valid {
                return self.end(first.slot, DelayedCallError::AlreadyCalled).ok();
            }
        }
    }

    /// A time before which no call is due; `None` if there is no call.
    pub(super) fn not_before(&self) -> Option<u64> {
        let first = self.peek().map_or(u64::MAX, |first| first.key.due);
        (self.pending > 0).then(|| first.min(self.soonest.0))
    }

    /// The time at which the next call is due.
    pub(super) fn next_due(&mut self) -> Option<u64> {
        self.settle();
        loop {
            let first = self.peek()?;
            if is_valid(&self.slots, &first) {
                return Some(first.key.due);
            }
            self.pop(first);
        }
    }

    /// The first entry, stale or not.
    fn peek(&self) -> Option<Entry> {
        match (self.sorted.last(), self.heap.peek()) {
            (Some(sorted), Some(Reverse(other))) => Some(*sorted.min(other)),
            (Some(entry), None) | (None, Some(Reverse(entry))) => Some(*entry),
            (None, None) => None,
        }
    }

    /// Takes the first entry away.
    fn pop(&mut self, first: Entry) {
        if self.sorted.pop_if(|entry| *entry == first).is_none() {
            self.heap.pop();
        }
    }

    /// The pending calls, the next one first; looking at them settles nothing.
    pub(super) fn in_order(&mut self) -> Vec<SlotId> {
        let settled: HashMap<SlotId, Key> = self.settled().into_iter().collect();
        let mut entries: Vec<Entry> = self
            .slots
            .iter()
            .filter_map(|(slot, Slot { state, .. })| match state {
                State::Pending { key, .. } => {
                    Some(Entry { key: settled.get(&slot).copied().unwrap_or(*key), slot })
                }
                State::Over { .. } => None,
            })
            .collect();
        entries.sort_unstable();
        entries.into_iter().map(|entry| entry.slot).collect()
    }

    #[inline]
    fn put(&mut self, entry: Entry) {
        self.fresh.push(entry);
        if self.entries() > 2 * self.pending + FEW {
            self.purge();
        }
    }

    fn entries(&self) -> usize {
        self.fresh.len() + self.sorted.len() + self.heap.len()
    }

    /// Throws stale entries away.
    #[cold]
    fn purge(&mut self) {
        let Self { slots, fresh, sorted, heap, .. } = self;
        fresh.retain(|entry| is_valid(slots, entry));
        sorted.retain(|entry| is_valid(slots, entry));
        heap.retain(|Reverse(entry)| is_valid(slots, entry));
    }

    fn free_if_over(&mut self, slot: SlotId) {
        let Slot { state, handles, .. } = &self.slots[slot];
        if *handles > 0 || matches!(state, State::Pending { .. }) {
            return;
        }
        self.slots.remove(slot);
        if self.slots.is_empty() {
            self.forget();
        } else if self.slots.len() <= self.trim_at.max(FEW) && self.slots.capacity() > SHARE * FEW {
            self.trim();
        }
    }

    /// Gives up room behind the last slot in use, and that of stale entries.
    /// It costs little if that last one is still in use, as it is most times
    /// when it did not help before.
    #[cold]
    fn trim(&mut self) {
        self.trim_at = self.slots.len() / SHARE;
        self.slots.shrink_to_fit();
        // Until calls that were moved have their place, which entries are
        // stale is not known.
        if self.moved.is_empty() {
            self.purge();
            let room = 2 * self.pending + FEW;
            self.fresh.shrink_to(room);
            self.sorted.shrink_to(room);
            self.heap.shrink_to(room);
        }
    }

    /// Lets go of all entries, for all are stale.
    fn forget(&mut self) {
        self.fresh.clear();
        self.sorted.clear();
        self.heap.clear();
        if self.slots.capacity() > FEW {
            self.slots = Slab::new();
            self.trim_at = 0;
            self.fresh.shrink_to(FEW);
            self.sorted.shrink_to(FEW);
            self.heap.shrink_to(FEW);
        }
    }

    /// Puts what is fresh where it is to be.
    fn settle(&mut self) {
        self.settle_ties();
        self.soonest = Soonest::default();
        if self.fresh.is_empty() {
            return;
        }
        let Self { slots, fresh, sorted, heap, .. } = self;
        let fresh_ones = fresh.drain(..).filter(|entry| is_valid(slots, entry));
        if fresh_ones.size_hint().1 > Some(FEW + sorted.len() + heap.len()) {
            sorted.extend(heap.drain().map(|Reverse(entry)| entry).chain(fresh_ones));
            sorted.sort_unstable_by(|one, other| other.cmp(one));
        } else {
            heap.extend(fresh_ones.map(Reverse));
        }
        fresh.shrink_to(FEW);
    }

    /// Puts calls that were moved where a stable sort of the list would put
    /// them.
    fn settle_ties(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        for (slot, new) in self.settled() {
            self.first = self.first.min(new.order);
            self.last = self.last.max(new.order);
            if let State::Pending { key, .. } = &mut self.slots[slot].state {
                *key = new;
            }
            self.put(Entry { key: new, slot });
        }
        for (_, slot) in self.moved.drain(..) {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.moved = false;
            }
        }
        self.moved.shrink_to(FEW);
    }

    /// The keys that calls get which were moved: before those of their new time
    /// if they came from an earlier one, behind them if from a later one, and
    /// among each other as they were.
    fn settled(&mut self) -> Vec<(SlotId, Key)> {
        self.moved.sort_unstable();
        let mut settled = Vec::with_capacity(self.moved.len());
        let mut order = self.first;
        for &(old, slot) in self.moved.iter().rev() {
            if let Some(due) = self.due_if_pending(slot).filter(|due| *due > old.due) {
                order -= 1;
                settled.push((slot, Key { due, order }));
            }
        }
        order = self.last;
        for &(old, slot) in &self.moved {
            if let Some(due) = self.due_if_pending(slot).filter(|due| *due < old.due) {
                order += 1;
                settled.push((slot, Key { due, order }));
            }
        }
        settled
    }

    /// Until the list is settled no slot becomes another call's.
    fn due_if_pending(&self, slot: SlotId) -> Option<u64> {
        match self.slots.get(slot)?.state {
            State::Pending { key, .. } => Some(key.due),
            State::Over { .. } => None,
        }
    }
}

impl Soonest {
    fn lower(&mut self, due: u64) {
        self.0 = self.0.min(due);
    }
}

impl Default for Soonest {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

/// Whether the entry is of a pending call, and has the key that it has now.
/// There must be none that were moved and not settled.
fn is_valid(slots: &Slab<Slot>, entry: &Entry) -> bool {
    match slots.get(entry.slot) {
        Some(Slot { state: State::Pending { key, .. }, .. }) => *key == entry.key,
        Some(_) | None => false,
    }
}
