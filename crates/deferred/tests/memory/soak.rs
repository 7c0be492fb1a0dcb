//! A long random mixture of everything: nothing panics, nothing is left.
//!
//! There is no model here, only the promise that whatever is done in whatever
//! order, all values are dropped when the last handle is, and the library
//! never panics. `DEFERRED_TEST_DIVISOR` makes it shorter.
//!
//! What waits for what has no circles here: everything waits only for what was
//! made before it. Circles that users make out of values that hold one another
//! are theirs, as everywhere in Rust.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Counted, Counter, Random, ignore_unhandled_errors, scaled};
use deferred::time::Clock;
use deferred::{
    CancelHandle, Deferred, DeferredList, DeferredLock, DeferredQueue, DeferredSemaphore, Failure,
    Outcome, Trigger, Waiters, ensure_deferred, gather_results, race,
};
use futures::StreamExt;

const STEPS: usize = 20_000;
const SEEDS: u64 = 10;
/// How many handles of a kind are kept.
const MAX_HANDLES: usize = 24;

struct Soak {
    random: RefCell<Random>,
    counter: Counter,
    /// With the numbers in whose order they were made.
    deferreds: RefCell<Vec<(usize, Deferred<Counted>)>>,
    made: Cell<usize>,
    triggers: RefCell<Vec<Trigger<Counted>>>,
    handles: RefCell<Vec<CancelHandle>>,
    clock: Clock,
    lock: DeferredLock,
    semaphore: DeferredSemaphore,
    queue: DeferredQueue<Counted>,
    waiters: Waiters<Counted>,
    ran: Cell<usize>,
    depth: Cell<usize>,
}

