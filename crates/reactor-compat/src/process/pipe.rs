//! [`Pipe`]: our end of a pipe, as a connection.

use std::borrow::Cow;
use std::rc::{Rc, Weak};

use deferred::Failure;

use super::ProcessProtocol;
use super::driver::Core;
use crate::connection::Connection;
use crate::protocol::{Protocol, short_name};

/// Passes on what comes through a pipe.
pub(super) struct Pipe<P: ProcessProtocol> {
    core: Weak<Core<P>>,
    number: u32,
}

impl<P: ProcessProtocol> Pipe<P> {
    pub(super) fn new(core: &Rc<Core<P>>, number: u32) -> Self {
        Self { core: Rc::downgrade(core), number }
    }
}

impl<P: ProcessProtocol> Protocol for Pipe<P> {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        if let Some(core) = self.core.upgrade() {
            core.data_received(self.number, data);
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        if let Some(core) = self.core.upgrade() {
            core.pipe_lost(self.number);
        }
    }

    fn log_prefix(&self) -> Cow<'static, str> {
        format!("{} ({})", short_name::<P>(), self.number).into()
    }
}
