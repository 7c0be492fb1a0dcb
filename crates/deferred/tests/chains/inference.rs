//! Common callbacks compile as they stand, without annotations: a callback
//! that needs a turbofish is a bug in the API.

#![allow(
    clippy::async_yields_async,
    clippy::redundant_closure,
    reason = "people write such closures"
)]

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{
    CancelledError, Deferred, DeferredList, DeferredLock, DeferredSemaphore, ensure_deferred,
    execute, gather_results, inline_callbacks, maybe_deferred, race, succeed,
};

fn fetch(text: &str) -> Deferred<String> {
    succeed(format!("<{text}>"))
}

/// The chain of the design: a value, an error raised, a Deferred, nothing, and
/// an errback that traps.
#[test]
fn the_chain_of_the_design() {
    let (d, trigger) = Deferred::new();
    let printed = Rc::new(Cell::new(0));
    let print = Rc::clone(&printed);
    let d = d
        .add_callback(|n| Ok(n + 1))
        .add_callback(|n| {
            let text = std::fs::read_to_string(format!("no such file {n}"))?;
            Ok(text)
        })
        .add_errback(|failure| {
            failure.trap::<io::Error>()?;
            Ok("nothing".to_owned())
        })
        .add_callback(|text| fetch(&text))
        .add_callback(move |page| print.set(page.len()))
        .add_errback(|failure| {
            failure.trap::<io::Error>()?;
            Ok(())
        });
    trigger.callback(1).unwrap();
    assert_eq!(printed.get(), "<nothing>".len());
    success_result_of(d);
}

/// Callbacks whose last expression is `()`, a macro, or an assertion.
#[test]
fn callbacks_that_return_nothing() {
    let d = succeed(1)
        .add_callback(|n| println!("{n}"))
        .add_callback(|()| assert!(true_enough()))
        .add_callback(|()| {
            let _ = 1;
        })
        .add_callback(|()| ())
        .add_callback(|()| drop(String::new()))
        .add_errback(|failure| eprintln!("{failure}"))
        .add_both(|result| println!("{result:?}"));
    success_result_of(d);
}

fn true_enough() -> bool {
    true
}

/// Functions by name: of one's own, and constructors.
#[test]
fn callbacks_by_name() {
    fn double(n: i32) -> Result<i32, deferred::Failure> {
        Ok(n * 2)
    }
    let d = succeed(2).add_callback(double).add_callback(Ok).add_callback(succeed);
    assert_eq!(success_result_of(d), 4);
    let d = succeed(2).add_callback(double).add_errback(Err);
    assert_eq!(success_result_of(d), 4);
}

/// `?` on several kinds of error in one callback, and `Err(…)?`.
#[test]
fn several_kinds_of_error() {
    let d = succeed("4").add_callback(|text| {
        let n = text.parse::<u64>()?;
        let byte = u8::try_from(n)?;
        if byte == 0 {
            Err(CancelledError)?;
        }
        Ok(String::from_utf8(vec![b'0' + byte])?)
    });
    assert_eq!(success_result_of(d), "4");
}

/// `Err(….into())` where the value's type is known from elsewhere.
#[test]
fn raising_by_hand() {
    let d = succeed(4).add_callback(|n| if n > 3 { Err(CancelledError.into()) } else { Ok(n) });
    assert!(failure_result_of(d).is::<CancelledError>());
    let d = succeed(4).add_callbacks(|n| Ok(n), |failure| Err(failure));
    assert_eq!(success_result_of(d), 4);
}

/// The type of a Deferred may be known only from its trigger, or its callbacks.
#[test]
fn types_flow_both_ways() {
    let (d, trigger) = Deferred::new();
    let d = d.add_callback(|bytes| Ok(Vec::len(&bytes)));
    trigger.callback(vec![1_u8, 2]).unwrap();
    assert_eq!(success_result_of(d), 2);

    let (d, trigger) = Deferred::with_canceller(|trigger| trigger.callback(9).unwrap());
    let d = d.add_callback(|n: u16| Ok(n));
    d.cancel();
    assert!(trigger.called());
    assert_eq!(success_result_of(d), 9);
}

/// Coroutines end in `Ok(…)`, `?`, a Deferred, or nothing.
#[test]
fn coroutines() {
    let d = ensure_deferred(async {
        let n = succeed("5").await?.parse::<i32>()?;
        Ok(n + 1)
    });
    assert_eq!(success_result_of(d), 6);
    assert_eq!(success_result_of(Deferred::from_coroutine(async { succeed(1) })), 1);
    success_result_of(Deferred::from_coroutine(async { println!("nothing") }));
    let read = inline_callbacks(async |name| Ok(fetch(name).await?.len()));
    assert_eq!(success_result_of(read("page")), 6);
    let d = Deferred::from_future(async { Ok::<_, Infallible>(1) });
    assert_eq!(success_result_of(d), 1);
}

/// What takes functions: `maybe_deferred`, `execute`, `run`, timeouts.
#[test]
fn functions() {
    assert_eq!(success_result_of(maybe_deferred(|| Ok(1))), 1);
    assert_eq!(success_result_of(maybe_deferred(|| succeed(1))), 1);
    success_result_of(maybe_deferred(|| println!("nothing")));
    assert_eq!(success_result_of(execute(|| Ok("7".parse::<i32>()?))), 7);
    let lock = DeferredLock::new();
    assert_eq!(success_result_of(lock.run(|| fetch("a"))), "<a>");
    success_result_of(lock.run(|| println!("locked")));
    let semaphore = DeferredSemaphore::new(1).unwrap();
    assert_eq!(success_result_of(semaphore.run(|| Ok(2))), 2);
    let clock = Clock::new();
    let d = succeed(1).add_timeout(Duration::from_secs(1), &clock).add_timeout_with(
        Duration::from_secs(1),
        &clock,
        |_, _| Ok(0),
    );
    assert_eq!(success_result_of(d), 1);
}

/// Lists take anything that gives Deferreds.
#[test]
fn lists() {
    let pages = gather_results(["a", "b"].map(fetch)).add_callback(|pages| Ok(pages.concat()));
    assert_eq!(success_result_of(pages), "<a><b>");
    let first = race(vec![succeed(1), succeed(2)]).add_callback(|(index, n)| Ok((index, n)));
    assert_eq!(success_result_of(first), (0, 1));
    let count = DeferredList::new((0..3).map(succeed))
        .into_deferred()
        .add_callback(|results| Ok(results.iter().filter(|result| result.is_ok()).count()));
    assert_eq!(success_result_of(count), 3);
}
