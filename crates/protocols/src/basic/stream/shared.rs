//! [`Shared`]: what a stream and its handler have in common.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use deferred::Failure;
use reactor_compat::{ConnectionDone, ConnectionGone, UnprotectedData};

use super::Frames;

/// How many bytes may wait to be taken before reading is paused.
const MAX_WAITING: usize = 64 * 1024;

/// ```text
/// New ──connection made──▶ Connected ──connection lost──▶ Lost
///  └────────────────never connected───────────────────────▲
/// all of them ──the stream is dropped──▶ Dropped
/// ```
enum Stage<T> {
    New,
    Connected(T),
    /// Why, which the stream has to hear once, if it is an error.
    Lost {
        reason: Failure,
        error: Option<Failure>,
    },
    Dropped,
}

/// ```text
/// Open ◀──too much waits, and is taken──▶ Paused
///   └──the peer ended its half──▶ Ended ◀───┘
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    Paused,
    Ended,
}

/// ```text
/// Free ◀──too much is unsent, and goes out──▶ Held
///   └──closed──▶ Ending ──the peer is told──▶ Ended
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Free,
    Held,
    Ending,
    Ended,
}

/// The state that a stream and its handler share.
pub(super) struct Shared<T: Frames> {
    stage: RefCell<Stage<T>>,
    /// Each with what it ended with.
    items: RefCell<VecDeque<(Bytes, T::End)>>,
    /// How much they count together.
    load: Cell<usize>,
    input: Cell<Input>,
    output: Cell<Output>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

impl<T: Frames> Shared<T> {
    /// The count of an item besides its bytes, so that empty ones are bounded, too.
    const ITEM: usize = size_of::<(Bytes, T::End)>();

    pub(super) fn new() -> Self {
        Self {
            stage: RefCell::new(Stage::New),
            items: RefCell::default(),
            load: Cell::new(0),
            input: Cell::new(Input::Open),
            output: Cell::new(Output::Free),
            reader: Cell::new(None),
            writer: Cell::new(None),
        }
    }

    // ----- for the handler -----

    pub(super) fn connected(&self, transport: T) {
        if let Stage::Dropped = *self.stage.borrow() {
            transport.as_ref().unregister_producer();
            return transport.as_ref().lose_connection();
        }
        self.stage.replace(Stage::Connected(transport));
        wake(&self.writer);
    }

    pub(super) fn receive(&self, item: Bytes) {
        // Nobody takes it after the stream was dropped.
        let Some(transport) = self.transport() else { return };
        let load = self.load.get() + item.len() + Self::ITEM;
        self.load.set(load);
        self.items.borrow_mut().push_back((item, transport.end()));
        if load > MAX_WAITING && self.input.get() == Input::Open {
            self.input.set(Input::Paused);
            transport.as_ref().pause_producing();
        }
        wake(&self.reader);
    }

    pub(super) fn input_ended(&self) {
        self.input.set(Input::Ended);
        wake(&self.reader);
    }

    pub(super) fn hold_output(&self) {
        if self.output.get() == Output::Free {
            self.output.set(Output::Held);
        }
    }

    pub(super) fn free_output(&self) {
        if self.output.get() == Output::Held {
            self.output.set(Output::Free);
            wake(&self.writer);
        }
    }

    pub(super) fn output_ended(&self) {
        self.output.set(Output::Ended);
        wake(&self.writer);
    }

    /// The connection is lost, or there will be none.
    pub(super) fn lost(&self, reason: Failure) {
        if let Stage::Lost { .. } | Stage::Dropped = *self.stage.borrow() {
            return;
        }
        if self.switching() {
            // What the layer would have got is not for those above it.
            drop(self.take_items());
        }
        let error = (!reason.is::<ConnectionDone>()).then(|| reason.clone());
        let before = self.stage.replace(Stage::Lost { reason, error });
        drop(before);
        wake(&self.reader);
        wake(&self.writer);
    }

    // ----- for the stream -----

    pub(super) fn transport(&self) -> Option<T> {
        match &*self.stage.borrow() {
            Stage::Connected(transport) => Some(transport.clone()),
            Stage::New | Stage::Lost { .. } | Stage::Dropped => None,
        }
    }

