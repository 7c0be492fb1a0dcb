//! A binary heap that knows where each entry is, so that any can be moved or
//! taken out.

/// When an entry is due; of those due at one time, which is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Nanoseconds on the clock.
    pub(super) due: u64,
    pub(super) order: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) slot: usize,
}

/// The entries; whoever owns them is told where each goes.
#[derive(Default)]
pub(super) struct Heap {
    entries: Vec<Entry>,
}

impl Heap {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn first(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn key(&self, at: usize) -> Key {
        self.entries[at].key
    }

    pub(super) fn insert(&mut self, entry: Entry, mut moved: impl FnMut(usize, usize)) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1, &mut moved);
    }

    pub(super) fn remove(&mut self, at: usize, mut moved: impl FnMut(usize, usize)) {
        self.entries.swap_remove(at);
        if at < self.entries.len() {
            self.settle(at, &mut moved);
        }
    }

    pub(super) fn set_key(&mut self, at: usize, key: Key, mut moved: impl FnMut(usize, usize)) {
        self.entries[at].key = key;
        self.settle(at, &mut moved);
    }

    fn settle(&mut self, at: usize, moved: &mut impl FnMut(usize, usize)) {
        let at = self.rise(at, moved);
        self.sink(at, moved);
    }

    /// Moves the entry up to where it belongs.
    fn rise(&mut self, mut at: usize, moved: &mut impl FnMut(usize, usize)) -> usize {
        let entry = self.entries[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.entries[parent].key <= entry.key {
                break;
            }
            self.place(at, self.entries[parent], moved);
            at = parent;
        }
        self.place(at, entry, moved);
        at
    }

    /// Moves the entry down to where it belongs.
    fn sink(&mut self, mut at: usize, moved: &mut impl FnMut(usize, usize)) {
        let entry = self.entries[at];
        loop {
            let left = 2 * at + 1;
            let Some(first) = self.entries.get(left) else { break };
            let right = self.entries.get(left + 1).filter(|right| right.key < first.key);
            let child = if right.is_some() { left + 1 } else { left };
            if entry.key <= self.entries[child].key {
                break;
            }
            self.place(at, self.entries[child], moved);
            at = child;
        }
        self.place(at, entry, moved);
    }

    fn place(&mut self, at: usize, entry: Entry, moved: &mut impl FnMut(usize, usize)) {
        self.entries[at] = entry;
        moved(entry.slot, at);
    }
}
