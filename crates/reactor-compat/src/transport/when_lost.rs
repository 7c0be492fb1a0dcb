//! [`Transport::when_lost`]: the end of a connection, as a Deferred.
//!
//! Tested in `tests/network/when_lost.rs`.

use std::rc::Rc;

use deferred::{Deferred, Failure};

use super::Transport;
use super::link::Link;

impl Transport {
    /// Waits until the connection is lost, and its protocol and factory have heard: the
    /// Deferred fires with the reason that `connection_lost` was given. Each that is
    /// asked for fires, those too that are asked for after the loss, which have fired
    /// already.
    ///
    /// A protocol that took over from another, or is a part of one, has the same: it is
    /// the connection's end, not its own.
    ///
    /// # Cancellation
    ///
    /// Cancelling it ends that Deferred, and nothing else.
    ///
    /// ```
    /// use deferred::testing::{assert_no_result, success_result_of};
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{ConnectionDone, Protocol};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let transport = StringTransport::new(Silent);
    /// let lost = transport.connection().when_lost();
    /// assert_no_result(&lost);
    /// transport.connection_lost(ConnectionDone);
    /// assert!(success_result_of(lost).is::<ConnectionDone>());
    /// assert!(success_result_of(transport.when_lost()).is::<ConnectionDone>());
    /// ```
    #[track_caller]
    pub fn when_lost(&self) -> Deferred<Failure> {
        if let Some(reason) = self.link.lost_for.get() {
            return Deferred::succeed(reason.clone());
        }
        let link = Rc::downgrade(&self.link);
        self.link.extras().losing.add(move |number, _| {
            let left = link.upgrade().and_then(|link| link.extras().losing.remove(number));
            drop(left);
        })
    }
}

impl Link {
    /// The connection is lost, and the protocol has heard of it: tells those who wait.
    pub(crate) fn tell_lost(&self, reason: &Failure) {
        // It is lost once.
        let _ = self.lost_for.set(reason.clone());
        let waiting = match self.extras.borrow_mut().as_deref_mut() {
            Some(extras) if !extras.losing.is_empty() => extras.losing.take(),
            _ => return,
        };
        waiting.notify(&Ok(reason.clone()));
    }
}
