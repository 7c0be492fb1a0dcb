//! [`AmpTransport`] and [`AmpConnection`]: the other side of a connection, to be called.
//!
//! Mirrors `callRemote` of `twisted.protocols.amp.BoxDispatcher`. Tested in
//! `tests/amp/calls.rs`.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{Connection, Protocol, Transport};

use super::dispatcher::{Dispatcher, OutgoingCall, Sent, Tag, failure_of};
use super::encoder::Encoder;
use super::{Amp, AmpBox, ArgumentError, BoxRef, Command, RemoteAmpError, ser};

/// The other side of a connection, to be called: the transport of those who
/// answer. It derefs to the [`Transport`], is cheap to clone, and may be kept
/// anywhere.
///
/// # Re-entrancy
///
/// A call may be made from anywhere: its box is written at once, and goes out
/// with all others when the running callback returns.
///
/// ```
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
/// use deferred::testing::success_result_of;
/// use protocols::amp::{Amp, CallRemote};
/// use reactor_compat::testing::StringTransport;
///
/// let client = StringTransport::new(Amp::new());
/// let remote = success_result_of(client.connection().remote());
/// let total = remote.call_remote(Sum { a: 13, b: 81 });
/// # let server = server();
///
/// server.data_received(&client.take_value());
/// client.data_received(&server.take_value());
/// assert_eq!(success_result_of(total), Total { total: 94 });
/// ```
#[derive(Clone)]
pub struct AmpTransport {
    transport: Transport,
    dispatcher: Rc<Dispatcher>,
}

impl AmpTransport {
    pub(super) fn new(transport: Transport, dispatcher: Rc<Dispatcher>) -> Self {
        Self { transport, dispatcher }
    }

    pub(super) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    pub(super) fn shared(&self) -> &Rc<Dispatcher> {
        &self.dispatcher
    }

    /// The connection.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// let client = StringTransport::new(Amp::new());
    /// let remote = success_result_of(client.connection().remote());
    /// remote.transport().lose_connection();
    /// assert!(client.disconnecting());
    /// ```
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Calls a command of the other side.
    ///
    /// The Deferred fails with the command's own error, with
    /// [`UnhandledCommand`](super::UnhandledCommand) where the other side knows
    /// no such command, with [`UnknownRemoteError`](super::UnknownRemoteError)
    /// where something else went wrong there; with
    /// [`TooLong`](super::TooLong) or [`ArgumentError`] where the arguments
    /// cannot be sent, or the answer is not what it should be; with
    /// [`ProtocolSwitched`](super::ProtocolSwitched) after a switch; and with
    /// the connection's reason once that is lost.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred lets the answer go. The other side does not hear
    /// of it.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "callRemote")]
    pub fn call_remote<C: Command>(&self, command: C) -> Deferred<C::Response> {
        let (answer, trigger) = Deferred::new();
        let sent = self.call(Box::new(Call::<C> { trigger }), |encoder, tag| {
            ser::encode(encoder, |encoder| head(encoder, Some(tag), C::NAME), &command)
        });
        sent.map_or_else(Deferred::fail, |()| answer)
    }

    /// Calls a command, and wants no answer: not even an error comes back.
    ///
    /// After the connection is lost it does nothing.
    ///
    /// # Errors
    ///
    /// The arguments cannot be sent, or the connection has switched to another
    /// protocol.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
    /// # use math::*;
    /// # use protocols::amp::{Amp, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// let client = StringTransport::new(Amp::new());
    /// let remote = success_result_of(client.connection().remote());
    /// remote.call_remote_unanswered(Sum { a: 1, b: 2 })?;
    /// assert!(!client.take_value().windows(4).any(|key| key == b"_ask"));
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    #[doc(alias = "requiresAnswer")]
    pub fn call_remote_unanswered<C: Command>(&self, command: C) -> Result<(), Failure> {
        self.send(|encoder| ser::encode(encoder, |encoder| head(encoder, None, C::NAME), &command))
    }

