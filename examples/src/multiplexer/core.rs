//! [`Core`]: the table of a connection's channels and the transport below, as the
//! protocol, the channels and the handles share them.
//!
//! Tested in `tests/multiplexer/`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use deferred::Failure;
use reactor_compat::{AlreadyProducing, Producer, ProducerKind, Transport};

use super::error::MultiplexerError;
use super::limits::Limits;
use super::table::{Flow, Table, Work};

/// The state of writing the table's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    No,
    /// It is, further up the stack: what is said meanwhile follows.
    Yes,
}

/// The table and the transport, shared.
pub(super) struct Core {
    table: RefCell<Table>,
    transport: RefCell<Option<Transport>>,
    writing: Cell<Writing>,
}

impl Core {
    pub(super) fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            table: RefCell::new(Table::new(limits)),
            transport: RefCell::new(None),
            writing: Cell::new(Writing::No),
        })
    }

    /// The transport below, once the connection is made.
    pub(super) fn transport(&self) -> Option<Transport> {
        self.transport.borrow().clone()
    }

    /// Looks at the table.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.table.borrow())
    }

    /// Has the table do something; then, with nothing borrowed, writes what it
    /// says, wakes who is to be woken, and cuts who has lost its channel.
    pub(super) fn change<R>(&self, act: impl FnOnce(&mut Table) -> R) -> R {
        let result = act(&mut self.table.borrow_mut());
        self.work();
        result
    }

    fn work(&self) {
        if self.writing.replace(Writing::Yes) == Writing::Yes {
            return;
        }
        let _until_done = Done(&self.writing);
        let transport = self.transport();
        let mut work = Work::default();
        loop {
            self.table.borrow_mut().take_work(&mut work);
            if work.is_empty() {
                break;
            }
            if let Some(transport) = &transport {
                transport.write(&work.outgoing);
            }
            work.outgoing.clear();
            work.woken.drain(..).for_each(Waker::wake);
            work.failed.drain(..).for_each(|(transport, reason)| transport.fail(reason));
        }
        if self.table.borrow_mut().take_left() {
            self.close();
        }
    }

    /// The connection is made: the table is its producer.
    pub(super) fn begin(self: &Rc<Self>, transport: &Transport) -> Result<(), AlreadyProducing> {
        transport.register_producer(Turns(self.clone()), ProducerKind::Push)?;
        self.transport.replace(Some(transport.clone()));
        if self.change(Table::begin) {
            self.close();
        }
        Ok(())
    }

    /// Closes the connection below, once all that was said has been sent.
    pub(super) fn close(&self) {
        if let Some(transport) = self.transport() {
            transport.unregister_producer();
            transport.lose_connection();
        }
    }

    /// The peer broke the rules.
    pub(super) fn give_up(&self, error: MultiplexerError) {
        self.change(|table| table.give_up(error));
        self.close();
    }

    /// The connection is lost.
    pub(super) fn lost(&self, reason: &Failure) {
        self.change(|table| table.lost(reason));
    }

    /// Has every channel close, and then the connection.
    pub(super) fn leave(&self) {
        let transports = self.change(Table::leave);
        transports.iter().for_each(Transport::lose_connection);
    }
}

/// Nothing is being written any more, whatever a tap on the transport makes of
/// what was.
struct Done<'a>(&'a Cell<Writing>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.set(Writing::No);
    }
}

/// The channels, as the producer of the connection below: while it is held up,
/// each keeps one frame, and they take turns when it goes on.
struct Turns(Rc<Core>);

impl Producer for Turns {
    fn pause_producing(&self) {
        self.0.change(|table| table.set_flow(Flow::HeldUp));
    }

    fn resume_producing(&self) {
        self.0.change(|table| table.set_flow(Flow::Free));
    }

    /// The protocol hears of the loss as well, and has the reason.
    fn stop_producing(&self) {}
}
