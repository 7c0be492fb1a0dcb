//! Calls over TCP.

use deferred::{Deferred, Failure, gather_results};
use protocols::amp::{AmpConnection, BigString, Command, NoError, Responders};
use reactor_compat::{ConnectionDone, ConnectionLost};
use serde::{Deserialize, Serialize};

use crate::support::math::{Divide, Quotient, Sum, Total, ZeroDivision};
use crate::support::tcp::{connect, listen, run};

fn math() -> Responders {
    Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b })).function(
        |Divide { numerator, denominator }| {
            if denominator == 0 {
                return Err(ZeroDivision.into());
            }
            Ok(Quotient { result: numerator as f64 / denominator as f64 })
        },
    )
}

#[test]
fn calls_and_errors_cross_a_real_connection() {
    run(|reactor| async move {
        let remote = connect(&reactor, listen(&reactor, &math())).await?;
        assert_eq!(remote.call_remote(Sum { a: 13, b: 81 }).await?.total, 94);
        let divide = |denominator| Divide { numerator: 1, denominator };
        assert!((remote.call_remote(divide(4)).await?.result - 0.25).abs() < f64::EPSILON);
        let failure = remote.call_remote(divide(0)).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ZeroDivision));
        remote.transport().lose_connection();
        Ok(())
    });
}

#[test]
fn many_calls_are_in_flight() {
    run(|reactor| async move {
        let remote = connect(&reactor, listen(&reactor, &math())).await?;
        let calls = (0..10_000).map(|n| remote.call_remote(Sum { a: n, b: n }));
        let totals = gather_results(calls.collect::<Vec<_>>()).await?;
        assert!(totals.iter().zip(0..).all(|(answer, n)| answer.total == 2 * n));
        remote.transport().lose_connection();
        Ok(())
    });
}

#[derive(Serialize, Deserialize)]
struct Die;

impl Command for Die {
    const NAME: &str = "Die";
    type Response = ();
    type Error = NoError;
}

#[test]
fn a_peer_that_dies_fails_what_is_outstanding() {
    run(|reactor| async move {
        let responders = Responders::new().function(|_: Sum| Deferred::<Total>::new().0).responder(
            |_: &mut (), peer: &AmpConnection<()>, Die| {
                peer.transport().abort_connection();
                Ok(())
            },
        );
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let calls: Vec<_> = (0..100).map(|n| remote.call_remote(Sum { a: n, b: 0 })).collect();
        let dying = remote.call_remote(Die);
        for call in calls {
            let failure = call.await.unwrap_err();
            assert!(failure.is::<ConnectionLost>() || failure.is::<ConnectionDone>(), "{failure}");
        }
        assert!(dying.await.is_err());
        Ok(())
    });
}

#[derive(Serialize, Deserialize)]
struct Store {
    data: BigString,
}

impl Command for Store {
    const NAME: &str = "Store";
    type Response = Self;
    type Error = NoError;
}

#[test]
fn two_sides_that_flood_each_other_do_not_wait_for_each_other() {
    run(|reactor| async move {
        let responders = Responders::new().function(|store: Store| Ok(store));
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let data = BigString(vec![b'x'; 1_000_000]);
        let calls = (0..8).map(|_| remote.call_remote(Store { data: data.clone() }));
        let answers = gather_results(calls.collect::<Vec<_>>()).await?;
        assert!(answers.iter().all(|answer| answer.data == data));
        remote.transport().lose_connection();
        Ok::<_, Failure>(())
    });
}
