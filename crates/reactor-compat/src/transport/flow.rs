//! Flow control: the producer and the peer that are held up when too much is
//! unsent, and when they go on. The rules are those of [`Level`].

use std::rc::Rc;
use std::time::Duration;

use super::WaterMarks;
use super::extras::Extras;
use super::level::Level;
use super::link::Link;
use super::state::Close;
use crate::error::TooMuchUnsent;
use crate::producer::{Producer, ProducerKind};

/// The load of a descriptor that waits to be sent, against the marks: as many
/// may wait as Twisted lets before it holds up a producer, 64.
const DESCRIPTOR_LOAD: usize = 1024;

/// The last thing that a producer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// To produce (a pull producer: and it has not written since).
    Resumed,
    /// To wait (a pull producer: it wrote, and waits for that to be sent).
    Waiting,
}

/// The producer of a connection.
pub(super) struct Registered {
    producer: Rc<dyn Producer>,
    kind: ProducerKind,
    demand: Demand,
}

impl Registered {
    /// Notes that the connection was written to; the producer, if it is to be
    /// held up for that.
    fn wrote(&mut self, permitted: bool) -> Option<Rc<dyn Producer>> {
        match (self.demand, self.kind) {
            (Demand::Resumed, ProducerKind::Pull) => {
                self.demand = Demand::Waiting;
                None
            }
            (Demand::Resumed, ProducerKind::Push) if !permitted => {
                self.demand = Demand::Waiting;
                Some(self.producer.clone())
            }
            (Demand::Resumed, ProducerKind::Push) | (Demand::Waiting, _) => None,
        }
    }

    /// The producer, if it is to be held up for what the stream holds.
    fn held_up(&mut self, permitted: bool) -> Option<Rc<dyn Producer>> {
        let goes_on = self.demand == Demand::Resumed && self.kind == ProducerKind::Push;
        if permitted || !goes_on {
            return None;
        }
        self.demand = Demand::Waiting;
        Some(self.producer.clone())
    }

    /// Notes that some was sent; the producer, if it may go on.
    fn sent(&mut self, permitted: bool, unsent: usize) -> Option<Rc<dyn Producer>> {
        let due = match self.kind {
            ProducerKind::Push => permitted,
            ProducerKind::Pull => unsent == 0,
        };
        if self.demand == Demand::Resumed || !due {
            return None;
        }
        self.demand = Demand::Resumed;
        Some(self.producer.clone())
    }

    pub(super) fn stop(&self) {
        self.producer.stop_producing();
    }
}

/// The reaction of a connection that can send nothing for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Nothing: not too much is unsent, or reading goes on.
    None,
    /// It reads on after so long.
    ReadOn(Duration),
    /// It ends after so long.
    End(Duration),
}

impl Link {
    /// The load on the marks when so many bytes are unsent.
    fn load(&self, unsent: usize) -> usize {
        let (descriptors, held) =
            self.extra(|extras| Some((extras.descriptors, extras.held))).unwrap_or_default();
        unsent + descriptors * DESCRIPTOR_LOAD + held
    }

    /// Notes how much the stream holds. A producer that is to be held up for it is so
    /// when the connection [relaxes](Self::relax).
    pub(crate) fn hold(&self, held: usize) {
        if held == self.held() {
            return;
        }
        self.extras().held = held;
        let load = self.load(self.unsent());
        self.level.set(self.level.get().wrote(load, &self.marks()));
    }

    /// How much is unsent: what was written, and what the stream holds.
    pub(crate) fn unsent_in_all(&self) -> usize {
        self.unsent() + self.held()
    }

    /// How much the stream holds, as far as it is known.
    #[inline]
    fn held(&self) -> usize {
        self.extra(|extras| Some(extras.held)).unwrap_or(0)
    }

    /// Whether the stream holds so much that nothing is to be read, not even to be let
    /// go: a layer may answer it.
    pub(crate) fn holds_too_much(&self) -> bool {
        let marks = self.marks();
        self.held() > marks.high().saturating_add(marks.growth())
    }

    /// How many descriptors wait to be sent.
    #[inline]
    pub(super) fn waiting_descriptors(&self) -> usize {
        self.extra(|extras| Some(extras.descriptors)).unwrap_or(0)
    }

