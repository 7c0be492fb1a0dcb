//! Everything that can go wrong with a call, an answer and a box.

use std::error::Error;
use std::fmt;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Panic};
use protocols::amp::{
    Amp, AmpBox, ArgumentError, BadLocalReturn, BoxError, Command, CommandError, MalformedAmpBox,
    NoEmptyBoxes, NoError, RemoteAmpError, Responders, TooLong, TooManyCommands,
    UnknownRemoteError,
};
use reactor_compat::ConnectionDone;
use serde::{Deserialize, Serialize};

use crate::support::math::{Sum, Total};
use crate::support::{Pair, logged};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum LoginError {
    NoSuchUser,
    LockedOut(String),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser => f.write_str("who?"),
            Self::LockedOut(why) => f.write_str(why),
        }
    }
}

impl Error for LoginError {}

impl CommandError for LoginError {
    fn fatal(&self) -> bool {
        matches!(self, Self::LockedOut(_))
    }
}

#[derive(Serialize, Deserialize)]
struct Login {
    name: String,
}

impl Command for Login {
    const NAME: &str = "Login";
    type Response = ();
    type Error = LoginError;
}

fn login(Login { name }: Login) -> Result<(), Failure> {
    match name.as_str() {
        "mallory" => Err(LoginError::LockedOut("not you again".to_owned()).into()),
        "bob" => Err(LoginError::NoSuchUser.into()),
        "eve" => Err(RemoteAmpError::new("EAVESDROPPER", "h\u{f6}r auf").into()),
        "trent" => Err(Failure::new(fmt::Error)),
        "panic" => panic!("oh no"),
        _ => Ok(()),
    }
}

/// What a login fails with, and whether the connection ends with it.
fn refused(name: &str) -> (Failure, bool) {
    let pair = Pair::of(&Responders::new().function(login));
    let call = pair.remote().call_remote(Login { name: name.to_owned() });
    pair.server.data_received(&pair.client.take_value());
    let closing = pair.server.disconnecting();
    pair.pump();
    (failure_result_of(call), closing)
}

#[test]
fn the_errors_of_a_command_keep_their_type() {
    let (failure, closing) = refused("bob");
    assert_eq!(failure.check(), Some(&LoginError::NoSuchUser));
    assert!(!closing);
}

#[test]
fn a_fatal_error_ends_the_connection() {
    let (failure, closing) = refused("mallory");
    assert_eq!(failure.check(), Some(&LoginError::LockedOut("not you again".to_owned())));
    assert!(closing);
}

#[test]
fn an_error_on_the_wire_has_a_code_and_a_description() {
    let pair = Pair::of(&Responders::new().function(login));
    drop(pair.remote().call_remote(Login { name: "bob".to_owned() }));
    pair.server.data_received(&pair.client.take_value());
    let answer = AmpBox::from([
        ("_error", "1"),
        ("_error_code", "NO_SUCH_USER"),
        ("_error_description", "who?"),
    ]);
    assert_eq!(pair.server.take_value(), answer.serialize().unwrap());
}

#[test]
fn an_error_that_the_caller_does_not_know_is_an_unknown_one() {
    let (failure, closing) = refused("eve");
    let description = "h\u{f6}r auf".to_owned();
    assert_eq!(failure.check(), Some(&UnknownRemoteError { description }));
    assert!(!closing);
}

#[test]
fn an_error_that_nobody_foresaw_is_logged_and_ends_the_connection() {
    let unknown = UnknownRemoteError { description: "Unknown Error".to_owned() };
    let errors = logged::<fmt::Error>(|| {
        let (failure, closing) = refused("trent");
        assert_eq!(failure.check(), Some(&unknown), "it does not say what it was");
        assert!(closing);
    });
    assert_eq!(errors.len(), 1);
    let errors = logged::<Panic>(|| {
        let (failure, closing) = refused("panic");
        assert_eq!(failure.check(), Some(&unknown));
        assert!(closing);
    });
    assert_eq!(errors.len(), 1);
}

