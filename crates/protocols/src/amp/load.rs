//! [`Load`]: what a peer makes its connection keep, against the limits and the
//! budget.
//!
//! Tested in `tests/amp/limits.rs` and `tests/bad_input/crowd.rs`.

use std::cell::{Cell, RefCell};

use reactor_compat::{Transport, WaterMarks};

use crate::memory_budget::{MemoryBudget, MemoryBudgetExceeded, Share, end};

/// The cost of a command that is worked on, beside its box.
const COMMAND: usize = 256;

/// The load that a peer puts on its connection: an unfinished box, commands that are
/// worked on, answers that it does not read.
///
/// Calls of our own are not among it. They are told apart from answers as far as
/// the order allows in which all are sent: those that may still be unsent do not
/// count, and do not stop us from reading the answers to them.
#[derive(Default)]
pub(super) struct Load {
    share: RefCell<Option<Share>>,
    /// How many bytes of answers may be unsent while the peer is read from.
    unsent: Cell<usize>,
    /// How many of the unsent bytes may be calls of ours.
    calls: Cell<usize>,
    /// By how much the water mark is raised for these.
    raised: Cell<usize>,
    parser: Cell<usize>,
    working: Cell<Working>,
    /// How many bytes of answers wait for TLS.
    held: Cell<usize>,
}

/// The commands that are worked on.
#[derive(Clone, Copy, Debug, Default)]
struct Working {
    commands: usize,
    bytes: usize,
}

impl Load {
    /// There is a connection; `unsent` is how many bytes of answers may wait.
    pub(super) fn begin(&self, transport: &Transport, budget: &MemoryBudget, unsent: usize) {
        self.share.replace(Some(budget.share(transport)));
        self.unsent.set(unsent);
        self.set_marks(transport, 0);
    }

    /// The connection is lost: nothing counts any more.
    pub(super) fn end(&self) {
        drop(self.share.take());
    }

    /// Notes how many bytes the parser keeps.
    pub(super) fn parsed(&self, bytes: usize) -> Result<(), MemoryBudgetExceeded> {
        self.parser.set(bytes);
        self.count()
    }

    /// A command of so many bytes is worked on.
    pub(super) fn start_work(&self, bytes: usize) {
        let Working { commands, bytes: before } = self.working.get();
        self.working.set(Working { commands: commands + 1, bytes: before + bytes + COMMAND });
    }

    /// It is answered.
    pub(super) fn end_work(&self, bytes: usize) {
        let Working { commands, bytes: before } = self.working.get();
        let bytes = before.saturating_sub(bytes + COMMAND);
        self.working.set(Working { commands: commands.saturating_sub(1), bytes });
    }

    /// How many commands are worked on.
    pub(super) fn working(&self) -> usize {
        self.working.get().commands
    }

    /// A call of so many bytes is about to be written.
    #[inline]
    pub(super) fn call(&self, transport: &Transport, bytes: usize) {
        let calls = self.unsent_calls(transport) + bytes;
        self.calls.set(calls);
        // A little more or less makes no difference.
        let unsent = self.unsent.get();
        let wanted = if calls <= unsent / 4 { 0 } else { calls.next_multiple_of(unsent.max(1)) };
        let raised = self.raised.get();
        if wanted > raised || wanted.saturating_add(unsent) < raised {
            self.set_marks(transport, wanted);
        }
    }

    /// An answer was written.
    #[inline]
    pub(super) fn answered(&self, transport: &Transport) {
        self.calls.set(self.unsent_calls(transport));
        if transport.unsent() > MemoryBudget::FREE / 2
            && let Err(error) = self.count()
        {
            end(transport, error);
        }
    }

    /// So many bytes of answers wait for TLS.
    #[cfg(feature = "tls")]
    pub(super) fn hold(&self, bytes: usize) {
        self.held.set(self.held.get() + bytes);
    }

    /// How many bytes of answers wait for TLS.
    #[cfg(feature = "tls")]
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// They do no more; how many there were.
    #[cfg(feature = "tls")]
    pub(super) fn release(&self) -> usize {
        self.held.take()
    }

    fn unsent_calls(&self, transport: &Transport) -> usize {
        self.calls.get().min(transport.unsent())
    }

    fn set_marks(&self, transport: &Transport, raised: usize) {
        self.raised.set(raised);
        let unsent = self.unsent.get();
        let marks = WaterMarks::new(unsent / 4, unsent.saturating_add(raised));
        transport.set_water_marks(marks.with_growth(unsent));
    }

    /// Counts what there is.
    pub(super) fn count(&self) -> Result<(), MemoryBudgetExceeded> {
        let share = self.share.borrow();
        let Some(share) = &*share else { return Ok(()) };
        share.send_unasked(self.calls.get());
        let kept = self.parser.get() + self.working.get().bytes + self.held.get();
        share.keep(kept)
    }
}
