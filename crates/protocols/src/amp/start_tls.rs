//! Turning a connection to TLS.
//!
//! Mirrors `StartTLS` of `twisted.protocols.amp`. Tested in
//! `tests/amp/tls.rs`.

use std::rc::{Rc, Weak};

use deferred::{CallbackResult, Deferred, Failure, Outcome, Trigger};
use reactor_compat::tls::TlsOptions;
use reactor_compat::{Protocol, Transport};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::dispatcher::{Dispatcher, OutgoingCall, unhandled_error};
use super::incoming_call::{IncomingCall, answer};
use super::transport::head;
use super::{
    AmpConnection, AmpTransport, BoxRef, Command, NoError, RemoteAmpError, Responders, ser,
};

/// The command that turns a connection to TLS.
///
/// It is called by [`AmpTransport::start_tls`], and answered by
/// [`Responders::start_tls`].
///
/// ```
/// use protocols::amp::{Command, StartTls};
/// assert_eq!(StartTls::NAME, "StartTLS");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[doc(alias = "StartTLS")]
pub struct StartTls;

impl Command for StartTls {
    const NAME: &'static str = "StartTLS";
    type Response = ();
    type Error = NoError;
}

/// The connection speaks TLS, or is about to.
///
/// ```
/// assert_eq!(protocols::amp::OnlyOneTls.to_string(), "TLS may be started only once");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[doc(alias = "OnlyOneTLS")]
#[error("TLS may be started only once")]
pub struct OnlyOneTls;

/// The other side has commands answered, and does not say whether it turns to
/// TLS, for which the answers wait: more of them than
/// [`Limits::unsent`](super::Limits::unsent). It ends the connection.
///
/// ```
/// let error = protocols::amp::TooMuchHeld { limit: 8 };
/// assert_eq!(error.to_string(), "more than 8 bytes wait for TLS");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more than {limit} bytes wait for TLS")]
pub struct TooMuchHeld {
    /// How many bytes are allowed.
    pub limit: usize,
}

impl AmpTransport {
    /// Asks the other side to turn to TLS, and does so when it agrees.
    ///
    /// What is sent from here on waits, and goes out under TLS. The Deferred
    /// fires when the handshake begins; if that fails, the connection is lost,
    /// and with it whatever was called.
    ///
    /// # Errors
    ///
    /// The Deferred fails with [`OnlyOneTls`] if TLS was started before, with a
    /// [`TlsConfigError`](reactor_compat::tls::TlsConfigError) if the options
    /// cannot be used, and as [`call_remote`](Self::call_remote) does; the
    /// connection then goes on in the clear.
    ///
    /// ```
    /// # use deferred::testing::success_result_of;
    /// # use protocols::amp::{Amp, CallRemote};
    /// # use reactor_compat::testing::StringTransport;
    /// use reactor_compat::tls::ClientOptions;
    ///
    /// # let client = StringTransport::new(Amp::new());
    /// # let remote = success_result_of(client.connection().remote());
    /// let _started = remote.start_tls(ClientOptions::new("example.org")?);
    /// assert!(client.take_value().ends_with(b"StartTLS\x00\x00"));
    /// # Ok::<(), reactor_compat::tls::TlsConfigError>(())
    /// ```
    #[doc(alias = "StartTLS")]
    pub fn start_tls(&self, options: impl Into<TlsOptions>) -> Deferred<()> {
        if self.turns_to_tls() {
            return Deferred::fail(OnlyOneTls);
        }
        let (answer, trigger) = Deferred::new();
        let call = StartTlsCall {
            transport: self.transport().clone(),
            dispatcher: Rc::downgrade(self.shared()),
            options: options.into(),
            trigger,
        };
        let sent = self.call(Box::new(call), |encoder, tag| {
            ser::encode(encoder, |encoder| head(encoder, Some(tag), StartTls::NAME), &StartTls)
        });
        match sent {
            Ok(()) => {
                self.dispatcher().hold();
                answer
            }
            Err(failure) => Deferred::fail(failure),
        }
    }

    /// Whether the connection speaks TLS, or we have asked for that.
    fn turns_to_tls(&self) -> bool {
        self.transport().is_secure() || self.dispatcher().holding()
    }
}

impl<H: Protocol<AmpTransport>> Responders<H> {
    /// Has a method answer [`StartTls`] with the options of our side, such as
    /// [`ServerOptions`](reactor_compat::tls::ServerOptions). Unless this was
    /// said, nobody answers: Twisted's own default, a certificate that nobody
    /// can verify, protects from nothing that matters.
    ///
    /// Where TLS was started before, or we have asked for it ourselves, it is
    /// not called: that is [`OnlyOneTls`], which ends the connection.
    ///
    /// ```no_run
    /// use protocols::amp::Responders;
    /// use reactor_compat::tls::{Identity, ServerOptions};
    ///
    /// # let (certificate, key) = ("", "");
    /// let options = ServerOptions::new(Identity::from_pem(certificate, key)?)?;
    /// let responders = Responders::<()>::new().start_tls(move |_, _| Ok(options.clone()));
    /// # assert_eq!(responders.names().count(), 1);
    /// # Ok::<(), reactor_compat::tls::TlsConfigError>(())
    /// ```
    #[must_use]
    pub fn start_tls<O, R>(
        self,
        responder: impl Fn(&mut H, &AmpConnection<H>) -> R + 'static,
    ) -> Self
    where
        O: Into<TlsOptions> + 'static,
        R: CallbackResult<Value = O>,
    {
        let respond = move |handler: &mut H, amp: &AmpConnection<H>, call: IncomingCall<'_>| {
            let outcome = match call.remote.turns_to_tls() {
                true => Outcome::Done(Err(Failure::new(OnlyOneTls))),
                false => call.run(|StartTls| responder(handler, amp)),
            };
            call.finish(outcome, |remote, tag, result| match result {
                Ok(options) => {
                    answer::<StartTls>(remote, tag, Ok(()));
                    if let Err(error) = remote.transport().start_tls(options) {
                        unhandled_error(remote.transport(), Failure::new(error));
                    }
                    remote.dispatcher().boxes_end.set(true);
                }
                Err(failure) => answer::<StartTls>(remote, tag, Err(failure)),
            })
        };
        self.with(StartTls::NAME, Rc::new(respond))
    }
}

/// A call for TLS that waits for the other side to agree. Whoever cancelled it
/// does not want to know.
struct StartTlsCall {
    transport: Transport,
    dispatcher: Weak<Dispatcher>,
    options: TlsOptions,
    trigger: Trigger<()>,
}

impl OutgoingCall for StartTlsCall {
    fn answered(self: Box<Self>, _: BoxRef<'_>) {
        let Some(dispatcher) = self.dispatcher.upgrade() else { return };
        let started = self.transport.start_tls(self.options);
        dispatcher.boxes_end.set(true);
        let _ = match started {
            Ok(()) => {
                dispatcher.release(&self.transport);
                self.trigger.callback(())
            }
            // The other side speaks TLS by now.
            Err(error) => {
                self.transport.lose_connection();
                self.trigger.errback(error)
            }
        };
    }

    fn refused(self: Box<Self>, error: RemoteAmpError) {
        if let Some(dispatcher) = self.dispatcher.upgrade() {
            dispatcher.release(&self.transport);
        }
        let _ = self.trigger.errback(error.into_failure::<StartTls>());
    }

    fn lost(self: Box<Self>, reason: Failure) {
        let _ = self.trigger.errback(reason);
    }
}