impl Soak {
    fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            random: RefCell::new(Random::new(seed)),
            counter: Counter::new(),
            deferreds: RefCell::default(),
            made: Cell::new(0),
            triggers: RefCell::default(),
            handles: RefCell::default(),
            clock: Clock::new(),
            lock: DeferredLock::new(),
            semaphore: DeferredSemaphore::new(2).expect("two"),
            queue: DeferredQueue::bounded(Some(8), Some(8)),
            waiters: Waiters::new(),
            ran: Cell::new(0),
            depth: Cell::new(0),
        })
    }

    fn below(&self, sides: usize) -> usize {
        self.random.borrow_mut().below(sides)
    }

    /// Takes one of them out.
    fn pick<T>(&self, crowd: &RefCell<Vec<T>>) -> Option<T> {
        let count = crowd.borrow().len();
        (count > 0).then(|| crowd.borrow_mut().swap_remove(self.below(count)))
    }

    /// Keeps it, and drops another when there are too many.
    fn keep<T>(&self, crowd: &RefCell<Vec<T>>, value: T) {
        crowd.borrow_mut().push(value);
        if crowd.borrow().len() > MAX_HANDLES {
            drop(self.pick(crowd));
        }
    }

    /// Keeps a new one.
    fn keep_deferred(&self, d: Deferred<Counted>) {
        self.made.set(self.made.get() + 1);
        self.keep(&self.deferreds, (self.made.get(), d));
    }

    fn pick_deferred(&self) -> Option<Deferred<Counted>> {
        self.pick(&self.deferreds).map(|(_number, d)| d)
    }

    /// One that was made before that with this number.
    fn pick_older(&self, number: usize) -> Option<Deferred<Counted>> {
        let picked = self.pick(&self.deferreds)?;
        if picked.0 < number {
            return Some(picked.1);
        }
        self.keep(&self.deferreds, picked);
        None
    }

    fn make(&self) {
        let counted = self.counter.value();
        let (d, trigger) = match self.below(3) {
            0 => Deferred::with_canceller(move |trigger: &Trigger<Counted>| {
                let _ = trigger.callback(counted);
            }),
            1 => Deferred::with_canceller(move |_| counted.touch()),
            _ => Deferred::new(),
        };
        self.keep(&self.triggers, trigger);
        self.keep_deferred(d);
    }

    /// What callbacks do: count, perhaps something else, and return anything.
    fn callback(
        self: &Rc<Self>,
        number: usize,
        result: Result<Counted, Failure>,
    ) -> Outcome<Counted> {
        self.ran.set(self.ran.get() + 1);
        if self.depth.get() < 8 && self.below(3) == 0 {
            self.depth.set(self.depth.get() + 1);
            self.step();
            self.depth.set(self.depth.get() - 1);
        }
        match self.below(6) {
            0 => Outcome::Done(Err(std::fmt::Error.into())),
            1 => std::panic::resume_unwind(Box::new("on purpose")),
            2 => self.pick_older(number).map_or(Outcome::Done(result), Outcome::Wait),
            3 => Outcome::Done(Ok(self.counter.value())),
            _ => Outcome::Done(result),
        }
    }

    fn add(self: &Rc<Self>) {
        let Some((number, d)) = self.pick(&self.deferreds) else { return };
        // Weak: what a callback holds strongly of what holds it is a cycle.
        let (weak, counted) = (Rc::downgrade(self), self.counter.value());
        let d = d.add_both(move |result| {
            counted.touch();
            match weak.upgrade() {
                Some(this) => this.callback(number, result),
                None => Outcome::Done(result),
            }
        });
        self.keep(&self.deferreds, (number, d));
    }

    fn several(&self) -> Vec<Deferred<Counted>> {
        (0..=self.below(3)).filter_map(|_| self.pick_deferred()).collect()
    }

    fn combine(&self) {
        let members = self.several();
        let counted = self.counter.value();
        let d = match self.below(4) {
            0 => DeferredList::new(members).into_deferred().add_callback(move |_| Ok(counted)),
            1 => DeferredList::new(members)
                .fire_on_one_callback()
                .consume_errors()
                .into_deferred()
                .add_callback(move |_| Ok(counted)),
            2 => gather_results(members).add_callback(move |_| Ok(counted)),
            _ => race(members).add_callback(|(_, value)| Ok(value)),
        };
        self.keep_deferred(d);
    }

    fn coroutine(&self) {
        let Some(awaited) = self.pick_deferred() else { return };
        let counted = self.counter.value();
        let future = async move {
            let result = awaited.await;
            counted.touch();
            result
        };
        let d = match self.below(3) {
            0 => Deferred::from_future(future),
            _ => ensure_deferred(future),
        };
        self.keep_deferred(d);
    }

    fn synchronise(self: &Rc<Self>) {
        let counted = self.counter.value();
        let d = match self.below(9) {
            0 => {
                // New: one that waits for the lock would close a circle.
                let (work, trigger) = Deferred::new();
                self.keep(&self.triggers, trigger);
                self.lock.run(move || {
                    counted.touch();
                    work
                })
            }
            1 => self.semaphore.run(move || Ok(counted)),
            2 => self.lock.acquire_guard().add_both(move |_guard| Ok(counted)),
            3 => return drop(self.queue.put(counted)),
            4 => return drop((self.lock.acquire(), self.semaphore.acquire().add_errback(Err))),
            5 => return self.waiters.callback(counted),
            6 => self.waiters.wait(),
            7 => {
                let mut stream = self.queue.stream();
                ensure_deferred(async move { Ok(stream.next().await.unwrap_or(counted)) })
            }
            _ => match self.queue.get() {
                Ok(d) => d,
                Err(_) => return,
            },
        };
        self.keep_deferred(d);
    }

    fn step(self: &Rc<Self>) {
        match self.below(16) {
            0 | 1 => self.make(),
            2 | 3 => self.add(),
            4 | 5 => {
                if let Some(trigger) = self.pick(&self.triggers) {
                    let _ = trigger.callback(self.counter.value());
                    if self.below(2) == 0 {
                        self.keep(&self.triggers, trigger);
                    }
                }
            }
            6 => drop(self.pick(&self.triggers).map(|trigger| trigger.errback(std::fmt::Error))),
            7 => {
                if let Some(picked) = self.pick(&self.deferreds) {
                    self.keep(&self.handles, picked.1.cancel_handle());
                    self.keep(&self.deferreds, picked);
                }
            }
            8 => drop(self.pick(&self.handles).map(|handle| handle.cancel())),
            9 => {
                if let Some(picked) = self.pick(&self.deferreds) {
                    picked.1.pause();
                    self.step_if_shallow();
                    picked.1.unpause();
                    self.keep(&self.deferreds, picked);
                }
            }
            10 => self.combine(),
            11 => self.coroutine(),
            12 => self.synchronise(),
            13 => {
                if let Some(d) = self.pick_deferred() {
                    let timeout = Duration::from_secs(self.below(5) as u64);
                    self.keep_deferred(d.add_timeout(timeout, &self.clock));
                }
            }
            14 => self.clock.advance(Duration::from_secs(1)),
            _ => {
                if let Some(d) = self.pick_deferred() {
                    let (other, trigger) = Deferred::new();
                    drop(d.chain_deferred(trigger));
                    self.keep_deferred(other);
                }
            }
        }
    }

    fn step_if_shallow(self: &Rc<Self>) {
        if self.depth.get() < 8 {
            self.depth.set(self.depth.get() + 1);
            self.step();
            self.depth.set(self.depth.get() - 1);
        }
    }
}

/// Plays one seed, and drops everything in an order of its own.
fn soak(seed: u64) {
    let _ignore = ignore_unhandled_errors();
    let soak = Soak::new(seed);
    let counter = soak.counter.clone();
    let steps = scaled(STEPS);
    for _ in 0..steps {
        soak.step();
    }
    assert!(soak.ran.get() > steps / 50, "only {} callbacks ran", soak.ran.get());
    assert!(counter.made() > steps / 2, "only {} values", counter.made());
    let mut order = [0, 1, 2];
    order.rotate_left(soak.below(3));
    for kind in order {
        match kind {
            0 => drop(soak.deferreds.take()),
            1 => drop(soak.triggers.take()),
            _ => drop(soak.handles.take()),
        }
    }
    // Dropping runs callbacks, which keep new ones.
    while !soak.deferreds.borrow().is_empty() || !soak.triggers.borrow().is_empty() {
        drop(soak.deferreds.take());
        drop(soak.triggers.take());
        drop(soak.handles.take());
    }
    drop(soak);
    assert_eq!(counter.alive(), 0, "left over with seed {seed}");
}

#[test]
fn everything_at_once_for_a_while() {
    (0..SEEDS).for_each(soak);
}
