//! [`StreamClientFactory`]: connects a stream, and tells it if that fails.
//!
//! Tested in `tests/framing/stream.rs`.

use std::fmt;
use std::rc::Rc;

use deferred::Failure;
use reactor_compat::{Address, ClientFactory, Connector, Factory, Protocol};

use super::Frames;
use super::shared::Shared;

/// The factory of the one connection of a client's stream: a stream whose connection
/// cannot be made hears why.
///
/// It is made by [`ReceiverStream::client_factory`](super::ReceiverStream::client_factory).
/// It builds one protocol; where it is used for more, the other connections are closed.
/// A stream that has failed stays so, though the connector connect later.
pub struct StreamClientFactory<T: Frames, P> {
    shared: Rc<Shared<T>>,
    protocol: Option<P>,
}

impl<T: Frames, P> StreamClientFactory<T, P> {
    pub(super) fn new(shared: Rc<Shared<T>>, protocol: P) -> Self {
        Self { shared, protocol: Some(protocol) }
    }
}

impl<T: Frames, P: Protocol> Factory for StreamClientFactory<T, P> {
    type Protocol = P;

    fn build_protocol(&mut self, _: Address) -> Option<P> {
        self.protocol.take()
    }

    /// The stream is told by an endpoint as well.
    fn as_client_factory(&mut self) -> Option<&mut dyn ClientFactory<Protocol = P>> {
        Some(self)
    }
}

impl<T: Frames, P: Protocol> ClientFactory for StreamClientFactory<T, P> {
    fn client_connection_failed(&mut self, _: &Connector<P>, reason: Failure) {
        if let Some(protocol) = self.protocol.take() {
            self.shared.lost(reason);
            drop(protocol);
        }
    }
}

impl<T: Frames, P> fmt::Debug for StreamClientFactory<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamClientFactory")
            .field("built", &self.protocol.is_none())
            .finish_non_exhaustive()
    }
}
