//! [`Descriptors`]: all descriptors that are watched, by their objects.
//!
//! Tested in `tests/network/descriptor.rs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::entry::Entry;
use super::{FileDescriptor, ReadDescriptor, WriteDescriptor};
use crate::reactor::Extension;

/// Where an object is, which is how it is known.
pub(super) fn address<D: ?Sized>(object: &D) -> usize {
    std::ptr::from_ref(object).addr()
}

/// All descriptors that are watched.
#[derive(Default)]
pub(super) struct Descriptors {
    entries: RefCell<HashMap<usize, Rc<Entry>>>,
}

impl Extension for Descriptors {}

impl Descriptors {
    pub(super) fn get(&self, address: usize) -> Option<Rc<Entry>> {
        self.entries.borrow().get(&address).cloned()
    }

    pub(super) fn insert(&self, address: usize, entry: Rc<Entry>) {
        self.entries.borrow_mut().insert(address, entry);
    }

    fn all(&self) -> Vec<(usize, Rc<Entry>)> {
        let entries = self.entries.borrow();
        entries.iter().map(|(address, entry)| (*address, entry.clone())).collect()
    }

    pub(super) fn readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.all().iter().filter_map(|(_, entry)| entry.reader.borrow().clone()).collect()
    }

    pub(super) fn writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.all().iter().filter_map(|(_, entry)| entry.writer.borrow().clone()).collect()
    }

    pub(super) fn remove_reader(&self, address: usize) {
        let Some(entry) = self.get(address) else { return };
        let reader = entry.reader.take();
        self.forget_if_idle(address, &entry);
        // What the user's destructor does, it may do.
        drop(reader);
    }

    pub(super) fn remove_writer(&self, address: usize) {
        let Some(entry) = self.get(address) else { return };
        let writer = entry.writer.take();
        self.forget_if_idle(address, &entry);
        drop(writer);
    }

    pub(super) fn remove_all(&self) -> Vec<Rc<dyn FileDescriptor>> {
        let all = self.all();
        let objects = all.iter().filter_map(|(_, entry)| entry.object()).collect();
        for (address, entry) in all {
            self.remove(address, &entry);
        }
        objects
    }

    /// Removes it for both.
    pub(super) fn remove(&self, address: usize, entry: &Rc<Entry>) {
        let (reader, writer) = (entry.reader.take(), entry.writer.take());
        self.forget_if_idle(address, entry);
        drop((reader, writer));
    }

    fn forget_if_idle(&self, address: usize, entry: &Rc<Entry>) {
        if !entry.idle() {
            return;
        }
        entry.set_removed();
        let mut entries = self.entries.borrow_mut();
        if entries.get(&address).is_some_and(|there| Rc::ptr_eq(there, entry)) {
            let forgotten = entries.remove(&address);
            drop(entries);
            drop(forgotten);
        }
    }
}
