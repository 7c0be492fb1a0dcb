//! [`HierarchicalBucketFilter`]: finds the bucket for a connection.
//!
//! Mirrors `HierarchicalBucketFilter`, `FilterByHost` and `FilterByServer` of
//! `twisted.protocols.htb`. Tested in `tests/policies/htb.rs`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::Transport;

use super::bucket::Bucket;

/// Finds the bucket for a connection: there is one for each key that `key`
/// gives, within the one that a parent filter finds.
///
/// A bucket that is empty and that nobody uses is let go when it is
/// [swept](Self::sweep).
///
/// Clones are the same filter.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::{Bucket, HierarchicalBucketFilter};
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
///
/// let clock = Clock::new();
/// // All connections together take 30 bytes a second, each of them 10.
/// let all = Bucket::new(&clock).max_burst(30).rate(30.0);
/// let filter = HierarchicalBucketFilter::by(
///     |transport| transport.get_peer().clone(),
///     move |_parent| all.child().max_burst(10).rate(10.0),
/// );
/// let transport = StringTransport::new(Echo);
/// let bucket = filter.get_bucket_for(transport.transport());
/// assert_eq!(bucket.add(100), 10);
/// assert_eq!(filter.len(), 1);
/// ```
#[doc(alias = "IBucketFilter")]
pub struct HierarchicalBucketFilter<K> {
    state: Rc<State<K>>,
}

/// A filter with a bucket for each host.
///
/// It is swept every 20 minutes.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::{Bucket, FilterByHost};
///
/// let clock = Clock::new();
/// let filter = FilterByHost::new(move || Bucket::new(&clock).max_burst(1000).rate(100.0));
/// assert!(filter.is_empty());
/// ```
pub type FilterByHost = HierarchicalBucketFilter<Option<IpAddr>>;

/// A filter with a bucket for each port that we listen on.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::{Bucket, FilterByHost, FilterByServer};
///
/// let clock = Clock::new();
/// let now = clock.clone();
/// let servers = FilterByServer::new(move || Bucket::new(&now).max_burst(5000).rate(500.0));
/// let hosts = FilterByHost::new(move || Bucket::new(&clock)).within(&servers, |server| {
///     server.child().max_burst(1000).rate(100.0)
/// });
/// # drop(hosts);
/// ```
pub type FilterByServer = HierarchicalBucketFilter<Option<u16>>;

impl FilterByHost {
    /// One whose buckets `make` makes.
    ///
    /// See the example of [`FilterByHost`].
    pub fn new(make: impl Fn() -> Bucket + 'static) -> Self {
        Self::by(|transport| transport.get_peer().ip().map(|ip| ip.to_canonical()), move |_| make())
            .sweep_every(Duration::from_secs(60 * 20))
    }
}

impl FilterByServer {
    /// One whose buckets `make` makes.
    ///
    /// See the example of [`FilterByServer`].
    pub fn new(make: impl Fn() -> Bucket + 'static) -> Self {
        Self::by(|transport| transport.get_host().port(), move |_| make())
    }
}

type Find = Rc<dyn Fn(&Transport) -> Bucket>;
type Make = Rc<dyn Fn(Option<&Bucket>) -> Bucket>;

struct State<K> {
    key: Rc<dyn Fn(&Transport) -> K>,
    make: Make,
    parent: Option<Find>,
    sweep_interval: Option<Duration>,
    last_sweep: Cell<Option<Duration>>,
    buckets: RefCell<HashMap<K, Bucket>>,
}

