//! [`TimerQueue`]: the calls that a clock has yet to make.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;

use super::heap::{Entry, Heap, Key};
use super::{Call, DelayedCall, DelayedCallError};

/// Pending calls, by time: what a clock or a reactor keeps them in.
///
/// It does nothing by itself: its owner asks [`next_due`](Self::next_due), and
/// when that time has come makes the calls that [`pop_due`](Self::pop_due)
/// gives. Scheduling, cancelling and moving a call cost the logarithm of their
/// number. Clones are the same queue.
///
/// Calls of one time are made in the order in which they were scheduled; one
/// that was moved to a later time comes before those that were there, and one
/// that was moved to an earlier time behind them. That is what Twisted's
/// `Clock` does, which sorts its list.
///
/// ```
/// use deferred::time::TimerQueue;
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let now = Rc::new(Cell::new(Duration::ZERO));
/// let read = now.clone();
/// let queue = TimerQueue::new(move || read.get());
/// queue.call_later(Duration::from_secs(5), Box::new(|| ()));
///
/// assert_eq!(queue.next_due(), Some(Duration::from_secs(5)));
/// assert!(queue.pop_due().is_none());
/// now.set(Duration::from_secs(5));
/// assert!(queue.pop_due().is_some());
/// assert!(queue.is_empty());
/// ```
#[derive(Clone)]
pub struct TimerQueue {
    inner: Rc<Inner>,
}

pub(super) struct Inner {
    now: Box<dyn Fn() -> Duration>,
    calls: RefCell<Calls>,
}

/// The number of a call's slot.
pub(super) type SlotId = usize;

/// What is known of a call. A slot is used again when its call is no longer
/// pending and nobody has a handle of it.
struct Slot {
    state: State,
    /// How many [`DelayedCall`]s there are.
    handles: u32,
}

enum State {
    /// To be made; `at` is its place in the heap.
    Pending { call: Call, at: usize },
    /// No longer to be made; `due` is when it would have been.
    Over { due: u64, error: DelayedCallError },
}

#[derive(Default)]
struct Calls {
    slots: Slab<Slot>,
    heap: Heap,
    /// The orders given to calls put behind, and before, all others of a time.
    last: i64,
    first: i64,
    /// Calls that were moved, with their keys before; where they belong among
    /// those of one time is settled when it matters.
    moved: Vec<(SlotId, Key)>,
}

impl TimerQueue {
    /// An empty queue on a clock that `now` reads.
    ///
    /// ```
    /// let queue = deferred::time::TimerQueue::new(|| std::time::Duration::ZERO);
    /// assert!(queue.is_empty());
    /// ```
    pub fn new(now: impl Fn() -> Duration + 'static) -> Self {
        Self { inner: Rc::new(Inner { now: Box::new(now), calls: RefCell::default() }) }
    }

    /// Schedules a call.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let queue = deferred::time::TimerQueue::new(|| Duration::from_secs(1));
    /// let call = queue.call_later(Duration::from_secs(2), Box::new(|| ()));
    /// assert_eq!(call.get_time(), Duration::from_secs(3));
    /// ```
    pub fn call_later(&self, delay: Duration, call: Call) -> DelayedCall {
        let due = nanoseconds((self.inner.now)().saturating_add(delay));
        let slot = self.inner.calls.borrow_mut().insert(due, call);
        DelayedCall::new(Rc::downgrade(&self.inner), slot)
    }

    /// When the next call is due.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::from_secs(4), Box::new(|| ()));
    /// assert_eq!(queue.next_due(), Some(Duration::from_secs(4)));
    /// ```
    pub fn next_due(&self) -> Option<Duration> {
        let first = self.inner.calls.borrow().heap.first()?;
        Some(Duration::from_nanos(first.key.due))
    }

    /// The next call, if it is due. It counts as made.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert!(queue.pop_due().is_some());
    /// assert!(queue.pop_due().is_none());
    /// ```
    pub fn pop_due(&self) -> Option<Call> {
        let now = nanoseconds((self.inner.now)());
        self.inner.calls.borrow_mut().pop_due(now)
    }

    /// The pending calls, the next one first.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert_eq!(queue.delayed_calls().len(), 1);
    /// ```
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        let mut calls = self.inner.calls.borrow_mut();
        let slots = calls.in_order();
        for &slot in &slots {
            calls.slots[slot].handles += 1;
        }
        let handle = |slot| DelayedCall::new(Rc::downgrade(&self.inner), slot);
        slots.into_iter().map(handle).collect()
    }

    /// How many calls are pending.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.calls.borrow().heap.len()
    }

    /// Whether none is.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert!(!queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all pending calls; they count as cancelled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let queue = deferred::time::TimerQueue::new(|| Duration::ZERO);
    /// let call = queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// queue.clear();
    /// assert!(!call.active());
    /// ```
    pub fn clear(&self) {
        for call in self.delayed_calls() {
            // One may cancel another as it is dropped.
            let _ = call.cancel();
        }
    }
}

impl fmt::Debug for TimerQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerQueue")
            .field("len", &self.len())
            .field("next_due", &self.next_due())
            .finish()
    }
}

impl Inner {
    pub(super) fn cancel(&self, slot: SlotId) -> Result<(), DelayedCallError> {
        let call = self.calls.borrow_mut().end(slot, DelayedCallError::AlreadyCancelled)?;
        // Dropped here, where what it holds may use the queue.
        drop(call);
        Ok(())
    }

