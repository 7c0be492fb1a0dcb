//! [`Argument`]: an argument type that is known only when the program runs.
//!
//! Mirrors `twisted.protocols.amp.Argument` and what derives from it. Tested
//! in `tests/amp/arguments.rs`, and against Twisted by the conformance
//! programs.

use std::collections::BTreeMap;

use super::encoder::Encoder;
use super::python;
use super::wire;
use super::{AmpBox, ArgumentError, DateTime, Decimal, Integer};

/// A type of argument, as Twisted's classes name them.
///
/// A command of one's own is a Rust struct, and needs none of these. They are
/// for what is not known when the program is compiled: bridges, and tests.
///
/// ```
/// use protocols::amp::{AmpBox, Argument, Field, Value, objects_to_strings, strings_to_objects};
///
/// let fields = [Field::new("a", Argument::Integer), Field::new("b", Argument::Float).optional()];
/// let objects = [("a".to_owned(), Value::Integer(13.into()))].into();
///
/// let strings = objects_to_strings(&objects, &fields)?;
/// assert_eq!(strings, AmpBox::from([("a", "13")]));
/// let objects = strings_to_objects(&strings, &fields)?;
/// assert_eq!(objects["b"], Value::None);
/// # Ok::<(), protocols::amp::ArgumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "IArgumentType")]
pub enum Argument {
    /// A whole number.
    Integer,
    /// Bytes.
    String,
    /// A text.
    Unicode,
    /// `True` or `False`.
    Boolean,
    /// A floating-point number.
    Float,
    /// A decimal number.
    Decimal,
    /// A date, a time and an offset.
    DateTime,
    /// A list of values of one type.
    ListOf(Box<Self>),
    /// A list of boxes.
    AmpList(Vec<Field>),
}

/// A named argument.
///
/// See the example of [`Argument`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its key in the box.
    pub name: String,
    /// Its type.
    pub argument: Argument,
    /// Whether it may be left out.
    pub optional: bool,
}

impl Field {
    /// One that may not be left out.
    ///
    /// ```
    /// use protocols::amp::{Argument, Field};
    /// assert!(!Field::new("a", Argument::Integer).optional);
    /// ```
    pub fn new(name: impl Into<String>, argument: Argument) -> Self {
        Self { name: name.into(), argument, optional: false }
    }

    /// The same, which may be left out.
    ///
    /// ```
    /// use protocols::amp::{Argument, Field};
    /// assert!(Field::new("a", Argument::Integer).optional().optional);
    /// ```
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Values by name.
///
/// See the example of [`Argument`].
pub type Objects = BTreeMap<String, Value>;

/// A value of one of the types.
///
/// ```
/// use protocols::amp::Value;
/// assert_ne!(Value::Float(1.0), Value::Integer(1.into()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: an optional argument that is not there.
    None,
    /// A whole number.
    Integer(Integer),
    /// Bytes.
    String(Vec<u8>),
    /// A text.
    Unicode(String),
    /// A truth.
    Boolean(bool),
    /// A floating-point number.
    Float(f64),
    /// A decimal number.
    Decimal(Decimal),
    /// A date, a time and an offset.
    DateTime(DateTime),
    /// A list of values.
    ListOf(Vec<Self>),
    /// A list of boxes.
    AmpList(Vec<Objects>),
}

/// A box with the values of `objects` that are named in `fields`.
///
/// # Errors
///
/// A value is missing, or of another type, or too long.
///
/// See the example of [`Argument`].
#[doc(alias = "_objectsToStrings")]
pub fn objects_to_strings(objects: &Objects, fields: &[Field]) -> Result<AmpBox, ArgumentError> {
    let mut strings = AmpBox::new();
    for field in fields {
        match objects.get(&field.name) {
            None | Some(Value::None) if field.optional => {}
            None => return Err(ArgumentError::Missing(field.name.clone())),
            Some(value) => {
                strings.insert(field.name.as_str(), to_string(&field.argument, value)?);
            }
        }
    }
    // What is too long is an error here, and not only when it is sent.
    strings.write(&mut Encoder::default(), |_| Ok(()))?;
    Ok(strings)
}

/// The values that are in a box.
///
/// # Errors
///
/// A value is missing, or not written as its type is.
///
/// See the example of [`Argument`].
#[doc(alias = "_stringsToObjects")]
pub fn strings_to_objects(strings: &AmpBox, fields: &[Field]) -> Result<Objects, ArgumentError> {
    read_fields(fields, |name| strings.get(name))
}

