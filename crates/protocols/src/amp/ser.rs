//! From Rust values to boxes, by serde.
//!
//! Mirrors the argument types of `twisted.protocols.amp`. Tested in
//! `tests/amp/arguments.rs`.

mod value;

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};

use super::ArgumentError;
use super::encoder::{BoxStart, Encoder};
use value::{Place, ValueSerializer, Written};

const NO_BOX: ArgumentError = ArgumentError::Unsupported("anything but a struct or a map");

/// Writes a box with what `before` puts in, and the fields of `value`.
#[inline]
pub(super) fn encode<T: Serialize + ?Sized>(
    encoder: &mut Encoder,
    before: impl FnOnce(&mut Encoder) -> Result<(), ArgumentError>,
    value: &T,
) -> Result<(), ArgumentError> {
    let start = encoder.begin();
    before(encoder)?;
    value.serialize(BoxSerializer { encoder })?;
    encoder.finish(start);
    Ok(())
}

/// Writes the name of an error, which is its code.
pub(super) fn name<T: Serialize + ?Sized>(
    encoder: &mut Encoder,
    error: &T,
) -> Result<(), ArgumentError> {
    error.serialize(ValueSerializer { encoder, place: Place::Name }).map(drop)
}

/// Writes the fields of a struct or a map.
struct BoxSerializer<'a> {
    encoder: &'a mut Encoder,
}

/// The fields of a box, one after the other.
pub(super) struct BoxFields<'a> {
    encoder: &'a mut Encoder,
    /// Of a box in a list, which is finished when its fields are written.
    start: Option<BoxStart>,
    /// Of a map, whose keys and values come one by one.
    key: Vec<u8>,
}

impl<'a> BoxFields<'a> {
    fn new(encoder: &'a mut Encoder, start: Option<BoxStart>) -> Self {
        Self { encoder, start, key: Vec::new() }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &[u8], value: &T) -> Result<(), ArgumentError> {
        let start = self.encoder.begin_value(key)?;
        let place = Place::Field;
        match value.serialize(ValueSerializer { encoder: self.encoder, place })? {
            Written::Value => self.encoder.end_value(start)?,
            Written::LongValue => self.encoder.end_long_value(start, key)?,
            Written::Nothing | Written::Box => self.encoder.cancel_value(&start),
        }
        Ok(())
    }

    fn finish(self) -> Written {
        if let Some(start) = self.start {
            self.encoder.finish(start);
        }
        Written::Box
    }
}

impl SerializeStruct for BoxFields<'_> {
    type Ok = Written;
    type Error = ArgumentError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ArgumentError> {
        self.field(key.as_bytes(), value)
    }

    #[inline]
    fn end(self) -> Result<Written, ArgumentError> {
        Ok(self.finish())
    }
}

impl SerializeMap for BoxFields<'_> {
    type Ok = Written;
    type Error = ArgumentError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ArgumentError> {
        let mut name = Encoder::default();
        match key.serialize(ValueSerializer { encoder: &mut name, place: Place::Key })? {
            Written::Value => self.key = std::mem::take(name.out()),
            _ => return Err(ArgumentError::Unsupported("such a key")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ArgumentError> {
        let key = std::mem::take(&mut self.key);
        self.field(&key, value)
    }

    fn end(self) -> Result<Written, ArgumentError> {
        Ok(self.finish())
    }
}

/// The methods of a serializer that takes boxes only, for what is no box.
macro_rules! no_boxes {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, _: $type) -> Result<Written, ArgumentError> {
            Err(NO_BOX)
        })*
    };
}

impl<'a> Serializer for BoxSerializer<'a> {
    type Ok = Written;
    type Error = ArgumentError;
    type SerializeSeq = Impossible<Written, ArgumentError>;
    type SerializeTuple = Impossible<Written, ArgumentError>;
    type SerializeTupleStruct = Impossible<Written, ArgumentError>;
    type SerializeTupleVariant = Impossible<Written, ArgumentError>;
    type SerializeMap = BoxFields<'a>;
    type SerializeStruct = BoxFields<'a>;
    type SerializeStructVariant = Impossible<Written, ArgumentError>;

    no_boxes! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
        serialize_u64(u64) serialize_f32(f32) serialize_f64(f64) serialize_char(char)
        serialize_str(&str) serialize_bytes(&[u8])
    }

    fn serialize_none(self) -> Result<Written, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, ArgumentError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Written, ArgumentError> {
        Ok(Written::Box)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Written, ArgumentError> {
        Ok(Written::Box)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Written, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, ArgumentError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Written, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, ArgumentError> {
        Err(NO_BOX)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<BoxFields<'a>, ArgumentError> {
        Ok(BoxFields::new(self.encoder, None))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<BoxFields<'a>, ArgumentError> {
        Ok(BoxFields::new(self.encoder, None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, ArgumentError> {
        Err(NO_BOX)
    }
}