    pub(super) fn move_to(
        &self,
        slot: SlotId,
        due: impl FnOnce(Duration, Duration) -> Duration,
    ) -> Result<(), DelayedCallError> {
        let now = (self.now)();
        let mut calls = self.calls.borrow_mut();
        let at = calls.pending(slot)?;
        let old = Duration::from_nanos(calls.heap.key(at).due);
        calls.move_to(slot, at, nanoseconds(due(now, old)));
        Ok(())
    }

    pub(super) fn is_active(&self, slot: SlotId) -> bool {
        self.calls.borrow().pending(slot).is_ok()
    }

    pub(super) fn due(&self, slot: SlotId) -> Duration {
        let calls = self.calls.borrow();
        Duration::from_nanos(match calls.slots[slot].state {
            State::Pending { at, .. } => calls.heap.key(at).due,
            State::Over { due, .. } => due,
        })
    }

    pub(super) fn add_handle(&self, slot: SlotId) {
        self.calls.borrow_mut().slots[slot].handles += 1;
    }

    pub(super) fn drop_handle(&self, slot: SlotId) {
        let mut calls = self.calls.borrow_mut();
        calls.slots[slot].handles -= 1;
        calls.free_if_over(slot);
    }
}

impl Calls {
    fn insert(&mut self, due: u64, call: Call) -> SlotId {
        self.settle_ties();
        self.last += 1;
        let key = Key { due, order: self.last };
        let slot = self.slots.insert(Slot { state: State::Pending { call, at: 0 }, handles: 1 });
        let Self { heap, slots, .. } = self;
        heap.insert(Entry { key, slot }, |slot, at| slots[slot].set_place(at));
        slot
    }

    /// The place of a pending call in the heap.
    fn pending(&self, slot: SlotId) -> Result<usize, DelayedCallError> {
        match self.slots[slot].state {
            State::Pending { at, .. } => Ok(at),
            State::Over { error, .. } => Err(error),
        }
    }

    fn pop_due(&mut self, now: u64) -> Option<Call> {
        self.settle_ties();
        let first = self.heap.first().filter(|first| first.key.due <= now)?;
        self.end(first.slot, DelayedCallError::AlreadyCalled).ok()
    }

    /// Takes the call out of its slot; `why` is what its handles say from now
    /// on.
    fn end(&mut self, slot: SlotId, why: DelayedCallError) -> Result<Call, DelayedCallError> {
        let at = self.pending(slot)?;
        let due = self.heap.key(at).due;
        let over = State::Over { due, error: why };
        let before = mem::replace(&mut self.slots[slot].state, over);
        let Self { heap, slots, .. } = self;
        heap.remove(at, |slot, at| slots[slot].set_place(at));
        self.free_if_over(slot);
        match before {
            State::Pending { call, .. } => Ok(call),
            State::Over { error, .. } => Err(error),
        }
    }

    fn free_if_over(&mut self, slot: SlotId) {
        let Slot { state, handles } = &self.slots[slot];
        if *handles == 0 && matches!(state, State::Over { .. }) {
            self.slots.remove(slot);
        }
    }

    fn move_to(&mut self, slot: SlotId, at: usize, due: u64) {
        let old = self.heap.key(at);
        self.moved.push((slot, old));
        self.set_key(slot, Key { due, order: old.order });
    }

    fn set_key(&mut self, slot: SlotId, key: Key) {
        if let Ok(at) = self.pending(slot) {
            let Self { heap, slots, .. } = self;
            heap.set_key(at, key, |slot, at| slots[slot].set_place(at));
        }
    }

    /// Puts calls that were moved where a stable sort of the list would put
    /// them.
    fn settle_ties(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        for (slot, key) in self.settled() {
            self.first = self.first.min(key.order);
            self.last = self.last.max(key.order);
            self.set_key(slot, key);
        }
        self.moved.clear();
    }

    /// The keys that calls get which were moved: before those of their new time
    /// if they came from an earlier one, behind them if from a later one, and
    /// among each other as they were.
    fn settled(&self) -> Vec<(SlotId, Key)> {
        // The first entry of each call has the key that it was sorted by.
        let mut moved = self.moved.clone();
        moved.sort_by_key(|&(slot, _)| slot);
        moved.dedup_by_key(|&mut (slot, _)| slot);
        moved.sort_by_key(|&(_, old)| old);
        let (mut first, mut last) = (self.first, self.last);
        let mut settled = Vec::new();
        for &(slot, old) in moved.iter().rev() {
            if let Some(key) = self.key_of(slot, old).filter(|key| key.due > old.due) {
                first -= 1;
                settled.push((slot, Key { order: first, ..key }));
            }
        }
        for &(slot, old) in &moved {
            if let Some(key) = self.key_of(slot, old).filter(|key| key.due < old.due) {
                last += 1;
                settled.push((slot, Key { order: last, ..key }));
            }
        }
        settled
    }

    /// The pending calls, the next one first; looking at them settles nothing.
    fn in_order(&self) -> Vec<SlotId> {
        let settled: HashMap<SlotId, Key> = self.settled().into_iter().collect();
        let mut entries = self.heap.entries().to_vec();
        entries.sort_by_key(|entry| settled.get(&entry.slot).copied().unwrap_or(entry.key));
        entries.into_iter().map(|entry| entry.slot).collect()
    }

    /// The key of a call that was moved, unless it is gone meanwhile and its
    /// slot another's.
    fn key_of(&self, slot: SlotId, old: Key) -> Option<Key> {
        match self.slots.get(slot)?.state {
            State::Pending { at, .. } => {
                Some(self.heap.key(at)).filter(|key| key.order == old.order)
            }
            State::Over { .. } => None,
        }
    }
}

impl Slot {
    fn set_place(&mut self, place: usize) {
        if let State::Pending { at, .. } = &mut self.state {
            *at = place;
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    // Five hundred years; what is beyond never comes.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
