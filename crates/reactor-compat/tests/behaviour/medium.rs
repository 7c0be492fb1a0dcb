//! [`Medium`]: what a behaviour needs to know of a kind of connection, and
//! [`Stage`]: where it is acted out.

use std::time::Duration;

use reactor_compat::{Reactor, Transport, WaterMarks};

use crate::actor::{Actor, Reason, Witness};
use crate::support::Watchdog;

/// A kind of connection.
pub(crate) trait Medium {
    /// What the peer of one that aborts gets, when it had sent nothing that was
    /// not read.
    const ABORTED: Reason;

    /// More than it ever takes while nobody reads.
    const LARGE: usize;

    /// Whether what is sent at once comes at once.
    const WHOLE: bool = true;

    /// How much its ends may have unsent, where that is not as usual.
    const MARKS: Option<WaterMarks> = None;

    fn open() -> Self;

    fn reactor(&self) -> &Reactor;

    /// Stops the reactors of both ends.
    fn stop(&mut self) {
        self.reactor().stop().expect("it should run");
    }

    /// Has the two be connected. That may take some steps.
    fn connect(&mut self, server: Actor, client: Actor);

    /// Goes on for a little.
    fn step(&mut self);

    /// Has time pass, where it does not of itself.
    fn pass(&mut self, _: Duration) {}
}

/// Where a behaviour is acted out.
pub(crate) struct Stage<M> {
    medium: M,
    _watchdog: Watchdog,
}

impl<M: Medium> Stage<M> {
    pub(crate) fn new() -> Self {
        Self { medium: M::open(), _watchdog: Watchdog::new() }
    }

    /// The two, connected: both have heard that their connection is made.
    pub(crate) fn connect(&mut self, server: Actor, client: Actor) -> (Witness, Witness) {
        let (server, client) = self.join(server, client);
        self.until(|| server.made() && client.made());
        (server, client)
    }

    /// The two, about to be connected.
    pub(crate) fn join(&mut self, server: Actor, client: Actor) -> (Witness, Witness) {
        let witnesses = (server.witness(), client.witness());
        self.medium.connect(server.marks(M::MARKS), client.marks(M::MARKS));
        witnesses
    }

    /// Goes on until it is so.
    pub(crate) fn until(&mut self, mut so: impl FnMut() -> bool) {
        while !so() {
            self.medium.step();
        }
    }

    /// Goes on until both connections have ended.
    pub(crate) fn until_over(&mut self, one: &Witness, other: &Witness) {
        self.until(|| one.end().is_some() && other.end().is_some());
    }

    /// Goes on for long enough that anything would have come that is to come.
    ///
    /// So that it does not go by the clock, a pair of others says something to
    /// each other, a few times.
    pub(crate) fn a_while(&mut self) {
        let (server, client) = self.connect(Actor::echo(), Actor::new());
        for round in 1..=20 {
            client.transport().write("x");
            self.until(|| client.received() == round);
        }
        client.transport().abort_connection();
        self.until_over(&server, &client);
    }

    /// Writes more than the medium takes, until some is left.
    pub(crate) fn clog(&mut self, transport: &Transport) {
        transport.write(large::<M>());
        self.a_while();
        assert!(transport.unsent() > 0, "the medium takes more than its LARGE");
    }

    /// Has time pass, and goes on until it is so.
    pub(crate) fn in_time(&mut self, time: Duration, so: impl FnMut() -> bool) {
        self.medium.pass(time);
        self.until(so);
    }

    /// Stops the reactors of both ends.
    pub(crate) fn stop(&mut self) {
        self.medium.stop();
    }
}

/// A large message.
pub(crate) fn large<M: Medium>() -> Vec<u8> {
    (0..M::LARGE).map(|n| (n % 251) as u8).collect()
}
