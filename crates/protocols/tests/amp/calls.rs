//! Calls and answers, between two connections in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure, Trigger, ensure_deferred};
use protocols::amp::{
    Amp, AmpBox, AmpConnection, AmpTransport, CallRemote, Command, NoError, RemoteAmpError,
    Responders, UnhandledCommand,
};
use reactor_compat::{ConnectionDone, ConnectionLost, Protocol, ProtocolCallbacks};
use serde::{Deserialize, Serialize};

use crate::support::math::{Divide, Quotient, Sum, Total, ZeroDivision};
use crate::support::{Pair, logged};

fn sum(Sum { a, b }: Sum) -> Result<Total, Failure> {
    Ok(Total { total: a + b })
}

fn adding() -> Responders {
    Responders::new().function(sum)
}

/// Responders whose sums wait for the test.
fn slow() -> (Responders, Rc<RefCell<Vec<Trigger<i64>>>>) {
    let waiting: Rc<RefCell<Vec<Trigger<i64>>>> = Rc::default();
    let triggers = waiting.clone();
    let responders = Responders::new().function(move |Sum { a, b }| {
        let (extra, trigger) = Deferred::new();
        triggers.borrow_mut().push(trigger);
        extra.add_callback(move |extra| Ok(Total { total: a + b + extra }))
    });
    (responders, waiting)
}

#[test]
fn a_call_is_answered() {
    let pair = Pair::of(&adding());
    let total = pair.remote().call_remote(Sum { a: 13, b: 81 });
    assert_no_result(&total);
    pair.pump();
    assert_eq!(success_result_of(total), Total { total: 94 });
}

#[test]
fn a_call_and_its_answer_look_as_twisted_has_them() {
    let pair = Pair::of(&adding());
    drop(pair.remote().call_remote(Sum { a: 13, b: -81 }));
    let asked = pair.client.take_value();
    let ask: &[u8] = b"\0\x04_ask\0\x011\0\x08_command\0\x03Sum\0\x01a\0\x0213\0\x01b\0\x03-81\0\0";
    assert_eq!(asked, ask);
    pair.server.data_received(&asked);
    assert_eq!(pair.server.take_value(), b"\0\x07_answer\0\x011\0\x05total\0\x03-68\0\0");
}

#[test]
fn both_sides_call() {
    let pair = Pair::new(Amp::with_responders(&adding()), Amp::with_responders(&adding()));
    let (there, back) = (pair.remote(), pair.back());
    let first = there.call_remote(Sum { a: 1, b: 2 });
    let second = back.call_remote(Sum { a: 3, b: 4 });
    pair.pump();
    assert_eq!(success_result_of(first).total, 3);
    assert_eq!(success_result_of(second).total, 7);
}

#[test]
fn answers_come_in_any_order() {
    let (responders, waiting) = slow();
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let totals: Vec<_> = (0..3).map(|n| remote.call_remote(Sum { a: n, b: 0 })).collect();
    pair.pump();
    for trigger in waiting.take().into_iter().rev() {
        trigger.callback(100).unwrap();
    }
    pair.pump();
    let totals: Vec<_> = totals.into_iter().map(|d| success_result_of(d).total).collect();
    assert_eq!(totals, [100, 101, 102]);
}

#[test]
fn a_thousand_calls_are_in_flight() {
    let (responders, waiting) = slow();
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let totals: Vec<_> = (0..1000).map(|n| remote.call_remote(Sum { a: n, b: n })).collect();
    pair.pump();
    assert_eq!(waiting.borrow().len(), 1000);
    for trigger in waiting.take() {
        trigger.callback(1).unwrap();
    }
    pair.pump();
    for (n, total) in (0..).zip(totals) {
        assert_eq!(success_result_of(total).total, 2 * n + 1);
    }
}

#[test]
fn a_coroutine_answers_and_calls() {
    let responders = Responders::new().function(|Sum { a, b }| {
        ensure_deferred(async move {
            let half = Deferred::succeed(a).await?;
            Ok(Total { total: half + b })
        })
    });
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let total = ensure_deferred(async move {
        let Total { total } = remote.call_remote(Sum { a: 1, b: 2 }).await?;
        let Total { total } = remote.call_remote(Sum { a: total, b: 4 }).await?;
        Ok(total)
    });
    pair.pump();
    assert_eq!(success_result_of(total), 7);
}

/// Counts, and calls back.
#[derive(Default)]
struct Accountant {
    sums: i64,
    client: Option<AmpTransport>,
}

impl Protocol<AmpTransport> for Accountant {
    fn connection_made(&mut self, peer: &AmpConnection<Self>) {
        self.client = Some(peer.transport().clone());
    }
}

