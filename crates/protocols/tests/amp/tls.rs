//! Turning to TLS in the middle of a connection.

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Trigger};
use protocols::amp::{
    Amp, AmpBox, AmpConnection, Command, Limits, NoError, OnlyOneTls, ProtocolSwitched, Responders,
    StartTls, TooMuchHeld, UnhandledCommand, UnknownRemoteError,
};
use reactor_compat::log::LogCapture;
use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
use reactor_compat::{Connection, ConnectionDone, Protocol, UnprotectedData};
use serde::{Deserialize, Serialize};

use crate::support::math::{Sum, Total};
use crate::support::tcp::{connect, listen, run};
use crate::support::{Pair, logged};

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
fn a_switch_that_is_asked_for_after_tls_waits_for_it() {
    #[derive(Serialize, Deserialize)]
    struct BeEcho;

    impl Command for BeEcho {
        const NAME: &str = "BeEcho";
        type Response = ();
        type Error = NoError;
    }

    struct Echo;

    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
            transport.write(data);
        }
    }

    /// Says hello, and tells what comes back.
    struct Hello(Trigger<Vec<u8>>);

    impl Protocol for Hello {
        fn connection_made(&mut self, transport: &Connection<Self>) {
            assert!(transport.is_secure());
            transport.write("hi");
        }
        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            let _ = self.0.callback(data.to_vec());
        }
    }

    run(|reactor| async move {
        let (server, client) = options();
        let responders =
            responders(server).switch(|_: &mut (), _: &AmpConnection<()>, BeEcho| Ok(Echo));
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let started = remote.start_tls(client);
        let call = remote.call_remote(Sum { a: 1, b: 2 });
        let (heard, trigger) = Deferred::new();
        let switched = remote.call_remote_switch(BeEcho, move |_| Hello(trigger));
        let late = failure_result_of(remote.call_remote(Sum { a: 1, b: 2 }));
        assert!(late.is::<ProtocolSwitched>());
        started.await?;
        assert_eq!(call.await?.total, 3);
        switched.await?;
        assert_eq!(heard.await?, b"hi");
        Ok(())
    });
}

#[test]
fn a_second_call_for_tls_is_refused() {
    run(|reactor| async move {
        let (server, client) = options();
        let remote = connect(&reactor, listen(&reactor, &responders(server))).await?;
        remote.start_tls(client).await?;
        let capture = LogCapture::start();
        let again = remote.call_remote(StartTls).await.unwrap_err();
        assert!(again.is::<UnknownRemoteError>());
        assert_eq!(capture.flush_logged_errors::<OnlyOneTls>().len(), 1);
        Ok(())
    });
}

#[test]
fn two_sides_that_both_ask_for_tls_part() {
    let (server, client) = options();
    let amp = || Amp::with_responders(&responders(server.clone()));
    let pair = Pair::new(amp(), amp());
    let ours = pair.remote().start_tls(client);
    let theirs = pair.back().start_tls(options().1);
    let errors = logged::<OnlyOneTls>(|| pair.pump());
    assert_eq!(errors, [OnlyOneTls, OnlyOneTls]);
    assert!(failure_result_of(ours).is::<ConnectionDone>());
    assert!(failure_result_of(theirs).is::<ConnectionDone>());
}

#[test]
fn what_waits_for_tls_is_limited() {
    let limits = Limits { unsent: 1000, ..Limits::default() };
    let (_, client) = options();
    let answering = Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b }));
    let pair = Pair::new(Amp::with_responders(&answering).with_limits(limits), Amp::new());
    let started = pair.remote().start_tls(client);
    let asked = pair.client.take_value();
    assert!(asked.ends_with(b"StartTLS\0\0"));
    let calls: Vec<_> =
        (0..100).map(|n| pair.back().call_remote_unanswered(Sum { a: n, b: n })).collect();
    assert!(calls.iter().all(Result::is_ok));
    pair.client.data_received(&pair.server.take_value());
    assert!(!pair.client.disconnecting(), "those had no answers");
    for n in 0..100 {
        drop(pair.back().call_remote(Sum { a: n, b: n }));
    }
    let errors = logged::<TooMuchHeld>(|| pair.client.data_received(&pair.server.take_value()));
    assert_eq!(errors, [TooMuchHeld { limit: 1000 }]);
    pair.end();
    assert_eq!(failure_result_of(started).check(), Some(&TooMuchHeld { limit: 1000 }));
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
    let bytes = sum.len();
    let call = pair.back().call_remote(Sum { a: 1, b: 2 });
    pair.server.data_received(&[ask, sum].concat());
    assert!(!pair.server.connected());
    pair.end();
    assert_eq!(failure_result_of(call).check(), Some(&UnprotectedData { bytes }));
}
