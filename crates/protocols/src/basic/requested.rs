//! [`Requested`]: what a handler requests of the protocol that runs it.
//!
//! Tested in `tests/framing/receivers.rs` and `tests/framing/rest.rs`.

use std::cell::{Cell, RefCell};

/// Requests that are carried out, or given up.
pub(super) trait Requests: Default {
    /// Tells those who wait that nothing comes of it.
    fn give_up(self);
}

/// When a request is carried out.
///
/// ```text
/// Idle ──data, or something to go on with──▶ Parsing ──parsed──▶ Idle
///   └──────────connection lost─────────▶ Lost ◀───────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The protocol has to be called for it.
    Idle,
    /// The protocol is at work, and looks when the handler has returned.
    Parsing,
    /// Never: nothing is left of what came.
    Lost,
}

/// The requests of a handler to the protocol that runs it: they are carried out when the
/// handler has returned, and from outside at once.
pub(super) struct Requested<R> {
    /// Has the protocol carry out the requests, and go on.
    go_on: Box<dyn Fn()>,
    stage: Cell<Stage>,
    /// Whether there are requests, so that one cell is looked at for each item.
    any: Cell<bool>,
    requests: RefCell<R>,
}

impl<R: Requests> Requested<R> {
    pub(super) fn new(go_on: impl Fn() + 'static) -> Self {
        Self {
            go_on: Box::new(go_on),
            stage: Cell::new(Stage::Idle),
            any: Cell::new(false),
            requests: RefCell::default(),
        }
    }

    /// Whether there is something to carry out.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.any.get()
    }

    /// Whether nothing is carried out any more: the connection is lost.
    pub(super) fn lost(&self) -> bool {
        self.stage.get() == Stage::Lost
    }

    /// Notes a request for when the protocol comes by.
    pub(super) fn note(&self, note: impl FnOnce(&mut R)) {
        self.any.set(true);
        note(&mut self.requests.borrow_mut());
    }

    /// Notes a request, and has the protocol carry it out, unless it is about
    /// to.
    pub(super) fn request(&self, note: impl FnOnce(&mut R)) {
        self.note(note);
        if self.stage.get() == Stage::Idle {
            (self.go_on)();
        }
    }

    // ----- for the protocol -----

    /// Takes the requests that were made since this was last called.
    pub(super) fn take(&self) -> Option<R> {
        self.any.take().then(|| self.requests.take())
    }

    /// Notes that the protocol is at work, for as long as the value lives.
    pub(super) fn parsing(&self) -> Parsing<'_> {
        self.stage.set(Stage::Parsing);
        Parsing(&self.stage)
    }

    /// Notes that the connection is lost, of which the handler is being told:
    /// nothing is carried out any more when the value has gone.
    pub(super) fn ending(&self) -> Ending<'_, R> {
        self.stage.set(Stage::Parsing);
        Ending(self)
    }
}

/// The protocol at work, for as long as it lives; a handler that panics ends
/// that, too.
pub(super) struct Parsing<'a>(&'a Cell<Stage>);

impl Drop for Parsing<'_> {
    fn drop(&mut self) {
        self.0.set(Stage::Idle);
    }
}

/// The end of a connection; a handler that panics ends it, too.
pub(super) struct Ending<'a, R: Requests>(&'a Requested<R>);

impl<R: Requests> Drop for Ending<'_, R> {
    fn drop(&mut self) {
        self.0.stage.set(Stage::Lost);
        if let Some(requests) = self.0.take() {
            requests.give_up();
        }
    }
}
