//! [`ShapedConsumer`]: passes on what is written to it as its bucket allows.
//!
//! Mirrors `ShapedConsumer` of `twisted.protocols.htb`. Tested in
//! `tests/policies/htb.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::{AlreadyProducing, DelayedCall, Producer, ProducerKind, Transport};

use super::bucket::Bucket;

/// How much may wait in it before the producer is paused: Twisted's
/// `bufferSize`.
const BUFFER_SIZE: usize = 64 * 1024;

/// Passes on to a transport what is written to it, at the rate and in the
/// portions that its bucket allows, and no more than the transport takes.
///
/// More than 64 KiB in it pause a registered producer. Who writes without one
/// has to look at [`buffered`](Self::buffered): nothing else bounds it.
///
/// Clones are the same consumer. Dropping all of them lets what waits go.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::htb::{Bucket, ShapedConsumer};
/// use protocols::wire::Discard;
/// use reactor_compat::testing::StringTransport;
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let bucket = Bucket::new(&clock).max_burst(5).rate(2.0);
/// let transport = StringTransport::new(Discard);
/// let shaped = ShapedConsumer::new(transport.transport(), bucket);
/// shaped.write("hello, world");
/// assert_eq!(transport.take_value(), b"hello");
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(transport.take_value(), b", ");
/// ```
#[derive(Clone)]
pub struct ShapedConsumer {
    state: Rc<State>,
}

/// The way of what is written.
///
/// ```text
///          ┌─ nothing more fits, or all has passed ▶ Waiting ┐
/// Passing ◀┴───────────── time has passed ──────────────────┘
///    ├──transport is full──▶ Full ──drained──▶ Passing
///    └──transport is gone──▶ Gone (from all)
/// ```
enum Phase {
    Passing,
    Waiting(DelayedCall),
    Full,
    Gone,
}

struct State {
    to: Transport,
    bucket: Bucket,
    buffer: RefCell<VecDeque<u8>>,
    phase: RefCell<Phase>,
    producer: RefCell<Option<Registered>>,
    finished: Cell<bool>,
}

struct Registered {
    producer: Rc<dyn Producer>,
    kind: ProducerKind,
    paused: bool,
}

impl ShapedConsumer {
    /// Passes on to `transport` as `bucket` allows, and is its producer. If it
    /// has one already, nothing is passed on: see [`gone`](Self::gone).
    ///
    /// See the [type's example](Self).
    pub fn new(transport: &Transport, bucket: Bucket) -> Self {
        let state = Rc::new(State {
            to: transport.clone(),
            bucket,
            buffer: RefCell::default(),
            phase: RefCell::new(Phase::Passing),
            producer: RefCell::default(),
            finished: Cell::new(false),
        });
        let feed = Feed(Rc::downgrade(&state));
        if transport.register_producer(feed, ProducerKind::Push).is_err() {
            state.phase.replace(Phase::Gone);
        }
        Self { state }
    }

    /// Takes `data`, to be passed on in its turn.
    ///
    /// See the [type's example](Self).
    pub fn write(&self, data: impl AsRef<[u8]>) {
        if self.gone() {
            return;
        }
        self.state.buffer.borrow_mut().extend(data.as_ref());
        self.state.pass();
        self.state.pause_if_full();
        self.state.ask_soon();
    }

    /// How many bytes wait in it.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{htb::{Bucket, ShapedConsumer}, wire::Discard};
    /// # use reactor_compat::testing::StringTransport;
    /// let bucket = Bucket::new(&Clock::new()).max_burst(5).rate(2.0);
    /// let transport = StringTransport::new(Discard);
    /// let shaped = ShapedConsumer::new(transport.transport(), bucket);
    /// shaped.write("hello, world");
    /// assert_eq!(shaped.buffered(), 7);
    /// ```
    pub fn buffered(&self) -> usize {
        self.state.buffer.borrow().len()
    }

    /// Whether the transport is gone, or was another producer's from the
    /// beginning, so that what is written goes nowhere.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{htb::{Bucket, ShapedConsumer}, wire::Discard};
    /// # use reactor_compat::{ConnectionDone, testing::StringTransport};
    /// let transport = StringTransport::new(Discard);
    /// let shaped = ShapedConsumer::new(transport.transport(), Bucket::new(&Clock::new()));
    /// assert!(!shaped.gone());
    /// transport.connection_lost(ConnectionDone);
    /// assert!(shaped.gone());
    /// ```
    pub fn gone(&self) -> bool {
        matches!(*self.state.phase.borrow(), Phase::Gone)
    }

    /// Makes `producer` the one that is paused when too much waits, or, if it
    /// is a pull producer, asked when nothing does.
    ///
    /// # Errors
    ///
    /// [`AlreadyProducing`] if there is one already.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{htb::{Bucket, ShapedConsumer}, wire::Discard};
    /// # use reactor_compat::{AlreadyProducing, ProducerKind, testing::StringTransport};
    /// let (source, transport) = (StringTransport::new(Discard), StringTransport::new(Discard));
    /// let bucket = Bucket::new(&Clock::new()).max_burst(5).rate(2.0);
    /// let shaped = ShapedConsumer::new(transport.transport(), bucket);
    /// shaped.register_producer(source.transport().clone(), ProducerKind::Push)?;
    /// shaped.write([0; 70_000]);
    /// assert!(!source.reading());
    /// # Ok::<(), AlreadyProducing>(())
    /// ```
    #[doc(alias = "registerProducer")]
    pub fn register_producer(
        &self,
        producer: impl Producer + 'static,
        kind: ProducerKind,
    ) -> Result<(), AlreadyProducing> {
        if self.gone() {
            producer.stop_producing();
            return Ok(());
        }
        if self.state.producer.borrow().is_some() {
            return Err(AlreadyProducing);
        }
        let registered = Registered { producer: Rc::new(producer), kind, paused: false };
        self.state.producer.replace(Some(registered));
        self.state.finished.set(false);
        self.state.pause_if_full();
        self.state.resume_if_room();
        Ok(())
    }