    /// Calls a command that is known only when the program runs. What is
    /// answered is a box, too, and an error a [`RemoteAmpError`].
    ///
    /// ```
    /// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
    /// # use math::*;
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, AmpBox, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// # let (client, server) = (StringTransport::new(Amp::new()), server());
    /// # let remote = success_result_of(client.connection().remote());
    /// let answer = remote.call_remote_string("Sum", AmpBox::from([("a", "13"), ("b", "81")]));
    /// # server.data_received(&client.take_value());
    /// # client.data_received(&server.take_value());
    /// assert_eq!(success_result_of(answer).get("total"), Some(&b"94"[..]));
    /// ```
    #[doc(alias = "callRemoteString")]
    pub fn call_remote_string(&self, name: &str, arguments: AmpBox) -> Deferred<AmpBox> {
        let (answer, trigger) = Deferred::new();
        let sent = self.call(Box::new(StringCall { trigger }), |encoder, tag| {
            arguments.write(encoder, |encoder| head(encoder, Some(tag), name))
        });
        sent.map_or_else(Deferred::fail, |()| answer)
    }

    /// The same, without an answer.
    ///
    /// # Errors
    ///
    /// As [`call_remote_unanswered`](Self::call_remote_unanswered).
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, AmpBox, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// # let client = StringTransport::new(Amp::new());
    /// # let remote = success_result_of(client.connection().remote());
    /// remote.call_remote_string_unanswered("Log", AmpBox::from([("line", "hello")]))?;
    /// assert!(!client.take_value().is_empty());
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    pub fn call_remote_string_unanswered(
        &self,
        name: &str,
        arguments: AmpBox,
    ) -> Result<(), Failure> {
        self.send(|encoder| arguments.write(encoder, |encoder| head(encoder, None, name)))
    }

    /// Sends a box as it is.
    ///
    /// # Errors
    ///
    /// The box cannot be sent, or the connection has switched to another
    /// protocol, or is lost.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, AmpBox, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// # let client = StringTransport::new(Amp::new());
    /// # let remote = success_result_of(client.connection().remote());
    /// remote.send_box(&AmpBox::from([("_command", "Ping")]))?;
    /// assert_eq!(client.take_value(), b"\x00\x08_command\x00\x04Ping\x00\x00");
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    #[doc(alias = "sendBox")]
    pub fn send_box(&self, box_: &AmpBox) -> Result<(), Failure> {
        if let Some(reason) = self.dispatcher.lost() {
            return Err(reason);
        }
        self.dispatcher.send(&self.transport, Sent::Call, |encoder| box_.write(encoder, |_| Ok(())))
    }

    /// Sends a box as it is, and closes the connection.
    ///
    /// # Errors
    ///
    /// As [`send_box`](Self::send_box); the connection is then left open.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, AmpBox, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// # let client = StringTransport::new(Amp::new());
    /// # let remote = success_result_of(client.connection().remote());
    /// remote.quit(&AmpBox::from([("_command", "Bye")]))?;
    /// assert!(client.disconnecting());
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    #[doc(alias = "QuitBox")]
    pub fn quit(&self, box_: &AmpBox) -> Result<(), Failure> {
        self.send_box(box_)?;
        self.transport.lose_connection();
        Ok(())
    }

    /// Sends a command, and has `call` wait for its answer.
    pub(super) fn call(
        &self,
        call: Box<dyn OutgoingCall>,
        write: impl FnOnce(&mut Encoder, &Tag) -> Result<(), ArgumentError>,
    ) -> Result<(), Failure> {
        if let Some(reason) = self.dispatcher.lost() {
            return Err(reason);
        }
        let tag = self.dispatcher.next_tag();
        self.dispatcher.send(&self.transport, Sent::Call, |encoder| write(encoder, &tag))?;
        self.dispatcher.wait(&tag, call);
        Ok(())
    }

    fn send(
        &self,
        write: impl FnOnce(&mut Encoder) -> Result<(), ArgumentError>,
    ) -> Result<(), Failure> {
        if self.dispatcher.lost().is_some() {
            return Ok(());
        }
        self.dispatcher.next_tag();
        self.dispatcher.send(&self.transport, Sent::Call, write)
    }
}

impl Deref for AmpTransport {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        &self.transport
    }
}

impl AsRef<Transport> for AmpTransport {
    fn as_ref(&self) -> &Transport {
        &self.transport
    }
}

impl fmt::Debug for AmpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AmpTransport").field(&self.transport).finish()
    }
}