    /// How many items wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.items.borrow().len()
    }

    /// Gives what waits to a layer that was pushed, as the bytes that it was.
    pub(super) fn hand_over(&self) {
        let Some(transport) = self.transport() else { return };
        let items = self.take_items();
        if self.input.get() == Input::Paused {
            self.input.set(Input::Open);
            transport.as_ref().resume_producing();
        }
        for (item, end) in items {
            transport.as_ref().unread(&transport.frame_item(&item, &end));
        }
    }

    /// Ends the connection if something waits that came before a layer was put in:
    /// it must not be taken for what that brought.
    pub(super) fn refuse_waiting(&self) {
        let items = self.take_items();
        if let (false, Some(transport)) = (items.is_empty(), self.transport()) {
            let bytes = items.iter().map(|(item, _)| item.len()).sum();
            transport.as_ref().fail(UnprotectedData { bytes });
        }
    }

    fn take_items(&self) -> VecDeque<(Bytes, T::End)> {
        self.load.set(0);
        self.items.take()
    }

    /// Whether a layer is being put in, which gets what waits.
    fn switching(&self) -> bool {
        self.transport().is_some_and(|transport| transport.as_ref().switching())
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        if self.waiting() > 0 && self.switching() {
            self.reader.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let item = self.items.borrow_mut().pop_front();
        if let Some((item, _)) = item {
            self.took(&item);
            return Poll::Ready(Some(Ok(item)));
        }
        if let Stage::Lost { error, .. } = &mut *self.stage.borrow_mut() {
            return Poll::Ready(error.take().map(Err));
        }
        if self.input.get() == Input::Ended {
            return Poll::Ready(None);
        }
        self.reader.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Reads on, when half of what may wait has been taken.
    fn took(&self, item: &Bytes) {
        let load = self.load.get().saturating_sub(item.len() + Self::ITEM);
        self.load.set(load);
        if load <= MAX_WAITING / 2 && self.input.get() == Input::Paused {
            self.input.set(Input::Open);
            if let Some(transport) = self.transport() {
                transport.as_ref().resume_producing();
            }
        }
    }

    /// Waits for the connection.
    pub(super) fn poll_connected(&self, cx: &Context<'_>) -> Poll<Result<T, Failure>> {
        let found = match &*self.stage.borrow() {
            Stage::New => None,
            Stage::Connected(transport) => Some(Ok(transport.clone())),
            Stage::Lost { reason, .. } => Some(Err(reason.clone())),
            Stage::Dropped => Some(Err(ConnectionGone.into())),
        };
        match found {
            Some(found) => Poll::Ready(found),
            None => {
                self.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Waits for the connection to take something.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> Poll<Result<(), Failure>> {
        ready!(self.poll_connected(cx))?;
        match self.output.get() {
            Output::Free => Poll::Ready(Ok(())),
            Output::Ending | Output::Ended => Poll::Ready(Err(ConnectionGone.into())),
            Output::Held => {
                self.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Whether the connection has not broken.
    pub(super) fn intact(&self) -> Result<(), Failure> {
        match &*self.stage.borrow() {
            Stage::Lost { reason, .. } if !reason.is::<ConnectionDone>() => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    /// Notes that nothing more is sent; whether that is news.
    pub(super) fn end_output(&self) -> bool {
        let news = matches!(self.output.get(), Output::Free | Output::Held);
        if news {
            self.output.set(Output::Ending);
        }
        news
    }

    /// Waits for the peer to be told that nothing more is sent.
    pub(super) fn poll_output_ended(&self, cx: &Context<'_>) -> Poll<Result<(), Failure>> {
        let lost = !matches!(*self.stage.borrow(), Stage::New | Stage::Connected(_));
        if lost || self.output.get() == Output::Ended {
            return Poll::Ready(self.intact());
        }
        self.writer.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Closes the connection: the stream was dropped.
    pub(super) fn let_go(&self) {
        let before = self.stage.replace(Stage::Dropped);
        drop(self.items.take());
        if let Stage::Connected(transport) = before {
            transport.as_ref().unregister_producer();
            transport.as_ref().lose_connection();
        }
    }
}

fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
