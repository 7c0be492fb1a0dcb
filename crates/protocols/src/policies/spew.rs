//! [`SpewingFactory`]: what was said, in the log.
//!
//! Mirrors `SpewingFactory` of `twisted.protocols.policies`. Tested in
//! `tests/policies/policies.rs`.

use reactor_compat::{Address, Connection, ConnectionEvent, Factory, log};

use super::repr::repr;
use super::watcher::{Watcher, WatcherFactory};
use super::wrapper::WrappingFactory;

/// A factory whose connections write all that is said on them to the log, for
/// debugging.
///
/// ```
/// use protocols::policies::SpewingFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::{Address, Factory, log::LogCapture, testing::StringTransport};
///
/// let log = LogCapture::start();
/// let mut factory = SpewingFactory::new(|_: Address| Echo);
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// transport.data_received(b"hello\r\n");
/// assert_eq!(log.messages(), [r"Received: b'hello\r\n'", r"Sending: b'hello\r\n'"]);
/// ```
pub type SpewingFactory<F> = WrappingFactory<F, Spew>;

impl<F: Factory> WrappingFactory<F, Spew> {
    /// `wrapped`, with all that is said in the log.
    ///
    /// See the example of [`SpewingFactory`].
    pub fn new(wrapped: F) -> Self {
        Self::with(wrapped, Spew)
    }
}

/// Makes the watchers of a [`SpewingFactory`], and is one.
///
/// See the example of [`SpewingFactory`].
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "SpewingProtocol")]
pub struct Spew;

impl WatcherFactory for Spew {
    type Watcher = Self;

    fn build_watcher(&mut self, _peer: Address) -> Option<Self> {
        Some(Self)
    }
}

impl Watcher for Spew {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                connection.tap_writes(|data| log::msg(format_args!("Sending: {}", repr(data))));
            }
            ConnectionEvent::DataReceived(data) => {
                log::msg(format_args!("Received: {}", repr(data)));
            }
            _ => {}
        }
    }
}