/// Writes the keys that make a box a command.
pub(super) fn head(
    encoder: &mut Encoder,
    tag: Option<&Tag>,
    name: &str,
) -> Result<(), ArgumentError> {
    if let Some(tag) = tag {
        encoder.entry(b"_ask", tag.as_bytes())?;
    }
    encoder.entry(b"_command", name.as_bytes())
}

/// A call of a command that waits for its answer. Whoever cancelled it does not
/// want to know.
struct Call<C: Command> {
    trigger: Trigger<C::Response>,
}

impl<C: Command> OutgoingCall for Call<C> {
    fn answered(self: Box<Self>, answer: BoxRef<'_>) {
        let _ = self.trigger.fire(answer.to_value().map_err(failure_of));
    }

    fn refused(self: Box<Self>, error: RemoteAmpError) {
        let _ = self.trigger.errback(error.into_failure::<C>());
    }

    fn lost(self: Box<Self>, reason: Failure) {
        let _ = self.trigger.errback(reason);
    }
}

/// A call that is answered with a box.
struct StringCall {
    trigger: Trigger<AmpBox>,
}

impl OutgoingCall for StringCall {
    fn answered(self: Box<Self>, answer: BoxRef<'_>) {
        let _ = self.trigger.callback(answer.into());
    }

    fn refused(self: Box<Self>, error: RemoteAmpError) {
        let _ = self.trigger.errback(error.into_plain_failure());
    }

    fn lost(self: Box<Self>, reason: Failure) {
        let _ = self.trigger.errback(reason);
    }
}

/// The connection of a handler: what its methods get with each command. It
/// derefs to the [`AmpTransport`], to call back, and so to the [`Transport`]; and it is
/// the way back to the handler for what answers later.
///
/// ```
/// use protocols::amp::{Amp, AmpConnection, AmpTransport, Responders};
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
/// use deferred::{Deferred, Trigger};
/// use reactor_compat::{ProtocolCallbacks, Protocol};
///
/// #[derive(Default)]
/// struct Math {
///     sums: u32,
///     slow: Option<Trigger<i64>>,
/// }
///
/// impl Protocol<AmpTransport> for Math {}
///
/// impl Math {
///     fn sum(&mut self, amp: &AmpConnection<Self>, Sum { a, .. }: Sum) -> Deferred<Total> {
///         let (b, trigger) = Deferred::new();
///         self.slow = Some(trigger);
///         b.add_callback_at(amp, move |this, _, b| {
///             this.sums += 1;
///             Ok(Total { total: a + b })
///         })
///     }
/// }
///
/// let _amp = Amp::with_handler(Math::default(), &Responders::new().responder(Math::sum));
/// ```
pub type AmpConnection<H> = Connection<H, AmpTransport>;

/// Calls on the [`Connection`] of an [`Amp`], such as one that a client has just
/// made.
///
/// ```
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
/// # use deferred::testing::success_result_of;
/// # use reactor_compat::testing::StringTransport;
/// use protocols::amp::{Amp, CallRemote};
///
/// # let (client, server) = (StringTransport::new(Amp::new()), server());
/// # let connection = client.connection().clone();
/// let total = connection.call_remote(Sum { a: 13, b: 81 });
/// # server.data_received(&client.take_value());
/// # client.data_received(&server.take_value());
/// assert_eq!(success_result_of(total), Total { total: 94 });
/// ```
pub trait CallRemote {
    /// The other side, to be called any number of times.
    ///
    /// The Deferred has fired unless the connection is in the middle of a
    /// callback, or `connection_made` is still to come; it fails with [`ConnectionGone`](reactor_compat::ConnectionGone)
    /// once it is lost.
    ///
    /// See the example of [`AmpTransport`].
    fn remote(&self) -> Deferred<AmpTransport>;

    /// [`AmpTransport::call_remote`], in one step.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the connection the call is made when that has
    /// returned, as it is before `connection_made`; a [`AmpTransport`] makes it at once.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "callRemote")]
    fn call_remote<C: Command>(&self, command: C) -> Deferred<C::Response> {
        self.remote().add_callback(move |remote| remote.call_remote(command))
    }
}

impl<H: Protocol<AmpTransport>> CallRemote for Connection<Amp<H>> {
    fn remote(&self) -> Deferred<AmpTransport> {
        self.call(|amp, connection| Ok(amp.remote(connection)))
    }
}
