//! Who owns a connection, after Twisted's `test_ident`.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Trigger};
use protocols::basic::Lines;
use protocols::ident::{End, IdentClient, IdentError, IdentServer, Identity, MAX_QUERIES};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::StringTransport;
use reactor_compat::{Connection, ConnectionDone};

// ----- the server -----

fn serve(
    lookup: impl Fn(&End, &End) -> Result<Identity, Failure> + 'static,
) -> StringTransport<Lines<IdentServer>> {
    StringTransport::new(Lines::new(IdentServer::new(lookup)))
}

fn answer(
    lookup: impl Fn(&End, &End) -> Result<Identity, Failure> + 'static,
    query: &str,
) -> String {
    let server = serve(lookup);
    server.data_received(query.as_bytes());
    String::from_utf8(server.take_value()).unwrap()
}

#[test]
fn errors_have_names() {
    for (error, name) in [
        (IdentError::Unknown, "UNKNOWN-ERROR"),
        (IdentError::NoUser, "NO-USER"),
        (IdentError::InvalidPort, "INVALID-PORT"),
        (IdentError::HiddenUser, "HIDDEN-USER"),
    ] {
        let expected = format!("123, 456 : ERROR : {name}\r\n");
        assert_eq!(answer(move |_, _| Err(error.into()), "123, 456\r\n"), expected);
    }
}

#[test]
fn a_user_is_told() {
    let known = |ours: &End, theirs: &End| {
        assert_eq!((ours.port, theirs.port), (123, 456));
        Ok(Identity::new("SYS", "USER"))
    };
    assert_eq!(answer(known, " 123 ,456\r\n"), "123, 456 : USERID : SYS : USER\r\n");
}

#[test]
fn what_is_told_stays_in_its_line() {
    let sly = |_: &End, _: &End| Ok(Identity::new("SYS", "USER\r\n1, 2 : USERID : SYS : root"));
    assert_eq!(answer(sly, "123, 456\r\n").lines().count(), 1);
}

#[test]
fn ports_out_of_range_are_invalid() {
    let nobody = |_: &End, _: &End| -> Result<Identity, Failure> { unreachable!("not asked") };
    for ports in ["0, 1", "1, 0", "-1, 1", "65536, 1", "1, 65536"] {
        let expected = format!("{ports} : ERROR : INVALID-PORT\r\n");
        assert_eq!(answer(nobody, &format!("{ports}\r\n")), expected);
    }
    let large = "9".repeat(400);
    for ports in [format!("{large}, 1"), format!("1, -{large}")] {
        let expected = format!("{ports} : ERROR : INVALID-PORT\r\n");
        assert_eq!(answer(nobody, &format!("{ports}\r\n")), expected);
    }
}

#[test]
fn ports_are_answered_as_numbers() {
    let known = |ours: &End, _: &End| Ok(Identity::new("SYS", ours.port.to_string()));
    assert_eq!(answer(known, "+007 , 08\r\n"), "7, 8 : USERID : SYS : 7\r\n");
    let nobody = |_: &End, _: &End| -> Result<Identity, Failure> { unreachable!("not asked") };
    assert_eq!(answer(nobody, "-00,1\r\n"), "0, 1 : ERROR : INVALID-PORT\r\n");
}

#[test]
fn what_makes_no_sense_is_hung_up_on() {
    for query in ["hello", "1", "1, 2, 3", "1, b", "1.5, 2", ",", "+, 1", "1, --1", "1, "] {
        let server = StringTransport::new(Lines::new(IdentServer::default()));
        server.data_received(format!("{query}\r\n").as_bytes());
        assert!(server.disconnecting(), "{query}");
        assert!(server.take_value().is_empty());
    }
}

#[test]
fn other_errors_are_logged() {
    let log = LogCapture::start();
    let broken = |_: &End, _: &End| Err(std::fmt::Error.into());
    assert_eq!(answer(broken, "1, 2\r\n"), "1, 2 : ERROR : UNKNOWN-ERROR\r\n");
    assert_eq!(log.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn a_lookup_may_take_its_time() {
    let late: Rc<RefCell<Option<Trigger<Identity>>>> = Rc::default();
    let keeps = late.clone();
    let server = StringTransport::new(Lines::new(IdentServer::new(move |_, _| {
        let (who, trigger) = Deferred::new();
        keeps.replace(Some(trigger));
        who
    })));
    server.data_received(b"1, 2\r\n");
    assert!(!server.reading());
    late.take().unwrap().callback(Identity::new("SYS", "USER")).unwrap();
    assert!(server.reading());
    assert_eq!(server.take_value(), b"1, 2 : USERID : SYS : USER\r\n");
}

// ----- the client -----

fn client() -> (StringTransport<Lines<IdentClient>>, Connection<IdentClient>) {
    let transport = StringTransport::new(Lines::new(IdentClient::default()));
    let ident = transport.connection().project(Lines::handler_mut);
    (transport, ident)
}

fn lookup(ident: &Connection<IdentClient>, ours: u16, theirs: u16) -> Deferred<Identity> {
    ident.call(move |client, _| client.lookup(ours, theirs))
}

#[test]
fn queries_are_asked_one_after_the_other() {
    let (transport, ident) = client();
    let (first, second) = (lookup(&ident, 123, 456), lookup(&ident, 234, 567));
    assert_eq!(transport.take_value(), b"123, 456\r\n");
    transport.data_received(b"123, 456 : USERID : UNIX : ada\r\n");
    assert_eq!(success_result_of(first), Identity::new("UNIX", "ada"));
    assert_eq!(transport.take_value(), b"234, 567\r\n");
    transport.data_received(b"234, 567 : ERROR : HIDDEN-USER\r\n");
    assert_eq!(failure_result_of(second).check(), Some(&IdentError::HiddenUser));
}

#[test]
fn answers_that_make_no_sense_are_unknown_errors() {
    for response in ["1, 2 : ERROR : WHATEVER", "nonsense", "1, 2 : USERID : ada", ""] {
        let (transport, ident) = client();
        let who = lookup(&ident, 1, 2);
        transport.data_received(format!("{response}\r\n").as_bytes());
        assert_eq!(failure_result_of(who).check(), Some(&IdentError::Unknown), "{response}");
    }
}

#[test]
fn what_nobody_asked_is_let_go() {
    let (transport, ident) = client();
    transport.data_received(b"1, 2 : USERID : UNIX : ada\r\n");
    let who = lookup(&ident, 1, 2);
    assert_no_result(&who);
    transport.data_received(b"1, 2 : USERID : UNIX : bob\r\n");
    assert_eq!(success_result_of(who).user, "bob");
}

#[test]
fn a_lost_connection_fails_all_queries() {
    let (transport, ident) = client();
    let queries = [lookup(&ident, 1, 2), lookup(&ident, 3, 4)];
    transport.connection_lost(ConnectionDone);
    for query in queries {
        assert_eq!(failure_result_of(query).check(), Some(&IdentError::Unknown));
    }
}

#[test]
fn queries_are_bounded() {
    let (_transport, ident) = client();
    let waiting: Vec<_> = (0..MAX_QUERIES).map(|_| lookup(&ident, 1, 2)).collect();
    failure_result_of(lookup(&ident, 1, 2));
    waiting.iter().for_each(assert_no_result);
}
