//! One value, from the form that its type has on the wire.

use std::str::FromStr;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Visitor};

use super::super::attached::Attached;
#[cfg(unix)]
use super::super::descriptor::{Passing, is_descriptor};
use super::super::encoder::part_name;
use super::super::python;
use super::super::{ArgumentError, BIG_STRING};
use super::Pair;
use super::list::ListAccess;

/// Reads one value.
pub(super) struct ValueDeserializer<'de, I> {
    pub(super) value: &'de [u8],
    /// Of what is in no list.
    pub(super) field: Option<Field<'de, I>>,
}

/// Where a value is that is in no list.
pub(super) struct Field<'de, I> {
    pub(super) key: &'de [u8],
    /// The entries that follow in the box.
    pub(super) following: I,
    pub(super) attached: Attached<'de>,
}

impl<'de, I: Iterator<Item = Pair<'de>> + Clone> ValueDeserializer<'de, I> {
    #[inline]
    fn text(&self) -> Result<&'de str, ArgumentError> {
        std::str::from_utf8(self.value).map_err(|_| ArgumentError::value("UTF-8", self.value))
    }

    /// An integer: as a rule the digits and nothing else.
    #[inline]
    fn integer<T: FromStr>(&self) -> Result<T, ArgumentError> {
        let plain = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
        let text = std::str::from_utf8(self.value).ok();
        text.filter(|_| self.value.iter().all(plain))
            .and_then(|text| text.parse().ok())
            .map_or_else(|| self.odd_integer(), Ok)
    }

    /// One with spaces around it, say, as Python's `int` takes it.
    #[cold]
    fn odd_integer<T: FromStr>(&self) -> Result<T, ArgumentError> {
        python::integer(self.value)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| ArgumentError::value("an integer", self.value))
    }

    fn attached(&self) -> Attached<'de> {
        self.field.as_ref().map_or_else(Attached::default, |field| field.attached)
    }

    /// The value together with the parts that follow it under other keys.
    fn long(&self) -> Vec<u8> {
        let mut value = self.value.to_vec();
        let Some(Field { key, following, .. }) = &self.field else { return value };
        for number in 2.. {
            let name = part_name(key, number);
            let Some((_, part)) = following.clone().find(|(key, _)| *key == name) else { break };
            value.extend_from_slice(part);
        }
        value
    }
}

/// The methods that read integers, one for each type.
macro_rules! integers {
    ($($method:ident $visit:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
                visitor.$visit(self.integer()?)
            }
        )*
    };
}

impl<'de, I: Iterator<Item = Pair<'de>> + Clone> Deserializer<'de> for ValueDeserializer<'de, I> {
    type Error = ArgumentError;

    /// What says not of what type it is is a text, or else bytes.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        match self.text() {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => visitor.visit_borrowed_bytes(self.value),
        }
    }

    integers! {
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        match self.value {
            b"True" => visitor.visit_bool(true),
            b"False" => visitor.visit_bool(false),
            other => Err(ArgumentError::value("True or False", other)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        match python::float(self.value) {
            Some(number) => visitor.visit_f64(number),
            None => Err(ArgumentError::value("a float", self.value)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_borrowed_bytes(self.value)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_borrowed_bytes(self.value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ArgumentError> {
        Err(ArgumentError::Unsupported("()"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, ArgumentError> {
        Err(ArgumentError::Unsupported("a struct without fields"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        #[cfg(unix)]
        if is_descriptor(name) {
            let descriptor = self.attached().take(self.integer()?)?;
            return Passing::visit(descriptor, visitor);
        }
        if name == BIG_STRING {
            visitor.visit_byte_buf(self.long())
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_seq(ListAccess::new(self.value, self.attached()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ArgumentError> {
        Err(ArgumentError::Unsupported("a map that is not in a list"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ArgumentError> {
        Err(ArgumentError::Unsupported("a struct that is not in a list"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.text()?))
    }

    fn deserialize_identifier<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.deserialize_any(visitor)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }
}
