//! Who is held up when too much waits to be sent, and when they go on.

use std::rc::Rc;
use std::time::Duration;

use super::WaterMarks;
use super::extras::Extras;
use super::link::{Flow, Link, Wish};
use crate::producer::{Producer, ProducerKind};

/// What a descriptor that waits to be sent counts against the marks: as many
/// may wait as Twisted lets before it holds up a producer, 64.
const DESCRIPTOR_LOAD: usize = 1024;

/// What the producer was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// To produce (a pull producer: and it has not written since).
    Resume,
    /// To wait (a pull producer: it wrote, and waits for that to be sent).
    Wait,
}

/// Who makes the connection write.
pub(super) struct Registered {
    producer: Rc<dyn Producer>,
    kind: ProducerKind,
    told: Told,
}

impl Registered {
    /// Notes that the connection was written to; the producer, if it is to be
    /// held up for that.
    fn wrote(&mut self, flow: Flow) -> Option<Rc<dyn Producer>> {
        match (self.told, self.kind, flow) {
            (Told::Resume, ProducerKind::Pull, _) => {
                self.told = Told::Wait;
                None
            }
            (Told::Resume, ProducerKind::Push, Flow::Throttled) => {
                self.told = Told::Wait;
                Some(self.producer.clone())
            }
            (Told::Resume, ProducerKind::Push, Flow::Free) | (Told::Wait, ..) => None,
        }
    }

    /// Notes that some was sent; the producer, if it may go on.
    fn sent(&mut self, flow: Flow, unsent: usize) -> Option<Rc<dyn Producer>> {
        let due = match self.kind {
            ProducerKind::Push => flow == Flow::Free,
            ProducerKind::Pull => unsent == 0,
        };
        if self.told == Told::Resume || !due {
            return None;
        }
        self.told = Told::Resume;
        Some(self.producer.clone())
    }

    pub(super) fn stop(&self) {
        self.producer.stop_producing();
    }
}

impl Link {
    /// What counts against the marks when so many bytes are unsent.
    fn load(&self, unsent: usize) -> usize {
        unsent + self.waiting_descriptors() * DESCRIPTOR_LOAD
    }

    /// How many descriptors wait to be sent.
    #[inline]
    pub(super) fn waiting_descriptors(&self) -> usize {
        self.extra(|extras| Some(extras.descriptors)).unwrap_or(0)
    }

    /// Holds up whoever makes us write, if they have to be, now that so much is
    /// unsent.
    #[inline]
    pub(super) fn wrote(&self, unsent: usize) {
        if self.is_plain() {
            if unsent > WaterMarks::DEFAULT.high() {
                self.flow.set(Flow::Throttled);
            }
        } else {
            self.wrote_with_extras(unsent);
        }
    }

    fn wrote_with_extras(&self, unsent: usize) {
        if self.load(unsent) > self.marks().high() {
            self.flow.set(Flow::Throttled);
        }
        let paused = self.with_producer(|registered| registered.wrote(self.flow.get()));
        if let Some(producer) = paused {
            producer.pause_producing();
        }
    }

    /// After sending: lets flow again what was held up. Says whether that ran
    /// user code, so that the link has to be looked at anew.
    #[inline]
    pub(crate) fn relax(&self) -> bool {
        let nobody_waits = self.flow.get() == Flow::Free && !self.has_producer();
        !nobody_waits && self.relax_somebody()
    }

    fn relax_somebody(&self) -> bool {
        let load = self.load(self.unsent());
        if load <= self.marks().low() {
            self.flow.set(Flow::Free);
        }
        let drained = self.flow.get() == Flow::Free && self.drained();
        let resumed = self.with_producer(|registered| registered.sent(self.flow.get(), load));
        match resumed {
            Some(producer) => {
                producer.resume_producing();
                true
            }
            None => drained,
        }
    }

    fn with_producer(
        &self,
        act: impl FnOnce(&mut Registered) -> Option<Rc<dyn Producer>>,
    ) -> Option<Rc<dyn Producer>> {
        let mut extras = self.extras.borrow_mut();
        act(extras.as_deref_mut()?.producer.as_mut()?)
    }

    pub(super) fn throttled(&self) -> bool {
        self.flow.get() == Flow::Throttled
    }

    pub(crate) fn set_marks(&self, marks: WaterMarks) {
        self.extras().marks = marks;
        self.wake();
        self.wrote(self.unsent());
    }

    pub(crate) fn marks(&self) -> WaterMarks {
        self.extra(|extras| Some(extras.marks)).unwrap_or_default()
    }

    pub(crate) fn set_grace(&self, grace: Duration) {
        self.extras().grace = grace;
        self.wake();
    }

    pub(crate) fn grace(&self) -> Duration {
        self.extra(|extras| Some(extras.grace)).unwrap_or(Extras::CLOSE_GRACE)
    }

    /// Whether it could be registered: only one can.
    pub(crate) fn register(&self, producer: Rc<dyn Producer>, kind: ProducerKind) -> bool {
        if self.wish() == Wish::Lost {
            producer.stop_producing();
            return true;
        }
        if self.has_producer() {
            return false;
        }
        let registered = Registered { producer: producer.clone(), kind, told: Told::Resume };
        self.extras().producer = Some(registered);
        match kind {
            ProducerKind::Pull => producer.resume_producing(),
            ProducerKind::Push => self.wrote(self.unsent()),
        }
        true
    }

    pub(crate) fn unregister(&self) {
        let registered = self.take_producer();
        drop(registered);
        self.wake();
    }

    pub(super) fn take_producer(&self) -> Option<Registered> {
        self.extras.borrow_mut().as_deref_mut()?.producer.take()
    }

    #[inline]
    pub(crate) fn has_producer(&self) -> bool {
        self.extras.borrow().as_deref().is_some_and(|extras| extras.producer.is_some())
    }
}
