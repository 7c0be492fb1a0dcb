//! The items of a list: values with a prefix each, or boxes.
//!
//! Which of the two is known only when an item is asked for: one that is to be
//! a struct or a map is a box. As in Twisted, an item that is not complete is
//! left out.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::super::ArgumentError;
use super::super::attached::Attached;
use super::super::wire::{self, Pairs};
#[cfg(unix)]
use super::super::{attached::NOT_ATTACHED, descriptor::is_descriptor};
use super::BoxDeserializer;
use super::value::ValueDeserializer;

/// The items of a list, one after the other.
pub(super) struct ListAccess<'de> {
    rest: &'de [u8],
    attached: Attached<'de>,
}

impl<'de> ListAccess<'de> {
    pub(super) fn new(rest: &'de [u8], attached: Attached<'de>) -> Self {
        Self { rest, attached }
    }
}

impl<'de> SeqAccess<'de> for ListAccess<'de> {
    type Error = ArgumentError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ArgumentError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut over = false;
        let attached = self.attached;
        match seed.deserialize(ItemDeserializer { rest: &mut self.rest, over: &mut over, attached })
        {
            Err(_) if over => Ok(None),
            item => item.map(Some),
        }
    }
}

/// Reads one item.
struct ItemDeserializer<'a, 'de> {
    rest: &'a mut &'de [u8],
    /// Set when there is no complete item.
    over: &'a mut bool,
    /// Of the items that are boxes.
    attached: Attached<'de>,
}

impl<'de> ItemDeserializer<'_, 'de> {
    /// The item, as a value.
    fn value(self) -> Result<ValueDeserializer<'de, Pairs<'de>>, ArgumentError> {
        match wire::split_string(self.rest) {
            Some((value, rest)) => {
                *self.rest = rest;
                Ok(ValueDeserializer { value, field: None })
            }
            None => Err(self.over()),
        }
    }

    /// The item, as a box.
    fn fields(self) -> Result<BoxDeserializer<'de, Pairs<'de>>, ArgumentError> {
        match wire::split_box(self.rest)? {
            Some((pairs, rest)) => {
                *self.rest = rest;
                Ok(BoxDeserializer { pairs, attached: self.attached })
            }
            None => Err(self.over()),
        }
    }

    fn over(self) -> ArgumentError {
        *self.over = true;
        ArgumentError::Unsupported("an item that is not complete")
    }
}

/// The methods that read values, each as that of a value does.
macro_rules! values {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, ArgumentError> {
            self.value()?.$method($($argument,)* visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for ItemDeserializer<'_, 'de> {
    type Error = ArgumentError;

    values! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_unit()
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_some(self)
    }

    #[cfg_attr(not(unix), expect(unused_variables, reason = "there are no descriptors"))]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        #[cfg(unix)]
        if is_descriptor(name) {
            return Err(NOT_ATTACHED);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.fields()?.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        self.fields()?.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.fields()?.deserialize_struct(name, fields, visitor)
    }
}
