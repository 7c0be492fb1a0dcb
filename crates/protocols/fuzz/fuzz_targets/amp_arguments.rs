//! Values of every type of argument: what can be read, can be written, and is
//! the same when it comes back; and Rust's types read what Twisted's do.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::amp::{
    AmpBox, Argument, ArgumentError, Bytes, DateTime, Decimal, Field, Integer, objects_to_strings,
    strings_to_objects,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct One<T> {
    v: T,
}

#[derive(Serialize, Deserialize)]
struct Row {
    a: Option<Integer>,
    b: Vec<String>,
}

fn list(of: Argument) -> Argument {
    Argument::ListOf(Box::new(of))
}

/// Reads and writes it by the type that is known now, and back again; the same
/// by Rust's.
fn check<T: Serialize + DeserializeOwned>(argument: Argument, wire: &[u8]) {
    let fields = [Field::new("v", argument)];
    let made = AmpBox::from([("v", wire)]);
    let read = strings_to_objects(&made, &fields);
    let typed = made.to_value::<One<T>>();
    let (objects, typed) = match (read, typed) {
        (Ok(objects), Ok(typed)) => (objects, typed),
        (Err(_), Err(_)) => return,
        (read, typed) => panic!("{:?} is {read:?}, and typed: {:?}", &fields[0], typed.err()),
    };
    let written = match objects_to_strings(&objects, &fields) {
        // What is written in full may be longer.
        Err(ArgumentError::TooLong(_)) => return,
        written => written.expect("what was read can be written"),
    };
    assert_eq!(AmpBox::from_value(&typed).as_ref(), Ok(&written));
    let again = strings_to_objects(&written, &fields).expect("what was written can be read");
    assert_eq!(objects_to_strings(&again, &fields).as_ref(), Ok(&written));
    let again = written.to_value::<One<T>>().expect("what was written can be read");
    assert_eq!(AmpBox::from_value(&again), Ok(written));
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, wire)) = data.split_first() else { return };
    match kind % 12 {
        0 => check::<Integer>(Argument::Integer, wire),
        1 => check::<Bytes>(Argument::String, wire),
        2 => check::<String>(Argument::Unicode, wire),
        3 => check::<bool>(Argument::Boolean, wire),
        4 => check::<f64>(Argument::Float, wire),
        5 => check::<Decimal>(Argument::Decimal, wire),
        6 => check::<DateTime>(Argument::DateTime, wire),
        7 => check::<Vec<Integer>>(list(Argument::Integer), wire),
        8 => check::<Vec<Vec<f64>>>(list(list(Argument::Float)), wire),
        9 => check::<Vec<DateTime>>(list(Argument::DateTime), wire),
        10 => {
            let a = Field::new("a", Argument::Integer).optional();
            let b = Field::new("b", list(Argument::Unicode));
            check::<Vec<Row>>(Argument::AmpList(vec![a, b]), wire);
        }
        _ => check::<Vec<Vec<Decimal>>>(list(list(Argument::Decimal)), wire),
    }
});
