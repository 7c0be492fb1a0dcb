//! [`Producer`]: a source of data for a transport, which can be told to wait.
//!
//! Mirrors `IPushProducer` and `IPullProducer` of
//! `twisted.internet.interfaces`. Tested in `tests/network/producer.rs`.

/// A source of data for a transport, which can be told to wait.
///
/// Registered with
/// [`register_producer`](crate::Transport::register_producer). A
/// [`Transport`](crate::Transport) is itself a producer of what its peer
/// sends: where one connection's data is written to another, register the
/// first as the producer of the second.
///
/// # Re-entrancy
///
/// The methods are called from inside the write that passes the mark, from
/// the driver of the connection that drained, and from whatever ends it. They
/// may do anything to the transport.
///
/// ```
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Producer, ProducerKind, Protocol};
/// use std::{cell::Cell, rc::Rc};
///
/// #[derive(Clone, Default)]
/// struct Tap(Rc<Cell<bool>>);
///
/// impl Producer for Tap {
///     fn pause_producing(&self) {
///         self.0.set(false);
///     }
///     fn resume_producing(&self) {
///         self.0.set(true);
///     }
///     fn stop_producing(&self) {
///         self.0.set(false);
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let transport = StringTransport::new(Silent);
/// let tap = Tap(Rc::new(Cell::new(true)));
/// transport.register_producer(tap.clone(), ProducerKind::Push)?;
/// transport.write(vec![0; 100_000]);
/// assert!(!tap.0.get(), "more than the high-water mark is unsent");
/// transport.take_value();
/// assert!(tap.0.get());
/// # Ok::<(), reactor_compat::AlreadyProducing>(())
/// ```
#[doc(alias = "IPushProducer")]
#[doc(alias = "IPullProducer")]
#[doc(alias = "IProducer")]
pub trait Producer {
    /// Produce nothing until told to resume. Never called on a pull producer.
    #[doc(alias = "pauseProducing")]
    fn pause_producing(&self);

    /// Go on; to a pull producer: write some, once.
    #[doc(alias = "resumeProducing")]
    fn resume_producing(&self);

    /// The transport is gone: produce no more. Called once.
    #[doc(alias = "stopProducing")]
    fn stop_producing(&self);
}

/// How a producer produces.
///
/// ```
/// assert_ne!(reactor_compat::ProducerKind::Push, reactor_compat::ProducerKind::Pull);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "streaming")]
pub enum ProducerKind {
    /// Of itself, until it is paused; it begins at once.
    Push,
    /// Some for each time it is told to resume, which is when all that was
    /// written has been sent.
    Pull,
}