fn read_fields<'a>(
    fields: &[Field],
    get: impl Fn(&str) -> Option<&'a [u8]>,
) -> Result<Objects, ArgumentError> {
    let mut objects = Objects::new();
    for field in fields {
        let value = match get(&field.name) {
            Some(string) => from_string(&field.argument, string)?,
            None if field.optional => Value::None,
            None => return Err(ArgumentError::Missing(field.name.clone())),
        };
        objects.insert(field.name.clone(), value);
    }
    Ok(objects)
}

fn to_string(argument: &Argument, value: &Value) -> Result<Vec<u8>, ArgumentError> {
    let bytes = match (argument, value) {
        (Argument::Integer, Value::Integer(integer)) => integer.as_str().into(),
        (Argument::String, Value::String(bytes)) => bytes.clone(),
        (Argument::Unicode, Value::Unicode(text)) => text.as_str().into(),
        (Argument::Boolean, Value::Boolean(true)) => b"True".to_vec(),
        // What is nothing is not true, says Python.
        (Argument::Boolean, Value::Boolean(false) | Value::None) => b"False".to_vec(),
        (Argument::Float, Value::Float(number)) => {
            let mut text = Vec::new();
            python::write_float(&mut text, *number);
            text
        }
        (Argument::Decimal, Value::Decimal(decimal)) => decimal.as_str().into(),
        (Argument::DateTime, Value::DateTime(time)) => time.to_string().into_bytes(),
        (Argument::ListOf(of), Value::ListOf(items)) => list_to_string(of, items)?,
        (Argument::AmpList(fields), Value::AmpList(rows)) => {
            let mut wire = Vec::new();
            for row in rows {
                wire.extend(objects_to_strings(row, fields)?.serialize()?);
            }
            wire
        }
        _ => return Err(ArgumentError::Unsupported("a value of another type than the argument's")),
    };
    Ok(bytes)
}

fn list_to_string(of: &Argument, items: &[Value]) -> Result<Vec<u8>, ArgumentError> {
    let mut encoder = Encoder::default();
    for item in items {
        if matches!(of, Argument::AmpList(_)) {
            return Err(ArgumentError::Unsupported("lists of lists of boxes"));
        }
        let start = encoder.begin_item();
        encoder.out().extend(to_string(of, item)?);
        encoder.end_item(start)?;
    }
    Ok(encoder.wire().to_vec())
}

fn from_string(argument: &Argument, string: &[u8]) -> Result<Value, ArgumentError> {
    let text = || std::str::from_utf8(string).map_err(|_| ArgumentError::value("UTF-8", string));
    Ok(match argument {
        Argument::Integer => Value::Integer(Integer::from_wire(string)?),
        Argument::String => Value::String(string.to_vec()),
        Argument::Unicode => Value::Unicode(text()?.to_owned()),
        Argument::Boolean => match string {
            b"True" => Value::Boolean(true),
            b"False" => Value::Boolean(false),
            _ => return Err(ArgumentError::value("True or False", string)),
        },
        Argument::Float => match python::float(string) {
            Some(number) => Value::Float(number),
            None => return Err(ArgumentError::value("a float", string)),
        },
        Argument::Decimal => Value::Decimal(Decimal::from_wire(string)?),
        Argument::DateTime => Value::DateTime(text()?.parse()?),
        Argument::ListOf(of) => Value::ListOf(list_from_string(of, string)?),
        Argument::AmpList(fields) => Value::AmpList(boxes_from_string(fields, string)?),
    })
}

/// The items that are complete, as in Twisted.
fn list_from_string(of: &Argument, mut string: &[u8]) -> Result<Vec<Value>, ArgumentError> {
    let mut items = Vec::new();
    while let Some((item, rest)) = wire::split_string(string) {
        items.push(match of {
            // Twisted has nothing better for a list of lists of boxes.
            Argument::AmpList(_) => Value::None,
            of => from_string(of, item)?,
        });
        string = rest;
    }
    Ok(items)
}

fn boxes_from_string(fields: &[Field], mut string: &[u8]) -> Result<Vec<Objects>, ArgumentError> {
    let mut rows = Vec::new();
    while let Some((pairs, rest)) = wire::split_box(string)? {
        let row: AmpBox = pairs.collect();
        rows.push(strings_to_objects(&row, fields)?);
        string = rest;
    }
    Ok(rows)
}
