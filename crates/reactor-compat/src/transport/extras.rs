//! [`Extras`]: the parts of a connection that few have, so that the others pay
//! one word for all of them.

use std::cell::RefMut;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Deferred, Failure};

use super::flow::Registered;
use super::level::Level;
use super::read_ahead::ReadAhead;
use super::state::Close;
use super::switch::PendingLayer;
use super::{Link, WaterMarks};
use crate::error::ConnectionGone;
use crate::guard;
use crate::network::{Security, SharedStream};
use crate::waiters::{Notified, Waiters};

/// A function that sees what is written.
pub(super) type Tap = Rc<dyn Fn(&[u8])>;

/// The protection of the connection.
///
/// ```text
/// None ──start_tls──▶ Begun ──handshake over──▶ Secure
/// Given ──the protocol hears of it─────────────▲
/// ```
pub(super) enum Protection {
    None,
    Begun,
    /// The stream had it from the start.
    Given(Rc<Security>),
    Secure(Rc<Security>),
}

/// The parts of a connection that few have.
pub(crate) struct Extras {
    pub(super) marks: WaterMarks,
    /// How long a close may make no progress before it becomes an abort.
    pub(super) grace: Duration,
    pub(super) producer: Option<Registered>,
    /// How many descriptors wait to be sent.
    pub(super) descriptors: usize,
    /// How many bytes the stream holds: a layer's.
    pub(super) held: usize,
    /// The stream under all layers that were pushed.
    pub(super) bottom: Option<SharedStream>,
    tap: Option<Tap>,
    /// Those who wait for the connection to drain.
    draining: Waiters<()>,
    /// Those who wait for it to be lost.
    pub(super) losing: Waiters<Failure>,
    /// Layers that are to be put in.
    pub(super) pending: VecDeque<PendingLayer>,
    /// The bytes that were read beyond the point at which the next one was pushed.
    pub(super) unread: Vec<u8>,
    /// The bytes that were in buffers then, and came behind those.
    pub(super) ahead: Vec<u8>,
    /// The buffers of what is read in advance.
    pub(super) read_ahead: Vec<Weak<dyn ReadAhead>>,
    pub(super) protection: Protection,
    /// The reason for which it is to be cut, where there is a special one.
    pub(super) failure: Option<Failure>,
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
            held: 0,
            bottom: None,
            tap: None,
            draining: Waiters::default(),
            losing: Waiters::default(),
            pending: VecDeque::new(),
            unread: Vec::new(),
            ahead: Vec::new(),
            read_ahead: Vec::new(),
            protection: Protection::None,
            failure: None,
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
        if self.state().close == Close::Lost {
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

    /// The reason for which the connection is cut, where there is a special one.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.extras.borrow_mut().as_deref_mut()?.failure.take()
    }

    fn take_users(&self) -> Option<(Option<Registered>, Option<Tap>, Notified<()>)> {
        let mut extras = self.extras.borrow_mut();
        let extras = extras.as_deref_mut()?;
        extras.descriptors = 0;
        extras.held = 0;
        extras.bottom = None;
        Some((extras.producer.take(), extras.tap.take(), extras.draining.take()))
    }

    /// Fires when no more is unsent than the low mark allows.
    pub(super) fn drain(self: &Rc<Self>) -> Deferred<()> {
        if self.state().close == Close::Lost {
            return Deferred::fail(ConnectionGone);
        }
        if self.level.get() == Level::Low {
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
