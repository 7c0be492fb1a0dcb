//! One value, in the form that its type has on the wire.

use std::fmt::{Display, Write};

use serde::Serialize;
use serde::ser::{Impossible, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer};

#[cfg(unix)]
use super::super::attached::NOT_ATTACHED;
#[cfg(unix)]
use super::super::descriptor::{Passing, is_descriptor};
use super::super::encoder::Encoder;
use super::super::python::{self, Text};
use super::super::{ArgumentError, BIG_STRING};
use super::BoxFields;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is what a key stands for.
    Field,
    /// It is in a list.
    Item,
    /// It is in a list that is in a list, where Twisted takes no boxes.
    Nested,
    /// It is a key.
    Key,
    /// It is an error, of which only the name is written.
    Name,
}

/// The shape of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Written {
    /// Nothing: it is optional, and not there.
    Nothing,
    /// A value.
    Value,
    /// A value that may be of any length.
    LongValue,
    /// A box, or the fields of one.
    Box,
}

/// Writes one value.
pub(super) struct ValueSerializer<'a> {
    pub(super) encoder: &'a mut Encoder,
    pub(super) place: Place,
}

const NO_VARIANT: ArgumentError = ArgumentError::Unsupported("an enum with fields");

impl<'a> ValueSerializer<'a> {
    #[inline]
    fn bytes(self, bytes: &[u8]) -> Result<Written, ArgumentError> {
        self.encoder.out().extend_from_slice(bytes);
        Ok(Written::Value)
    }

    fn display(self, value: impl Display) -> Result<Written, ArgumentError> {
        // Writing to memory does not fail.
        let _ = write!(Text(self.encoder.out()), "{value}");
        Ok(Written::Value)
    }

    #[inline]
    fn unsigned(self, negative: bool, mut number: u64) -> Result<Written, ArgumentError> {
        let mut digits = [b'0'; 21];
        let mut at = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            at -= 1;
            if number == 0 {
                break;
            }
        }
        if negative {
            self.encoder.out().push(b'-');
        }
        self.bytes(digits.get(at..).unwrap_or_default())
    }

    #[inline]
    fn signed(self, number: i64) -> Result<Written, ArgumentError> {
        self.unsigned(number < 0, number.unsigned_abs())
    }

    /// The number of the descriptor that goes with the box.
    #[cfg(unix)]
    fn descriptor(self) -> Result<Written, ArgumentError> {
        match (self.place, Passing::take()) {
            (Place::Field, Some(descriptor)) => {
                let number = self.encoder.attached.add(descriptor)?;
                self.unsigned(false, number)
            }
            _ => Err(NOT_ATTACHED),
        }
    }

    fn list(self) -> Result<List<'a>, ArgumentError> {
        let item = match self.place {
            Place::Field => Place::Item,
            Place::Item | Place::Nested => Place::Nested,
            Place::Key | Place::Name => return Err(ArgumentError::Unsupported("a list here")),
        };
        Ok(List { encoder: self.encoder, item })
    }

    /// A box in a list. It has no prefix.
    fn box_in_list(self) -> Result<BoxFields<'a>, ArgumentError> {
        match self.place {
            Place::Item => {
                self.encoder.unprefix_item();
                let start = self.encoder.begin();
                Ok(BoxFields::new(self.encoder, Some(start)))
            }
            Place::Nested => Err(ArgumentError::Unsupported("lists of lists of boxes")),
            Place::Field | Place::Key | Place::Name => {
                Err(ArgumentError::Unsupported("a struct that is not in a list"))
            }
        }
    }
}

/// The items of a list, one after the other.
pub(in super::super) struct List<'a> {
    encoder: &'a mut Encoder,
    item: Place,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ArgumentError> {
        let start = self.encoder.begin_item();
        match value.serialize(ValueSerializer { encoder: self.encoder, place: self.item })? {
            Written::Value | Written::LongValue => self.encoder.end_item(start),
            Written::Box => Ok(()),
            Written::Nothing => Err(ArgumentError::Unsupported("a None in a list")),
        }
    }
}