    /// Forgets the producer: it has produced all. What waits is passed on, and
    /// then the transport is told that this, too, has produced all.
    ///
    /// ```
    /// # use deferred::time::Clock;
    /// # use protocols::{htb::{Bucket, ShapedConsumer}, wire::Discard};
    /// # use reactor_compat::{AlreadyProducing, ProducerKind, testing::StringTransport};
    /// let (source, transport) = (StringTransport::new(Discard), StringTransport::new(Discard));
    /// let shaped = ShapedConsumer::new(transport.transport(), Bucket::new(&Clock::new()));
    /// shaped.unregister_producer();
    /// transport.register_producer(source.transport().clone(), ProducerKind::Push)?;
    /// # Ok::<(), AlreadyProducing>(())
    /// ```
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        let registered = self.state.producer.take();
        drop(registered);
        self.state.finished.set(true);
        self.state.finish_if_empty();
    }
}

impl State {
    /// Passes on what may be passed on now.
    fn pass(self: &Rc<Self>) {
        if !matches!(*self.phase.borrow(), Phase::Passing) {
            return;
        }
        let some: Vec<u8> = {
            let mut buffer = self.buffer.borrow_mut();
            let count = self.bucket.add(buffer.len());
            buffer.drain(..count).collect()
        };
        // This may fill the transport, which then says so to the `Feed`.
        self.to.write(&some);
        let left = !self.buffer.borrow().is_empty();
        if left && matches!(*self.phase.borrow(), Phase::Passing) {
            self.wait();
        }
        self.finish_if_empty();
    }

    /// Goes on when something fits into the bucket. If nothing ever does, it
    /// waits until the transport is gone.
    fn wait(self: &Rc<Self>) {
        if let Some(delay) = self.bucket.wait() {
            self.go_on_in(delay);
        }
    }

    /// Has a pull producer asked for more when what it wrote has passed whole:
    /// not from inside its write.
    fn ask_soon(self: &Rc<Self>) {
        let pulls = |it: &Registered| it.kind == ProducerKind::Pull;
        let asks = self.producer.borrow().as_ref().is_some_and(pulls)
            && self.buffer.borrow().is_empty()
            && matches!(*self.phase.borrow(), Phase::Passing);
        if asks {
            self.go_on_in(Duration::ZERO);
        }
    }

    fn go_on_in(self: &Rc<Self>, delay: Duration) {
        let state = Rc::downgrade(self);
        let call = self.bucket.call_later(delay, move || {
            if let Some(state) = state.upgrade() {
                state.go_on();
            }
        });
        self.phase.replace(Phase::Waiting(call));
    }

    /// It is time, or the transport has drained.
    fn go_on(self: &Rc<Self>) {
        let before = self.phase.replace(Phase::Passing);
        cancel(before);
        self.pass();
        self.resume_if_room();
    }

    fn finish_if_empty(&self) {
        if self.finished.get() && self.buffer.borrow().is_empty() {
            self.finished.set(false);
            let before = self.phase.replace(Phase::Gone);
            cancel(before);
            self.to.unregister_producer();
        }
    }

    fn pause_if_full(&self) {
        let full = self.buffer.borrow().len() >= BUFFER_SIZE;
        self.tell(|registered| {
            let pauses = full && registered.kind == ProducerKind::Push && !registered.paused;
            registered.paused |= pauses;
            pauses
        })
        .inspect(|producer| producer.pause_producing());
    }

    fn resume_if_room(&self) {
        let waiting = self.buffer.borrow().len();
        self.tell(|registered| match registered.kind {
            ProducerKind::Push => waiting < BUFFER_SIZE && std::mem::take(&mut registered.paused),
            ProducerKind::Pull => waiting == 0,
        })
        .inspect(|producer| producer.resume_producing());
    }

    /// The producer, if it is to be told something.
    fn tell(&self, due: impl FnOnce(&mut Registered) -> bool) -> Option<Rc<dyn Producer>> {
        let mut producer = self.producer.borrow_mut();
        let registered = producer.as_mut()?;
        due(registered).then(|| registered.producer.clone())
    }
}

fn cancel(phase: Phase) {
    if let Phase::Waiting(call) = phase {
        // One that was just made cannot be taken back.
        let _ = call.cancel();
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let phase = self.phase.replace(Phase::Gone);
        if !matches!(phase, Phase::Gone) {
            self.to.unregister_producer();
        }
        cancel(phase);
    }
}

/// The producer that the transport tells when it is full, has drained, or is gone.
struct Feed(std::rc::Weak<State>);

impl Producer for Feed {
    fn pause_producing(&self) {
        if let Some(state) = self.0.upgrade() {
            let before = state.phase.replace(Phase::Full);
            cancel(before);
        }
    }

    fn resume_producing(&self) {
        if let Some(state) = self.0.upgrade() {
            state.go_on();
        }
    }

    fn stop_producing(&self) {
        if let Some(state) = self.0.upgrade() {
            let before = state.phase.replace(Phase::Gone);
            cancel(before);
            state.buffer.borrow_mut().clear();
            let registered = state.producer.take();
            if let Some(registered) = registered {
                registered.producer.stop_producing();
            }
        }
    }
}

impl fmt::Debug for ShapedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShapedConsumer")
            .field("bucket", &self.state.bucket)
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
