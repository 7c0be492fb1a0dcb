//! Errors on the wire, and how they become Rust values again.
//!
//! Mirrors `RemoteAmpError` and `Command.reverseErrors` of
//! `twisted.protocols.amp`. Tested in `tests/amp/errors.rs`.

use deferred::Failure;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::encoder::Encoder;
use super::{ArgumentError, Command, CommandError, ser};

/// The code of an error that its command does not know.
///
/// ```
/// use protocols::amp::{UNHANDLED_ERROR_CODE, UNKNOWN_ERROR_CODE};
///
/// assert_eq!((UNKNOWN_ERROR_CODE, UNHANDLED_ERROR_CODE), ("UNKNOWN", "UNHANDLED"));
/// ```
pub const UNKNOWN_ERROR_CODE: &str = "UNKNOWN";

/// The code of the error that there is no such command.
///
/// See the example of [`UNKNOWN_ERROR_CODE`].
pub const UNHANDLED_ERROR_CODE: &str = "UNHANDLED";

/// An error as it is on the wire: a code and a description.
///
/// It is what a [`call_remote_string`](super::AmpTransport::call_remote_string)
/// fails with. A responder that returns one has it sent as it is, whatever
/// errors its command knows.
///
/// ```
/// use protocols::amp::RemoteAmpError;
///
/// let error = RemoteAmpError::new("BUSY", "try again later");
/// assert_eq!(error.to_string(), "Code<BUSY>: try again later");
/// assert!(!error.fatal);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Code<{}>: {description}", error_code.escape_ascii())]
pub struct RemoteAmpError {
    /// The code, which programs understand.
    #[doc(alias = "errorCode")]
    pub error_code: Vec<u8>,
    /// The description, which people do.
    pub description: String,
    /// Whether sending it ends the connection.
    pub fatal: bool,
}

impl RemoteAmpError {
    /// One that does not end the connection.
    ///
    /// See the [type's example](Self).
    pub fn new(error_code: impl Into<Vec<u8>>, description: impl Into<String>) -> Self {
        Self { error_code: error_code.into(), description: description.into(), fatal: false }
    }

    /// The error that is sent for a failure that a responder of `C` ended with; `None` of
    /// one that nobody foresaw.
    pub(super) fn of<C: Command>(failure: &Failure) -> Option<Self> {
        if let Some(error) = failure.check::<C::Error>() {
            let error_code = code_of(error).ok()?;
            let (description, fatal) = (error.to_string(), error.fatal());
            return Some(Self { error_code, description, fatal });
        }
        failure.check::<Self>().cloned()
    }

    /// The failure of a call of `C` that was answered with this.
    pub(super) fn into_failure<C: Command>(self) -> Failure {
        if self.error_code == UNHANDLED_ERROR_CODE.as_bytes() {
            return Failure::new(UnhandledCommand { description: self.description });
        }
        let code = std::str::from_utf8(&self.error_code).ok();
        let known = code.and_then(|code| {
            let description = self.description.as_str();
            C::Error::deserialize(CodeDeserializer { code, description }).ok()
        });
        match known {
            Some(error) => Failure::new(error),
            None => Failure::new(UnknownRemoteError { description: self.description }),
        }
    }

    /// The same of a call that knows no errors.
    pub(super) fn into_plain_failure(self) -> Failure {
        if self.error_code == UNHANDLED_ERROR_CODE.as_bytes() {
            return Failure::new(UnhandledCommand { description: self.description });
        }
        Failure::new(self)
    }
}

/// The other side answered with an error that the command does not know.
///
/// ```
/// let error = protocols::amp::UnknownRemoteError { description: "Unknown Error".to_owned() };
/// assert_eq!(error.to_string(), "Code<UNKNOWN>: Unknown Error");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Code<{UNKNOWN_ERROR_CODE}>: {description}")]
pub struct UnknownRemoteError {
    /// The text that came with it.
    pub description: String,
}

/// The other side knows no such command.
///
/// ```
/// let error = protocols::amp::UnhandledCommand { description: "Unhandled Command: b'Sum'".to_owned() };
/// assert_eq!(error.to_string(), "Code<UNHANDLED>: Unhandled Command: b'Sum'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Code<{UNHANDLED_ERROR_CODE}>: {description}")]
pub struct UnhandledCommand {
    /// The text that came with it.
    pub description: String,
}

/// The name of an error's variant, or of its struct.
fn code_of(error: &impl Serialize) -> Result<Vec<u8>, ArgumentError> {
    let mut encoder = Encoder::default();
    ser::name(&mut encoder, error)?;
    Ok(encoder.wire().to_vec())
}

/// Reads an error out of its code and description.
struct CodeDeserializer<'a> {
    code: &'a str,
    description: &'a str,
}

impl<'a> CodeDeserializer<'a> {
    fn is(&self, name: &str) -> Result<(), ArgumentError> {
        if self.code == name { Ok(()) } else { Err(ArgumentError::Unsupported("this code")) }
    }

    fn description(&self) -> StrDeserializer<'a, ArgumentError> {
        StrDeserializer::new(self.description)
    }
}

const NO_ERROR: ArgumentError = ArgumentError::Unsupported("such an error");

impl<'de> Deserializer<'de> for CodeDeserializer<'_> {
    type Error = ArgumentError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ArgumentError> {
        Err(NO_ERROR)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.is(name)?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.is(name)?;
        visitor.visit_newtype_struct(self.description())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for CodeDeserializer<'_> {
    type Error = ArgumentError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), ArgumentError> {
        let code: StrDeserializer<'_, ArgumentError> = StrDeserializer::new(self.code);
        Ok((seed.deserialize(code)?, self))
    }
}

impl<'de> VariantAccess<'de> for CodeDeserializer<'_> {
    type Error = ArgumentError;

    fn unit_variant(self) -> Result<(), ArgumentError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ArgumentError> {
        seed.deserialize(self.description())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ArgumentError> {
        Err(NO_ERROR)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ArgumentError> {
        Err(NO_ERROR)
    }
}
