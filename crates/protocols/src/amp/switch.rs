//! Commands by which another protocol takes over.
//!
//! Mirrors `ProtocolSwitchCommand` and `BinaryBoxProtocol._switchTo` of
//! `twisted.protocols.amp`. Tested in `tests/amp/switch.rs`.

use std::rc::{Rc, Weak};

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{Address, AnyProtocol, Protocol};

use super::dispatcher::{Dispatcher, OutgoingCall};
use super::transport::head;
use super::{AmpTransport, BoxRef, Command, RemoteAmpError, ser};

/// A switch that is to be made.
pub(super) struct Switch {
    /// The protocol that takes over.
    pub(super) next: AnyProtocol,
    /// Called afterwards.
    pub(super) done: Box<dyn FnOnce()>,
}

impl Switch {
    pub(super) fn new(protocol: impl Protocol, done: impl FnOnce() + 'static) -> Self {
        Self { next: AnyProtocol::new(protocol), done: Box::new(done) }
    }
}

impl AmpTransport {
    /// Calls a command that has both sides switch to another protocol; `build`
    /// makes ours, of the peer's address, once the other side has agreed.
    ///
    /// No box may be sent from here on: calls fail with
    /// [`ProtocolSwitched`](super::ProtocolSwitched), and answers to what the
    /// other side asked are let go. If it does not agree, boxes are sent again.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use protocols::amp::{Amp, CallRemote, Command, NoError};
    /// use reactor_compat::{Connection, Protocol, testing::StringTransport};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct BeEcho;
    ///
    /// impl Command for BeEcho {
    ///     const NAME: &str = "BeEcho";
    ///     type Response = ();
    ///     type Error = NoError;
    /// }
    ///
    /// struct Hello;
    ///
    /// impl Protocol for Hello {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
    ///     }
    /// }
    ///
    /// let client = StringTransport::new(Amp::new());
    /// let remote = success_result_of(client.connection().remote());
    /// let switched = remote.call_remote_switch(BeEcho, |_| Hello);
    /// client.take_value();
    /// client.data_received(b"\x00\x07_answer\x00\x011\x00\x00");
    /// success_result_of(switched);
    /// assert_eq!(client.take_value(), b"hello");
    /// ```
    #[doc(alias = "ProtocolSwitchCommand")]
    pub fn call_remote_switch<C, P>(
        &self,
        command: C,
        build: impl FnOnce(Address) -> P + 'static,
    ) -> Deferred<()>
    where
        C: Command<Response = ()>,
        P: Protocol,
    {
        let (answer, trigger) = Deferred::new();
        let peer = self.transport().get_peer().clone();
        let call = SwitchCall {
            dispatcher: Rc::downgrade(self.shared()),
            trigger,
            build: move || build(peer),
            fail: RemoteAmpError::into_failure::<C>,
        };
        let sent = self.call(Box::new(call), |encoder, tag| {
            ser::encode(encoder, |encoder| head(encoder, Some(tag), C::NAME), &command)
        });
        match sent {
            Ok(()) => {
                self.dispatcher().lock();
                answer
            }
            Err(failure) => Deferred::fail(failure),
        }
    }
}

/// A switch that waits for the other side to agree. Whoever cancelled it does
/// not want to know.
struct SwitchCall<B> {
    dispatcher: Weak<Dispatcher>,
    trigger: Trigger<()>,
    build: B,
    fail: fn(RemoteAmpError) -> Failure,
}

impl<P: Protocol, B: FnOnce() -> P> OutgoingCall for SwitchCall<B> {
    fn answered(self: Box<Self>, _: BoxRef<'_>) {
        let Some(dispatcher) = self.dispatcher.upgrade() else { return };
        let trigger = self.trigger;
        let done = move || {
            let _ = trigger.callback(());
        };
        dispatcher.switch_to(Switch::new((self.build)(), done));
    }

    fn refused(self: Box<Self>, error: RemoteAmpError) {
        if let Some(dispatcher) = self.dispatcher.upgrade() {
            dispatcher.unlock();
        }
        let _ = self.trigger.errback((self.fail)(error));
    }

    fn lost(self: Box<Self>, reason: Failure) {
        let _ = self.trigger.errback(reason);
    }
}
