//! Family `amp`: arguments into a box, and boxes out of a stream of bytes cut
//! into chunks.

use std::collections::BTreeMap;

use protocols::amp::{
    AmpBox, Argument, ArgumentError, BoxParser, DateTime, Field, Objects, Value,
    objects_to_strings, strings_to_objects,
};
use serde::Deserialize;
use serde::de::Error;
use serde_json::{Map, Value as Json, json};

use crate::error::ProgramError;
use crate::program::{Reply, Trace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    #[serde(default)]
    fields: Vec<(String, Type)>,
    encode: Option<BTreeMap<String, Json>>,
    decode: Option<Vec<String>>,
}

/// The type of an argument.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Type {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    optional: bool,
    of: Option<Box<Self>>,
    fields: Option<Vec<(String, Self)>>,
}

/// Runs a program.
pub(crate) fn run(body: Json) -> Result<Reply, ProgramError> {
    let program: Program = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    let fields = fields(&program.fields).map_err(ProgramError::Malformed)?;
    let trace = match (&program.encode, &program.decode) {
        (Some(values), _) => encode(values, &fields),
        (None, Some(chunks)) => decode(chunks, &fields),
        (None, None) => Err(malformed("neither `encode` nor `decode`")),
    };
    trace.map(Reply::Trace).map_err(ProgramError::Malformed)
}

fn malformed(what: &str) -> serde_json::Error {
    serde_json::Error::custom(what)
}

fn fields(types: &[(String, Type)]) -> Result<Vec<Field>, serde_json::Error> {
    let field = |(name, kind): &(String, Type)| {
        let field = Field::new(name.as_str(), argument(kind)?);
        Ok(if kind.optional { field.optional() } else { field })
    };
    types.iter().map(field).collect()
}

fn argument(kind: &Type) -> Result<Argument, serde_json::Error> {
    Ok(match kind.kind.as_str() {
        "Integer" => Argument::Integer,
        "String" => Argument::String,
        "Unicode" => Argument::Unicode,
        "Boolean" => Argument::Boolean,
        "Float" => Argument::Float,
        "Decimal" => Argument::Decimal,
        "DateTime" => Argument::DateTime,
        "ListOf" => {
            let of = kind.of.as_deref().ok_or_else(|| malformed("a list of nothing"))?;
            Argument::ListOf(Box::new(argument(of)?))
        }
        "AmpList" => Argument::AmpList(fields(kind.fields.as_deref().unwrap_or_default())?),
        other => return Err(malformed(&format!("no type `{other}`"))),
    })
}

fn encode(values: &BTreeMap<String, Json>, fields: &[Field]) -> Result<Trace, serde_json::Error> {
    let objects = objects(fields, |name| values.get(name))?;
    let wire = objects_to_strings(&objects, fields).and_then(|strings| strings.serialize());
    Ok(vec![match wire {
        Ok(wire) => json!(["wire", hex(&wire)]),
        Err(_) => json!(["error"]),
    }])
}

/// The values that are there.
fn objects<'a>(
    fields: &[Field],
    get: impl Fn(&str) -> Option<&'a Json>,
) -> Result<Objects, serde_json::Error> {
    let there = fields.iter().filter_map(|field| Some((field, get(&field.name)?)));
    there.map(|(field, json)| Ok((field.name.clone(), value(&field.argument, json)?))).collect()
}

