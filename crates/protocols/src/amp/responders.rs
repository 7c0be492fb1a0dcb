//! [`Responders`]: which function answers which command.
//!
//! Mirrors `CommandLocator` and `SimpleStringLocator` of
//! `twisted.protocols.amp`. Tested in `tests/amp/calls.rs`.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use deferred::CallbackResult;
use reactor_compat::Protocol;

use super::incoming_call::{IncomingCall, Progress};
use super::{
    AmpBox, AmpConnection, AmpTransport, Command, RemoteAmpError, UNHANDLED_ERROR_CODE, python,
};

type Respond<H> = Rc<dyn Fn(&mut H, &AmpConnection<H>, IncomingCall<'_>) -> Progress>;

/// Which function answers which command. Made once, and given to every
/// connection's [`Amp`](super::Amp); clones share the table.
///
/// A responder returns a `Result`, a `Deferred`, or a coroutine by way of
/// [`ensure_deferred`](deferred::ensure_deferred). If it fails, or panics, the
/// caller gets one of the command's [errors](super::CommandError), a
/// [`RemoteAmpError`] as it is, or, for any other, `UNKNOWN`: that one is
/// logged, and ends the connection.
///
/// ```
/// use deferred::{Deferred, Failure, ensure_deferred, testing::success_result_of};
/// use protocols::amp::{Amp, AmpConnection, AmpTransport, Responders};
/// use reactor_compat::Protocol;
/// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
/// # use math::*;
///
/// /// Needs nothing but the arguments.
/// fn divide(Divide { numerator, denominator }: Divide) -> Result<Quotient, Failure> {
///     if denominator == 0 {
///         return Err(ZeroDivision.into());
///     }
///     Ok(Quotient { result: numerator as f64 / denominator as f64 })
/// }
///
/// /// Counts.
/// #[derive(Default)]
/// struct Accountant {
///     sums: u32,
/// }
///
/// impl Protocol<AmpTransport> for Accountant {}
///
/// impl Accountant {
///     fn sum(&mut self, _: &AmpConnection<Self>, Sum { a, b }: Sum) -> Deferred<Total> {
///         self.sums += 1;
///         ensure_deferred(async move { Ok(Total { total: a + b }) })
///     }
/// }
///
/// let responders = Responders::new().responder(Accountant::sum).function(divide);
/// let _amp = Amp::with_handler(Accountant::default(), &responders);
/// ```
#[doc(alias = "CommandLocator")]
#[doc(alias = "IResponderLocator")]
pub struct Responders<H: Protocol<AmpTransport> = ()> {
    table: Rc<HashMap<String, Respond<H>>>,
    fallback: Option<Respond<H>>,
}

impl<H: Protocol<AmpTransport>> Responders<H> {
    /// Without responders.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self { table: Rc::default(), fallback: None }
    }

    /// Has a method of the handler answer `C`.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn responder<C, R>(
        self,
        responder: impl Fn(&mut H, &AmpConnection<H>, C) -> R + 'static,
    ) -> Self
    where
        C: Command,
        R: CallbackResult<Value = C::Response>,
    {
        let respond = move |handler: &mut H, amp: &AmpConnection<H>, call: IncomingCall<'_>| {
            call.serve::<C, R>(|command| responder(handler, amp, command))
        };
        self.with(C::NAME, Rc::new(respond))
    }

    /// Has a function that needs no handler answer `C`.
    ///
    /// See the [type's example](Self).
    #[must_use]
    #[doc(alias = "responder")]
    pub fn function<C, R>(self, responder: impl Fn(C) -> R + 'static) -> Self
    where
        C: Command,
        R: CallbackResult<Value = C::Response>,
    {
        self.responder(move |_, _, command| responder(command))
    }

    /// Has a function answer a command that is known only when the program
    /// runs. It gets the whole box, and returns one.
    ///
    /// ```
    /// use protocols::amp::{Amp, AmpBox, AmpConnection, Responders};
    /// use reactor_compat::testing::StringTransport;
    ///
    /// let echo = |_: &mut (), _: &AmpConnection<()>, sent: AmpBox| {
    ///     Ok(AmpBox::from([("text", sent.get("text").unwrap_or_default())]))
    /// };
    /// let responders = Responders::new().string_responder("Echo", echo);
    /// # let server = StringTransport::new(Amp::with_responders(&responders));
    /// # let ask = AmpBox::from([("_ask", "1"), ("_command", "Echo"), ("text", "hi")]);
    /// # server.data_received(&ask.serialize().unwrap());
    /// # let answer = AmpBox::from([("_answer", "1"), ("text", "hi")]);
    /// # assert_eq!(server.take_value(), answer.serialize().unwrap());
    /// ```
    #[must_use]
    #[doc(alias = "SimpleStringLocator")]
    pub fn string_responder<R>(
        self,
        name: &str,
        responder: impl Fn(&mut H, &AmpConnection<H>, AmpBox) -> R + 'static,
    ) -> Self
    where
        R: CallbackResult<Value = AmpBox>,
    {
        self.with(name, string_respond(responder))
    }

    /// Has a function answer all commands that nobody else answers, whose name
    /// is in the box under `_command`.
    ///
    /// ```
    /// use protocols::amp::{AmpBox, RemoteAmpError, Responders};
    ///
    /// let responders = Responders::<()>::new().otherwise(|_, _, sent: AmpBox| {
    ///     let name = sent.get("_command").unwrap_or_default();
    ///     Err(RemoteAmpError::new("MOVED", format!("{} is gone", name.escape_ascii())).into())
    /// });
    /// # assert_eq!(responders.names().count(), 0);
    /// ```
    #[must_use]
    #[doc(alias = "locateResponder")]
    pub fn otherwise<R>(
        self,
        responder: impl Fn(&mut H, &AmpConnection<H>, AmpBox) -> R + 'static,
    ) -> Self
    where
        R: CallbackResult<Value = AmpBox>,
    {
        Self { fallback: Some(string_respond(responder)), ..self }
    }

    /// Has a method answer `C` by giving the connection to another protocol:
    /// the one it returns. The answer is empty; after it no more boxes are
    /// sent, and what comes goes to the new protocol.
    ///
    /// ```
    /// # use protocols::wire::Echo;
    /// use protocols::amp::{Amp, AmpConnection, Command, NoError, Responders};
    /// use reactor_compat::testing::StringTransport;
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
    /// let responders = Responders::new().switch(|_: &mut (), _: &AmpConnection<()>, BeEcho| Ok(Echo));
    /// let server = StringTransport::new(Amp::with_responders(&responders));
    /// server.data_received(b"\x00\x04_ask\x00\x011\x00\x08_command\x00\x06BeEcho\x00\x00hello");
    /// assert_eq!(server.take_value(), b"\x00\x07_answer\x00\x011\x00\x00hello");
    /// ```
    #[must_use]
    #[doc(alias = "ProtocolSwitchCommand")]
    pub fn switch<C, P, R>(
        self,
        responder: impl Fn(&mut H, &AmpConnection<H>, C) -> R + 'static,
    ) -> Self
    where
        C: Command<Response = ()>,
        P: Protocol,
        R: CallbackResult<Value = P>,
    {
        let respond = move |handler: &mut H, amp: &AmpConnection<H>, call: IncomingCall<'_>| {
            call.switch::<C, P, R>(|command| responder(handler, amp, command))
        };
        self.with(C::NAME, Rc::new(respond))
    }

    /// The commands that are answered, in no order.
    ///
    /// ```
    /// # mod math { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amp/support/math.in")); }
    /// # use math::*;
    /// use protocols::amp::Responders;
    ///
    /// let responders = Responders::<()>::new().function(|Sum { a, b }| Ok(Total { total: a + b }));
    /// assert_eq!(responders.names().collect::<Vec<_>>(), ["Sum"]);
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    pub(super) fn with(mut self, name: &str, respond: Respond<H>) -> Self {
        Rc::make_mut(&mut self.table).insert(name.to_owned(), respond);
        self
    }

    /// Answers a command.
    #[inline]
    pub(super) fn respond(
        &self,
        name: &[u8],
        handler: &mut H,
        amp: &AmpConnection<H>,
        call: IncomingCall<'_>,
    ) -> Progress {
        let known = std::str::from_utf8(name).ok().and_then(|name| self.table.get(name));
        match known.or(self.fallback.as_ref()) {
            Some(respond) => respond(handler, amp, call),
            None => {
                let description = format!("Unhandled Command: {}", python::bytes_repr(name));
                call.refuse(RemoteAmpError::new(UNHANDLED_ERROR_CODE, description));
                Progress::Done
            }
        }
    }
}

fn string_respond<H: Protocol<AmpTransport>, R: CallbackResult<Value = AmpBox>>(
    responder: impl Fn(&mut H, &AmpConnection<H>, AmpBox) -> R + 'static,
) -> Respond<H> {
    Rc::new(move |handler: &mut H, amp: &AmpConnection<H>, call: IncomingCall<'_>| {
        call.serve_string::<R>(|sent| responder(handler, amp, sent))
    })
}

impl<H: Protocol<AmpTransport>> Default for Responders<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Protocol<AmpTransport>> Clone for Responders<H> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), fallback: self.fallback.clone() }
    }
}

impl<H: Protocol<AmpTransport>> fmt::Debug for Responders<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
