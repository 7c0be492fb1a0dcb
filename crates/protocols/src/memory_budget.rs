//! [`MemoryBudget`]: how much memory the peers of many connections may use, all
//! together.
//!
//! Tested in `tests/bad_input/crowd.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use reactor_compat::Transport;
use thiserror::Error;

/// How many bytes the peers of many connections may use, all together: a bound for
/// a factory, or for several, where the limits of a connection bound one peer.
///
/// Counted is what peers make a connection keep: unfinished messages, those that
/// wait behind a pause, commands that are worked on, and answers that the peer
/// does not read. The first [`FREE`](Self::FREE) bytes of each connection are not
/// counted, so that those who need no more are served even when others have used
/// up all. A connection whose peer needs more than is left ends, with
/// [`MemoryBudgetExceeded`].
///
/// [`Lines`](crate::basic::Lines::budget), [`Strings`](crate::basic::Strings::budget)
/// and [`Stateful`](crate::stateful::Stateful::budget) have none unless they are given
/// one; [`Amp`](crate::amp::Amp::with_budget) then has
/// [that of its thread](Self::of_thread). Clones are the same budget.
///
/// ```
/// use protocols::MemoryBudget;
/// use protocols::basic::{FramedTransport, Int32Strings, StringConnection, StringReceiver};
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory, Protocol};
///
/// struct Store;
///
/// impl Protocol<FramedTransport> for Store {}
///
/// impl StringReceiver for Store {
///     const MAX_LENGTH: usize = 1 << 20;
///
///     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
/// }
///
/// let budget = MemoryBudget::new(100_000);
/// let all = budget.clone();
/// let mut factory = move |_peer: Address| Int32Strings::new(Store).budget(&budget);
/// let peers: Vec<_> = (0..2)
///     .map(|_| StringTransport::new(factory.build_protocol(Address::Pipe).unwrap()))
///     .collect();
/// let half_a_string = [&[0, 2, 0, 0][..], &[b'x'; 100_000]].concat();
/// peers[0].data_received(&half_a_string);
/// assert!(peers[0].connected() && all.used() > 0);
/// peers[1].data_received(&half_a_string);
/// assert!(!peers[1].connected(), "there is not enough for both");
/// ```
#[derive(Clone)]
pub struct MemoryBudget {
    pool: Rc<Pool>,
}

struct Pool {
    limit: usize,
    /// How much the shares count for together.
    used: Cell<usize>,
    next: Cell<u64>,
    shares: RefCell<BTreeMap<u64, Rc<Counted>>>,
}

/// The count of one connection.
struct Counted {
    transport: Transport,
    /// The bytes that its protocol keeps.
    kept: Cell<usize>,
    /// How many of the bytes that are unsent are not the peer's doing.
    unasked: Cell<usize>,
    /// How much the pool counts.
    charged: Cell<usize>,
}

impl Counted {
    fn charge(&self) -> usize {
        let unsent = self.transport.unsent().saturating_sub(self.unasked.get());
        self.kept.get().saturating_add(unsent).saturating_sub(MemoryBudget::FREE)
    }
}

thread_local! {
    static OF_THREAD: MemoryBudget = MemoryBudget::new(MemoryBudget::OF_THREAD);
}

impl MemoryBudget {
    /// How many bytes of each connection are not counted.
    ///
    /// ```
    /// assert_eq!(protocols::MemoryBudget::FREE, 32 * 1024);
    /// ```
    pub const FREE: usize = 32 * 1024;

    /// How much the budget [of a thread](Self::of_thread) has.
    ///
    /// ```
    /// assert_eq!(protocols::MemoryBudget::OF_THREAD, 64 << 20);
    /// ```
    pub const OF_THREAD: usize = 64 << 20;

    /// A budget of so many bytes. With `usize::MAX` nothing is bounded.
    ///
    /// See the [type's example](Self).
    pub fn new(bytes: usize) -> Self {
        let (used, next) = (Cell::new(0), Cell::new(0));
        Self { pool: Rc::new(Pool { limit: bytes, used, next, shares: RefCell::default() }) }
    }

    /// The budget of this thread, which has [`OF_THREAD`](Self::OF_THREAD) bytes:
    /// that of all AMP connections for which no other is set.
    ///
    /// ```
    /// use protocols::MemoryBudget;
    ///
    /// assert_eq!(MemoryBudget::of_thread().limit(), MemoryBudget::OF_THREAD);
    /// ```
    pub fn of_thread() -> Self {
        OF_THREAD.with(Clone::clone)
    }

