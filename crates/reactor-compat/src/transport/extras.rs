//! What a connection has only where somebody asks for it, so that the others
//! pay one word for all of it.

use std::cell::RefMut;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};

use super::flow::Registered;
use super::{Link, WaterMarks};
use crate::error::ConnectionGone;
use crate::guard;
use crate::transport::Wish;
use crate::waiters::{Notified, Waiters};

/// Somebody who sees what is written.
pub(super) type Tap = Rc<dyn Fn(&[u8])>;

/// What a connection rarely has.
pub(crate) struct Extras {
    pub(super) marks: WaterMarks,
    /// How long a close may make no progress before it becomes an abort.
    pub(super) grace: Duration,
    pub(super) producer: Option<Registered>,
    /// How many descriptors wait to be sent.
    pub(super) descriptors: usize,
    tap: Option<Tap>,
    /// Who waits for the connection to drain.
    draining: Waiters<()>,
    #[cfg(feature = "tls")]
    pub(super) tls: super::secure::Tls,
}

impl Extras {
    /// How long a close may make no progress unless somebody says otherwise.
    pub(super) const CLOSE_GRACE: Duration = Duration::from_secs(30);
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            marks: WaterMarks::default(),
            grace: Self::CLOSE_GRACE,
            producer: None,
            descriptors: 0,
            tap: None,
            draining: Waiters::default(),
            #[cfg(feature = "tls")]
            tls: super::secure::Tls::default(),
        }
    }
}

impl Link {
    pub(super) fn extras(&self) -> RefMut<'_, Extras> {
        RefMut::map(self.extras.borrow_mut(), |extras| &mut **extras.get_or_insert_default())
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.extras.borrow().is_none()
    }

    /// Reads something of the extras, where there are any.
    #[inline]
    pub(super) fn extra<R>(&self, look: impl FnOnce(&Extras) -> Option<R>) -> Option<R> {
        self.extras.borrow().as_deref().and_then(look)
    }

    #[inline]
    pub(super) fn tap(&self) -> Option<Tap> {
        self.extra(|extras| extras.tap.clone())
    }

    pub(super) fn set_tap(&self, tap: Tap) {
        if self.wish() == Wish::Lost {
            // It would see nothing, and nobody would ever let go of it.
            return;
        }
        let both: Tap = match self.tap() {
            Some(before) => Rc::new(move |data| {
                tap(data);
                before(data);
            }),
            None => tap,
        };
        let before = self.extras().tap.replace(both);
        drop(before);
    }

    /// The connection is lost: tells the producer, and those who wait for what
    /// will not come.
    pub(super) fn let_go(&self, reason: &Failure) {
        let Some((producer, tap, draining)) = self.take_users() else { return };
        // Those who wait are told, whatever a producer makes of it.
        guard::run("a producer", || {
            if let Some(producer) = producer {
                producer.stop();
            }
        });
        guard::run("a tap", || drop(tap));
        draining.notify(&Err(reason.clone()));
    }

    fn take_users(&self) -> Option<(Option<Registered>, Option<Tap>, Notified<()>)> {
        let mut extras = self.extras.borrow_mut();
        let extras = extras.as_deref_mut()?;
        extras.descriptors = 0;
        Some((extras.producer.take(), extras.tap.take(), extras.draining.take()))
    }

    /// Fires when no more is unsent than the low mark allows.
    pub(super) fn drain(self: &Rc<Self>) -> Deferred<()> {
        if self.wish() == Wish::Lost {
            return Deferred::fail(ConnectionGone);
        }
        if !self.throttled() {
            return Deferred::succeed(());
        }
        let link = Rc::downgrade(self);
        self.extras().draining.add(move |number, _| {
            let left = link.upgrade().and_then(|link| link.extras().draining.remove(number));
            drop(left);
        })
    }

    /// Tells those who wait for it to drain; whether there were any.
    pub(super) fn drained(&self) -> bool {
        let waiting = match self.extras.borrow_mut().as_deref_mut() {
            Some(extras) if !extras.draining.is_empty() => extras.draining.take(),
            _ => return false,
        };
        waiting.notify(&Ok(()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn a_drain_that_is_cancelled_is_forgotten_at_once() {
        let link = Rc::new(Link::new(Rc::default(), Address::Pipe, Address::Pipe));
        link.write(&vec![0; WaterMarks::DEFAULT.high() + 1]);
        let [drained, other] = [link.drain(), link.drain()];
        drained.cancel();
        drop(drained.add_errback(|_| Ok(())));
        assert!(!link.extras().draining.is_empty(), "the other one waits");
        other.cancel();
        drop(other.add_errback(|_| Ok(())));
        assert!(link.extras().draining.is_empty());
    }
}
