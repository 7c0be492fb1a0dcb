//! Turning to TLS in the middle of a connection.

#![cfg(all(feature = "amp", feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod amp_support;
#[path = "amp_support/math.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod math;
#[path = "amp_support/tcp.rs"]
mod tcp;

use amp_support::{Pair, logged};
use deferred::testing::{failure_result_of, success_result_of};
use math::{Sum, Total};
use protocols::amp::{AmpBox, MalformedAmpBox, OnlyOneTls, Responders, UnhandledCommand};
use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
use tcp::{connect, listen, run};

/// A server's options, and a client's that believe it.
fn options() -> (ServerOptions, ClientOptions) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Identity::from_pem(&certificate, &key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    (server, ClientOptions::new("localhost").unwrap().trust_roots(roots))
}

fn responders(server: ServerOptions) -> Responders {
    Responders::new()
        .function(|Sum { a, b }| Ok(Total { total: a + b }))
        .start_tls(move |_, _| Ok(server.clone()))
}

#[test]
fn calls_go_on_under_tls() {
    run(|reactor| async move {
        let (server, client) = options();
        let remote = connect(&reactor, listen(&reactor, &responders(server))).await?;
        assert_eq!(remote.call_remote(Sum { a: 1, b: 2 }).await?.total, 3);
        let started = remote.start_tls(client);
        // What is called meanwhile waits for TLS.
        let calls: Vec<_> = (0..100).map(|n| remote.call_remote(Sum { a: n, b: n })).collect();
        started.await?;
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await?.total, 2 * n);
        }
        assert!(remote.transport().is_secure());
        let (_, again) = options();
        assert!(remote.start_tls(again).await.unwrap_err().is::<OnlyOneTls>());
        assert_eq!(remote.call_remote(Sum { a: 3, b: 4 }).await?.total, 7);
        remote.transport().lose_connection();
        Ok(())
    });
}

#[test]
fn a_server_that_is_not_believed_fails_what_is_outstanding() {
    run(|reactor| async move {
        let (server, _) = options();
        let (_, other) = options();
        let remote = connect(&reactor, listen(&reactor, &responders(server))).await?;
        let started = remote.start_tls(other);
        let call = remote.call_remote(Sum { a: 1, b: 2 });
        started.await?;
        assert!(call.await.is_err());
        Ok(())
    });
}

#[test]
fn where_nobody_answers_boxes_go_on_in_the_clear() {
    let pair = Pair::of(&Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })));
    let remote = pair.remote();
    let started = remote.start_tls(options().1);
    let twice = remote.start_tls(options().1);
    assert!(failure_result_of(twice).is::<OnlyOneTls>());
    let total = remote.call_remote(Sum { a: 1, b: 2 });
    pair.pump();
    assert!(failure_result_of(started).is::<UnhandledCommand>());
    assert_eq!(success_result_of(total).total, 3);
}

#[test]
fn what_comes_in_the_clear_behind_the_word_is_refused() {
    let pair = Pair::of(&responders(options().0));
    let ask = AmpBox::from([("_ask", "1"), ("_command", "StartTLS")]).serialize().unwrap();
    let sum = AmpBox::from([("_command", "Sum"), ("a", "1"), ("b", "2")]).serialize().unwrap();
    let errors = logged::<MalformedAmpBox>(|| {
        pair.server.data_received(&[ask, sum].concat());
        assert!(pair.server.disconnecting());
    });
    assert_eq!(errors, [MalformedAmpBox::new("plain bytes where TLS begins")]);
}