    /// How many bytes it has.
    ///
    /// ```
    /// assert_eq!(protocols::MemoryBudget::new(1000).limit(), 1000);
    /// ```
    pub fn limit(&self) -> usize {
        self.pool.limit
    }

    /// How many of them are used.
    ///
    /// ```
    /// assert_eq!(protocols::MemoryBudget::new(1000).used(), 0);
    /// ```
    pub fn used(&self) -> usize {
        self.pool.recount();
        self.pool.used.get()
    }

    /// The share of a connection.
    pub(crate) fn share(&self, transport: &Transport) -> Share {
        let counted = Rc::new(Counted {
            transport: transport.clone(),
            kept: Cell::new(0),
            unasked: Cell::new(0),
            charged: Cell::new(0),
        });
        let number = self.pool.next.get();
        self.pool.next.set(number + 1);
        self.pool.shares.borrow_mut().insert(number, counted.clone());
        Share { pool: self.pool.clone(), number, counted }
    }
}

impl Pool {
    /// Counts anew: what was unsent may have gone out, which nobody says.
    fn recount(&self) {
        let mut used = 0;
        for counted in self.shares.borrow().values() {
            let charge = counted.charge().min(counted.charged.get());
            counted.charged.set(charge);
            used += charge;
        }
        self.used.set(used);
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget")
            .field("limit", &self.pool.limit)
            .field("used", &self.pool.used.get())
            .finish_non_exhaustive()
    }
}

/// The share of one connection in a budget; given back when it is dropped.
pub(crate) struct Share {
    pool: Rc<Pool>,
    number: u64,
    counted: Rc<Counted>,
}

impl Share {
    /// Notes how many bytes the protocol keeps.
    pub(crate) fn keep(&self, bytes: usize) -> Result<(), MemoryBudgetExceeded> {
        self.counted.kept.set(bytes);
        self.check()
    }

    /// Notes how many of the bytes that are unsent nobody asked for.
    #[cfg(feature = "amp")]
    pub(crate) fn send_unasked(&self, bytes: usize) {
        self.counted.unasked.set(bytes);
    }

    /// Looks whether there is enough for what the connection uses now.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), MemoryBudgetExceeded> {
        let (before, now) = (self.counted.charged.get(), self.counted.charge());
        if before == now { Ok(()) } else { self.charge(before, now) }
    }

    fn charge(&self, before: usize, now: usize) -> Result<(), MemoryBudgetExceeded> {
        let pool = &self.pool;
        if now > before {
            let more = now - before;
            let fits = || pool.used.get().checked_add(more).is_some_and(|all| all <= pool.limit);
            if !fits() {
                pool.recount();
            }
            if !fits() {
                return Err(MemoryBudgetExceeded { limit: pool.limit });
            }
        }
        pool.used.set((pool.used.get() + now).saturating_sub(before));
        self.counted.charged.set(now);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let charged = self.counted.charged.get();
        self.pool.used.set(self.pool.used.get().saturating_sub(charged));
        self.pool.shares.borrow_mut().remove(&self.number);
    }
}

/// The budget of a protocol that may have none, and its share while it has a
/// connection.
#[cfg(feature = "basic")]
#[derive(Default)]
pub(crate) enum Allotment {
    #[default]
    Unbounded,
    Of(MemoryBudget),
    Share(Share),
}

#[cfg(feature = "basic")]
impl Allotment {
    /// There is a connection.
    pub(crate) fn begin(&mut self, transport: &Transport) {
        if let Self::Of(budget) = self {
            *self = Self::Share(budget.share(transport));
        }
    }

    /// Notes how many bytes the protocol keeps; whether the connection ends for it.
    #[inline]
    pub(crate) fn keep(&self, transport: &Transport, bytes: usize) -> bool {
        let Self::Share(share) = self else { return false };
        let Err(error) = share.keep(bytes) else { return false };
        end(transport, error);
        true
    }
}

/// Ends a connection whose peer uses more than is left.
pub(crate) fn end(transport: &Transport, error: MemoryBudgetExceeded) {
    tracing::warn!(peer = %transport.get_peer(), %error, "a connection ends");
    transport.fail(error);
}

/// A peer needs more memory than is left in the [`MemoryBudget`] of its connection:
/// why that ended.
///
/// ```
/// let error = protocols::MemoryBudgetExceeded { limit: 8 };
/// assert_eq!(error.to_string(), "the peers use more than 8 bytes together");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the peers use more than {limit} bytes together")]
pub struct MemoryBudgetExceeded {
    /// How many bytes they may use.
    pub limit: usize,
}
