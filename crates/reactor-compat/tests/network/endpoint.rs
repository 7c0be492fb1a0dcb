//! Endpoints: descriptions, right and wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use crate::support::reserved::Reserved;
use crate::support::{Recorder, drive};
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::endpoint::{EndpointError, client_from_string, server_from_string};
use reactor_compat::{Address, CannotListenError, ConnectError, Reactor};

fn server_error(description: &str) -> EndpointError {
    server_from_string(&Reactor::new(), description).unwrap_err()
}

#[test]
fn a_server_may_be_described_by_place_or_by_name() {
    let reactor = Reactor::new();
    for description in
        ["tcp:0", "tcp:port=0", "tcp:0:interface=127.0.0.1", r"tcp:interface=\127.0.0.1:port=0"]
    {
        let endpoint = server_from_string(&reactor, description).unwrap();
        let port = success_result_of(endpoint.listen(|_: Address| Recorder::default()));
        assert_ne!(port.get_host().port(), Some(0), "{description}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(server_error(""), EndpointError::UnknownType(String::new()));
    assert_eq!(server_error("udp:1"), EndpointError::UnknownType("udp".to_owned()));
    assert_eq!(server_error("tcp"), EndpointError::MissingPort);
    assert_eq!(server_error("tcp:"), EndpointError::InvalidPort(String::new()));
    assert_eq!(server_error("tcp:65536"), EndpointError::InvalidPort("65536".to_owned()));
    assert_eq!(server_error("tcp:1:2"), EndpointError::TooManyArguments);
    assert_eq!(server_error("tcp:1:a=b"), EndpointError::UnknownArgument("a".to_owned()));
    assert_eq!(server_error("tcp:1\\"), EndpointError::DanglingEscape);
    assert_eq!(
        server_error("tcp:1:p\u{f6}rt=b"),
        EndpointError::InvalidName("p\u{f6}rt".to_owned())
    );
}

#[test]
fn a_client_says_where_to() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let number = reserved.address.port();
        let description = format!("tcp:{number}:interface=127.0.0.1");
        let server = server_from_string(&reactor, &description).unwrap();
        let port = server.listen(|_: Address| Recorder::default()).await.unwrap();
        for description in
            [format!("tcp:127.0.0.1:{number}"), format!("tcp:port={number}:host=127.0.0.1")]
        {
            let client = client_from_string(&reactor, &description).unwrap();
            let connection = client.connect(|_: Address| Recorder::default()).await.unwrap();
            assert_eq!(connection.get_peer(), port.get_host());
        }
        port.stop_listening().await.unwrap();
        let client = client_from_string(&reactor, &format!("tcp:127.0.0.1:{number}")).unwrap();
        let failure = client.connect(|_: Address| Recorder::default()).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn listening_where_one_cannot_is_a_failure() {
    let endpoint = server_from_string(&Reactor::new(), "tcp:0:interface=192.0.2.1").unwrap();
    let failure = failure_result_of(endpoint.listen(|_: Address| Recorder::default()));
    assert!(failure.is::<CannotListenError>());
}
