//! What is limited, and what is carried beyond the limits of a value.

use deferred::testing::{failure_result_of, success_result_of};
use protocols::amp::{Amp, AmpBox, BigString, BoxError, Command, Limits, NoError, Responders};
use reactor_compat::ConnectionDone;
use serde::{Deserialize, Serialize};

use crate::support::{Pair, logged};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reverse {
    data: BigString,
    other: Option<BigString>,
}

impl Command for Reverse {
    const NAME: &str = "Reverse";
    type Response = Self;
    type Error = NoError;
}

fn reversing() -> Responders {
    Responders::new().function(|Reverse { data, other }| {
        let data: Vec<u8> = data.iter().rev().copied().collect();
        Ok(Reverse { data: data.into(), other })
    })
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn big_strings_are_carried_in_parts() {
    for length in [0, 1, 65_535, 65_536, 131_070, 131_071, 1_000_000] {
        let pair = Pair::of(&reversing());
        let data = bytes(length);
        let other = Some(BigString(vec![7; 70_000]));
        let call = pair.remote().call_remote(Reverse { data: data.clone().into(), other });
        pair.pump();
        let mut answer = success_result_of(call);
        answer.data.0.reverse();
        assert_eq!(answer.data.0, data, "{length}");
        assert_eq!(answer.other.map(|other| other.len()), Some(70_000));
    }
}

#[test]
fn the_parts_have_the_names_that_twisted_programs_use() {
    let sent = Reverse { data: vec![1; 65_535 * 11 + 1].into(), other: None };
    let made = AmpBox::from_value(&sent).unwrap();
    let mut names: Vec<String> =
        made.iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let expected: Vec<String> =
        std::iter::once("data".to_owned()).chain((2..13).map(|n| format!("data.{n}"))).collect();
    assert_eq!(names, expected);
    assert_eq!(made.to_value::<Reverse>().unwrap(), sent);
}

#[test]
fn a_big_string_in_a_list_is_like_any_other() {
    let made =
        AmpBox::from_value(&std::collections::BTreeMap::from([("l", [BigString::from("x")])]));
    assert_eq!(made.unwrap(), AmpBox::from([("l", "\0\x01x")]));
}

#[test]
fn what_exceeds_the_receivers_limit_ends_the_connection() {
    let limits = Limits { box_size: 100_000, ..Limits::default() };
    let pair = Pair::new(Amp::new(), Amp::with_responders(&reversing()).with_limits(limits));
    let call = pair.remote().call_remote(Reverse { data: bytes(99_000).into(), other: None });
    pair.pump();
    success_result_of(call);
    let call = pair.remote().call_remote(Reverse { data: bytes(100_000).into(), other: None });
    let errors = logged::<BoxError>(|| pair.pump());
    assert_eq!(errors, [BoxError::TooLarge { limit: 100_000 }]);
    assert!(failure_result_of(call).is::<ConnectionDone>());
}