#[test]
fn arguments_that_are_not_what_they_should_be_are_an_error_nobody_foresaw() {
    let pair = Pair::of(&Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })));
    let errors = logged::<ArgumentError>(|| {
        let remote = pair.remote();
        let call = remote.call_remote_string("Sum", AmpBox::from([("a", "1"), ("b", "two")]));
        pair.pump();
        let unknown = RemoteAmpError::new("UNKNOWN", "Unknown Error");
        assert_eq!(failure_result_of(call).check(), Some(&unknown));
    });
    let expected = ArgumentError::Value { expected: "an integer", found: "two".to_owned() };
    assert_eq!(errors, [expected]);
    assert!(pair.client.connection().gone());
}

#[test]
fn a_missing_argument_is_one_too() {
    let pair = Pair::of(&Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })));
    let errors = logged::<ArgumentError>(|| {
        drop(
            pair.remote()
                .call_remote_string("Sum", AmpBox::from([("a", "1")]))
                .add_errback(|_| Ok(AmpBox::new())),
        );
        pair.pump();
    });
    assert_eq!(errors, [ArgumentError::Missing("b".to_owned())]);
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    inner: Inner,
}

#[derive(Debug, Serialize, Deserialize)]
struct Inner {
    a: i64,
}

#[derive(Serialize, Deserialize)]
struct Nest;

impl Command for Nest {
    const NAME: &str = "Nest";
    type Response = Nested;
    type Error = NoError;
}

#[test]
fn an_answer_that_has_no_place_in_a_box_is_a_bad_return() {
    let pair = Pair::of(&Responders::new().function(|Nest| Ok(Nested { inner: Inner { a: 1 } })));
    let errors = logged::<BadLocalReturn>(|| {
        let call = pair.remote().call_remote(Nest);
        pair.pump();
        assert!(failure_result_of(call).is::<UnknownRemoteError>());
    });
    assert_eq!(errors.len(), 1);
}

#[derive(Serialize, Deserialize)]
struct Repeat {
    times: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Text {
    text: String,
}

impl Command for Repeat {
    const NAME: &str = "Repeat";
    type Response = Text;
    type Error = NoError;
}

#[test]
fn an_answer_that_is_too_long_ends_the_connection() {
    let repeat = |Repeat { times }: Repeat| Ok(Text { text: "x".repeat(times) });
    let pair = Pair::of(&Responders::new().function(repeat));
    let fits = pair.remote().call_remote(Repeat { times: 65_535 });
    pair.pump();
    assert_eq!(success_result_of(fits).text.len(), 65_535);

    let errors = logged::<TooLong>(|| {
        let call = pair.remote().call_remote(Repeat { times: 65_536 });
        pair.pump();
        assert!(failure_result_of(call).is::<ConnectionDone>());
    });
    let key_name = Some("text".to_owned());
    let expected = TooLong { is_key: false, is_local: true, length: Some(65_536), key_name };
    assert_eq!(errors, [expected]);
}

#[test]
fn arguments_that_are_too_long_are_not_sent() {
    let pair = Pair::of(&Responders::new());
    let call = pair.remote().call_remote(Login { name: "x".repeat(65_536) });
    let failure = failure_result_of(call);
    assert_eq!(failure.check::<TooLong>().and_then(|error| error.length), Some(65_536));
    assert!(pair.client.take_value().is_empty());
    assert!(!pair.closing());

    let long = AmpBox::from([("x".repeat(256), "")]);
    let failure = failure_result_of(pair.remote().call_remote_string("Sum", long));
    let expected = TooLong { is_key: true, is_local: true, length: Some(256), key_name: None };
    assert_eq!(failure.check(), Some(&expected));
}

#[test]
fn an_answer_that_is_not_what_it_should_be_fails_the_call() {
    let pair = Pair::of(&Responders::new());
    let call = pair.remote().call_remote(Sum { a: 1, b: 2 });
    pair.client.data_received(b"\0\x07_answer\0\x011\0\x05total\0\x03two\0\0");
    assert!(failure_result_of(call).is::<ArgumentError>());
    assert!(!pair.closing());
}

/// What a client logs and its call fails with when this comes.
fn hostile<E: Error + Clone + PartialEq + fmt::Debug + Send + Sync + 'static>(
    data: &[u8],
    expected: &E,
) {
    let pair = Pair::of(&Responders::new());
    let call = pair.remote().call_remote(Sum { a: 1, b: 2 });
    let errors = logged::<E>(|| {
        pair.client.data_received(data);
        assert!(pair.client.disconnecting(), "{expected}");
        pair.client.data_received(b"and more of it");
    });
    assert_eq!(errors, std::slice::from_ref(expected));
    pair.client.connection_lost(ConnectionDone);
    assert_eq!(failure_result_of(call).check(), Some(expected));
}

