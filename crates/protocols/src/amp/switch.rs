//! Giving a connection to another protocol.
//!
//! Mirrors `ProtocolSwitchCommand` and `BinaryBoxProtocol._switchTo` of
//! `twisted.protocols.amp`. Tested in `tests/amp/switch.rs`.

use std::any::Any;
use std::rc::{Rc, Weak};

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{Address, Connection, Protocol};

use super::dispatcher::{Dispatcher, Question};
use super::remote::head;
use super::{BoxRef, Command, Remote, RemoteAmpError, ser};

/// Where the protocol lives that a connection was given to.
#[derive(Default)]
pub(super) struct Slot(Option<Box<dyn Guest>>);

impl Slot {
    pub(super) fn guest(&mut self) -> Option<&mut (dyn Guest + 'static)> {
        self.0.as_deref_mut()
    }

    /// The protocol, if it is a `P`.
    fn protocol<P: Protocol>(&mut self) -> Option<&mut P> {
        let guest: &mut dyn Any = self.guest()?;
        Some(&mut guest.downcast_mut::<Inner<P>>()?.protocol)
    }
}

/// A protocol that a connection was given to.
pub(super) trait Guest: Any {
    fn connection_made(&mut self);
    fn data_received(&mut self, data: &[u8]);
    fn resumed(&mut self);
    fn read_connection_lost(&mut self);
    fn connection_lost(&mut self, reason: Failure);
    fn handshake_completed(&mut self);
}

struct Inner<P> {
    protocol: P,
    connection: Connection<P>,
}

impl<P: Protocol> Guest for Inner<P> {
    fn connection_made(&mut self) {
        self.protocol.connection_made(&self.connection);
    }

    fn data_received(&mut self, data: &[u8]) {
        self.protocol.data_received(&self.connection, data);
    }

    fn resumed(&mut self) {
        self.protocol.resumed(&self.connection);
    }

    fn read_connection_lost(&mut self) {
        self.protocol.read_connection_lost(&self.connection);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.protocol.connection_lost(&self.connection, reason);
    }

    fn handshake_completed(&mut self) {
        self.protocol.handshake_completed(&self.connection);
    }
}

/// Makes a protocol at home in a slot.
type Install = Box<dyn FnOnce(&Connection<Slot>) -> Box<dyn Guest>>;

/// A switch that is to be made.
pub(super) struct Switch {
    install: Install,
    /// What happens afterwards.
    done: Box<dyn FnOnce()>,
}

impl Switch {
    pub(super) fn new<P: Protocol>(protocol: P, done: impl FnOnce() + 'static) -> Self {
        let install = |house: &Connection<Slot>| -> Box<dyn Guest> {
            Box::new(Inner { protocol, connection: house.project_if(Slot::protocol) })
        };
        Self { install: Box::new(install), done: Box::new(done) }
    }

    /// Makes the switch; what has come already goes to the new protocol.
    pub(super) fn make(self, slot: &mut Slot, house: &Connection<Slot>, data: &[u8]) {
        let guest = slot.0.insert((self.install)(house));
        guest.connection_made();
        if !data.is_empty() {
            guest.data_received(data);
        }
        (self.done)();
    }
}

impl Remote {
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
        let sent = self.ask(Box::new(call), |encoder, tag| {
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

impl<P: Protocol, B: FnOnce() -> P> Question for SwitchCall<B> {
    fn answered(self: Box<Self>, _: BoxRef<'_>) {
        let Some(dispatcher) = self.dispatcher.upgrade() else { return };
        let trigger = self.trigger;
        let done = move || {
            let _ = trigger.callback(());
        };
        dispatcher.turn_to(Switch::new((self.build)(), done));
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