/// The value that JSON stands for.
fn value(argument: &Argument, json: &Json) -> Result<Value, serde_json::Error> {
    if json.is_null() {
        return Ok(Value::None);
    }
    let items = || json.as_array().ok_or_else(|| malformed("not a list"));
    let text = || json.as_str().ok_or_else(|| malformed("not a text"));
    let odd = |error: ArgumentError| malformed(&error.to_string());
    Ok(match argument {
        Argument::Integer => Value::Integer(text()?.parse().map_err(odd)?),
        Argument::String => Value::String(unhex(text()?)?),
        Argument::Unicode => Value::Unicode(text()?.to_owned()),
        Argument::Boolean => {
            Value::Boolean(json.as_bool().ok_or_else(|| malformed("neither true nor false"))?)
        }
        Argument::Float => Value::Float(text()?.parse().map_err(|_| malformed("not a float"))?),
        Argument::Decimal => Value::Decimal(text()?.parse().map_err(odd)?),
        Argument::DateTime => Value::DateTime(date_time(json)?),
        Argument::ListOf(of) => {
            Value::ListOf(items()?.iter().map(|item| value(of, item)).collect::<Result<_, _>>()?)
        }
        Argument::AmpList(fields) => {
            let row = |row: &Json| objects(fields, |name| row.get(name));
            Value::AmpList(items()?.iter().map(row).collect::<Result<_, _>>()?)
        }
    })
}

/// What the wire's own format makes of year, month, day, hour, minute, second,
/// microsecond and offset.
fn date_time(json: &Json) -> Result<DateTime, serde_json::Error> {
    let [year, month, day, hour, minute, second, micro, offset]: [i64; 8] =
        serde_json::from_value(json.clone())?;
    let (sign, offset) = (if offset > 0 { '+' } else { '-' }, offset.abs());
    let text = format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}{sign}{:02}:{:02}",
        offset / 60,
        offset % 60
    );
    text.parse().map_err(|error: ArgumentError| malformed(&error.to_string()))
}

fn decode(chunks: &[String], fields: &[Field]) -> Result<Trace, serde_json::Error> {
    let mut parser = BoxParser::new();
    let mut trace = Trace::new();
    let mut failed = false;
    for chunk in chunks.iter().map(|chunk| unhex(chunk)) {
        let chunk = chunk?;
        let mut data = chunk.as_slice();
        while !failed {
            match parser.next_box(&mut data) {
                Ok(Some(found)) => trace.push(show(&found.into(), fields)),
                Ok(None) => break,
                Err(_) => failed = true,
            }
        }
    }
    trace.push(json!(["disconnecting", failed]));
    Ok(trace)
}

fn show(found: &AmpBox, fields: &[Field]) -> Json {
    if fields.is_empty() {
        let entries: Map<String, Json> =
            found.iter().map(|(key, value)| (hex(key), hex(value).into())).collect();
        return json!(["box", entries]);
    }
    match strings_to_objects(found, fields) {
        Ok(objects) => json!(["values", show_objects(&objects)]),
        Err(_) => json!(["error"]),
    }
}

fn show_objects(objects: &Objects) -> Json {
    objects
        .iter()
        .map(|(name, value)| (name.clone(), show_value(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn show_value(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Integer(integer) => json!(integer.as_str()),
        Value::String(bytes) => json!(hex(bytes)),
        Value::Unicode(text) => json!(text),
        Value::Boolean(truth) => json!(truth),
        Value::Float(number) => json!(repr(*number)),
        Value::Decimal(decimal) => json!(decimal.as_str()),
        Value::DateTime(time) => {
            let local = time.local();
            json!([
                local.year(),
                local.month(),
                local.day(),
                local.hour(),
                local.minute(),
                local.second(),
                local.subsec_nanosecond() / 1000,
                time.offset()
            ])
        }
        Value::ListOf(items) => items.iter().map(show_value).collect(),
        Value::AmpList(rows) => rows.iter().map(show_objects).collect(),
    }
}

/// How Python writes a float, which is how it is on the wire.
fn repr(number: f64) -> String {
    let value = AmpBox::from_value(&BTreeMap::from([("number", number)])).unwrap_or_default();
    String::from_utf8_lossy(value.get("number").unwrap_or_default()).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, serde_json::Error> {
    let pair = |at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes = (0..text.len()).step_by(2).map(pair).collect::<Option<_>>();
    bytes.ok_or_else(|| malformed("not hexadecimal"))
}
