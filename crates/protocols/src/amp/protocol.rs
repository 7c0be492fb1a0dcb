//! [`Amp`]: the protocol of a connection.
//!
//! Mirrors `twisted.protocols.amp.AMP`. Tested in `tests/amp/calls.rs` and
//! `tests/amp/tcp.rs`.

use std::fmt;
use std::mem;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::{Buf, BytesMut};
use deferred::Failure;
use reactor_compat::{BringHome, Connection, Protocol, WaterMarks, log};

#[cfg(unix)]
use super::TooManyDescriptors;
use super::ask::{Ask, Served};
use super::dispatcher::Dispatcher;
use super::exchange::{Claims, Inbox};
use super::switch::Slot;
use super::{
    BoxParser, BoxRef, Limits, MalformedAmpBox, NoEmptyBoxes, Peer, Remote, RemoteAmpError,
    Responders, TooManyCommands,
};

/// Who answers commands, beside the functions that need nothing but their
/// arguments: one for each connection.
///
/// Its methods answer as [`Responders`] say.
///
/// ```
/// use deferred::Failure;
/// use protocols::amp::{Amp, AmpHandler, Peer, Responders};
/// use reactor_compat::{ConnectionDone, testing::StringTransport};
/// use std::{cell::RefCell, rc::Rc};
///
/// #[derive(Default)]
/// struct Diary(Rc<RefCell<Vec<String>>>);
///
/// impl AmpHandler for Diary {
///     fn connection_made(&mut self, _: &Peer<Self>) {
///         self.0.borrow_mut().push("hello".to_owned());
///     }
///     fn connection_lost(&mut self, _: &Peer<Self>, reason: Failure) {
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
pub trait AmpHandler: Sized + 'static {
    /// The connection is there.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, peer: &Peer<Self>) {
        let _ = peer;
    }

    /// The connection is gone; the calls that waited for answers have failed.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, peer: &Peer<Self>, reason: Failure) {
        let _ = (peer, reason);
    }
}

/// Nobody: the functions need nothing but their arguments.
impl AmpHandler for () {}

/// The protocol of an AMP connection: both sides may call each other.
///
/// See the [module's example](super).
///
/// # Bad input
///
/// What is no box, or exceeds the [`Limits`], and what answers no question or
/// means nothing, closes the connection; calls that wait for answers fail with
/// the error that says so.
#[doc(alias = "AMP")]
#[doc(alias = "BoxDispatcher")]
pub struct Amp<H: AmpHandler = ()> {
    handler: H,
    responders: Responders<H>,
    limits: Limits,
    dispatcher: Rc<Dispatcher>,
    parser: BoxParser,
    /// What came and is not looked at, because the transport is paused.
    held: BytesMut,
    peer: Option<Peer<H>>,
    slot: Slot,
    inbox: Inbox,
    /// What was wrong with what came.
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

impl<H: AmpHandler> Amp<H> {
    /// One that answers with methods of `handler`.
    ///
    /// See [`Responders`].
    pub fn with_handler(handler: H, responders: &Responders<H>) -> Self {
        Self {
            handler,
            responders: responders.clone(),
            limits: Limits::default(),
            dispatcher: Rc::default(),
            parser: BoxParser::new(),
            held: BytesMut::new(),
            peer: None,
            slot: Slot::default(),
            inbox: Inbox::default(),
            broken: None,
        }
    }

