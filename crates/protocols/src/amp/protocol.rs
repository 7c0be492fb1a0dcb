//! [`Amp`]: the protocol of a connection.
//!
//! Mirrors `twisted.protocols.amp.AMP`. Tested in `tests/amp/calls.rs` and
//! `tests/amp/tcp.rs`.

use std::borrow::Cow;
use std::fmt;
use std::mem;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::{Buf, BytesMut};
use deferred::Failure;
use reactor_compat::{
    AnyProtocol, Connection, ConnectionEvent, Protocol, UnprotectedData, log, short_name,
};

#[cfg(unix)]
use super::TooManyDescriptors;
use super::attached::{Attached, ReceivedDescriptors};
use super::dispatcher::Dispatcher;
use super::incoming_call::{IncomingCall, Progress};
use super::switch::Switch;
use super::{
    AmpTransport, BoxParser, BoxRef, Limits, MalformedAmpBox, NoEmptyBoxes, RemoteAmpError,
    Responders, TooManyCommands,
};
use crate::flow::{go_on, hand_over};
use crate::inner::Inner;
use crate::memory_budget::{self, MemoryBudget, MemoryBudgetExceeded};

/// The handler of those who need none: all is answered by functions of their
/// arguments.
impl Protocol<AmpTransport> for () {}

/// The protocol of an AMP connection: both sides may call each other.
///
/// See the [module's example](super).
///
/// Commands are answered by [`Responders`], which may be methods of a handler: one
/// for each connection. The handler is a [`Protocol`] of a [`AmpTransport`], which gets
/// all that happens to the connection but the data and the descriptors, which
/// are in boxes. When it hears that the connection is lost, the calls that waited
/// for answers have failed.
///
/// ```
/// use deferred::Failure;
/// use protocols::amp::{Amp, AmpConnection, AmpTransport, Responders};
/// use reactor_compat::{ConnectionDone, Protocol, testing::StringTransport};
/// use std::{cell::RefCell, rc::Rc};
///
/// #[derive(Default)]
/// struct Diary(Rc<RefCell<Vec<String>>>);
///
/// impl Protocol<AmpTransport> for Diary {
///     fn connection_made(&mut self, _: &AmpConnection<Self>) {
///         self.0.borrow_mut().push("hello".to_owned());
///     }
///     fn connection_lost(&mut self, _: &AmpConnection<Self>, reason: Failure) {
///         self.0.borrow_mut().push(reason.to_string());
///     }
/// }
///
/// let diary = Diary::default();
/// let pages = diary.0.clone();
/// let amp = StringTransport::new(Amp::with_handler(diary, &Responders::new()));
/// amp.connection_lost(ConnectionDone);
/// assert_eq!(*pages.borrow(), ["hello", "connection was closed cleanly"]);
/// ```
///
/// # Bad input
///
/// A box that is none, or exceeds the [`Limits`], and one that answers no call or
/// means nothing, closes the connection; calls that wait for answers fail with
/// the error that says so.
#[doc(alias = "AMP")]
#[doc(alias = "BoxDispatcher")]
pub struct Amp<H: Protocol<AmpTransport> = ()> {
    inner: Inner<H, AmpTransport>,
    /// The transport of the connection of `inner`, at hand.
    remote: Option<AmpTransport>,
    responders: Responders<H>,
    limits: Limits,
    budget: Option<MemoryBudget>,
    dispatcher: Rc<Dispatcher>,
    parser: BoxParser,
    /// Bytes that came and are not looked at, because the transport is paused.
    held: BytesMut,
    received: ReceivedDescriptors,
    /// The protocol that has taken over.
    next: Option<Inner<AnyProtocol>>,
    /// The error in what came.
    broken: Option<Failure>,
}

impl Amp<()> {
    /// One that only calls, and answers nothing.
    ///
    /// ```
    /// use protocols::amp::Amp;
    /// use reactor_compat::testing::StringTransport;
    ///
    /// let client = StringTransport::new(Amp::new());
    /// client.data_received(b"\x00\x04_ask\x00\x011\x00\x08_command\x00\x03Sum\x00\x00");
    /// assert!(client.take_value().ends_with(b"Unhandled Command: b'Sum'\x00\x00"));
    /// ```
    pub fn new() -> Self {
        Self::with_responders(&Responders::new())
    }

