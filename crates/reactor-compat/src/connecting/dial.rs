//! Dialling: a connection as a stream, without a protocol.

use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};

use super::attempt::{Attempt, unless_given_up};
use super::plan::Plan;
use crate::error::{ConnectError, ConnectingCancelledError};
use crate::network::SharedStream;
use crate::reactor::{Reactor, Registered, Registration};

/// Makes a connection, and gives its stream when it is open.
pub(crate) fn dial(reactor: &Reactor, plan: Plan) -> Deferred<SharedStream> {
    let attempt = Rc::new(Attempt::new(plan.target.clone()));
    let (given_up, destination) = (attempt.clone(), plan.target.clone());
    let (connected, trigger) = Deferred::with_canceller(move |trigger| {
        given_up.give_up(ConnectError::UserAborted);
        let _ = trigger.errback(ConnectingCancelledError { destination });
    });
    if reactor.stopping() {
        let _ = trigger.errback(ConnectError::ReactorStopped);
        return connected;
    }
    let live: Rc<dyn Registered> = attempt.clone();
    let registration = Registration::new(reactor.shared(), Rc::downgrade(&live));
    let answer = Answer(Some(trigger));
    let reactor = reactor.downgrade();
    if let Some(executor) = reactor.upgrade() {
        executor.spawn(async move {
            let (_registration, answer) = (registration, answer);
            let Some(reactor) = reactor.upgrade() else { return };
            let connected = unless_given_up(&attempt, plan.dial_secured(&reactor, &attempt)).await;
            answer.give(connected);
        });
    }
    connected
}

/// Owes a Deferred an answer. If none is given, the attempt ended with the
/// reactor.
struct Answer(Option<Trigger<SharedStream>>);

impl Answer {
    fn give(mut self, connected: Result<SharedStream, Failure>) {
        if let Some(trigger) = self.0.take() {
            // Whoever cancelled it does not want to know.
            let _ = trigger.fire(connected);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(trigger) = self.0.take() {
            let _ = trigger.errback(ConnectError::ReactorStopped);
        }
    }
}