#[test]
fn what_means_nothing_ends_the_connection() {
    hostile(b"\0\0", &NoEmptyBoxes);
    hostile(b"\0\x01a\0\x01b\0\0", &NoEmptyBoxes);
    let stray = MalformedAmpBox::new("an answer to no call");
    for tag in ["2", "01", "0", "", "1 ", "zzz", "11111111111111111"] {
        let answer = AmpBox::from([("_answer", tag)]).serialize().unwrap();
        hostile(&answer, &stray);
    }
    let error =
        |keys: &[(&str, &str)]| keys.iter().copied().collect::<AmpBox>().serialize().unwrap();
    hostile(&error(&[("_error", "1")]), &MalformedAmpBox::new("an error without a code"));
    hostile(
        &error(&[("_error", "1"), ("_error_code", "X")]),
        &MalformedAmpBox::new("an error without a description"),
    );
}

#[test]
fn what_is_no_box_ends_the_connection() {
    let error = TooLong { is_key: true, is_local: false, length: None, key_name: None };
    hostile(b"GET / HTTP/1.0\r\n\r\n", &BoxError::TooLong(error));
}

#[test]
fn too_many_commands_that_are_worked_on_end_the_connection() {
    let limits = protocols::amp::Limits { commands: 2, ..Default::default() };
    let responders = Responders::new().function(|_: Sum| Deferred::<Total>::new().0);
    let pair = Pair::new(Amp::new(), Amp::with_responders(&responders).with_limits(limits));
    let remote = pair.remote();
    let calls: Vec<_> = (0..2).map(|n| remote.call_remote(Sum { a: n, b: 0 })).collect();
    pair.pump();
    assert!(!pair.closing());
    let third = remote.call_remote(Sum { a: 2, b: 0 });
    let errors = logged::<TooManyCommands>(|| pair.pump());
    assert_eq!(errors, [TooManyCommands { limit: 2 }]);
    for call in calls.into_iter().chain([third]) {
        assert!(failure_result_of(call).is::<ConnectionDone>());
    }
}

#[test]
fn errors_say_what_they_are() {
    let local = TooLong { is_key: true, is_local: true, length: Some(300), key_name: None };
    assert_eq!(local.to_string(), "local key too long: 300");
    let key_name = Some("k".to_owned());
    let value = TooLong { is_key: false, is_local: true, length: Some(70_000), key_name };
    assert_eq!(value.to_string(), "local value \"k\" too long: 70000");
    let remote = TooLong { is_key: true, is_local: false, length: None, key_name: None };
    assert_eq!(BoxError::TooLong(remote).to_string(), "remote key too long");
    assert_eq!(BoxError::TooLarge { limit: 9 }.to_string(), "a box of more than 9 bytes");
    assert_eq!(BoxError::TooManyKeys { limit: 9 }.to_string(), "a box of more than 9 keys");
    let odd = RemoteAmpError::new(b"\xff".to_vec(), "what");
    assert_eq!(odd.to_string(), "Code<\\xff>: what");
}