    /// One that answers with functions that need nothing but their arguments.
    ///
    /// See the [module's example](super).
    pub fn with_responders(responders: &Responders) -> Self {
        Self::with_handler((), responders)
    }
}

impl Default for Amp<()> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Protocol<AmpTransport>> Amp<H> {
    /// One that answers with methods of `handler`.
    ///
    /// See the example of [`Responders`].
    pub fn with_handler(handler: H, responders: &Responders<H>) -> Self {
        Self {
            inner: Inner::new(handler),
            remote: None,
            responders: responders.clone(),
            limits: Limits::default(),
            budget: None,
            dispatcher: Rc::default(),
            parser: BoxParser::new(),
            held: BytesMut::new(),
            received: ReceivedDescriptors::default(),
            next: None,
            broken: None,
        }
    }

    /// The same, with limits of your own.
    ///
    /// See the example of [`Limits`].
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, parser: BoxParser::with_limits(limits), ..self }
    }

    /// The same, whose peer has to share `budget` with those of other connections;
    /// without it, it is [that of the thread](MemoryBudget::of_thread). A peer that
    /// needs more than is left has the connection ended, with
    /// [`MemoryBudgetExceeded`].
    ///
    /// ```
    /// use protocols::MemoryBudget;
    /// use protocols::amp::Amp;
    /// use reactor_compat::testing::StringTransport;
    ///
    /// let budget = MemoryBudget::new(80_000);
    /// let amp = StringTransport::new(Amp::new().with_budget(&budget));
    /// let value = [&b"\x00\x01k\xff\xff"[..], &[b'x'; 65_535]].concat();
    /// amp.data_received(&value);
    /// assert!(amp.connected(), "a part of it counts");
    /// amp.data_received(&value);
    /// assert!(!amp.connected());
    /// ```
    #[must_use]
    pub fn with_budget(self, budget: &MemoryBudget) -> Self {
        Self { budget: Some(budget.clone()), ..self }
    }

    /// The handler.
    ///
    /// ```
    /// # use protocols::amp::Amp;
    /// assert_eq!(Amp::new().handler(), &());
    /// ```
    pub fn handler(&self) -> &H {
        &self.inner.protocol
    }

    /// The handler, to be changed; see [`project`](Connection::project).
    ///
    /// ```
    /// use protocols::amp::{Amp, AmpTransport, Responders};
    /// # use reactor_compat::Protocol;
    ///
    /// struct Count(usize);
    /// impl Protocol<AmpTransport> for Count {}
    ///
    /// let mut amp = Amp::with_handler(Count(0), &Responders::new());
    /// amp.handler_mut().0 = 7;
    /// assert_eq!(amp.handler().0, 7);
    /// ```
    pub fn handler_mut(&mut self) -> &mut H {
        &mut self.inner.protocol
    }

    pub(super) fn remote(&self, connection: &Connection<Self>) -> AmpTransport {
        AmpTransport::new(connection.transport().clone(), self.dispatcher.clone())
    }

    /// Understands `data`, for as long as the transport is not paused; how many
    /// bytes are left then.
    fn parse(&mut self, transport: &Connection<Self>, data: &[u8]) -> usize {
        // A switch that was asked for before this came has been made.
        self.dispatcher.boxes_end.set(false);
        let mut rest = data;
        let mut parser = mem::take(&mut self.parser);
        let mut left = 0;
        loop {
            let done = match parser.next_box(&mut rest) {
                Ok(None) => break,
                Ok(Some(found)) => self.box_received(found),
                Err(error) => Err(Failure::new(error)),
            };
            if let Err(failure) = done {
                self.give_up(transport, failure);
                break;
            }
            if self.dispatcher.boxes_end.take() {
                self.parser = parser;
                self.settle(transport, rest);
                return 0;
            }
            if !rest.is_empty() && !transport.reading() && transport.connected() {
                left = rest.len();
                break;
            }
        }
        self.parser = parser;
        left
    }

    /// Gives what is kept to a layer that was pushed.
    fn hand_over(&mut self, transport: &Connection<Self>) {
        if transport.switching() {
            hand_over(transport, &self.parser.take_buffered());
            hand_over(transport, &mem::take(&mut self.held));
            self.count(transport);
        }
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        if self.broken.is_some() {
        } else if self.held.is_empty() {
            let left = self.parse(transport, data);
            if left > 0 {
                self.held.extend_from_slice(&data[data.len() - left..]);
            }
        } else {
            self.held.extend_from_slice(data);
        }
        self.count(transport);
    }

    fn go_on(&mut self, transport: &Connection<Self>) {
        if transport.reading() && !self.held.is_empty() {
            let mut held = mem::take(&mut self.held);
            let left = self.parse(transport, &held);
            if left > 0 {
                held.advance(held.len() - left);
                self.held = held;
            }
            self.count(transport);
        }
    }

    /// Counts what is kept of what came; what is more than there may be ends the
    /// connection.
    fn count(&mut self, transport: &Connection<Self>) {
        self.parser.start();
        let counted = self.dispatcher.load.parsed(self.parser.memory() + self.held.capacity());
        if let Err(error) = counted {
            self.broken = Some(Failure::new(error));
            self.forget();
            memory_budget::end(transport, error);
        }
    }

    /// Lets go of what is kept of what came.
    fn forget(&mut self) {
        self.parser.take_buffered();
        self.held = BytesMut::new();
    }

    fn box_received(&mut self, found: BoxRef<'_>) -> Result<(), Failure> {
        let Some(connection) = &self.inner.connection else { return Ok(()) };
        let Some(remote) = &self.remote else { return Ok(()) };
        let found = found.with(Attached::from(&self.received));
        let Header { answer, ask, command, error } = Header::of(found);
        if let Some(tag) = answer {
            self.dispatcher.take_call(tag)?.answered(found);
        } else if let Some(tag) = error {
            // A call whose answer is not understood fails with the rest.
            let error = remote_error(found)?;
            self.dispatcher.take_call(tag)?.refused(error);
        } else if let Some(name) = command {
            let call = IncomingCall { fields: found, tag: ask, remote };
            let handler = &mut self.inner.protocol;
            let progress = self.responders.respond(name, handler, connection, call);
            let limit = self.limits.commands;
            if progress == Progress::Working {
                if self.dispatcher.load.working() > limit {
                    return Err(Failure::new(TooManyCommands { limit }));
                }
                self.dispatcher.load.count()?;
            }
            #[cfg(feature = "tls")]
            if self.dispatcher.load.held() > self.limits.unsent {
                return Err(Failure::new(super::TooMuchHeld { limit: self.limits.unsent }));
            }
        } else {
            return Err(Failure::new(NoEmptyBoxes));
        }
        Ok(())
    }

    /// Has another protocol take over, if that was asked for, with `data`.
    pub(super) fn settle(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let Some(Switch { next, done }) = self.dispatcher.switch.take() else {
            if !data.is_empty() {
                self.refuse_plaintext(transport, data.len());
            }
            return;
        };
        if self.next.is_some() {
            // It is too late: the connection speaks another protocol.
            return;
        }
        self.received.clear();
        let held = mem::take(&mut self.held);
        let unread = [&self.parser.take_buffered()[..], &held, data].concat();
        let next = self.next.insert(Inner::new(next.with_unread(unread)));
        // It is less than it was.
        let _ = self.dispatcher.load.parsed(0);
        next.connect(transport.project_if(Self::next));
        done();
    }

    /// The protocol that has taken over.
    fn next(&mut self) -> Option<&mut AnyProtocol> {
        self.next.as_mut().map(|next| &mut next.protocol)
    }

    /// Refuses what came in the clear after the word that TLS begins: it is not
    /// protected by it.
    fn refuse_plaintext(&mut self, transport: &Connection<Self>, bytes: usize) {
        let failure = Failure::new(UnprotectedData { bytes });
        self.broken = Some(failure.clone());
        self.received.clear();
        self.forget();
        transport.fail(failure);
    }

    /// Ends the connection: what came is not to be understood.
    fn give_up(&mut self, transport: &Connection<Self>, failure: Failure) {
        if let Some(error) = failure.check::<MemoryBudgetExceeded>() {
            memory_budget::end(transport, *error);
        } else {
            log::err(failure.clone(), "Unhandled Error");
        }
        self.broken = Some(failure);
        self.received.clear();
        self.forget();
        transport.lose_connection();
    }

    #[cfg(unix)]
    fn descriptor_received(&mut self, transport: &Connection<Self>, descriptor: OwnedFd) {
        let limit = self.limits.descriptors;
        if self.broken.is_none() && self.received.put(descriptor) > limit {
            self.give_up(transport, Failure::new(TooManyDescriptors { limit }));
        }
    }

    /// Has the handler, or the protocol that has taken over, handle what is not
    /// in boxes.
    fn pass_on(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match (&mut self.next, event) {
            (_, ConnectionEvent::ConnectionLost(reason)) => self.end(connection, reason),
            (Some(next), event) => next.handle(event),
            (None, ConnectionEvent::ConnectionMade) => self.begin(connection),
            #[cfg(unix)]
            (None, ConnectionEvent::FileDescriptorReceived(descriptor)) => {
                self.descriptor_received(connection, descriptor);
            }
            (None, ConnectionEvent::LayerPushed) => {
                // The handler's part came first.
                self.inner.handle(ConnectionEvent::LayerPushed);
                self.hand_over(connection);
            }
            (None, ConnectionEvent::HandshakeCompleted) => {
                let kept = self.parser.buffered() + self.held.len();
                if kept > 0 {
                    self.refuse_plaintext(connection, kept);
                }
                self.inner.handle(ConnectionEvent::HandshakeCompleted);
            }
            (None, ConnectionEvent::Resumed) => {
                self.inner.handle(ConnectionEvent::Resumed);
                self.go_on(connection);
            }
            (None, event) => self.inner.handle(event),
        }
    }

    fn begin(&mut self, transport: &Connection<Self>) {
        tracing::debug!(host = %transport.get_host(), peer = %transport.get_peer(), "AMP connection established");
        let budget = self.budget.get_or_insert_with(MemoryBudget::of_thread);
        self.dispatcher.load.begin(transport, budget, self.limits.unsent);
        let me = transport.clone();
        self.dispatcher.set_go_on(move || go_on(&me, |amp, me| amp.settle(me, &[])));
        let remote = self.remote(transport);
        self.remote = Some(remote.clone());
        self.inner.connect(transport.project(Self::handler_mut).with_transport(remote));
    }

    /// The connection is lost: the protocol that has taken over hears of it
    /// first, then the calls, then the handler.
    fn end(&mut self, transport: &Connection<Self>, reason: Failure) {
        tracing::debug!(host = %transport.get_host(), peer = %transport.get_peer(), "AMP connection lost");
        if let Some(next) = &mut self.next {
            next.handle(ConnectionEvent::ConnectionLost(reason.clone()));
        }
        self.received.clear();
        let reason = self.broken.take().unwrap_or(reason);
        self.dispatcher.fail_all(&reason);
        self.inner.handle(ConnectionEvent::ConnectionLost(reason));
    }
}

