//! Pausing: of the peer, by not reading from it, and of a producer.

use std::rc::Rc;

use super::Transport;
use super::state::{Event, Input};
use crate::error::AlreadyProducing;
use crate::producer::{Producer, ProducerKind};

impl Transport {
    /// Reads nothing from the peer until told to
    /// [resume](Self::resume_producing).
    ///
    /// While it is paused, it is not noticed that the peer is gone, unless the
    /// connection is closing.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_producing();
    /// assert!(!transport.reading());
    /// ```
    #[doc(alias = "pauseProducing")]
    pub fn pause_producing(&self) {
        self.link.request(Event::Pause);
    }

    /// Reads from the peer again. The protocol's
    /// [`resumed`](crate::Protocol::resumed) is called first, if it was paused.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_producing();
    /// transport.resume_producing();
    /// assert!(transport.reading());
    /// ```
    #[doc(alias = "resumeProducing")]
    pub fn resume_producing(&self) {
        self.link.request(Event::Resume);
    }

    /// Whether somebody [paused](Self::pause_producing) reading, and nobody has
    /// resumed it; [`reading`](Self::reading) has other reasons besides.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.pause_producing();
    /// transport.lose_connection();
    /// assert!(transport.paused());
    /// ```
    #[doc(alias = "producerState")]
    pub fn paused(&self) -> bool {
        self.link.state().input == Input::Paused
    }

    /// Makes `producer` the one that is held up when more than the high-water
    /// mark is unsent, and told when it may go on.
    ///
    /// A pull producer is told to produce before this returns. If the
    /// connection is lost, the producer is told to stop at once.
    ///
    /// # Errors
    ///
    /// [`AlreadyProducing`] if there is one already.
    ///
    /// See the example of [`Producer`].
    #[doc(alias = "registerProducer")]
    pub fn register_producer(
        &self,
        producer: impl Producer + 'static,
        kind: ProducerKind,
    ) -> Result<(), AlreadyProducing> {
        let registered = self.link.register(Rc::new(producer), kind);
        if registered { Ok(()) } else { Err(AlreadyProducing) }
    }

    /// Forgets the producer: it has produced all. A close that waited for it
    /// goes on.
    ///
    /// ```
    /// # use reactor_compat::{AlreadyProducing, ProducerKind, Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let (a, b) = (StringTransport::new(Silent), StringTransport::new(Silent));
    /// a.register_producer(b.transport().clone(), ProducerKind::Push)?;
    /// a.unregister_producer();
    /// a.register_producer(b.transport().clone(), ProducerKind::Push)?;
    /// # Ok::<(), AlreadyProducing>(())
    /// ```
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        self.link.unregister();
    }
}

/// It produces what the peer sends.
impl Producer for Transport {
    fn pause_producing(&self) {
        Self::pause_producing(self);
    }

    fn resume_producing(&self) {
        Self::resume_producing(self);
    }

    /// Closes the connection: there is nobody left to send its data to.
    fn stop_producing(&self) {
        self.lose_connection();
    }
}