impl Accountant {
    /// Asks the caller to add, before it answers.
    fn sum(&mut self, peer: &AmpConnection<Self>, sum: Sum) -> Deferred<Total> {
        self.sums += 1;
        peer.call_remote(sum).add_callback_at(peer, |this, _, Total { total }| {
            this.sums += 100;
            Ok(Total { total: total + this.sums })
        })
    }
}

#[test]
fn a_responder_calls_back_and_is_called() {
    let responders = Responders::new().responder(Accountant::sum);
    let server = Amp::with_handler(Accountant::default(), &responders);
    let pair = Pair::new(Amp::with_responders(&adding()), server);
    let total = pair.remote().call_remote(Sum { a: 1, b: 2 });
    pair.pump();
    assert_eq!(success_result_of(total).total, 104);
    assert_eq!(pair.server.inspect(|amp| amp.handler().sums), Some(101));
    assert_eq!(pair.server.inspect(|amp| amp.handler().client.is_some()), Some(true));
}

#[test]
fn an_answer_may_set_off_the_next_call() {
    let pair = Pair::of(&adding());
    let remote = pair.remote();
    let again = remote.clone();
    let total = remote
        .call_remote(Sum { a: 1, b: 2 })
        .add_callback(move |Total { total }| again.call_remote(Sum { a: total, b: 3 }));
    pair.pump();
    assert_eq!(success_result_of(total).total, 6);
}

#[test]
fn a_call_through_the_connection_waits_for_a_running_callback() {
    let pair = Pair::of(&adding());
    let connection = pair.client.connection().clone();
    let total = connection
        .call_remote(Sum { a: 1, b: 2 })
        .add_callback(move |Total { total }| connection.call_remote(Sum { a: total, b: 3 }));
    pair.pump();
    assert_eq!(success_result_of(total).total, 6);
}

#[test]
fn an_error_of_the_command_is_told() {
    let responders = Responders::new()
        .function(|_: Divide| -> Result<Quotient, Failure> { Err(ZeroDivision.into()) })
        .function(sum);
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let quotient = remote.call_remote(Divide { numerator: 1, denominator: 0 });
    pair.pump();
    assert_eq!(failure_result_of(quotient).check(), Some(&ZeroDivision));
    assert!(!pair.closing(), "it is nothing fatal");
}

#[test]
fn an_unknown_command_is_told() {
    let pair = Pair::of(&Responders::new());
    let total = pair.remote().call_remote(Sum { a: 1, b: 2 });
    pair.pump();
    let description = "Unhandled Command: b'Sum'".to_owned();
    assert_eq!(failure_result_of(total).check(), Some(&UnhandledCommand { description }));
    assert!(!pair.closing());
}

#[test]
fn what_wants_no_answer_gets_none() {
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    let responders = Responders::new().function(move |Sum { a, b }| {
        count.set(a + b);
        Ok(Total { total: 0 })
    });
    let pair = Pair::of(&responders);
    pair.remote().call_remote_unanswered(Sum { a: 1, b: 2 }).unwrap();
    pair.server.data_received(&pair.client.take_value());
    assert_eq!(seen.get(), 3);
    assert!(pair.server.take_value().is_empty());
}

#[test]
fn what_wants_no_answer_and_fails_ends_the_connection() {
    let responders =
        Responders::new().function(|_: Sum| -> Result<Total, Failure> { Err(ZeroDivision.into()) });
    let pair = Pair::of(&responders);
    let errors = logged::<ZeroDivision>(|| {
        pair.remote().call_remote_unanswered(Sum { a: 1, b: 2 }).unwrap();
        pair.server.data_received(&pair.client.take_value());
    });
    assert_eq!(errors, [ZeroDivision]);
    assert!(pair.server.disconnecting());
}

#[test]
fn an_unknown_command_that_wants_no_answer_ends_the_connection() {
    let pair = Pair::of(&Responders::new());
    let errors = logged::<RemoteAmpError>(|| {
        pair.remote().call_remote_unanswered(Sum { a: 1, b: 2 }).unwrap();
        pair.server.data_received(&pair.client.take_value());
    });
    assert_eq!(errors, [RemoteAmpError::new("UNHANDLED", "Unhandled Command: b'Sum'")]);
    assert!(pair.server.disconnecting());
}

#[test]
fn commands_known_at_run_time_are_boxes() {
    let responders =
        Responders::new().string_responder("Echo", |_: &mut (), _: &AmpConnection<()>, sent| {
            let text = AmpBox::get(&sent, "text").unwrap_or_default().to_vec();
            Ok(AmpBox::from([("text", text)]))
        });
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let echo = remote.call_remote_string("Echo", AmpBox::from([("text", "hi")]));
    let other = remote.call_remote_string("Ohce", AmpBox::new());
    remote.call_remote_string_unanswered("Echo", AmpBox::new()).unwrap();
    pair.pump();
    let echo = success_result_of(echo);
    assert_eq!(echo, AmpBox::from([("_answer", "1"), ("text", "hi")]));
    assert!(failure_result_of(other).is::<UnhandledCommand>());
}

