//! [`BoxParser`]: from bytes to boxes, with no transport in it.
//!
//! Mirrors what `twisted.protocols.amp.BinaryBoxProtocol` parses. Tested in
//! `tests/amp/boxes.rs`.

use std::ops::Range;

use serde::Deserialize;

use super::attached::Attached;
use super::de;
use super::{ArgumentError, BoxError, Limits, MAX_KEY_LENGTH, TooLong};

/// How long the prefix of a key or a value is.
const PREFIX: usize = 2;

/// A buffer that is larger than this is given back once its box is read.
const WORTH_KEEPING: usize = 4096;

/// Where a key and its value are in the bytes of a box.
#[derive(Clone, Debug)]
struct Entry {
    key: Range<usize>,
    value: Range<usize>,
}

/// The next thing to come in a box.
///
/// ```text
/// ┌─▶ Key ──prefix and key──▶ Value ──prefix and value──┐
/// │    └──empty key: the box is complete                │
/// └─────────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Debug, Default)]
enum Next {
    #[default]
    Key,
    Value {
        key: Range<usize>,
    },
}

/// Finds boxes in bytes, however these are cut.
///
/// A box that lies whole in the data is not copied; of one that does not, what
/// is there is kept, up to [`Limits::box_size`]. After an error nothing more
/// is found.
///
/// ```
/// use protocols::amp::BoxParser;
///
/// let mut parser = BoxParser::new();
/// let mut data = &b"\x00\x01a\x00\x0213\x00\x00\x00\x01b\x00"[..];
/// let found = parser.next_box(&mut data)?.expect("one is complete");
/// assert_eq!(found.get("a"), Some(&b"13"[..]));
/// assert!(parser.next_box(&mut data)?.is_none(), "the other is not");
///
/// let mut rest = &b"\x00\x00\x00"[..];
/// assert_eq!(parser.next_box(&mut rest)?.unwrap().get("b"), Some(&b""[..]));
/// # Ok::<(), protocols::amp::BoxError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "BinaryBoxProtocol")]
#[doc(alias = "parse")]
pub struct BoxParser {
    limits: Limits,
    /// The beginning of a box that is not complete.
    partial: Vec<u8>,
    /// Whether `partial` is a box that was handed out.
    complete: bool,
    entries: Vec<Entry>,
    /// How much of the box is understood.
    at: usize,
    next: Next,
    /// Whether every key so far is greater than the one before it.
    sorted: bool,
    failed: Option<BoxError>,
}

impl BoxParser {
    /// A parser with the default limits.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self::default()
    }

    /// A parser with limits of your own.
    ///
    /// ```
    /// use protocols::amp::{BoxError, BoxParser, Limits};
    ///
    /// let mut parser = BoxParser::with_limits(Limits { keys: 1, ..Limits::default() });
    /// let mut data = &b"\x00\x01a\x00\x00\x00\x01b\x00\x00\x00\x00"[..];
    /// assert_eq!(parser.next_box(&mut data).unwrap_err(), BoxError::TooManyKeys { limit: 1 });
    /// ```
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The next box, if there is one that is complete; `data` is left with what
    /// follows it.
    ///
    /// # Errors
    ///
    /// A key is too long, or the box exceeds the limits. From then on the same
    /// error is given for ever.
    ///
    /// See the [type's example](Self).
    pub fn next_box<'a, 'd: 'a>(
        &'a mut self,
        data: &mut &'d [u8],
    ) -> Result<Option<BoxRef<'a>>, BoxError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.start();
        let found = if self.partial.is_empty() { self.in_place(data) } else { self.on_top(data) };
        match found {
            Ok(Some(bytes)) => {
                let bytes = bytes.unwrap_or(&self.partial);
                if !self.sorted {
                    sort(&mut self.entries, bytes);
                }
                Ok(Some(BoxRef { bytes, entries: &self.entries, attached: Attached::default() }))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                (self.partial, self.entries) = (Vec::new(), Vec::new());
                Err(error)
            }
        }
    }

    /// How many bytes of an incomplete box it keeps.
    ///
    /// ```
    /// let mut parser = protocols::amp::BoxParser::new();
    /// parser.next_box(&mut &b"\x00\x01"[..])?;
    /// assert_eq!(parser.buffered(), 2);
    /// # Ok::<(), protocols::amp::BoxError>(())
    /// ```
    pub fn buffered(&self) -> usize {
        if self.complete { 0 } else { self.partial.len() }
    }

    /// How much memory it has.
    pub(super) fn memory(&self) -> usize {
        self.partial.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Takes out what it keeps of an incomplete box.
    pub(super) fn take_buffered(&mut self) -> Vec<u8> {
        self.start();
        self.begin();
        std::mem::take(&mut self.partial)
    }

    /// Lets go of the box that was handed out before.
    pub(super) fn start(&mut self) {
        if !self.complete {
            return;
        }
        self.complete = false;
        self.partial.clear();
        if self.memory() > WORTH_KEEPING {
            self.partial = Vec::new();
            self.entries = Vec::new();
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.entries.clear();
        self.at = 0;
        self.next = Next::Key;
        self.sorted = true;
    }

    /// Looks for a box in `data` alone; keeps what is there of one.
    fn in_place<'a>(&mut self, data: &mut &'a [u8]) -> Result<Option<Option<&'a [u8]>>, BoxError> {
        self.begin();
        if self.scan(data)? {
            let (bytes, rest) = data.split_at(self.at.min(data.len()));
            *data = rest;
            return Ok(Some(Some(bytes)));
        }
        self.partial.extend_from_slice(data);
        *data = &[];
        Ok(None)
    }

    /// Goes on with the box that was begun, taking no more from `data` than
    /// belongs to it.
    fn on_top<'a>(&mut self, data: &mut &'a [u8]) -> Result<Option<Option<&'a [u8]>>, BoxError> {
        loop {
            let partial = std::mem::take(&mut self.partial);
            let complete = self.scan(&partial);
            self.partial = partial;
            if complete? {
                self.complete = true;
                return Ok(Some(None));
            }
            if data.is_empty() {
                return Ok(None);
            }
            let (taken, rest) = data.split_at(self.missing().min(data.len()));
            self.partial.extend_from_slice(taken);
            *data = rest;
        }
    }

    /// How many more bytes the next prefix, or the next key or value, needs.
    fn missing(&self) -> usize {
        let end = match prefix(&self.partial, self.at) {
            Some(length) => self.at + PREFIX + length,
            None => self.at + PREFIX,
        };
        end.saturating_sub(self.partial.len())
    }

    /// Understands as much as there is; whether the box is complete.
    fn scan(&mut self, bytes: &[u8]) -> Result<bool, BoxError> {
        loop {
            if bytes.len() > self.at && self.at + PREFIX > self.limits.box_size {
                return Err(self.too_large());
            }
            let Some(length) = prefix(bytes, self.at) else { return Ok(false) };
            let start = self.at + PREFIX;
            let end = start + length;
            self.check(length, end)?;
            if end > bytes.len() {
                return Ok(false);
            }
            self.at = end;
            match std::mem::take(&mut self.next) {
                Next::Key if length == 0 => return Ok(true),
                Next::Key => self.next = Next::Value { key: start..end },
                Next::Value { key } => self.add(Entry { key, value: start..end }, bytes),
            }
        }
    }

    fn too_large(&self) -> BoxError {
        BoxError::TooLarge { limit: self.limits.box_size }
    }

    /// Whether the limits allow what comes next, before any of it is kept.
    fn check(&self, length: usize, end: usize) -> Result<(), BoxError> {
        if matches!(self.next, Next::Key) {
            if length > MAX_KEY_LENGTH {
                let error = TooLong { is_key: true, is_local: false, length: None, key_name: None };
                return Err(BoxError::TooLong(error));
            }
            if length > 0 && self.entries.len() >= self.limits.keys {
                return Err(BoxError::TooManyKeys { limit: self.limits.keys });
            }
        }
        if end > self.limits.box_size {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry, bytes: &[u8]) {
        if let Some(last) = self.entries.last() {
            self.sorted &= bytes.get(last.key.clone()) < bytes.get(entry.key.clone());
        }
        self.entries.push(entry);
    }
}

