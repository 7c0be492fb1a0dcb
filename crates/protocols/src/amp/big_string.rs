//! [`BigString`]: bytes that do not fit into one value.
//!
//! Mirrors the `BigString` argument that Twisted users pass around; Twisted
//! itself has none. Tested in `tests/amp/limits.rs`.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// The name by which our own serializer knows one.
pub(super) const BIG_STRING: &str = "$protocols::amp::BigString";

/// Bytes of any length, as a field of a command or of its answer.
///
/// A value on the wire has at most 65,535 bytes. What exceeds that goes into
/// further keys of the same box: `data`, `data.2`, `data.3` and so on; a value
/// that fits looks like any other. This is what the `BigString` argument does
/// that Twisted programs use, so both sides must know of it. The receiver's
/// [`Limits::box_size`](super::Limits::box_size) still holds.
///
/// In a list, and in formats other than ours, it is bytes like any other.
///
/// ```
/// use protocols::amp::{AmpBox, BigString};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Upload { data: BigString }
///
/// let sent = AmpBox::from_value(&Upload { data: vec![b'x'; 100_000].into() })?;
/// assert_eq!(sent.get("data").map(<[u8]>::len), Some(65_535));
/// assert_eq!(sent.get("data.2").map(<[u8]>::len), Some(34_465));
/// assert_eq!(sent.to_value::<Upload>()?.data.len(), 100_000);
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BigString(pub Vec<u8>);

impl Deref for BigString {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl<B: Into<Vec<u8>>> From<B> for BigString {
    fn from(bytes: B) -> Self {
        Self(bytes.into())
    }
}

/// The bytes in one.
struct Content<'a>(&'a [u8]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for BigString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(BIG_STRING, &Content(&self.0))
    }
}

impl<'de> Deserialize<'de> for BigString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(BIG_STRING, BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = BigString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<BigString, E> {
        Ok(BigString(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<BigString, E> {
        Ok(BigString(bytes))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<BigString, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}
