//! [`Watcher`]: sees what happens to a connection, and decides nothing.
//!
//! Mirrors what a subclass of `ProtocolWrapper` of
//! `twisted.protocols.policies` mostly is. Tested in
//! `tests/policies/policies.rs` and `tests/policies/forwarding.rs`.

use std::borrow::Cow;

use reactor_compat::{Address, Connection, ConnectionEvent, short_name};

/// Sees what happens to a connection, before the protocol within handles it.
///
/// It decides nothing: what it sees it cannot keep from the protocol, and what
/// it does not look at is none of its business. So one that overrides nothing
/// changes nothing. Like everybody who has a transport it can hold it up, or
/// close it.
///
/// What a protocol writes is seen by
/// [`tap_writes`](reactor_compat::Transport::tap_writes).
///
/// ```
/// use protocols::policies::{ProtocolWrapper, Watcher};
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Connection, ConnectionEvent};
///
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl Watcher for Count {
///     fn watch(&mut self, _: &Connection<Self>, event: &ConnectionEvent<'_>) {
///         if let ConnectionEvent::DataReceived(data) = event {
///             self.0 += data.len();
///         }
///     }
/// }
///
/// let transport = StringTransport::new(ProtocolWrapper::new(Count::default(), Echo));
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"hello");
/// assert_eq!(transport.inspect(|wrapper| wrapper.watcher().0), Some(5));
/// ```
pub trait Watcher: Sized + 'static {
    /// Its name in the log, which stands behind that of the protocol within.
    #[doc(alias = "logPrefix")]
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<Self>().into()
    }

    /// Sees an event that the protocol within is about to handle.
    ///
    /// A panic ends the connection, as one of the protocol does.
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        let _ = (connection, event);
    }
}

/// Makes a [`Watcher`] for each connection of a
/// [`WrappingFactory`](super::WrappingFactory).
///
/// A closure from the peer's [`Address`] to an `Option` of a watcher is one.
///
/// ```
/// use protocols::policies::{Watcher, WatcherFactory};
/// use reactor_compat::Address;
///
/// struct Idle;
/// impl Watcher for Idle {}
///
/// let mut factory = |peer: Address| (peer == Address::Pipe).then_some(Idle);
/// assert!(factory.build_watcher(Address::Pipe).is_some());
/// ```
pub trait WatcherFactory: 'static {
    /// The type of the watchers.
    type Watcher: Watcher;

    /// A watcher for a connection to `peer`; `None` to refuse the connection.
    fn build_watcher(&mut self, peer: Address) -> Option<Self::Watcher>;
}

impl<F, W> WatcherFactory for F
where
    F: FnMut(Address) -> Option<W> + 'static,
    W: Watcher,
{
    type Watcher = W;

    fn build_watcher(&mut self, peer: Address) -> Option<W> {
        self(peer)
    }
}