/// The length that stands at `at`.
fn prefix(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..)? {
        [high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Sorts by key; where a key comes twice, the last value counts.
fn sort(entries: &mut Vec<Entry>, bytes: &[u8]) {
    entries.reverse();
    entries.sort_by(|a, b| bytes.get(a.key.clone()).cmp(&bytes.get(b.key.clone())));
    entries.dedup_by(|later, first| bytes.get(later.key.clone()) == bytes.get(first.key.clone()));
}

/// A box that was received, lent from the bytes it came in.
///
/// ```
/// use protocols::amp::BoxParser;
///
/// let mut parser = BoxParser::new();
/// let mut data = &b"\x00\x05total\x00\x0294\x00\x00"[..];
/// let found = parser.next_box(&mut data)?.unwrap();
/// assert_eq!(found.iter().collect::<Vec<_>>(), [(&b"total"[..], &b"94"[..])]);
/// # Ok::<(), protocols::amp::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BoxRef<'a> {
    bytes: &'a [u8],
    /// Sorted by key.
    entries: &'a [Entry],
    attached: Attached<'a>,
}

impl<'a> BoxRef<'a> {
    /// The same box, which may name descriptors.
    #[inline]
    pub(super) fn with(self, attached: Attached<'a>) -> Self {
        Self { attached, ..self }
    }

    /// Its fields as a Rust value.
    pub(super) fn to_value<T: Deserialize<'a>>(self) -> Result<T, ArgumentError> {
        de::from_pairs(self.iter(), self.attached)
    }

    /// How many bytes it takes on the wire.
    pub(super) fn size(self) -> usize {
        self.bytes.len()
    }

    /// The value of a key.
    ///
    /// See the example of [`BoxParser`].
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        let key = key.as_ref();
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The keys, in order, with their values.
    ///
    /// See the [type's example](Self).
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone + 'a {
        let bytes = self.bytes;
        self.entries.iter().map(move |entry| {
            let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
            (part(&entry.key), part(&entry.value))
        })
    }

    /// How many keys there are.
    ///
    /// ```
    /// # use protocols::amp::BoxParser;
    /// let mut parser = BoxParser::new();
    /// assert_eq!(parser.next_box(&mut &b"\x00\x00"[..])?.unwrap().len(), 0);
    /// # Ok::<(), protocols::amp::BoxError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # use protocols::amp::BoxParser;
    /// let mut parser = BoxParser::new();
    /// assert!(parser.next_box(&mut &b"\x00\x00"[..])?.unwrap().is_empty());
    /// # Ok::<(), protocols::amp::BoxError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
