//! From boxes to Rust values, by serde.
//!
//! Mirrors the argument types of `twisted.protocols.amp`. Tested in
//! `tests/amp/arguments.rs`.

mod list;
mod value;

use serde::Deserialize;
use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::ArgumentError;
use super::attached::Attached;
use value::{Field, ValueDeserializer};

/// A key and its value.
pub(super) type Pair<'de> = (&'de [u8], &'de [u8]);

/// Reads a value out of the keys and values of a box.
#[inline]
pub(super) fn from_pairs<'de, T, I>(pairs: I, attached: Attached<'de>) -> Result<T, ArgumentError>
where
    T: Deserialize<'de>,
    I: Iterator<Item = Pair<'de>> + Clone,
{
    T::deserialize(BoxDeserializer { pairs, attached })
}

/// Whether a key belongs to the call, and not to the arguments.
#[inline]
fn reserved(key: &[u8]) -> bool {
    key.first() == Some(&b'_') && matches!(key, b"_ask" | b"_command" | b"_answer")
}

/// Reads a box as a struct or a map.
pub(super) struct BoxDeserializer<'de, I> {
    pub(super) pairs: I,
    pub(super) attached: Attached<'de>,
}

impl<'de, I: Iterator<Item = Pair<'de>> + Clone> Deserializer<'de> for BoxDeserializer<'de, I> {
    type Error = ArgumentError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_map(BoxAccess { pairs: self.pairs, value: None, attached: self.attached })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields of a box, one after the other.
struct BoxAccess<'de, I> {
    pairs: I,
    /// The pair whose value comes next.
    value: Option<Pair<'de>>,
    attached: Attached<'de>,
}

impl<'de, I: Iterator<Item = Pair<'de>> + Clone> MapAccess<'de> for BoxAccess<'de, I> {
    type Error = ArgumentError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgumentError> {
        self.value = self.pairs.by_ref().find(|(key, _)| !reserved(key));
        let Some((key, _)) = self.value else { return Ok(None) };
        match std::str::from_utf8(key) {
            Ok(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Err(_) => seed.deserialize(BorrowedBytesDeserializer::new(key)),
        }
        .map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ArgumentError> {
        let Some((key, value)) = self.value.take() else {
            return Err(ArgumentError::Unsupported("a value without a key"));
        };
        let field = Field { key, following: self.pairs.clone(), attached: self.attached };
        seed.deserialize(ValueDeserializer { value, field: Some(field) })
    }
}