#[test]
fn what_nobody_answers_goes_to_whoever_is_there_otherwise() {
    let responders = adding().otherwise(|_, _, sent| {
        let name = AmpBox::get(&sent, "_command").unwrap_or_default().to_vec();
        if name == b"Bad" {
            Err(RemoteAmpError::new("MOVED", "it is gone").into())
        } else {
            Ok(AmpBox::from([("name", name)]))
        }
    });
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let known = remote.call_remote(Sum { a: 1, b: 2 });
    let other = remote.call_remote_string("Other", AmpBox::new());
    let bad = remote.call_remote_string("Bad", AmpBox::new());
    pair.pump();
    assert_eq!(success_result_of(known).total, 3);
    assert_eq!(success_result_of(other).get("name"), Some(&b"Other"[..]));
    let moved = RemoteAmpError::new("MOVED", "it is gone");
    assert_eq!(failure_result_of(bad).check(), Some(&moved));
}

#[derive(Serialize, Deserialize)]
struct Goodbye;

impl Command for Goodbye {
    const NAME: &str = "goodbye";
    const QUITS: bool = true;
    type Response = ();
    type Error = NoError;
}

#[test]
fn an_answer_may_be_the_last_word() {
    let pair = Pair::of(&Responders::new().function(|Goodbye| Ok(())));
    let gone = pair.remote().call_remote(Goodbye);
    pair.server.data_received(&pair.client.take_value());
    assert!(pair.server.disconnecting());
    pair.pump();
    success_result_of(gone);
}

#[test]
fn a_box_may_be_the_last_word() {
    let pair = Pair::of(&adding());
    let remote = pair.remote();
    remote.quit(&AmpBox::from([("_command", "Bye")])).unwrap();
    assert!(pair.client.disconnecting());
    assert_eq!(pair.client.take_value(), b"\0\x08_command\0\x03Bye\0\0");
}

#[test]
fn a_lost_connection_fails_all_calls_in_order() {
    let (responders, _waiting) = slow();
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let order: Rc<RefCell<Vec<i64>>> = Rc::default();
    let lost: Vec<_> = (0..100)
        .map(|n| {
            let order = order.clone();
            remote.call_remote(Sum { a: n, b: 0 }).add_errback(move |failure| {
                order.borrow_mut().push(n);
                Err(failure)
            })
        })
        .collect();
    pair.pump();
    pair.client.connection_lost(ConnectionLost::because("the cable"));
    for call in lost {
        let failure = failure_result_of(call);
        assert_eq!(failure.check(), Some(&ConnectionLost::because("the cable")));
    }
    assert_eq!(*order.borrow(), (0..100).collect::<Vec<_>>());
}

#[test]
fn after_the_end_calls_fail_at_once() {
    let pair = Pair::of(&adding());
    let (remote, connection) = (pair.remote(), pair.client.connection().clone());
    pair.client.connection_lost(ConnectionDone);
    let late = failure_result_of(remote.call_remote(Sum { a: 1, b: 2 }));
    assert!(late.is::<ConnectionDone>());
    let late = failure_result_of(remote.call_remote_string("Sum", AmpBox::new()));
    assert!(late.is::<ConnectionDone>());
    assert!(remote.call_remote_unanswered(Sum { a: 1, b: 2 }).is_ok(), "as in Twisted");
    assert!(remote.send_box(&AmpBox::from([("a", "1")])).unwrap_err().is::<ConnectionDone>());
    let late = failure_result_of(connection.call_remote(Sum { a: 1, b: 2 }));
    assert!(late.is::<reactor_compat::ConnectionGone>());
}

#[test]
fn a_call_made_while_calls_fail_fails_too() {
    let pair = Pair::of(&adding());
    let remote = pair.remote();
    let again = remote.clone();
    let call = remote
        .call_remote(Sum { a: 1, b: 2 })
        .add_errback(move |_| again.call_remote(Sum { a: 3, b: 4 }));
    pair.client.connection_lost(ConnectionDone);
    assert!(failure_result_of(call).is::<ConnectionDone>());
}

#[test]
fn an_answer_that_comes_too_late_for_the_connection_is_let_go() {
    let (responders, waiting) = slow();
    let pair = Pair::of(&responders);
    drop(pair.remote().call_remote(Sum { a: 1, b: 2 }));
    pair.server.data_received(&pair.client.take_value());
    pair.server.connection_lost(ConnectionDone);
    waiting.take().remove(0).callback(1).unwrap();
    drop(pair.client);
}

