//! The types of arguments, in both directions.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::PathBuf;

use jiff::civil::date;
use proptest::prelude::*;
use protocols::amp::{
    AmpBox, Argument, ArgumentError, Bytes, DateTime, Decimal, Field, Integer, Value,
    objects_to_strings, strings_to_objects,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct One<T> {
    v: T,
}

/// Looks at a value on the wire, and at what comes back.
fn on_wire<T>(value: T, wire: impl AsRef<[u8]>)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let one = One { v: value };
    let made = AmpBox::from_value(&one).unwrap();
    assert_eq!(made, AmpBox::from([("v", wire.as_ref())]));
    assert_eq!(made.to_value::<One<T>>().unwrap(), one);
}

fn read<T: DeserializeOwned>(wire: impl AsRef<[u8]>) -> Result<T, ArgumentError> {
    AmpBox::from([("v", wire.as_ref())]).to_value().map(|One { v }| v)
}

fn write<T: Serialize>(value: T) -> Result<AmpBox, ArgumentError> {
    AmpBox::from_value(&One { v: value })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    b: i64,
    a: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(f64);

#[test]
fn every_type_looks_as_in_twisted() {
    on_wire(0_i64, "0");
    on_wire(i8::MIN, "-128");
    on_wire(i16::MIN, "-32768");
    on_wire(i32::MIN, "-2147483648");
    on_wire(i64::MIN, "-9223372036854775808");
    on_wire(i128::MIN, "-170141183460469231731687303715884105728");
    on_wire(u8::MAX, "255");
    on_wire(u16::MAX, "65535");
    on_wire(u32::MAX, "4294967295");
    on_wire(u64::MAX, "18446744073709551615");
    on_wire(u128::MAX, "340282366920938463463374607431768211455");
    on_wire("9".repeat(4300).parse::<Integer>().unwrap(), "9".repeat(4300));
    on_wire(Bytes::from_static(b"\x00\xff"), b"\x00\xff");
    on_wire("h\u{e9}".to_owned(), "h\u{e9}");
    on_wire('\u{20ac}', "\u{20ac}");
    on_wire(true, "True");
    on_wire(false, "False");
    on_wire(0.1_f64, "0.1");
    on_wire(1e16_f64, "1e+16");
    on_wire(f64::INFINITY, "inf");
    on_wire(0.5_f32, "0.5");
    on_wire("1.50".parse::<Decimal>().unwrap(), "1.50");
    let time = DateTime::new(date(2012, 1, 23).at(12, 34, 56, 54_321_000), 845).unwrap();
    on_wire(time, "2012-01-23T12:34:56.054321+14:05");
    on_wire(PathBuf::from("/tmp/x"), "/tmp/x");
    on_wire(Colour::Green, "green");
    on_wire(Metres(1.0), "1.0");
    on_wire(vec![1, 20, 500], b"\0\x011\0\x0220\0\x03500");
    on_wire((7, "x".to_owned()), b"\0\x017\0\x01x");
    on_wire(Vec::<i64>::new(), "");
    on_wire(vec![vec![1], vec![]], b"\0\x03\0\x011\0\0");
    let rows = vec![Row { b: 1, a: Some("x".to_owned()) }, Row { b: 2, a: None }];
    on_wire(rows, b"\0\x01a\0\x01x\0\x01b\0\x011\0\0\0\x01b\0\x012\0\0");
    on_wire(Some(7), "7");
}

#[test]
fn what_is_optional_may_be_missing() {
    assert_eq!(write(None::<i64>), Ok(AmpBox::new()));
    assert_eq!(AmpBox::new().to_value::<One<Option<i64>>>(), Ok(One { v: None }));
    let missing = AmpBox::new().to_value::<One<i64>>();
    assert_eq!(missing, Err(ArgumentError::Missing("v".to_owned())));
}

#[test]
fn keys_are_sorted_and_what_is_not_asked_for_is_ignored() {
    #[derive(Serialize)]
    struct Unsorted {
        z: i64,
        #[serde(rename = "a-b")]
        dashed: i64,
        #[serde(rename = "A")]
        upper: i64,
    }
    let wire = AmpBox::from_value(&Unsorted { z: 1, dashed: 2, upper: 3 }).unwrap().serialize();
    assert_eq!(wire.unwrap(), b"\0\x01A\0\x013\0\x03a-b\0\x012\0\x01z\0\x011\0\0");
    let more = AmpBox::from([("u", "?"), ("v", "1"), ("w", "?"), ("_ask", "1")]);
    assert_eq!(more.to_value::<One<i64>>(), Ok(One { v: 1 }));
}

#[test]
fn maps_are_boxes() {
    let map = BTreeMap::from([("b".to_owned(), 2), ("a".to_owned(), 1)]);
    let made = AmpBox::from_value(&map).unwrap();
    assert_eq!(made, AmpBox::from([("a", "1"), ("b", "2")]));
    assert_eq!(made.to_value::<BTreeMap<String, i32>>().unwrap(), map);
    let numbered = HashMap::from([(7, true)]);
    assert_eq!(AmpBox::from_value(&numbered), Ok(AmpBox::from([("7", "True")])));
}

#[test]
fn numbers_are_read_as_python_reads_them() {
    for (text, number) in [(" 7\n", 7), ("+7", 7), ("-0", 0), ("007", 7), ("1_000", 1000)] {
        assert_eq!(read::<i64>(text), Ok(number), "{text:?}");
    }
    for text in ["", "-", "1__0", "_1", "1_", "1.0", "0x1", "seven", "99999999999999999999"] {
        assert!(read::<i64>(text).is_err(), "{text:?}");
    }
    for (text, number) in [(" 1_0.5", 10.5), (".5", 0.5), ("1.", 1.0), ("1e400", f64::INFINITY)] {
        assert_eq!(read::<f64>(text), Ok(number), "{text:?}");
    }
    assert!(read::<f64>("nan").unwrap().is_nan());
    assert!(read::<f64>("1e").is_err());
    assert!(read::<bool>("true").is_err());
    assert!(read::<String>(b"\xff").is_err());
    assert!(read::<DateTime>("2012-01-23").is_err());
    assert!(read::<Decimal>("1,5").is_err());
    assert!(read::<Colour>("blue").is_err());
    assert!(read::<Integer>("1".repeat(4301)).is_err());
}

#[test]
fn decimals_keep_their_precision() {
    for (text, shown) in [
        ("1500e-9", "0.000001500"),
        ("15e-9", "1.5E-8"),
        ("1E+2", "1E+2"),
        ("0e-9", "0E-9"),
        ("00.00", "0.00"),
        ("-1_0.", "-10"),
        ("nan007", "NaN7"),
        ("-SNAN", "-sNaN"),
    ] {
        assert_eq!(text.parse::<Decimal>().unwrap().as_str(), shown);
    }
    assert_eq!(Decimal::from(-7).to_string(), "-7");
}

/// They are those of Python's `decimal`, whose numbers take no more room than
/// their digits.
#[test]
fn decimals_have_their_ends() {
    for text in ["9E+999999999999999999", "1E-1999999999999999997"] {
        assert_eq!(text.parse::<Decimal>().unwrap().as_str(), text);
    }
    for text in ["1E+1000000000000000000", "1E-1999999999999999998", "1E+99999999999999999999"] {
        assert!(text.parse::<Decimal>().is_err(), "{text}");
    }
}

#[test]
fn dates_come_from_the_calendar() {
    let zoned = date(2024, 2, 29).at(1, 2, 3, 4_000).in_tz("UTC").unwrap();
    let time = DateTime::try_from(&zoned).unwrap();
    assert_eq!(time.to_string(), "2024-02-29T01:02:03.000004-00:00");
    assert_eq!(time.timestamp(), Some(zoned.timestamp()));
    assert_eq!(DateTime::try_from(zoned.timestamp()), Ok(time));
    assert!(DateTime::new(date(0, 1, 1).at(0, 0, 0, 0), 0).is_err());
    assert!(DateTime::new(date(1, 1, 1).at(0, 0, 0, 0), 1440).is_err());
}

#[test]
fn what_has_no_place_in_boxes_is_said_so() {
    let row = || Row { b: 1, a: None };
    assert!(matches!(write(row()), Err(ArgumentError::Unsupported(_))));
    assert!(matches!(write(vec![vec![row()]]), Err(ArgumentError::Unsupported(_))));
    assert!(matches!(write(vec![None::<i64>]), Err(ArgumentError::Unsupported(_))));
    assert!(matches!(write(()), Err(ArgumentError::Unsupported(_))));
    assert!(matches!(AmpBox::from_value(&7), Err(ArgumentError::Unsupported(_))));
    assert!(matches!(AmpBox::from_value("text"), Err(ArgumentError::Unsupported(_))));
    assert!(read::<Row>("").is_err());
    assert!(read::<()>("").is_err());
}

#[test]
fn an_item_that_is_not_complete_is_left_out_as_in_twisted() {
    assert_eq!(read::<Vec<i64>>(b"\0\x017\0\x028"), Ok(vec![7]));
    assert_eq!(read::<Vec<i64>>(b"\0"), Ok(vec![]));
    let rows = read::<Vec<Row>>(b"\0\x01b\0\x011\0\0\0\x01b\0\x05");
    assert_eq!(rows, Ok(vec![Row { b: 1, a: None }]));
    assert!(read::<Vec<Row>>(b"\x01\0").is_err(), "a key that is too long is another matter");
    assert!(read::<Vec<i64>>(b"\0\x01x").is_err());
}

/// A box in a list is read as one that comes by itself.
#[test]
fn a_key_that_comes_twice_has_its_last_value() {
    let wire = b"\0\x01b\0\x011\0\x01a\0\x01x\0\x01b\0\x012\0\0";
    let row = Row { b: 2, a: Some("x".to_owned()) };
    assert_eq!(AmpBox::parse(wire).unwrap()[0].to_value::<Row>().as_ref(), Ok(&row));
    assert_eq!(read::<Vec<Row>>(wire), Ok(vec![row]));
}

#[test]
fn dynamic_arguments_say_what_is_wrong() {
    let fields = [
        Field::new("n", Argument::Integer),
        Field::new("l", Argument::ListOf(Box::new(Argument::Unicode))),
    ];
    let objects = [("n".to_owned(), Value::Integer(7.into()))].into();
    let missing = objects_to_strings(&objects, &fields);
    assert_eq!(missing, Err(ArgumentError::Missing("l".to_owned())));
    let objects = [
        ("n".to_owned(), Value::Integer(7.into())),
        ("l".to_owned(), Value::ListOf(vec![Value::Unicode("x".to_owned())])),
    ]
    .into();
    let strings = objects_to_strings(&objects, &fields).unwrap();
    assert_eq!(strings, AmpBox::from([("n", "7"), ("l", "\0\x01x")]));
    assert_eq!(strings_to_objects(&strings, &fields), Ok(objects));
    let wrong = [("n".to_owned(), Value::Float(1.0))].into();
    assert!(objects_to_strings(&wrong, &fields[..1]).is_err());
}

proptest! {
    #[test]
    fn floats_come_back(number in any::<f64>().prop_filter("a number", |n| !n.is_nan())) {
        let made = write(number).unwrap();
        prop_assert_eq!(made.to_value::<One<f64>>().unwrap().v, number);
    }

    #[test]
    fn values_come_back(
        integers in proptest::collection::vec(any::<i128>(), 0..9),
        text in ".*",
        rows in proptest::collection::vec((any::<i64>(), proptest::option::of(".{0,9}")), 0..9),
    ) {
        let rows: Vec<Row> = rows.into_iter().map(|(b, a)| Row { b, a }).collect();
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct All { integers: Vec<i128>, text: String, rows: Vec<Row> }
        let all = All { integers, text, rows };
        let made = AmpBox::from_value(&all).unwrap();
        prop_assert_eq!(made.to_value::<All>().unwrap(), all);
    }

    #[test]
    fn no_bytes_do_harm(wire in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = read::<Vec<Row>>(&wire);
        let _ = read::<Vec<Vec<f64>>>(&wire);
        let _ = read::<(Integer, Decimal, DateTime)>(&wire);
        let _ = read::<Decimal>(&wire);
        let _ = read::<DateTime>(&wire);
    }
}
