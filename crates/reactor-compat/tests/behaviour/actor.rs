//! [`Actor`]: a protocol that keeps a log, and does what it is told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::layers::Identity;
use deferred::{Failure, Panic};
use reactor_compat::{
    Connection, ConnectionAborted, ConnectionDone, ConnectionLost, Protocol, Transport, WaterMarks,
};

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Done,
    Lost,
    Aborted,
    /// A close came to no end.
    GraceOver,
    Panicked,
    Other(String),
}

impl Reason {
    pub(crate) fn of(failure: &Failure) -> Self {
        if failure.is::<ConnectionDone>() {
            Self::Done
        } else if failure.is::<ConnectionLost>() {
            Self::Lost
        } else if failure.is::<Panic>() {
            Self::Panicked
        } else {
            match failure.check::<ConnectionAborted>().map(ConnectionAborted::unsent) {
                Some(None) => Self::Aborted,
                Some(Some(_)) => Self::GraceOver,
                None => Self::Other(failure.to_string()),
            }
        }
    }
}

/// What an actor was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Made,
    /// Data in one or more pieces.
    Data,
    Resumed,
    ReadLost,
    WriteLost,
    Gone(Reason),
}

/// What an actor is looked at by.
#[derive(Clone, Default)]
pub(crate) struct Witness {
    seen: Rc<Seen>,
}

#[derive(Default)]
struct Seen {
    events: RefCell<Vec<Event>>,
    data: RefCell<Vec<u8>>,
    pieces: Cell<usize>,
    connection: RefCell<Option<Connection<Actor>>>,
    dropped: Cell<bool>,
}

impl Witness {
    fn note(&self, event: Event) {
        let mut events = self.seen.events.borrow_mut();
        if event != Event::Data || events.last() != Some(&Event::Data) {
            events.push(event);
        }
    }

    /// What it was told, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.seen.events.borrow().clone()
    }

    /// What it was told but for what came to it.
    pub(crate) fn has(&self, event: &Event) -> bool {
        self.seen.events.borrow().contains(event)
    }

    /// All that came to it.
    pub(crate) fn data(&self) -> Vec<u8> {
        self.seen.data.borrow().clone()
    }

    pub(crate) fn received(&self) -> usize {
        self.seen.data.borrow().len()
    }

    /// In how many pieces it came.
    pub(crate) fn pieces(&self) -> usize {
        self.seen.pieces.get()
    }

    /// Why its connection ended, if it has.
    pub(crate) fn end(&self) -> Option<Reason> {
        let gone = |event: &Event| match event {
            Event::Gone(reason) => Some(reason.clone()),
            _ => None,
        };
        self.seen.events.borrow().iter().find_map(gone)
    }

    /// Its connection. It has to be made.
    pub(crate) fn connection(&self) -> Connection<Actor> {
        self.seen.connection.borrow().clone().expect("the connection should have been made")
    }

    /// Its transport. The connection has to be made.
    pub(crate) fn transport(&self) -> Transport {
        self.connection().transport().clone()
    }

    pub(crate) fn made(&self) -> bool {
        self.has(&Event::Made)
    }

    /// Whether the actor is no more.
    pub(crate) fn dropped(&self) -> bool {
        self.seen.dropped.get()
    }
}

type Act = Option<Box<dyn FnMut(&Connection<Actor>)>>;
type ActOn = Option<Box<dyn FnMut(&Connection<Actor>, &[u8])>>;

/// A protocol that keeps a log, and does what it is told.
#[derive(Default)]
pub(crate) struct Actor {
    witness: Witness,
    marks: Option<WaterMarks>,
    layers: usize,
    made: Act,
    data: ActOn,
    resumed: Act,
    read_lost: Act,
    write_lost: Act,
    lost: Act,
}

impl Actor {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn witness(&self) -> Witness {
        self.witness.clone()
    }

    /// Sets how much may be unsent, if that is anything else than usual.
    pub(crate) fn marks(mut self, marks: Option<WaterMarks>) -> Self {
        self.marks = marks;
        self
    }

    /// Has so many layers that change nothing be under it.
    pub(crate) fn layers(mut self, count: usize) -> Self {
        self.layers = count;
        self
    }

    pub(crate) fn echo() -> Self {
        Self::new().on_data(|me, data| me.write(data))
    }

    pub(crate) fn on_made(mut self, act: impl FnMut(&Connection<Self>) + 'static) -> Self {
        self.made = Some(Box::new(act));
        self
    }

    pub(crate) fn on_data(mut self, act: impl FnMut(&Connection<Self>, &[u8]) + 'static) -> Self {
        self.data = Some(Box::new(act));
        self
    }

    pub(crate) fn on_resumed(mut self, act: impl FnMut(&Connection<Self>) + 'static) -> Self {
        self.resumed = Some(Box::new(act));
        self
    }

    /// Instead of closing, which is what protocols do that say nothing else.
    pub(crate) fn on_read_lost(mut self, act: impl FnMut(&Connection<Self>) + 'static) -> Self {
        self.read_lost = Some(Box::new(act));
        self
    }

    pub(crate) fn on_write_lost(mut self, act: impl FnMut(&Connection<Self>) + 'static) -> Self {
        self.write_lost = Some(Box::new(act));
        self
    }

    pub(crate) fn on_lost(mut self, act: impl FnMut(&Connection<Self>) + 'static) -> Self {
        self.lost = Some(Box::new(act));
        self
    }
}

fn perform(act: &mut Act, connection: &Connection<Actor>) {
    if let Some(act) = act {
        act(connection);
    }
}

impl Protocol for Actor {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.witness.seen.connection.replace(Some(transport.clone()));
        self.witness.note(Event::Made);
        if let Some(marks) = self.marks {
            transport.set_water_marks(marks);
        }
        for _ in 0..self.layers {
            transport.push_layer(Identity).expect("the connection is new");
        }
        perform(&mut self.made, transport);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        assert!(!data.is_empty());
        self.witness.note(Event::Data);
        self.witness.seen.data.borrow_mut().extend(data);
        self.witness.seen.pieces.set(self.witness.pieces() + 1);
        if let Some(act) = &mut self.data {
            act(transport, data);
        }
    }

    fn resumed(&mut self, transport: &Connection<Self>) {
        self.witness.note(Event::Resumed);
        perform(&mut self.resumed, transport);
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        self.witness.note(Event::ReadLost);
        match &mut self.read_lost {
            Some(act) => act(transport),
            None => transport.lose_connection(),
        }
    }

    fn write_connection_lost(&mut self, transport: &Connection<Self>) {
        self.witness.note(Event::WriteLost);
        perform(&mut self.write_lost, transport);
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
        self.witness.note(Event::Gone(Reason::of(&reason)));
        perform(&mut self.lost, transport);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.witness.seen.dropped.set(true);
    }
}