    /// Holds up the producer, or the peer, if that has to be, now that so much
    /// is unsent.
    #[inline]
    pub(super) fn wrote(&self, unsent: usize) {
        if self.is_plain() {
            if unsent > WaterMarks::DEFAULT.high() {
                self.level.set(self.level.get().wrote(unsent, &WaterMarks::DEFAULT));
            }
        } else {
            self.wrote_with_extras(unsent);
        }
    }

    fn wrote_with_extras(&self, unsent: usize) {
        let load = self.load(unsent);
        let level = self.level.get().wrote(load, &self.marks());
        self.level.set(level);
        let paused =
            self.with_producer(|registered| registered.wrote(level.permits_producer(load)));
        if let Some(producer) = paused {
            producer.pause_producing();
        }
    }

    /// After sending: lets flow again what was held up. Says whether that ran
    /// user code, so that the link has to be looked at anew.
    #[inline]
    pub(crate) fn relax(&self) -> bool {
        let nobody_waits = self.level.get() == Level::Low && !self.has_producer();
        !nobody_waits && self.relax_somebody()
    }

    fn relax_somebody(&self) -> bool {
        let load = self.load(self.unsent());
        let level = self.level.get().sent(load, &self.marks());
        self.level.set(level);
        let drained = level == Level::Low && self.drained();
        let permitted = level.permits_producer(load);
        let paused = self.with_producer(|registered| registered.held_up(permitted));
        if let Some(producer) = paused {
            producer.pause_producing();
            return true;
        }
        let resumed = self.with_producer(|registered| registered.sent(permitted, load));
        match resumed {
            Some(producer) => {
                producer.resume_producing();
                true
            }
            None => drained,
        }
    }

    /// Whether the peer may be read from though more is unsent than the high
    /// mark.
    pub(super) fn level_permits(&self) -> bool {
        let load = self.load(self.unsent());
        self.level.get().permits(load, &self.marks(), self.has_producer())
    }

    /// Whether nothing could be sent for a while, and it has not flowed since.
    #[inline]
    pub(crate) fn is_stuck(&self) -> bool {
        matches!(self.level.get(), Level::Stuck { .. })
    }

    /// The thing to do where nothing can be sent.
    pub(crate) fn pressure(&self) -> Pressure {
        match self.level.get() {
            Level::Low => Pressure::None,
            Level::High => Pressure::ReadOn(self.marks().stall_after()),
            Level::Stuck { .. } if self.level_permits() => Pressure::None,
            Level::Stuck { .. } => Pressure::End(self.marks().give_up_after()),
        }
    }

    /// Nothing could be sent for a while: reads on, and lets the producer go on.
    pub(crate) fn stalled(&self) {
        let load = self.load(self.unsent());
        self.level.set(self.level.get().stalled(load, &self.marks()));
    }

    /// The error of a connection whose peer takes nothing.
    pub(crate) fn too_much_unsent(&self) -> TooMuchUnsent {
        TooMuchUnsent { unsent: self.unsent_in_all(), growth: self.marks().growth() }
    }

    fn with_producer(
        &self,
        act: impl FnOnce(&mut Registered) -> Option<Rc<dyn Producer>>,
    ) -> Option<Rc<dyn Producer>> {
        let mut extras = self.extras.borrow_mut();
        act(extras.as_deref_mut()?.producer.as_mut()?)
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
        if self.state().close == Close::Lost {
            producer.stop_producing();
            return true;
        }
        if self.has_producer() {
            return false;
        }
        let demand = Demand::Resumed;
        let registered = Registered { producer: producer.clone(), kind, demand };
        self.extras().producer = Some(registered);
        match kind {
            ProducerKind::Pull => producer.resume_producing(),
            ProducerKind::Push => self.wrote(self.unsent()),
        }
        // It may have to be stopped.
        self.wake();
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

    /// Stops the producer, and forgets it: there is nobody left to produce for.
    pub(crate) fn stop_producer(&self) {
        if let Some(registered) = self.take_producer() {
            registered.stop();
        }
    }

    #[inline]
    pub(crate) fn has_producer(&self) -> bool {
        self.extras.borrow().as_deref().is_some_and(|extras| extras.producer.is_some())
    }
}
