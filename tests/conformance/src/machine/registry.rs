//! The Deferreds of a program, by number, and who holds them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use deferred::{CancelHandle, Deferred, Trigger};

use super::lifetime::{Keeper, Lingering};
use crate::error::ProgramError;
use crate::ops::Number;
use crate::value::Value;

/// Whether a list that has fired waits for a Deferred that one of its callbacks
/// returned; see [`Machine::cancel`](super::Machine::cancel).
pub(super) type ListWait = Rc<Cell<bool>>;

/// Who holds the consumer's end.
///
/// ```text
///             borrow               hand_over
///   Borrowed <------- InHand ----------------> HandedOver
///            -------> |   reserve                  ^
///             put_back +----------> Reserved ------+
///                                     take_reserved
/// ```
enum Consumer {
    /// The program: it may use it as a value.
    InHand(Deferred<Value>),
    /// An op that is running right now.
    Borrowed,
    /// A coroutine that has not come to await it. It stays here until then, as
    /// a Deferred of Twisted's lives as long as its number is known.
    Reserved(Deferred<Value>),
    /// Another Deferred, or a coroutine.
    HandedOver,
}

/// The end that fires.
#[derive(Clone)]
pub(super) enum Firing {
    /// Programs fire it.
    Trigger(Trigger<Value>),
    /// It was made with its result.
    Spent,
    /// Whatever made it fires it; programs do not.
    Elsewhere,
}

/// All that is known of one Deferred.
struct Entry {
    consumer: Consumer,
    firing: Firing,
    cancel: CancelHandle,
    list_wait: Option<ListWait>,
    keeper: Keeper,
    /// The Deferred that was chained to this one, while this one refers to it.
    refers_to: Option<Number>,
    /// Those that this one was chained to.
    chained_to: Vec<Number>,
}

/// A Deferred that an op made, for the registry.
pub(super) struct Made {
    deferred: Deferred<Value>,
    firing: Firing,
    list_wait: Option<ListWait>,
    keeper: Keeper,
}

impl Made {
    /// One that programs may fire, or were given with its result.
    pub(super) fn fired_by(firing: Firing, deferred: Deferred<Value>) -> Self {
        Self { deferred, firing, list_wait: None, keeper: Keeper::default() }
    }

    /// One that its maker fires.
    pub(super) fn elsewhere(deferred: Deferred<Value>) -> Self {
        Self::fired_by(Firing::Elsewhere, deferred)
    }

    /// Says what refers to it besides the program.
    pub(super) fn kept_by(self, keeper: Keeper) -> Self {
        Self { keeper, ..self }
    }

    /// Says that it is a DeferredList.
    pub(super) fn list(self) -> Self {
        Self { list_wait: Some(ListWait::default()), ..self }
    }
}

/// The Deferreds of a program.
#[derive(Default)]
pub(super) struct Registry {
    entries: RefCell<BTreeMap<Number, Entry>>,
    lingering: Lingering,
}

impl Registry {
    /// Adds a Deferred, in hand.
    pub(super) fn insert(&self, number: Number, made: Made) {
        let Made { deferred, firing, list_wait, keeper } = made;
        let cancel = deferred.cancel_handle();
        let consumer = Consumer::InHand(deferred);
        let (refers_to, chained_to) = (None, Vec::new());
        let entry = Entry { consumer, firing, cancel, list_wait, keeper, refers_to, chained_to };
        // The old entry, if any, must not go while the registry is borrowed.
        let old = self.entries.borrow_mut().insert(number, entry);
        drop(old);
    }

    /// Takes a Deferred for an op, which gives it back with `put_back`.
    pub(super) fn borrow(&self, number: Number) -> Result<Deferred<Value>, ProgramError> {
        self.take(number, Consumer::Borrowed)
    }

    /// Gives a Deferred back after an op.
    pub(super) fn put_back(&self, number: Number, deferred: Deferred<Value>) {
        let known = self.entries.borrow().contains_key(&number);
        // If it was dropped while the op ran, it goes away here.
        if known {
            self.set_consumer(number, Consumer::InHand(deferred));
        }
    }

    /// Hands a Deferred over: from now on it is only fired or cancelled.
    pub(super) fn hand_over(&self, number: Number) -> Result<Deferred<Value>, ProgramError> {
        self.take(number, Consumer::HandedOver)
    }

