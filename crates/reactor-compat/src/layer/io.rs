//! [`LayerIo`]: a layer's answers to the bytes that it is given.

use std::time::Duration;

use deferred::Failure;

use super::layered::{Ends, Way};
use crate::address::Address;
use crate::network::Security;

/// The two sides of a [`Layer`](super::Layer): the protocol above, the network
/// below.
///
/// See the example of [`Layer`](super::Layer).
#[derive(Debug)]
pub struct LayerIo<'a> {
    ends: &'a mut Ends,
}

impl<'a> LayerIo<'a> {
    pub(super) fn new(ends: &'a mut Ends) -> Self {
        Self { ends }
    }

    /// Gives the protocol data that the peer sent.
    ///
    /// It is kept while the protocol does not read.
    pub fn deliver(&mut self, data: &[u8]) {
        self.ends.up.push(data);
    }

    /// Sends data to the peer, after all that was written here before.
    pub fn write(&mut self, data: &[u8]) {
        self.ends.down.push(data);
    }

    /// Says that the peer sends no more.
    pub fn end(&mut self) {
        self.ends.way = Way::Ended;
    }

    /// Ends the connection: the protocol's `connection_lost` gets `reason`, once
    /// it was given all that was delivered before. What was written here before goes
    /// out first, if the peer takes it within 5 seconds. The layer is not called again.
    pub fn fail(&mut self, reason: impl Into<Failure>) {
        self.ends.failure.get_or_insert(reason.into());
    }

    /// Says that the layer's own conversation is over: the protocol's begins.
    ///
    /// It ends the time limit, if one was set.
    pub fn open(&mut self) {
        self.ends.open = true;
        self.ends.timeout = Some(None);
    }

    /// Sets how long it may take until the layer's
    /// [`timed_out`](super::Layer::timed_out) is called; `None` for ever.
    pub fn set_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.ends.timeout = Some(time.into());
    }

    /// Says what the peer's address is, where that is not the one below. Known to
    /// the protocol if its connection is made after the layer is open.
    pub fn set_peer(&mut self, peer: Address) {
        self.ends.peer = Some(peer);
    }

    /// Says what our own address is, where that is not the one below.
    pub fn set_host(&mut self, host: Address) {
        self.ends.host = Some(host);
    }

    /// Says what protects the connection from here on.
    pub fn set_security(&mut self, security: Security) {
        self.ends.security = Some(security.into());
    }

    /// How much was delivered, and not read by the protocol.
    pub fn undelivered(&self) -> usize {
        self.ends.up.len()
    }
}