#[test]
fn a_cancelled_call_lets_its_answer_go() {
    let pair = Pair::of(&adding());
    let remote = pair.remote();
    let cancelled = remote.call_remote(Sum { a: 1, b: 2 });
    let other = remote.call_remote(Sum { a: 3, b: 4 });
    cancelled.cancel();
    assert!(failure_result_of(cancelled).is::<CancelledError>());
    pair.pump();
    assert_eq!(success_result_of(other).total, 7);
    assert!(!pair.closing());
}

#[test]
fn a_cancelled_call_does_not_hear_of_the_end() {
    let pair = Pair::of(&adding());
    let cancelled = pair.remote().call_remote(Sum { a: 1, b: 2 });
    cancelled.cancel();
    pair.client.connection_lost(ConnectionDone);
    assert!(failure_result_of(cancelled).is::<CancelledError>());
}

#[test]
fn a_responder_may_close_and_abort_its_connection() {
    for abort in [false, true] {
        let responders =
            Responders::new().responder(move |_: &mut (), peer: &AmpConnection<()>, _: Sum| {
                let transport = peer.transport();
                if abort {
                    transport.abort_connection()
                } else {
                    transport.lose_connection()
                }
                Ok(Total { total: 0 })
            });
        let pair = Pair::of(&responders);
        let total = pair.remote().call_remote(Sum { a: 1, b: 2 });
        pair.pump();
        assert!(failure_result_of(total).is::<ConnectionDone>());
    }
}

#[test]
fn a_paused_connection_answers_when_it_is_resumed() {
    let responders =
        Responders::new().responder(|_: &mut (), peer: &AmpConnection<()>, Sum { a, b }: Sum| {
            if a == 2 {
                peer.transport().pause_producing();
            }
            Ok(Total { total: a + b })
        });
    let pair = Pair::of(&responders);
    let remote = pair.remote();
    let totals: Vec<_> = (0..5).map(|n| remote.call_remote(Sum { a: n, b: 0 })).collect();
    pair.pump();
    let answered: Vec<_> = totals.iter().map(Deferred::has_result).collect();
    assert_eq!(answered, [true, true, true, false, false]);

    let later = remote.call_remote(Sum { a: 10, b: 0 });
    pair.pump();
    assert!(!later.has_result());

    pair.server.resume_producing();
    pair.pump();
    let totals: Vec<_> = totals.into_iter().map(|d| success_result_of(d).total).collect();
    assert_eq!(totals, [0, 1, 2, 3, 4]);
    assert_eq!(success_result_of(later).total, 10);
}

#[test]
fn a_write_that_waits_is_not_overtaken_by_answers() {
    // The answers exceed what may be unsent, so that the rest has to wait.
    let responders = Responders::new().function(|Sum { a, .. }| Ok(Total { total: a }));
    let limits = protocols::amp::Limits { unsent: 64, ..Default::default() };
    let pair = Pair::new(Amp::new(), Amp::with_responders(&responders).with_limits(limits));
    let remote = pair.remote();
    let totals: Vec<_> = (0..50).map(|n| remote.call_remote(Sum { a: n, b: 0 })).collect();
    pair.server.data_received(&pair.client.take_value());
    assert!(pair.server.unsent() < 200, "it stopped in time: {}", pair.server.unsent());
    pair.pump();
    let totals: Vec<_> = totals.into_iter().map(|d| success_result_of(d).total).collect();
    assert_eq!(totals, (0..50).collect::<Vec<_>>());
}

/// A call that is made before `connection_made` goes out when that has returned, and
/// fails if the connection is lost before.
#[cfg(feature = "testing")]
#[test]
fn a_call_before_the_connection_is_made_waits_for_it() {
    let reactor = reactor_compat::testing::MemoryReactor::new();
    let (ours, theirs) = tokio::io::duplex(1024);
    let server = reactor.serve(ours, Amp::with_responders(&adding()));
    let client = reactor.serve(theirs, Amp::new());
    let there = client.call_remote(Sum { a: 1, b: 2 });
    let remote = client.remote();
    assert_no_result(&remote);
    reactor.settle().unwrap();
    assert_eq!(success_result_of(there).total, 3);
    let again = success_result_of(remote).call_remote(Sum { a: 3, b: 4 });
    reactor.settle().unwrap();
    assert_eq!(success_result_of(again).total, 7);
    assert!(server.connected());

    let reactor = reactor_compat::Reactor::new();
    let (ours, _theirs) = tokio::io::duplex(1024);
    let client = reactor.serve(ours, Amp::new());
    let lost = client.call_remote(Sum { a: 1, b: 2 });
    drop(reactor);
    assert!(failure_result_of(lost).is::<reactor_compat::ConnectionGone>());
}