    /// Hands a Deferred over to a coroutine, which takes it when it awaits it.
    pub(super) fn reserve(&self, number: Number) -> Result<(), ProgramError> {
        let deferred = self.take(number, Consumer::HandedOver)?;
        self.set_consumer(number, Consumer::Reserved(deferred));
        Ok(())
    }

    /// Takes what was reserved.
    pub(super) fn take_reserved(&self, number: Number) -> Result<Deferred<Value>, ProgramError> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(&number).ok_or(ProgramError::NoDeferred(number))?;
        match std::mem::replace(&mut entry.consumer, Consumer::HandedOver) {
            Consumer::Reserved(deferred) => Ok(deferred),
            other => {
                entry.consumer = other;
                Err(ProgramError::HandedOver(number))
            }
        }
    }

    fn take(&self, number: Number, instead: Consumer) -> Result<Deferred<Value>, ProgramError> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(&number).ok_or(ProgramError::NoDeferred(number))?;
        entry.refers_to = None;
        match std::mem::replace(&mut entry.consumer, instead) {
            Consumer::InHand(deferred) => Ok(deferred),
            Consumer::Borrowed => {
                entry.consumer = Consumer::Borrowed;
                Err(ProgramError::Busy(number))
            }
            other => {
                entry.consumer = other;
                Err(ProgramError::HandedOver(number))
            }
        }
    }

    fn set_consumer(&self, number: Number, consumer: Consumer) {
        if let Some(entry) = self.entries.borrow_mut().get_mut(&number) {
            entry.consumer = consumer;
        }
    }

    /// The end that fires, if the number is known.
    pub(super) fn firing(&self, number: Number) -> Option<Firing> {
        Some(self.entries.borrow().get(&number)?.firing.clone())
    }

    /// The end that cancels, if the number is known.
    pub(super) fn cancel_handle(&self, number: Number) -> Option<CancelHandle> {
        Some(self.entries.borrow().get(&number)?.cancel.clone())
    }

    /// How it is known whether this Deferred is a list that waits.
    pub(super) fn list_wait(&self, number: Number) -> Option<ListWait> {
        self.entries.borrow().get(&number)?.list_wait.clone()
    }

    /// Notes that `d` was chained to `to`, and whether that one refers back to
    /// it until it is used again.
    pub(super) fn chained(&self, d: Number, to: Number, refers_back: bool) {
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.get_mut(&d) {
            entry.chained_to.push(to);
        }
        if let Some(entry) = entries.get_mut(&to)
            && refers_back
        {
            entry.refers_to = Some(d);
        }
    }

    /// What counts who refers to a Deferred.
    pub(super) fn keeper(&self, number: Number) -> Option<Keeper> {
        Some(self.entries.borrow().get(&number)?.keeper.clone())
    }

    /// Forgets a Deferred that the program still has, both its ends.
    pub(super) fn forget(&self, number: Number) -> Result<(), ProgramError> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get(&number).ok_or(ProgramError::NoDeferred(number))?;
        if !matches!(entry.consumer, Consumer::InHand(_) | Consumer::Borrowed) {
            return Err(ProgramError::HandedOver(number));
        }
        let entry = entries.remove(&number);
        let back = entries.iter().find(|(_, other)| other.refers_to == Some(number));
        let by_chain = entries.iter().find(|(_, other)| other.chained_to.contains(&number));
        let (referred_back, referring) = (back.is_some(), back.or(by_chain).map(|(d, _)| *d));
        drop(entries);

        if let Some(Entry { consumer: Consumer::InHand(deferred), keeper, .. }) = entry
            && (referred_back || keeper.keeps())
        {
            self.lingering.keep(deferred, referring);
        }
        self.lingering.forget(number);
        Ok(())
    }

    /// The numbers of those in hand, in order.
    pub(super) fn in_hand(&self) -> Vec<Number> {
        let entries = self.entries.borrow();
        let in_hand = entries.iter().filter(|(_, e)| matches!(e.consumer, Consumer::InHand(_)));
        in_hand.map(|(number, _)| *number).collect()
    }

    /// Forgets all.
    pub(super) fn release(&self) {
        let entries = self.entries.take();
        drop(entries);
        self.lingering.release();
    }
}