/// The keys that make a box an answer, an error or a command.
#[derive(Default)]
struct Header<'a> {
    answer: Option<&'a [u8]>,
    ask: Option<&'a [u8]>,
    command: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    #[inline]
    fn of(found: BoxRef<'a>) -> Self {
        let mut header = Self::default();
        for (key, value) in found.iter() {
            let place = match key {
                b"_answer" => &mut header.answer,
                b"_ask" => &mut header.ask,
                b"_command" => &mut header.command,
                b"_error" => &mut header.error,
                _ => continue,
            };
            *place = Some(value);
        }
        header
    }
}

fn remote_error(found: BoxRef<'_>) -> Result<RemoteAmpError, MalformedAmpBox> {
    let code = found.get("_error_code");
    let code = code.ok_or_else(|| MalformedAmpBox::new("an error without a code"))?;
    let description = found.get("_error_description");
    let description =
        description.ok_or_else(|| MalformedAmpBox::new("an error without a description"))?;
    Ok(RemoteAmpError::new(code, String::from_utf8_lossy(description)))
}

impl<H: Protocol<AmpTransport>> Protocol for Amp<H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        match &self.next {
            Some(next) => next.protocol.log_prefix(),
            None => short_name::<Self>().into(),
        }
    }

    /// In boxes, until another protocol has taken over.
    fn receives_descriptors(&self) -> bool {
        self.next.as_ref().is_none_or(|next| next.protocol.receives_descriptors())
    }

    #[inline]
    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::DataReceived(data) if self.next.is_none() => {
                self.data_received(connection, data);
            }
            event => self.pass_on(connection, event),
        }
    }
}

impl<H: Protocol<AmpTransport>> fmt::Debug for Amp<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amp")
            .field("connection", &self.inner.connection)
            .field("responders", &self.responders)
            .finish_non_exhaustive()
    }
}
