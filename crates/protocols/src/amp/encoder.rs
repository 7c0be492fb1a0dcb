//! [`Encoder`]: boxes as they are on the wire.
//!
//! Mirrors `AmpBox.serialize` of `twisted.protocols.amp`. Tested in
//! `tests/amp/boxes.rs` and `tests/amp/arguments.rs`.

#[cfg(unix)]
use super::attached::SentDescriptors;
use super::{ArgumentError, MAX_KEY_LENGTH, MAX_VALUE_LENGTH, TooLong};

/// How long the prefix of a key or a value is.
const PREFIX: usize = 2;

/// A buffer that is larger than this is given back once it is empty.
const WORTH_KEEPING: usize = 16 * 1024;

/// Where a key and its value are on the wire.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    end: usize,
}

/// Where a box begins.
#[derive(Debug)]
pub(super) struct BoxStart {
    wire: usize,
    entries: usize,
}

/// Where an entry begins, and its value.
#[derive(Debug)]
pub(super) struct ValueStart {
    entry: usize,
    value: usize,
}

/// Writes boxes, one after the other or one in another, with their keys
/// sorted. Its buffers are used again and again.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    wire: Vec<u8>,
    /// Of the boxes that are not finished.
    entries: Vec<Entry>,
    spare: Vec<u8>,
    #[cfg(unix)]
    pub(super) attached: SentDescriptors,
}

impl Encoder {
    /// The bytes that were written.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.wire.clear();
        self.entries.clear();
        #[cfg(unix)]
        self.attached.descriptors.clear();
        if self.wire.capacity() > WORTH_KEEPING {
            self.wire = Vec::new();
        }
        if self.spare.capacity() > WORTH_KEEPING {
            self.spare = Vec::new();
        }
    }

    pub(super) fn begin(&mut self) -> BoxStart {
        BoxStart { wire: self.wire.len(), entries: self.entries.len() }
    }

    /// A key with its value.
    #[inline]
    pub(super) fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), ArgumentError> {
        let start = self.begin_value(key)?;
        self.wire.extend_from_slice(value);
        self.end_value(start)
    }

    /// A key, whose value is written next.
    #[inline]
    pub(super) fn begin_value(&mut self, key: &[u8]) -> Result<ValueStart, ArgumentError> {
        if key.is_empty() {
            return Err(ArgumentError::Unsupported("an empty key"));
        }
        if key.len() > MAX_KEY_LENGTH {
            let length = Some(key.len());
            return Err(TooLong { is_key: true, is_local: true, length, key_name: None }.into());
        }
        let entry = self.wire.len();
        self.wire.extend_from_slice(&[0, key.len() as u8]);
        self.wire.extend_from_slice(key);
        self.wire.extend_from_slice(&[0; PREFIX]);
        Ok(ValueStart { entry, value: self.wire.len() })
    }

    /// The value is written.
    #[inline]
    pub(super) fn end_value(&mut self, start: ValueStart) -> Result<(), ArgumentError> {
        let length = self.wire.len() - start.value;
        if length > MAX_VALUE_LENGTH {
            return Err(self.value_too_long(&start, length));
        }
        self.set_prefix(start.value, length);
        self.entries.push(Entry { start: start.entry, end: self.wire.len() });
        Ok(())
    }

    /// There is no value after all, and no key.
    pub(super) fn cancel_value(&mut self, start: &ValueStart) {
        self.wire.truncate(start.entry);
    }

    /// The value is written, and may be of any length: what exceeds that of a
    /// value goes into the keys `key.2`, `key.3` and so on.
    pub(super) fn end_long_value(
        &mut self,
        start: ValueStart,
        key: &[u8],
    ) -> Result<(), ArgumentError> {
        let end = self.wire.len().min(start.value + MAX_VALUE_LENGTH);
        let more = self.wire.split_off(end);
        self.end_value(start)?;
        for (part, number) in more.chunks(MAX_VALUE_LENGTH).zip(2..) {
            self.entry(&part_name(key, number), part)?;
        }
        Ok(())
    }

    /// An item of a list, which is written next.
    #[inline]
    pub(super) fn begin_item(&mut self) -> usize {
        self.wire.extend_from_slice(&[0; PREFIX]);
        self.wire.len()
    }

    /// The item is written.
    #[inline]
    pub(super) fn end_item(&mut self, start: usize) -> Result<(), ArgumentError> {
        let length = self.wire.len() - start;
        if length > MAX_VALUE_LENGTH {
            let length = Some(length);
            return Err(TooLong { is_key: false, is_local: true, length, key_name: None }.into());
        }
        self.set_prefix(start, length);
        Ok(())
    }

    /// The item that was begun has no prefix: it is a box.
    pub(super) fn unprefix_item(&mut self) {
        self.wire.truncate(self.wire.len().saturating_sub(PREFIX));
    }

    /// The box is complete.
    #[inline]
    pub(super) fn finish(&mut self, start: BoxStart) {
        let ours = self.entries.get(start.entries..).unwrap_or_default();
        let sorted = ours.windows(2).all(|two| match two {
            [a, b] => key(&self.wire, *a) < key(&self.wire, *b),
            _ => true,
        });
        if !sorted {
            self.sort(&start);
        }
        self.entries.truncate(start.entries);
        self.wire.extend_from_slice(&[0; PREFIX]);
    }

    /// Where values and texts are written.
    #[inline]
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    fn set_prefix(&mut self, start: usize, length: usize) {
        if let Some(prefix) = self.wire.get_mut(start - PREFIX..start) {
            prefix.copy_from_slice(&(length as u16).to_be_bytes());
        }
    }

    /// Sorts the entries of a box; of two with one key the first counts.
    #[cold]
    fn sort(&mut self, start: &BoxStart) {
        let wire = &self.wire;
        let mut ours = self.entries.split_off(start.entries);
        ours.sort_by(|a, b| key(wire, *a).cmp(key(wire, *b)));
        ours.dedup_by(|later, first| key(wire, *later) == key(wire, *first));
        self.spare.clear();
        for Entry { start, end } in ours {
            self.spare.extend_from_slice(wire.get(start..end).unwrap_or_default());
        }
        self.wire.truncate(start.wire);
        self.wire.extend_from_slice(&self.spare);
    }

    #[cold]
    fn value_too_long(&self, start: &ValueStart, length: usize) -> ArgumentError {
        let entry = Entry { start: start.entry, end: start.value };
        let key_name = Some(String::from_utf8_lossy(key(&self.wire, entry)).into_owned());
        TooLong { is_key: false, is_local: true, length: Some(length), key_name }.into()
    }
}

/// The parts behind the first of a long value, with their names.
pub(super) fn part_name(key: &[u8], number: usize) -> Vec<u8> {
    [key, b".", number.to_string().as_bytes()].concat()
}

fn key(wire: &[u8], entry: Entry) -> &[u8] {
    let entry = wire.get(entry.start..entry.end).unwrap_or_default();
    let length = entry.get(1).map_or(0, |&length| usize::from(length));
    entry.get(PREFIX..PREFIX + length).unwrap_or_default()
}