impl SerializeSeq for List<'_> {
    type Ok = Written;
    type Error = ArgumentError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ArgumentError> {
        self.item(value)
    }

    fn end(self) -> Result<Written, ArgumentError> {
        Ok(Written::Value)
    }
}

impl SerializeTuple for List<'_> {
    type Ok = Written;
    type Error = ArgumentError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ArgumentError> {
        self.item(value)
    }

    fn end(self) -> Result<Written, ArgumentError> {
        Ok(Written::Value)
    }
}

impl SerializeTupleStruct for List<'_> {
    type Ok = Written;
    type Error = ArgumentError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ArgumentError> {
        self.item(value)
    }

    fn end(self) -> Result<Written, ArgumentError> {
        Ok(Written::Value)
    }
}

impl<'a> Serializer for ValueSerializer<'a> {
    type Ok = Written;
    type Error = ArgumentError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = Impossible<Written, ArgumentError>;
    type SerializeMap = BoxFields<'a>;
    type SerializeStruct = BoxFields<'a>;
    type SerializeStructVariant = Impossible<Written, ArgumentError>;

    fn serialize_bool(self, value: bool) -> Result<Written, ArgumentError> {
        self.bytes(if value { b"True" } else { b"False" })
    }

    fn serialize_i8(self, value: i8) -> Result<Written, ArgumentError> {
        self.signed(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<Written, ArgumentError> {
        self.signed(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<Written, ArgumentError> {
        self.signed(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<Written, ArgumentError> {
        self.signed(value)
    }

    fn serialize_i128(self, value: i128) -> Result<Written, ArgumentError> {
        self.display(value)
    }

    fn serialize_u8(self, value: u8) -> Result<Written, ArgumentError> {
        self.unsigned(false, value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<Written, ArgumentError> {
        self.unsigned(false, value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<Written, ArgumentError> {
        self.unsigned(false, value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<Written, ArgumentError> {
        self.unsigned(false, value)
    }

    fn serialize_u128(self, value: u128) -> Result<Written, ArgumentError> {
        self.display(value)
    }

    fn serialize_f32(self, value: f32) -> Result<Written, ArgumentError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Written, ArgumentError> {
        python::write_float(self.encoder.out(), value);
        Ok(Written::Value)
    }

    fn serialize_char(self, value: char) -> Result<Written, ArgumentError> {
        self.display(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<Written, ArgumentError> {
        self.bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Written, ArgumentError> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<Written, ArgumentError> {
        Ok(Written::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, ArgumentError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Written, ArgumentError> {
        Err(ArgumentError::Unsupported("()"))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Written, ArgumentError> {
        match self.place {
            Place::Name => self.bytes(name.as_bytes()),
            Place::Item => Ok(self.box_in_list()?.finish()),
            _ => Err(ArgumentError::Unsupported("a struct without fields")),
        }
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Written, ArgumentError> {
        self.bytes(variant.as_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written, ArgumentError> {
        if self.place == Place::Name {
            return self.bytes(name.as_bytes());
        }
        #[cfg(unix)]
        if is_descriptor(name) {
            return self.descriptor();
        }
        let long = name == BIG_STRING && self.place == Place::Field;
        let written = value.serialize(self)?;
        Ok(if long && written == Written::Value { Written::LongValue } else { written })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<Written, ArgumentError> {
        match self.place {
            Place::Name => self.bytes(variant.as_bytes()),
            _ => Err(NO_VARIANT),
        }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, ArgumentError> {
        self.list()
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, ArgumentError> {
        self.list()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, ArgumentError> {
        self.list()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, ArgumentError> {
        Err(NO_VARIANT)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<BoxFields<'a>, ArgumentError> {
        self.box_in_list()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<BoxFields<'a>, ArgumentError> {
        self.box_in_list()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, ArgumentError> {
        Err(NO_VARIANT)
    }
}
