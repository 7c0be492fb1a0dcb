//! Calls as services of `tower`, and its services as responders, with its own
//! layers around them.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, ensure_deferred, gather_results};
use futures::FutureExt;
use protocols::amp::{AmpService, Responders, UnhandledCommand, UnknownRemoteError};
use reactor_compat::log::LogCapture;
use reactor_compat::{ConnectionLost, WaterMarks};
use tower::limit::ConcurrencyLimitLayer;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::support::Pair;
use crate::support::math::{Divide, Quotient, Sum, Total, ZeroDivision};
use crate::support::tcp::{connect, listen, run};

fn sums() -> Responders {
    Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b }))
}

#[test]
fn a_call_is_a_service() {
    let pair = Pair::of(&sums());
    let service = AmpService::new(pair.remote());
    let total = ensure_deferred(service.clone().oneshot(Sum { a: 13, b: 81 }));
    // One service for all commands.
    let divided = ensure_deferred(service.oneshot(Divide { numerator: 1, denominator: 2 }));
    pair.pump();
    assert_eq!(success_result_of(total).total, 94);
    assert!(failure_result_of(divided).is::<UnhandledCommand>());
}

/// A layer of tower's bounds how many calls wait for their answers.
#[test]
fn layers_go_around_it() {
    run(|reactor| async move {
        let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let seen = most.clone();
        let slow = service_fn(move |Sum { a, b }| {
            let (now, most) = (now.clone(), most.clone());
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                now.set(now.get() - 1);
                Ok::<_, Infallible>(Total { total: a + b })
            }
        });
        let responders = Responders::new().service::<Sum, _>(slow);
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let limit = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(2));
        let service = limit.service(AmpService::new(remote));
        let calls = (0..10).map(|a| ensure_deferred(service.clone().oneshot(Sum { a, b: 1 })));
        let totals = gather_results(calls).await?;
        assert_eq!(totals.iter().map(|it| it.total).sum::<i64>(), 55);
        assert_eq!(seen.get(), 2);
        Ok(())
    });
}

#[test]
fn it_is_ready_as_the_marks_allow_and_while_there_is_a_connection() {
    let pair = Pair::of(&sums());
    let mut service = AmpService::new(pair.remote());
    let mut ready =
        || ServiceExt::<Sum>::ready(&mut service).map(|ready| ready.map(|_| ())).now_or_never();
    assert!(ready().unwrap().is_ok());
    pair.client.set_water_marks(WaterMarks::new(10, 20));
    pair.client.write([0; 30]);
    assert!(ready().is_none());
    pair.client.take_value();
    assert!(ready().unwrap().is_ok());
    pair.client.connection_lost(ConnectionLost::default());
    assert!(ready().unwrap().unwrap_err().is::<ConnectionLost>());
}

#[test]
fn a_service_answers_commands() {
    let sum = service_fn(async |Sum { a, b }| Ok::<_, Infallible>(Total { total: a + b }));
    let divide = service_fn(async |Divide { numerator, denominator }| {
        if denominator == 0 {
            return Err(Failure::from(ZeroDivision));
        }
        Ok(Quotient { result: numerator as f64 / denominator as f64 })
    });
    let responders = Responders::new().service::<Sum, _>(sum).service::<Divide, _>(divide);
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let total = remote.call_remote(Sum { a: 1, b: 2 });
    let half = remote.call_remote(Divide { numerator: 1, denominator: 2 });
    let zero = remote.call_remote(Divide { numerator: 1, denominator: 0 });
    pair.pump();
    assert_eq!(success_result_of(total).total, 3);
    assert_eq!(success_result_of(half).result, 0.5);
    assert!(failure_result_of(zero).is::<ZeroDivision>(), "an error of the command");
}

/// Whatever type a layer makes of it, an error of the command stays one.
#[test]
fn boxed_errors_are_answered_by_what_is_in_them() {
    let divide = service_fn(async |Divide { numerator, .. }| {
        let error: BoxError = match numerator {
            0 => "what nobody foresaw".into(),
            _ => ZeroDivision.into(),
        };
        Err::<Quotient, _>(error)
    });
    let pair = Pair::of(&Responders::new().service::<Divide, _>(divide));
    let known = pair.remote().call_remote(Divide { numerator: 1, denominator: 0 });
    pair.pump();
    assert!(failure_result_of(known).is::<ZeroDivision>());
    let unknown = pair.remote().call_remote(Divide { numerator: 0, denominator: 0 });
    let capture = LogCapture::start();
    pair.pump();
    assert!(failure_result_of(unknown).is::<UnknownRemoteError>());
    assert_eq!(capture.flush(|_| true).len(), 1, "it is logged here");
}

/// A service that is not ready has its commands wait, and no others.
#[test]
fn a_service_that_is_not_ready_waits() {
    #[derive(Clone, Default)]
    struct Gate(Rc<Cell<bool>>, Rc<Cell<Option<Waker>>>);

    impl Service<Sum> for Gate {
        type Response = Total;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Total, Infallible>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.0.get() {
                return Poll::Ready(Ok(()));
            }
            self.1.set(Some(cx.waker().clone()));
            Poll::Pending
        }

        fn call(&mut self, Sum { a, b }: Sum) -> Self::Future {
            std::future::ready(Ok(Total { total: a + b }))
        }
    }

    run(|reactor| async move {
        let gate = Gate::default();
        let Gate(open, waiting) = gate.clone();
        let responders = Responders::new()
            .service::<Sum, _>(gate)
            .function(|Divide { .. }| Ok(Quotient { result: 1.0 }));
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let waits = remote.call_remote(Sum { a: 1, b: 2 });
        remote.call_remote(Divide { numerator: 1, denominator: 1 }).await?;
        assert_no_result(&waits);
        open.set(true);
        waiting.take().unwrap().wake();
        assert_eq!(waits.await?.total, 3);
        Ok(())
    });
}

/// Over a socket, with a limit of time around the calls; the service on the other
/// side waits for Tokio's timer.
#[test]
fn it_goes_over_a_real_socket() {
    run(|reactor| async move {
        let slow = service_fn(async |Sum { a, b }| {
            tokio::time::sleep(Duration::from_millis(a.unsigned_abs())).await;
            Ok::<_, Infallible>(Total { total: a + b })
        });
        let responders = Responders::new().service::<Sum, _>(slow);
        let remote = connect(&reactor, listen(&reactor, &responders)).await?;
        let builder = ServiceBuilder::new().timeout(Duration::from_secs(10));
        let service = builder.service(AmpService::new(remote));
        let calls: Vec<Deferred<Total>> = (1..4)
            .map(|a| {
                let call = service.clone().oneshot(Sum { a, b: 1 });
                ensure_deferred(async { call.await.map_err(Failure::from_boxed) })
            })
            .collect();
        for (call, a) in calls.into_iter().zip(1..) {
            assert_eq!(call.await?.total, a + 1);
        }
        Ok(())
    });
}