impl<K: Eq + Hash + Clone + 'static> HierarchicalBucketFilter<K> {
    /// A filter with a bucket for each key; `make` gets the bucket that a
    /// parent filter found, if there is one, for the new one to be a
    /// [child](Bucket::child) of.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "getBucketKey")]
    #[doc(alias = "bucketFactory")]
    pub fn by(
        key: impl Fn(&Transport) -> K + 'static,
        make: impl Fn(Option<&Bucket>) -> Bucket + 'static,
    ) -> Self {
        Self::with(Rc::new(key), Rc::new(make), None, None)
    }

    fn with(
        key: Rc<dyn Fn(&Transport) -> K>,
        make: Make,
        parent: Option<Find>,
        sweep_interval: Option<Duration>,
    ) -> Self {
        let (last_sweep, buckets) = (Cell::new(None), RefCell::default());
        let state = State { key, make, parent, sweep_interval, last_sweep, buckets };
        Self { state: Rc::new(state) }
    }

    /// The same filter, empty, with its buckets within those of `parent`:
    /// `make` gets the parent's bucket.
    ///
    /// See the example of [`FilterByServer`].
    #[doc(alias = "parentFilter")]
    #[must_use]
    pub fn within<Q: Eq + Hash + Clone + 'static>(
        &self,
        parent: &HierarchicalBucketFilter<Q>,
        make: impl Fn(&Bucket) -> Bucket + 'static,
    ) -> Self {
        let (parent, alone) = (parent.clone(), self.state.make.clone());
        let find: Find = Rc::new(move |transport| parent.get_bucket_for(transport));
        let make: Make = Rc::new(move |parent| parent.map_or_else(|| alone(None), &make));
        Self::with(self.state.key.clone(), make, Some(find), self.state.sweep_interval)
    }

    /// The same filter, empty, that is swept at most so often, when a bucket
    /// is looked for.
    ///
    /// See the example of [`sweep`](Self::sweep).
    #[doc(alias = "sweepInterval")]
    #[must_use]
    pub fn sweep_every(&self, interval: Duration) -> Self {
        let State { key, make, parent, .. } = &*self.state;
        Self::with(key.clone(), make.clone(), parent.clone(), Some(interval))
    }

    /// The bucket for a connection; it is made if there is none.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "getBucketFor")]
    pub fn get_bucket_for(&self, transport: &Transport) -> Bucket {
        let key = (self.state.key)(transport);
        let known = self.state.buckets.borrow().get(&key).cloned();
        let bucket = known.unwrap_or_else(|| {
            let parent = self.state.parent.as_ref().map(|find| find(transport));
            let bucket = (self.state.make)(parent.as_ref());
            self.state.buckets.borrow_mut().insert(key, bucket.clone());
            bucket
        });
        self.sweep_if_due(&bucket);
        bucket
    }

    /// Sweeps if it is time to; `bucket` has the clock, and is kept.
    fn sweep_if_due(&self, bucket: &Bucket) {
        let Some(interval) = self.state.sweep_interval else { return };
        let now = bucket.now();
        match self.state.last_sweep.get() {
            Some(last) if now.saturating_sub(last) <= interval => {}
            Some(_) => {
                self.sweep();
                self.state.last_sweep.set(Some(now));
            }
            None => self.state.last_sweep.set(Some(now)),
        }
    }

    /// Lets go of the buckets that are empty and that nobody uses.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{htb::{Bucket, FilterByServer}, wire::Echo};
    /// # use reactor_compat::testing::StringTransport;
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let now = clock.clone();
    /// let filter = FilterByServer::new(move || Bucket::new(&now).max_burst(10).rate(1.0))
    ///     .sweep_every(Duration::from_secs(60));
    /// filter.get_bucket_for(StringTransport::new(Echo).transport()).add(5);
    /// filter.sweep();
    /// assert_eq!(filter.len(), 1, "there is something in it");
    /// clock.advance(Duration::from_secs(5));
    /// filter.sweep();
    /// assert!(filter.is_empty());
    /// ```
    pub fn sweep(&self) {
        let unused = |_: &K, bucket: &mut Bucket| bucket.drip() && !bucket.used_beyond(1);
        let swept: Vec<_> = self.state.buckets.borrow_mut().extract_if(unused).collect();
        // With them goes what their keys and clocks own: nothing is borrowed.
        drop(swept);
    }

    /// How many buckets there are.
    ///
    /// See the [type's example](Self).
    pub fn len(&self) -> usize {
        self.state.buckets.borrow().len()
    }

    /// Whether there are none.
    ///
    /// See the example of [`FilterByHost`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K> Clone for HierarchicalBucketFilter<K> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<K: fmt::Debug> fmt::Debug for HierarchicalBucketFilter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HierarchicalBucketFilter")
            .field("buckets", &self.state.buckets.borrow())
            .field("sweep_interval", &self.state.sweep_interval)
            .finish_non_exhaustive()
    }
}
