//! [`AmpBox`]: a box of one's own.
//!
//! Mirrors `twisted.protocols.amp.AmpBox`. Tested in `tests/amp/boxes.rs`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attached::Attached;
use super::encoder::Encoder;
use super::{ArgumentError, BoxError, BoxParser, BoxRef, Limits};
use super::{de, ser};

/// A packet of the protocol: byte strings by name.
///
/// Commands are declared as Rust types, and seldom need one; this is for those
/// that are not known when the program is compiled.
///
/// ```
/// use protocols::amp::AmpBox;
///
/// let mut box_ = AmpBox::from([("a", "13"), ("b", "81")]);
/// box_.insert("_command", "Sum");
/// let wire = box_.serialize()?;
/// assert_eq!(wire, b"\x00\x08_command\x00\x03Sum\x00\x01a\x00\x0213\x00\x01b\x00\x0281\x00\x00");
/// assert_eq!(AmpBox::parse(&wire).unwrap(), [box_]);
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[doc(alias = "Box")]
pub struct AmpBox {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl AmpBox {
    /// An empty one, which must not be sent as it is.
    ///
    /// ```
    /// assert!(protocols::amp::AmpBox::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// assert_eq!(AmpBox::from([("a", "1")]).get("a"), Some(&b"1"[..]));
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.entries.get(key.as_ref()).map(Vec::as_slice)
    }

    /// Sets the value of a key, and gives back the one that it had.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// let mut box_ = AmpBox::from([("a", "1")]);
    /// assert_eq!(box_.insert("a", "2"), Some(b"1".to_vec()));
    /// ```
    pub fn insert(
        &mut self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        self.entries.insert(key.into(), value.into())
    }

    /// Takes a key and its value out.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// let mut box_ = AmpBox::from([("a", "1")]);
    /// assert_eq!(box_.remove("a"), Some(b"1".to_vec()));
    /// assert!(box_.is_empty());
    /// ```
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.entries.remove(key.as_ref())
    }

    /// The keys, in order, with their values.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// let box_ = AmpBox::from([("b", "2"), ("a", "1")]);
    /// assert_eq!(box_.iter().next(), Some((&b"a"[..], &b"1"[..])));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        self.entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// How many keys there are.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// assert_eq!(AmpBox::from([("a", "1")]).len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # use protocols::amp::AmpBox;
    /// assert!(!AmpBox::from([("a", "1")]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes on the wire, keys sorted.
    ///
    /// # Errors
    ///
    /// A key is empty or longer than 255 bytes, or a value is longer than
    /// 65,535.
    ///
    /// See the [type's example](Self).
    pub fn serialize(&self) -> Result<Vec<u8>, ArgumentError> {
        let mut encoder = Encoder::default();
        self.write(&mut encoder, |_| Ok(()))?;
        Ok(encoder.wire().to_vec())
    }

    /// Writes the box, with what `before` puts in front.
    pub(super) fn write(
        &self,
        encoder: &mut Encoder,
        before: impl FnOnce(&mut Encoder) -> Result<(), ArgumentError>,
    ) -> Result<(), ArgumentError> {
        let start = encoder.begin();
        before(encoder)?;
        for (key, value) in self.iter() {
            encoder.entry(key, value)?;
        }
        encoder.finish(start);
        Ok(())
    }

    /// All the boxes that are complete in `data`.
    ///
    /// # Errors
    ///
    /// A key is too long, or a box exceeds the default
    /// [`Limits`].
    ///
    /// See the [type's example](Self).
    #[doc(alias = "parseString")]
    pub fn parse(mut data: &[u8]) -> Result<Vec<Self>, BoxError> {
        let mut parser = BoxParser::new();
        let mut boxes = Vec::new();
        while let Some(found) = parser.next_box(&mut data)? {
            boxes.push(Self::from(found));
        }
        Ok(boxes)
    }

    /// A box with the fields of a Rust value.
    ///
    /// # Errors
    ///
    /// A field is too long, or of a type that has no place in boxes.
    ///
    /// ```
    /// use protocols::amp::AmpBox;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Point { x: i32, y: f64 }
    ///
    /// let box_ = AmpBox::from_value(&Point { x: 1, y: 0.5 })?;
    /// assert_eq!(box_, AmpBox::from([("x", "1"), ("y", "0.5")]));
    /// # Ok::<(), protocols::amp::ArgumentError>(())
    /// ```
    pub fn from_value(value: &(impl Serialize + ?Sized)) -> Result<Self, ArgumentError> {
        let mut encoder = Encoder::default();
        ser::encode(&mut encoder, |_| Ok(()), value)?;
        let mut wire = encoder.wire();
        let limits = Limits { box_size: usize::MAX, keys: usize::MAX, ..Limits::default() };
        let mut parser = BoxParser::with_limits(limits);
        match parser.next_box(&mut wire) {
            Ok(Some(found)) => Ok(Self::from(found)),
            Ok(None) | Err(_) => Err(ArgumentError::Unsupported("this value")),
        }
    }

    /// The Rust value whose fields are in the box.
    ///
    /// # Errors
    ///
    /// A field is missing, or is not written as its type is.
    ///
    /// ```
    /// use protocols::amp::AmpBox;
    ///
    /// #[derive(serde::Deserialize, Debug, PartialEq)]
    /// struct Point { x: i32, y: Option<f64> }
    ///
    /// let point: Point = AmpBox::from([("x", "1")]).to_value()?;
    /// assert_eq!(point, Point { x: 1, y: None });
    /// # Ok::<(), protocols::amp::ArgumentError>(())
    /// ```
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, ArgumentError> {
        de::from_pairs(self.iter(), Attached::default())
    }
}

impl fmt::Debug for AmpBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.write_str("AmpBox ")?;
        f.debug_map().entries(self.iter().map(|(key, value)| (text(key), text(value)))).finish()
    }
}

impl From<BoxRef<'_>> for AmpBox {
    fn from(found: BoxRef<'_>) -> Self {
        found.iter().collect()
    }
}

impl<K: Into<Vec<u8>>, V: Into<Vec<u8>>> FromIterator<(K, V)> for AmpBox {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
        Self { entries: entries.collect() }
    }
}

impl<K: Into<Vec<u8>>, V: Into<Vec<u8>>, const N: usize> From<[(K, V); N]> for AmpBox {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
