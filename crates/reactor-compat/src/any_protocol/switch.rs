//! [`ProtocolSwitch`]: has another protocol take over a connection.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use deferred::Panic;

use super::erased::{Erased, Typed};
use super::held::Held;
use super::{AnyProtocol, SwitchError};
use crate::connection::Connection;
use crate::guard;
use crate::protocol::Protocol;

/// Has another protocol take over the connection of an [`AnyProtocol`].
///
/// It is cheap to clone, belongs to the connection, and works for whichever
/// protocol is there: one that takes over may be given it, to hand the
/// connection on in its turn.
///
/// See the example of [`AnyProtocol::with_switch`].
#[derive(Clone)]
pub struct ProtocolSwitch {
    shared: Rc<Shared>,
}

impl ProtocolSwitch {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        Self { shared }
    }

    /// Has `next` take over; `unread` is what came and `next` has to
    /// understand. It gets what comes from then on.
    ///
    /// The protocol that is there hears `connection_lost`, with
    /// [`ProtocolSwitched`](super::ProtocolSwitched), and is dropped; then
    /// `next` hears `connection_made`, and gets `unread`: while reading is
    /// paused, when it goes on.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], and nothing has changed; `next` is dropped.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the protocol it is done when that has
    /// returned, before anything else is given to it. From outside it is done
    /// before this returns, unless the protocol is busy: then when it is free. A
    /// panic of either protocol is logged, and the reason for which the connection
    /// ends.
    ///
    /// See the example of [`AnyProtocol::with_switch`].
    pub fn switch_to(
        &self,
        next: impl Protocol,
        unread: impl Into<Vec<u8>>,
    ) -> Result<(), SwitchError> {
        self.shared.request(Request::new(next, unread.into()))?;
        if let Some(connection) = self.shared.connection() {
            connection
                .call(|any, connection| any.settle_from_outside(connection))
                // A panic has ended the connection; there may be none any more.
                .add_errback(|failure| {
                    if failure.is::<Panic>() {
                        guard::log("a protocol that was switched", &failure);
                    }
                });
        }
        Ok(())
    }
}

impl fmt::Debug for ProtocolSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolSwitch").field("stage", &self.shared.stage.get()).finish()
    }
}

/// A protocol that is to take over, and what it has to understand.
pub(super) struct Request {
    pub(super) next: Box<dyn Erased>,
    pub(super) unread: Vec<u8>,
}

impl Request {
    pub(super) fn new(next: impl Protocol, unread: Vec<u8>) -> Self {
        Self { next: Typed::boxed(next), unread }
    }
}

/// The stages of a connection, by which there can be a switch or not.
///
/// ```text
/// New ──connection made──▶ Open ──a switch──▶ Replacing ──made──▶ Open
///  └─────────────────────────┴── connection lost ──▶ Over
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    New,
    Open,
    /// A protocol hears that it is replaced.
    Replacing,
    Over,
}

/// The state that a connection's protocol and its switches share.
#[derive(Default)]
pub(super) struct Shared {
    stage: Cell<Stage>,
    pub(super) held: Rc<Held>,
    connection: RefCell<Option<Connection<AnyProtocol>>>,
    request: RefCell<Option<Request>>,
}

impl Shared {
    /// Notes that there is a connection.
    pub(super) fn connect(&self, connection: &Connection<AnyProtocol>) {
        self.stage.set(Stage::Open);
        self.connection.replace(Some(connection.clone()));
        connection.add_read_ahead(&self.held);
    }

    pub(super) fn connected(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    fn connection(&self) -> Option<Connection<AnyProtocol>> {
        self.connection.borrow().clone()
    }

    /// Notes a request for a switch.
    pub(super) fn request(&self, request: Request) -> Result<(), SwitchError> {
        match self.stage.get() {
            Stage::Replacing => return Err(SwitchError::Replacing),
            Stage::Over => return Err(SwitchError::Lost),
            Stage::New | Stage::Open if self.has_request() => return Err(SwitchError::Pending),
            Stage::New | Stage::Open => {}
        }
        self.request.replace(Some(request));
        Ok(())
    }

    pub(super) fn has_request(&self) -> bool {
        self.request.borrow().is_some()
    }

    pub(super) fn take_request(&self) -> Option<Request> {
        self.request.take()
    }

    /// Refuses requests for as long as the value lives.
    pub(super) fn replacing(&self) -> Replacing<'_> {
        self.stage.set(Stage::Replacing);
        Replacing(self)
    }

    /// Refuses requests from here on: the connection is lost.
    pub(super) fn end(&self) {
        self.stage.set(Stage::Over);
        drop(self.held.take());
        // What they hold is a user's, and is let go with nothing borrowed.
        let connection = self.connection.take();
        drop(connection);
        let request = self.request.take();
        drop(request);
    }
}

/// A protocol that hears that it is replaced, for as long as it lives.
pub(super) struct Replacing<'a>(&'a Shared);

impl Drop for Replacing<'_> {
    fn drop(&mut self) {
        self.0.stage.set(Stage::Open);
    }
}
