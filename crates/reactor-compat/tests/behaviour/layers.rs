//! [`Through`]: a medium with layers that change nothing under each protocol.

use std::time::Duration;

use reactor_compat::{Layer, LayerIo, Reactor, WaterMarks};

use crate::actor::{Actor, Reason};
use crate::medium::Medium;

/// A layer that changes nothing.
pub(crate) struct Identity;

impl Layer for Identity {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.deliver(data);
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(data);
    }
}

/// A medium with so many layers under each protocol.
pub(crate) struct Through<M, const LAYERS: usize>(M);

impl<M: Medium, const LAYERS: usize> Medium for Through<M, LAYERS> {
    const ABORTED: Reason = M::ABORTED;
    const LARGE: usize = M::LARGE + LAYERS * (16 << 10);
    const WHOLE: bool = M::WHOLE;
    const MARKS: Option<WaterMarks> = M::MARKS;

    fn open() -> Self {
        Self(M::open())
    }

    fn reactor(&self) -> &Reactor {
        self.0.reactor()
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn connect(&mut self, server: Actor, client: Actor) {
        self.0.connect(server.layers(LAYERS), client.layers(LAYERS));
    }

    fn step(&mut self) {
        self.0.step();
    }

    fn pass(&mut self, time: Duration) {
        self.0.pass(time);
    }
}
