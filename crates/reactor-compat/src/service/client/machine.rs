//! [`Machine`]: the states of a [`ClientService`](super::ClientService).
//!
//! Mirrors the state machine of `twisted.application._client_service`. Tested in
//! `tests/network/client_service.rs`, and by the conformance family `client_service`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use deferred::time::{DelayedCall, ReactorTime};
use deferred::{CancelHandle, CancelledError, Deferred, Failure};

use super::super::{BackoffPolicy, RetryPolicy};
use super::waiting::Waiting;
use crate::clock_handle::ClockHandle;
use crate::connection::Connection;
use crate::guard;
use crate::protocol::Protocol;
use crate::waiters::Waiters;

/// What is done with a connection before it counts.
pub(super) type Prepare<P> = dyn Fn(&Connection<P>) -> Deferred<()>;

/// How a service connects.
pub(super) struct Setup<P: Protocol> {
    pub(super) place: String,
    pub(super) clock: ClockHandle,
    pub(super) policy: Rc<dyn RetryPolicy>,
    pub(super) prepare: Rc<Prepare<P>>,
    pub(super) connect: Rc<dyn Fn() -> Deferred<Connection<P>>>,
}

/// The states. Attempts have numbers, so that one that is over changes nothing.
enum State<P: Protocol> {
    Init,
    /// With what gives the attempt up, once that is known, and why its connection was
    /// lost before it counted.
    Connecting {
        attempt: u64,
        cancel: Option<CancelHandle>,
        lost: Option<Failure>,
    },
    Waiting(DelayedCall),
    Connected {
        attempt: u64,
        connection: Connection<P>,
    },
    Disconnecting {
        attempt: u64,
    },
    Restarting {
        attempt: u64,
    },
    Stopped,
}

impl<P: Protocol> State<P> {
    fn name(&self) -> &'static str {
        match self {
            Self::Init => "Init",
            Self::Connecting { .. } => "Connecting",
            Self::Waiting(_) => "Waiting",
            Self::Connected { .. } => "Connected",
            Self::Disconnecting { .. } => "Disconnecting",
            Self::Restarting { .. } => "Restarting",
            Self::Stopped => "Stopped",
        }
    }
}

pub(super) struct Machine<P: Protocol> {
    setup: RefCell<Setup<P>>,
    state: RefCell<State<P>>,
    running: Cell<bool>,
    /// How many attempts there were.
    attempts: Cell<u64>,
    /// How many failed since the last success.
    failures: Cell<u32>,
    waiting: Rc<Waiting<Connection<P>>>,
    stopping: Rc<Waiters<()>>,
}

impl<P: Protocol> Machine<P> {
    pub(super) fn new(setup: Setup<P>) -> Self {
        Self {
            setup: RefCell::new(setup),
            state: RefCell::new(State::Init),
            running: Cell::new(false),
            attempts: Cell::new(0),
            failures: Cell::new(0),
            waiting: Waiting::new(),
            stopping: Rc::default(),
        }
    }

    pub(super) fn set_up(&self, change: impl FnOnce(&mut Setup<P>)) {
        change(&mut self.setup.borrow_mut());
    }

    /// Notes that it is to run; whether it did not.
    pub(super) fn run(&self) -> bool {
        !self.running.replace(true)
    }

    /// Notes that it is to run no more.
    pub(super) fn rest(&self) {
        self.running.set(false);
    }

    pub(super) fn running(&self) -> bool {
        self.running.get()
    }

    /// Goes over to another state; the one before.
    fn enter(&self, state: State<P>) -> State<P> {
        self.state.replace(state)
    }

    // ----- what is asked of it -----

    pub(super) fn start(self: &Rc<Self>) {
        let attempt = match &*self.state.borrow() {
            State::Init | State::Stopped => None,
            State::Disconnecting { attempt } => Some(*attempt),
            State::Connecting { .. }
            | State::Waiting(_)
            | State::Connected { .. }
            | State::Restarting { .. } => return,
        };
        match attempt {
            None => self.connect(),
            Some(attempt) => drop(self.enter(State::Restarting { attempt })),
        }
    }

    #[track_caller]
    pub(super) fn stop(self: &Rc<Self>) -> Deferred<()> {
        let attempt = self.attempts.get();
        match self.enter(State::Disconnecting { attempt }) {
            State::Init | State::Stopped => {
                self.enter(State::Stopped);
                Deferred::succeed(())
            }
            State::Connecting { cancel, .. } => {
                let stopped = self.wait_for_stop();
                // If it is stopped from inside of connecting, that ends it then.
                if let Some(cancel) = cancel {
                    cancel.cancel();
                }
                stopped
            }
            State::Waiting(call) => {
                let stopped = self.wait_for_stop();
                self.enter(State::Stopped);
                let _ = call.cancel();
                self.has_stopped();
                stopped
            }
            State::Connected { connection, .. } => {
                let stopped = self.wait_for_stop();
                connection.lose_connection();
                stopped
            }
            State::Disconnecting { .. } | State::Restarting { .. } => self.wait_for_stop(),
        }
    }

    #[track_caller]
    pub(super) fn when_connected(&self, failures: Option<u32>) -> Deferred<Connection<P>> {
        match &*self.state.borrow() {
            State::Connected { connection, .. } => Deferred::succeed(connection.clone()),
            State::Stopped => Deferred::fail(CancelledError),
            _ => self.waiting.add(failures),
        }
    }

