//! The state that the handles to a connection share: the calls that wait for answers, and
//! how boxes are sent.
//!
//! Mirrors `BoxDispatcher` of `twisted.protocols.amp`. Tested in
//! `tests/amp/calls.rs`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::rc::Rc;

use deferred::Failure;
#[cfg(unix)]
use reactor_compat::SendDescriptorError;
use reactor_compat::{Transport, log};

#[cfg(unix)]
use super::attached::SentDescriptors;
use super::encoder::Encoder;
use super::load::Load;
use super::switch::Switch;
use super::{ArgumentError, BoxRef, MalformedAmpBox, ProtocolSwitched, RemoteAmpError};

/// The way of the boxes that are sent.
///
/// ```text
/// Open ──TLS is asked for──▶ Holding
///  ▲                            │
///  └──────────answered──────────┘
///
/// both of them ──the connection is lost──▶ Lost
/// ```
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// They go out.
    #[default]
    Open,
    /// They wait until the connection speaks TLS.
    #[cfg(feature = "tls")]
    Holding(Vec<u8>),
    /// The connection is lost.
    Lost(Failure),
}

/// The content of a box that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// A call of ours, of which nobody but we decide how many there are.
    Call,
    /// An answer, of which the other side decides how many there are.
    Answer,
}

/// A call that waits for its answer.
pub(super) trait OutgoingCall {
    fn answered(self: Box<Self>, answer: BoxRef<'_>);
    fn refused(self: Box<Self>, error: RemoteAmpError);
    fn lost(self: Box<Self>, reason: Failure);
}

/// The keys are our own, and count up.
#[derive(Default)]
struct TagHasher(u64);

impl Hasher for TagHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(self.0 ^ u64::from(byte)));
    }

    #[inline]
    fn write_u64(&mut self, tag: u64) {
        self.0 = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}

type OutgoingCalls = HashMap<u64, Box<dyn OutgoingCall>, BuildHasherDefault<TagHasher>>;

/// The state that the handles to a connection share.
#[derive(Default)]
pub(super) struct Dispatcher {
    stage: RefCell<Stage>,
    /// Whether none is sent any more: the connection speaks another protocol,
    /// or the other side was asked whether it should. What is held up by then
    /// still goes.
    locked: Cell<bool>,
    last_tag: Cell<u64>,
    /// The calls that wait for their answers. Bounded by those who call.
    calls: RefCell<OutgoingCalls>,
    /// How much the peer makes us keep.
    pub(super) load: Load,
    /// The protocol that takes over once the running callback allows it.
    pub(super) switch: RefCell<Option<Switch>>,
    /// Whether what comes after the box at hand is no box: it belongs to
    /// another protocol, or should be under TLS.
    pub(super) boxes_end: Cell<bool>,
    /// Has the protocol make a switch.
    go_on: RefCell<Option<Rc<dyn Fn()>>>,
    encoder: Cell<Encoder>,
    /// How many descriptors were sent.
    #[cfg(unix)]
    descriptors_sent: Cell<u64>,
}

