//! [`Bucket`]: holds so much, and drains so fast.
//!
//! Mirrors `twisted.protocols.htb.Bucket`. Tested in `tests/policies/htb.rs`.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::{DelayedCall, ReactorTime};

/// A bucket that holds so many tokens, of which so many drain away each
/// second. What fits in may pass.
///
/// One with a parent takes no more than fits into both, and what it takes
/// counts for both.
///
/// Clones are the same bucket.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::Bucket;
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let bucket = Bucket::new(&clock).max_burst(100).rate(20.0);
/// assert_eq!(bucket.add(150), 100);
/// assert_eq!(bucket.add(10), 0);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(bucket.add(150), 20);
/// ```
#[derive(Clone)]
pub struct Bucket {
    state: Rc<State>,
}

struct State {
    clock: Rc<dyn ReactorTime>,
    parent: Option<Bucket>,
    max_burst: Cell<Option<usize>>,
    rate: Cell<Option<f64>>,
    content: Cell<f64>,
    last_drip: Cell<Duration>,
}

impl Bucket {
    /// One that holds anything, and drains at once.
    ///
    /// See the [type's example](Self).
    pub fn new<C: ReactorTime + Clone + 'static>(clock: &C) -> Self {
        Self::make(Rc::new(clock.clone()), None)
    }

    /// The same within this one, on the same clock.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::htb::Bucket;
    /// let whole = Bucket::new(&Clock::new()).max_burst(10).rate(1.0);
    /// let part = whole.child().max_burst(8).rate(1.0);
    /// assert_eq!(part.add(20), 8);
    /// assert_eq!(whole.add(20), 2);
    /// ```
    #[doc(alias = "parentBucket")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self::make(self.state.clock.clone(), Some(self.clone()))
    }

    fn make(clock: Rc<dyn ReactorTime>, parent: Option<Self>) -> Self {
        let state = State {
            parent,
            max_burst: Cell::new(None),
            rate: Cell::new(None),
            content: Cell::new(0.0),
            last_drip: Cell::new(clock.seconds()),
            clock,
        };
        Self { state: Rc::new(state) }
    }

    /// Sets how much it holds.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "maxburst")]
    #[must_use]
    pub fn max_burst(self, tokens: usize) -> Self {
        self.state.max_burst.set(Some(tokens));
        self
    }

    /// Sets how many tokens drain in a second. What is not a positive number
    /// counts as nothing.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn rate(self, tokens_per_second: f64) -> Self {
        let rate = if tokens_per_second > 0.0 { tokens_per_second } else { 0.0 };
        self.state.rate.set(Some(rate));
        self
    }

    /// Puts in as many of `amount` tokens as fit, here and in the parent; says
    /// how many that were.
    ///
    /// See the [type's example](Self).
    pub fn add(&self, amount: usize) -> usize {
        self.drip();
        let fits = self.room().map_or(amount, |room| amount.min(room));
        let added = self.state.parent.as_ref().map_or(fits, |parent| parent.add(fits));
        self.state.content.set(self.state.content.get() + added as f64);
        added
    }

    /// Puts in all of `amount`, whether it fits or not: for what passed
    /// already. Nothing more fits until as much has drained.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::htb::Bucket;
    /// # use std::time::Duration;
    /// let bucket = Bucket::new(&Clock::new()).max_burst(10).rate(5.0);
    /// bucket.force(20);
    /// assert_eq!(bucket.add(1), 0);
    /// assert_eq!(bucket.wait(), Some(Duration::from_millis(2200)));
    /// ```
    pub fn force(&self, amount: usize) {
        self.drip();
        self.state.content.set(self.state.content.get() + amount as f64);
        if let Some(parent) = &self.state.parent {
            parent.force(amount);
        }
    }

    /// Lets drain what has drained by now, here and in the parent; says
    /// whether it is empty.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::htb::Bucket;
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let bucket = Bucket::new(&clock).rate(10.0);
    /// bucket.add(15);
    /// clock.advance(Duration::from_secs(1));
    /// assert!(!bucket.drip());
    /// clock.advance(Duration::from_secs(1));
    /// assert!(bucket.drip());
    /// ```
    pub fn drip(&self) -> bool {
        let state = &*self.state;
        if let Some(parent) = &state.parent {
            parent.drip();
        }
        let content = match state.rate.get() {
            None => 0.0,
            Some(rate) => {
                let now = state.clock.seconds();
                let passed = now.saturating_sub(state.last_drip.replace(now));
                (state.content.get() - passed.as_secs_f64() * rate).max(0.0)
            }
        };
        state.content.set(content);
        content == 0.0
    }

    /// How much is in it, as of the last [`drip`](Self::drip).
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::htb::Bucket;
    /// let bucket = Bucket::new(&Clock::new()).rate(10.0);
    /// bucket.add(15);
    /// assert_eq!(bucket.content(), 15.0);
    /// ```
    pub fn content(&self) -> f64 {
        self.state.content.get()
    }

    /// How long until one more token fits, here and in the parent; `None` if
    /// it never does.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::htb::Bucket;
    /// # use std::time::Duration;
    /// let bucket = Bucket::new(&Clock::new()).max_burst(10).rate(5.0);
    /// assert_eq!(bucket.wait(), Some(Duration::ZERO));
    /// bucket.add(10);
    /// assert_eq!(bucket.wait(), Some(Duration::from_millis(200)));
    /// ```
    pub fn wait(&self) -> Option<Duration> {
        self.drip();
        let state = &*self.state;
        let here = match (state.max_burst.get(), state.rate.get()) {
            (None, _) => Duration::ZERO,
            (Some(0), _) => return None,
            (Some(max), rate) => {
                let over = state.content.get() + 1.0 - max as f64;
                let rate = rate.unwrap_or(f64::INFINITY);
                if over <= 0.0 {
                    Duration::ZERO
                } else {
                    Duration::try_from_secs_f64(over / rate).ok()?
                }
            }
        };
        match &state.parent {
            Some(parent) => parent.wait().map(|there| there.max(here)),
            None => Some(here),
        }
    }

    /// The most that passes at once, here and in the parent; `None` if
    /// anything does.
    pub(super) fn burst(&self) -> Option<usize> {
        let above = self.state.parent.as_ref().and_then(Self::burst);
        let here = self.state.max_burst.get();
        here.into_iter().chain(above).min()
    }

    fn room(&self) -> Option<usize> {
        // What does not fit as a whole token does not fit.
        let room = |max: usize| (max as f64 - self.state.content.get()).max(0.0) as usize;
        self.state.max_burst.get().map(room)
    }

    /// Whether anybody but `count` holders has it.
    pub(super) fn used_beyond(&self, count: usize) -> bool {
        Rc::strong_count(&self.state) > count
    }

    /// Makes a call on its clock.
    pub(super) fn call_later(&self, delay: Duration, call: impl FnOnce() + 'static) -> DelayedCall {
        self.state.clock.call_later_boxed(delay, Box::new(call))
    }

    pub(super) fn now(&self) -> Duration {
        self.state.clock.seconds()
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("content", &self.content())
            .field("max_burst", &self.state.max_burst.get())
            .field("rate", &self.state.rate.get())
            .field("parent", &self.state.parent)
            .finish()
    }
}
