//! What several of the test binaries use: small stacks, values that are
//! counted, orders to try, and numbers that look random.
#![allow(dead_code, reason = "no binary uses all of it")]

use std::cell::Cell;
use std::env;
use std::rc::Rc;
use std::thread;

use deferred::unhandled::{UnhandledObserver, observe};

/// `count`, or less where the environment asks for it: under valgrind and the
/// sanitizers everything takes fifty times as long.
pub(crate) fn scaled(count: usize) -> usize {
    (count / divisor()).max(2)
}

/// What `DEFERRED_TEST_DIVISOR` says.
pub(crate) fn divisor() -> usize {
    let divisor = env::var("DEFERRED_TEST_DIVISOR").ok().and_then(|text| text.parse().ok());
    divisor.unwrap_or(1)
}

/// Runs `test` where a recursion a few thousand deep ends the process.
pub(crate) fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(test);
    if let Err(payload) = thread.expect("a thread").join() {
        std::panic::resume_unwind(payload);
    }
}

/// Takes the unhandled errors of the thread, and keeps none.
pub(crate) fn ignore_unhandled_errors() -> UnhandledObserver {
    observe(|_error| ())
}

/// How many values are alive.
#[derive(Clone, Default)]
pub(crate) struct Counter {
    alive: Rc<Cell<usize>>,
    made: Rc<Cell<usize>>,
}

impl Counter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A value that is counted as long as it lives.
    pub(crate) fn value(&self) -> Counted {
        self.alive.set(self.alive.get() + 1);
        self.made.set(self.made.get() + 1);
        Counted { counter: self.clone() }
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.get()
    }

    /// How many there have ever been: to show that a test made some.
    pub(crate) fn made(&self) -> usize {
        self.made.get()
    }
}

/// A value that is counted by its [`Counter`].
pub(crate) struct Counted {
    counter: Counter,
}

impl Counted {
    /// Shows that it is alive, and keeps a closure that calls it honest.
    pub(crate) fn touch(&self) {
        assert!(self.counter.alive() > 0, "used after it was dropped");
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.counter.value()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counter.alive.set(self.counter.alive.get() - 1);
    }
}

/// All orders of the numbers below `count`.
pub(crate) fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for place in 0..count {
            let mut longer = shorter.clone();
            longer.insert(place, count - 1);
            all.push(longer);
        }
    }
    all
}

/// Numbers that look random, the same ones for a seed.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// A number below `sides`.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).expect("31 bits") % sides
    }
}