    /// The same, with limits of your own.
    ///
    /// See [`Limits`].
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, parser: BoxParser::with_limits(limits), ..self }
    }

    /// Who answers.
    ///
    /// ```
    /// # use protocols::amp::Amp;
    /// assert_eq!(Amp::new().handler(), &());
    /// ```
    pub fn handler(&self) -> &H {
        &self.handler
    }

    pub(super) fn remote(&self, connection: &Connection<Self>) -> Remote {
        Remote::new(connection.transport().clone(), self.dispatcher.clone())
    }

    /// Understands `data`, for as long as the transport is not paused; how many
    /// bytes are left then.
    fn parse(&mut self, transport: &Connection<Self>, data: &[u8]) -> usize {
        // What turned before this came has been settled.
        self.dispatcher.turned.set(false);
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
            if self.dispatcher.turned.take() {
                self.settle(transport, mem::take(&mut rest));
                break;
            }
            if !rest.is_empty() && !transport.reading() && transport.connected() {
                left = rest.len();
                break;
            }
        }
        self.parser = parser;
        left
    }

    /// Waits until the transport reads again.
    fn wait(&self, transport: &Connection<Self>) {
        // It is too much unsent that holds us up, or else a pause: of its end
        // `resumed` tells.
        let drained = transport.drain();
        if !drained.has_result() {
            drop(drained.add_both_at(transport, |this, transport, _| this.go_on(transport)));
        }
    }

    fn go_on(&mut self, transport: &Connection<Self>) {
        if transport.reading() && !self.held.is_empty() {
            let mut held = mem::take(&mut self.held);
            let left = self.parse(transport, &held);
            if left > 0 {
                held.advance(held.len() - left);
                self.held = held;
                self.wait(transport);
            }
        }
    }

    fn box_received(&mut self, found: BoxRef<'_>) -> Result<(), Failure> {
        let Some(peer) = &self.peer else { return Ok(()) };
        let found = found.with(Claims::on(&self.inbox));
        let Meaning { answer, ask, command, error } = Meaning::of(found);
        if let Some(tag) = answer {
            self.dispatcher.take_question(tag)?.answered(found);
        } else if let Some(tag) = error {
            // A question whose answer is not understood fails with the rest.
            let error = remote_error(found)?;
            self.dispatcher.take_question(tag)?.refused(error);
        } else if let Some(name) = command {
            let served = Ask { fields: found, tag: ask };
            let served = self.responders.respond(name, &mut self.handler, peer, served);
            let limit = self.limits.commands;
            if served == Served::Working && self.dispatcher.working.get() > limit {
                return Err(Failure::new(TooManyCommands { limit }));
            }
            #[cfg(feature = "tls")]
            if self.dispatcher.held() > self.limits.unsent {
                return Err(Failure::new(super::TooMuchHeld { limit: self.limits.unsent }));
            }
        } else {
            return Err(Failure::new(NoEmptyBoxes));
        }
        Ok(())
    }

    /// Gives the connection to another protocol, if that was asked for, and
    /// `data` with it.
    pub(super) fn settle(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let Some(switch) = self.dispatcher.switch.take() else {
            if !data.is_empty() {
                self.refuse_plain(transport);
            }
            return;
        };
        self.inbox.clear();
        let mut unread = self.parser.take_buffered();
        unread.extend_from_slice(&mem::take(&mut self.held));
        unread.extend_from_slice(data);
        let house = transport.project(|amp: &mut Self| &mut amp.slot);
        switch.make(&mut self.slot, &house, &unread);
    }

    /// What comes in the clear after the word that TLS begins is not protected
    /// by it.
    fn refuse_plain(&mut self, transport: &Connection<Self>) {
        self.give_up(transport, Failure::new(MalformedAmpBox::new("plain bytes where TLS begins")));
    }

    /// What came is not to be understood: there is no going on.
    fn give_up(&mut self, transport: &Connection<Self>, failure: Failure) {
        log::err(failure.clone(), "Unhandled Error");
        self.broken = Some(failure);
        self.inbox.clear();
        transport.lose_connection();
    }
}

/// What makes a box an answer, an error or a command.
#[derive(Default)]
struct Meaning<'a> {
    answer: Option<&'a [u8]>,
    ask: Option<&'a [u8]>,
    command: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

impl<'a> Meaning<'a> {
    #[inline]
    fn of(found: BoxRef<'a>) -> Self {
        let mut meaning = Self::default();
        for (key, value) in found.iter() {
            let place = match key {
                b"_answer" => &mut meaning.answer,
                b"_ask" => &mut meaning.ask,
                b"_command" => &mut meaning.command,
                b"_error" => &mut meaning.error,
                _ => continue,
            };
            *place = Some(value);
        }
        meaning
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

impl<H: AmpHandler> Protocol for Amp<H> {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        tracing::debug!(host = %transport.get_host(), peer = %transport.get_peer(), "AMP connection established");
        let unsent = self.limits.unsent;
        transport.set_water_marks(WaterMarks::new(unsent / 4, unsent));
        let home = transport.project(|amp: &mut Self| &mut amp.handler);
        let peer = Peer::new(self.remote(transport), transport.clone(), home);
        self.handler.connection_made(&peer);
        self.peer = Some(peer);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        match self.slot.guest() {
            Some(guest) => guest.data_received(data),
            None if self.broken.is_some() => {}
            None if !self.held.is_empty() => self.held.extend_from_slice(data),
            None => {
                let left = self.parse(transport, data);
                if left > 0 {
                    self.held.extend_from_slice(&data[data.len() - left..]);
                    self.wait(transport);
                }
            }
        }
    }

    fn receives_descriptors(&self) -> bool {
        true
    }

    #[cfg(unix)]
    fn file_descriptor_received(&mut self, transport: &Connection<Self>, descriptor: OwnedFd) {
        if self.broken.is_some() || self.slot.guest().is_some() {
            return;
        }
        let limit = self.limits.descriptors;
        if self.inbox.put(descriptor) > limit {
            self.give_up(transport, Failure::new(TooManyDescriptors { limit }));
        }
    }

    fn resumed(&mut self, transport: &Connection<Self>) {
        match self.slot.guest() {
            Some(guest) => guest.resumed(),
            None => self.go_on(transport),
        }
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        match self.slot.guest() {
            Some(guest) => guest.read_connection_lost(),
            None => transport.lose_connection(),
        }
    }

    fn handshake_completed(&mut self, transport: &Connection<Self>) {
        match self.slot.guest() {
            Some(guest) => guest.handshake_completed(),
            None if self.parser.buffered() == 0 && self.held.is_empty() => {}
            None => self.refuse_plain(transport),
        }
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
        tracing::debug!(host = %transport.get_host(), peer = %transport.get_peer(), "AMP connection lost");
        if let Some(guest) = self.slot.guest() {
            guest.connection_lost(reason.clone());
        }
        self.inbox.clear();
        let reason = self.broken.take().unwrap_or(reason);
        self.dispatcher.fail_all(&reason);
        if let Some(peer) = &self.peer {
            self.handler.connection_lost(peer, reason);
        }
    }
}

impl<H: AmpHandler> fmt::Debug for Amp<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amp")
            .field("peer", &self.peer)
            .field("responders", &self.responders)
            .finish_non_exhaustive()
    }
}
