//! [`ShapedProtocolFactory`]: a factory whose connections send as their
//! buckets allow.
//!
//! Mirrors `ShapedProtocolFactory` of `twisted.protocols.htb`. Tested in
//! `tests/policies/htb.rs`.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::{
    Address, Connection, ConnectionEvent, DelayedCall, Factory, Transport, WaterMarks,
};

use super::bucket::Bucket;
use super::filter::HierarchicalBucketFilter;
use crate::policies::{Watcher, WatcherFactory, WrappingFactory};

/// A factory whose connections send as the buckets allow that a filter finds
/// for them.
///
/// What a protocol writes is sent as it was written, and fills the bucket,
/// over its brim if need be; nothing more is sent then until it has drained.
/// So the rate is kept, and a burst is what was written at once, or meanwhile:
/// the transport's [water marks](WaterMarks) are lowered to what the bucket
/// holds, so that no more than that is kept before it reads no more, or a
/// producer is paused. A close waits for the bucket, however long its
/// [grace](Transport::set_close_grace) is. A [`ShapedConsumer`](super::ShapedConsumer) cuts what is
/// written into portions that fit.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::{Bucket, FilterByHost, ShapedProtocolFactory};
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Factory};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let now = clock.clone();
/// let filter = FilterByHost::new(move || Bucket::new(&now).max_burst(10).rate(5.0));
/// let mut factory = ShapedProtocolFactory::new(|_: Address| Echo, &filter);
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// transport.data_received(&[0; 14]);
/// assert!(transport.sending());
/// transport.data_received(&[0; 14]);
/// assert!(!transport.sending(), "14 bytes are in a bucket for 10");
/// clock.advance(Duration::from_secs(1));
/// assert!(transport.sending(), "9 bytes are");
/// ```
pub type ShapedProtocolFactory<F> = WrappingFactory<F, Shaper>;

impl<F: Factory> WrappingFactory<F, Shaper> {
    /// `wrapped`, whose connections send as the buckets of `filter` allow.
    ///
    /// See the example of [`ShapedProtocolFactory`].
    pub fn new<K: Eq + Hash + Clone + 'static>(
        wrapped: F,
        filter: &HierarchicalBucketFilter<K>,
    ) -> Self {
        let filter = filter.clone();
        let find = Rc::new(move |transport: &Transport| filter.get_bucket_for(transport));
        Self::with(wrapped, Shaper { find })
    }
}

type Find = Rc<dyn Fn(&Transport) -> Bucket>;

/// Makes the watchers of a [`ShapedProtocolFactory`].
///
/// See the example of [`ShapedProtocolFactory`].
pub struct Shaper {
    find: Find,
}

impl WatcherFactory for Shaper {
    type Watcher = Shaped;

    fn build_watcher(&mut self, _peer: Address) -> Option<Shaped> {
        Some(Shaped { find: self.find.clone(), valve: None })
    }
}

/// The watcher of one connection: holds up what it sends.
///
/// See the example of [`ShapedProtocolFactory`].
pub struct Shaped {
    find: Find,
    valve: Option<Rc<Valve>>,
}

/// Lets pass what is written, until the bucket is full.
struct Valve {
    transport: Transport,
    bucket: Bucket,
    state: RefCell<State>,
}

/// ```text
///       ┌─write, bucket full─▶ Shut ─┐
/// Open ◀┴────bucket has room─────────┘      (from both, at the end) ──▶ Over
/// ```
enum State {
    Open,
    /// So many bytes are kept, until a call is made; or for good, if nothing
    /// will ever fit.
    Shut {
        kept: usize,
        call: Option<DelayedCall>,
        /// What the grace of a close is otherwise.
        grace: Duration,
    },
    Over,
}

impl Valve {
    fn wrote(self: &Rc<Self>, count: usize) {
        match &mut *self.state.borrow_mut() {
            State::Open => {}
            State::Shut { kept, .. } => return *kept = kept.saturating_add(count),
            State::Over => return,
        }
        match self.bucket.wait() {
            Some(Duration::ZERO) => self.bucket.force(count),
            wait => {
                let grace = self.transport.close_grace();
                // It is not for the peer that a close waits.
                self.transport.set_close_grace(grace.saturating_add(wait.unwrap_or_default()));
                self.transport.pause_sending();
                self.shut(count, wait, grace);
            }
        }
    }

    fn shut(self: &Rc<Self>, kept: usize, wait: Option<Duration>, grace: Duration) {
        let call = wait.map(|wait| {
            let valve = Rc::downgrade(self);
            self.bucket.call_later(wait, move || {
                if let Some(valve) = valve.upgrade() {
                    valve.look();
                }
            })
        });
        self.state.replace(State::Shut { kept, call, grace });
    }

    /// Sends what was kept if something fits into the bucket, or else waits on:
    /// others may have filled what is above it. A close has waited long enough.
    fn look(self: &Rc<Self>) {
        let before = self.state.replace(State::Open);
        let State::Shut { kept, grace, .. } = before else { return };
        let wait = self.bucket.wait();
        if wait == Some(Duration::ZERO) || self.transport.disconnecting() {
            self.bucket.force(kept);
            self.transport.set_close_grace(grace);
            self.transport.resume_sending();
        } else {
            self.shut(kept, wait, grace);
        }
    }

    fn end(&self) {
        let before = self.state.replace(State::Over);
        if let State::Shut { call: Some(call), .. } = before {
            // One that was just made cannot be taken back.
            let _ = call.cancel();
        }
    }
}

/// Has no more wait to be sent than the bucket lets pass at once.
fn lower_marks(transport: &Transport, bucket: &Bucket) {
    let marks = transport.water_marks();
    if let Some(burst) = bucket.burst().filter(|burst| *burst < marks.high()) {
        transport.set_water_marks(WaterMarks::new(marks.low().min(burst / 2), burst));
    }
}

impl Shaped {
    fn open(&mut self, transport: &Transport) {
        let bucket = (self.find)(transport);
        lower_marks(transport, &bucket);
        let state = RefCell::new(State::Open);
        let valve = Rc::new(Valve { transport: transport.clone(), bucket, state });
        self.valve = Some(valve.clone());
        let valve = Rc::downgrade(&valve);
        transport.tap_writes(move |data| {
            if let Some(valve) = valve.upgrade() {
                valve.wrote(data.len());
            }
        });
    }

    fn end(&mut self) {
        if let Some(valve) = self.valve.take() {
            valve.end();
        }
    }
}

impl Watcher for Shaped {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => self.open(connection),
            ConnectionEvent::ConnectionLost(_) => self.end(),
            _ => {}
        }
    }
}

impl Drop for Shaped {
    fn drop(&mut self) {
        self.end();
    }
}