impl Dispatcher {
    /// Why nothing is sent any more, if the connection is lost.
    pub(super) fn lost(&self) -> Option<Failure> {
        match &*self.stage.borrow() {
            Stage::Lost(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// The tag of the next call.
    pub(super) fn next_tag(&self) -> Tag {
        let number = self.last_tag.get() + 1;
        self.last_tag.set(number);
        Tag::new(number)
    }

    /// Has `call` wait for the answer with this tag.
    pub(super) fn wait(&self, tag: &Tag, call: Box<dyn OutgoingCall>) {
        self.calls.borrow_mut().insert(tag.number, call);
    }

    /// The call that is answered.
    pub(super) fn take_call(&self, tag: &[u8]) -> Result<Box<dyn OutgoingCall>, MalformedAmpBox> {
        Tag::read(tag)
            .and_then(|number| self.calls.borrow_mut().remove(&number))
            .ok_or_else(|| MalformedAmpBox::new("an answer to no call"))
    }

    /// Sends the box that `write` writes.
    pub(super) fn send(
        &self,
        transport: &Transport,
        sent: Sent,
        write: impl FnOnce(&mut Encoder) -> Result<(), ArgumentError>,
    ) -> Result<(), Failure> {
        if self.locked.get() {
            return Err(Failure::new(ProtocolSwitched));
        }
        // What is being written may, in its `Serialize`, write as well.
        let mut encoder = self.encoder.take();
        #[cfg(unix)]
        encoder.attached.begin(self.descriptors_sent.get());
        let written = write(&mut encoder).and_then(|()| self.put(transport, sent, &mut encoder));
        encoder.clear();
        self.encoder.set(encoder);
        written.map_err(failure_of)
    }

    fn put(
        &self,
        transport: &Transport,
        sent: Sent,
        encoder: &mut Encoder,
    ) -> Result<(), ArgumentError> {
        #[cfg(unix)]
        if !encoder.attached.descriptors.is_empty() {
            self.send_attached(transport, &mut encoder.attached)?;
        }
        #[cfg(feature = "tls")]
        if let Stage::Holding(held) = &mut *self.stage.borrow_mut() {
            held.extend_from_slice(encoder.wire());
            if sent == Sent::Answer {
                self.load.hold(encoder.wire().len());
            }
            return Ok(());
        }
        match sent {
            Sent::Call => {
                self.load.call(transport, encoder.wire().len());
                transport.write(encoder.wire());
            }
            Sent::Answer => {
                transport.write(encoder.wire());
                self.load.answered(transport);
            }
        }
        Ok(())
    }

    /// Sends the descriptors that go with a box, which follows them.
    #[cfg(unix)]
    #[cold]
    fn send_attached(
        &self,
        transport: &Transport,
        attached: &mut SentDescriptors,
    ) -> Result<(), ArgumentError> {
        #[cfg(feature = "tls")]
        if self.holding() {
            return Err(ArgumentError::Descriptor(SendDescriptorError::NotUnix));
        }
        let before = self.descriptors_sent.get();
        if !attached.follows(before) {
            // It was in the middle of this box that others went out.
            return Err(ArgumentError::Unsupported("descriptors in a box around another"));
        }
        self.descriptors_sent.set(before + attached.descriptors.len() as u64);
        let sent = transport.send_file_descriptors(attached.descriptors.drain(..));
        sent.or_else(|error| {
            self.descriptors_sent.set(before);
            match error {
                // Nor is the box.
                SendDescriptorError::Closing => Ok(()),
                error => Err(ArgumentError::Descriptor(error)),
            }
        })
    }

    /// Has another protocol take over.
    pub(super) fn switch_to(&self, switch: Switch) {
        let before = self.switch.replace(Some(switch));
        drop(before);
        self.boxes_end.set(true);
    }

    /// Notes how the protocol is told to make a switch.
    pub(super) fn set_go_on(&self, go_on: impl Fn() + 'static) {
        self.go_on.replace(Some(Rc::new(go_on)));
    }

    /// Has the protocol make a switch: now, if it is free.
    pub(super) fn go_on(&self) {
        let go_on = self.go_on.borrow().clone();
        if let Some(go_on) = go_on {
            go_on();
        }
    }

    /// No more boxes are sent, until [`unlock`](Self::unlock).
    pub(super) fn lock(&self) {
        self.locked.set(true);
    }

    /// Boxes are sent again: the other side does not switch.
    pub(super) fn unlock(&self) {
        self.locked.set(false);
    }

    /// Whether boxes are kept.
    #[cfg(feature = "tls")]
    pub(super) fn holding(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Holding(_))
    }

    /// Keeps the boxes that are sent, until [`release`](Self::release).
    #[cfg(feature = "tls")]
    pub(super) fn hold(&self) {
        self.enter(Stage::Holding(Vec::new()));
    }

    /// Sends the boxes that were kept.
    #[cfg(feature = "tls")]
    pub(super) fn release(&self, transport: &Transport) {
        if let Stage::Holding(held) = self.enter(Stage::Open) {
            let answers = self.load.release();
            self.load.call(transport, held.len().saturating_sub(answers));
            transport.write(held);
        }
    }

    fn enter(&self, stage: Stage) -> Stage {
        let mut now = self.stage.borrow_mut();
        if let Stage::Lost(_) = *now { Stage::Open } else { mem::replace(&mut *now, stage) }
    }

    /// The connection is lost: every call fails, in the order in which they
    /// were made.
    #[doc(alias = "failAllOutgoing")]
    pub(super) fn fail_all(&self, reason: &Failure) {
        drop(self.enter(Stage::Lost(reason.clone())));
        self.load.end();
        let switch = self.switch.take();
        drop(switch);
        let go_on = self.go_on.take();
        drop(go_on);
        let mut calls: Vec<_> = self.calls.take().into_iter().collect();
        calls.sort_by_key(|(tag, _)| *tag);
        for (_, call) in calls {
            call.lost(reason.clone());
        }
    }
}

/// An error that nobody handles ends the connection.
#[doc(alias = "unhandledError")]
pub(super) fn unhandled_error(transport: &Transport, failure: Failure) {
    log::err(
        failure,
        "Amp server or network failure unhandled by client application.  Dropping connection!",
    );
    transport.lose_connection();
}

/// The failure of what could not be written, in which one finds a `TooLong`.
pub(super) fn failure_of(error: ArgumentError) -> Failure {
    match error {
        ArgumentError::TooLong(error) => Failure::new(error),
        error => Failure::new(error),
    }
}

/// The name of a call, in hexadecimal.
pub(super) struct Tag {
    number: u64,
    digits: [u8; 16],
    start: usize,
}

impl Tag {
    fn new(number: u64) -> Self {
        let (mut digits, mut start, mut rest) = ([b'0'; 16], 16, number);
        for digit in digits.iter_mut().rev() {
            let value = (rest % 16) as u8;
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
            rest /= 16;
            start -= 1;
            if rest == 0 {
                break;
            }
        }
        Self { number, digits, start }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }

    /// The number of a tag that is written as ours are.
    fn read(tag: &[u8]) -> Option<u64> {
        let number = match tag {
            [] | [b'0', ..] => return None,
            tag if tag.len() > 16 => return None,
            tag => tag,
        };
        number.iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'9' => Some(number << 4 | u64::from(digit - b'0')),
            b'a'..=b'f' => Some(number << 4 | u64::from(digit - b'a' + 10)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_are_written() {
        for number in [1, 9, 10, 15, 16, 255, 0x1234_5678_9abc_def0, u64::MAX] {
            let tag = Tag::new(number);
            assert_eq!(tag.as_bytes(), format!("{number:x}").as_bytes());
            assert_eq!(Tag::read(tag.as_bytes()), Some(number));
        }
        for odd in ["", "0", "01", "A", "g", " 1", "11111111111111111"] {
            assert_eq!(Tag::read(odd.as_bytes()), None, "{odd:?}");
        }
    }
}