    #[track_caller]
    fn wait_for_stop(&self) -> Deferred<()> {
        let stopping = Rc::downgrade(&self.stopping);
        self.stopping.add(move |number, _| {
            let left = stopping.upgrade().and_then(|stopping| stopping.remove(number));
            drop(left);
        })
    }

    /// It has stopped: tells who waited for a connection, and who for that.
    fn has_stopped(&self) {
        self.waiting.tell(&Err(CancelledError.into()));
        self.stopping.take().notify(&Ok(()));
    }

    // ----- what happens to it -----

    /// Makes an attempt.
    fn connect(self: &Rc<Self>) {
        let attempt = self.attempts.get() + 1;
        self.attempts.set(attempt);
        self.enter(State::Connecting { attempt, cancel: None, lost: None });
        let connect = self.setup.borrow().connect.clone();
        let (prepare, made, failed) = (self.clone(), self.clone(), self.clone());
        let connected = connect()
            .add_callback(move |connection| prepare.prepare(attempt, connection))
            .add_callback(move |connection| {
                made.made(attempt, connection);
                Ok(())
            });
        let cancel = connected.cancel_handle();
        drop(connected.add_errback(move |failure| {
            failed.failed(attempt, failure);
            Ok(())
        }));
        self.can_be_given_up(attempt, cancel);
    }

    /// An attempt that is under way can be given up from now on.
    fn can_be_given_up(&self, attempt: u64, handle: CancelHandle) {
        match &mut *self.state.borrow_mut() {
            State::Connecting { attempt: at, cancel, .. } if *at == attempt => {
                *cancel = Some(handle);
                return;
            }
            // It was stopped before it could be.
            State::Disconnecting { attempt: at } if *at == attempt => {}
            _ => return,
        }
        handle.cancel();
    }

    /// There is a connection: prepares it.
    fn prepare(
        self: &Rc<Self>,
        attempt: u64,
        connection: Connection<P>,
    ) -> Deferred<Connection<P>> {
        let machine = self.clone();
        drop(connection.when_lost().add_callback(move |reason| {
            machine.lost(attempt, reason);
            Ok(())
        }));
        let prepare = self.setup.borrow().prepare.clone();
        prepare(&connection).add_callback(move |()| Ok(connection))
    }

    /// An attempt has succeeded.
    fn made(self: &Rc<Self>, attempt: u64, connection: Connection<P>) {
        let lost = match &mut *self.state.borrow_mut() {
            State::Connecting { attempt: at, lost, .. } if *at == attempt => lost.take(),
            // It came though it was given up.
            _ => return connection.lose_connection(),
        };
        if let Some(reason) = lost {
            return self.failed(attempt, reason);
        }
        self.failures.set(0);
        self.enter(State::Connected { attempt, connection: connection.clone() });
        self.waiting.tell(&Ok(connection));
    }

    /// An attempt has failed.
    fn failed(self: &Rc<Self>, attempt: u64, failure: Failure) {
        let failure = match &mut *self.state.borrow_mut() {
            State::Connecting { attempt: at, lost, .. } if *at == attempt => {
                Some(lost.take().unwrap_or(failure))
            }
            State::Disconnecting { attempt: at } if *at == attempt => None,
            State::Restarting { attempt: at } if *at == attempt => None,
            _ => return,
        };
        match failure {
            Some(failure) => {
                self.wait();
                self.waiting.fail(&failure);
            }
            None => self.is_disconnected(),
        }
    }

    /// A connection is lost.
    fn lost(self: &Rc<Self>, attempt: u64, reason: Failure) {
        let cancel = match &mut *self.state.borrow_mut() {
            State::Connecting { attempt: at, cancel, lost } if *at == attempt => {
                *lost = Some(reason);
                Some(cancel.take())
            }
            State::Connected { attempt: at, .. } if *at == attempt => None,
            State::Disconnecting { attempt: at } | State::Restarting { attempt: at }
                if *at == attempt =>
            {
                None
            }
            _ => return,
        };
        match cancel {
            // What prepares it fails, and with that the attempt.
            Some(Some(cancel)) => cancel.cancel(),
            Some(None) => {}
            None if matches!(&*self.state.borrow(), State::Connected { .. }) => self.wait(),
            None => self.is_disconnected(),
        }
    }

    /// Nothing is left of the connection that is not wanted any more.
    fn is_disconnected(self: &Rc<Self>) {
        let restarts = matches!(&*self.state.borrow(), State::Restarting { .. });
        if restarts {
            self.connect();
            self.stopping.take().notify(&Ok(()));
        } else {
            self.enter(State::Stopped);
            self.has_stopped();
        }
    }

    /// Waits before the next attempt.
    fn wait(self: &Rc<Self>) {
        let failures = self.failures.get().saturating_add(1);
        self.failures.set(failures);
        let (policy, clock) = {
            let setup = self.setup.borrow();
            (setup.policy.clone(), setup.clock.clone())
        };
        let delay = guard::catch(|| policy.delay(failures)).unwrap_or_else(|failure| {
            guard::log("a retry policy", &failure);
            BackoffPolicy::new().delay(failures)
        });
        let place = self.setup.borrow().place.clone();
        tracing::info!("Scheduling retry {failures} to connect {place} in {delay:?}.");
        let machine = self.clone();
        let call = clock.call_later(delay, move || machine.connect());
        drop(self.enter(State::Waiting(call)));
    }
}

impl<P: Protocol> fmt::Debug for Machine<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService")
            .field("place", &self.setup.borrow().place)
            .field("state", &self.state.borrow().name())
            .field("failures", &self.failures.get())
            .field("waiting", &self.waiting.len())
            .finish()
    }
}
