//! Every order of a few events at the two ends of a connection, with a layer under
//! each: no state stands still with data on its way, nothing is lost that an orderly
//! end has to bring, and each protocol hears of one end.
//!
//! The layers are those whose two directions depend on each other. What may come of a
//! run is said by [`Expected`], a model of a dozen lines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::{End, Pair, connect};
use reactor_compat::{
    Connection, ConnectionAborted, ConnectionDone, ConnectionLost, Layer, LayerHeldBack, LayerIo,
    LayerTimeout, Protocol,
};

/// The layers that are tried. Both ends have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// None at all: the model has to hold without one, too.
    Bare,
    /// Passes everything on.
    Nothing,
    /// Sends a block only when the one before was acknowledged.
    Credit,
    /// Two of these, each of which sends its acknowledgements through the other.
    Credits,
    /// Greets the peer first, and is open when it was greeted.
    Greeting,
    /// Ends its half with a last word, and waits for the peer's.
    Polite,
    /// Fails at the second block.
    Failing,
    /// Panics at the second block.
    Panicking,
    /// Delivers what it has received only when a second has gone by, or at the end.
    Late,
}

impl Kind {
    fn layers(self) -> Vec<Talk> {
        match self {
            Self::Bare => Vec::new(),
            Self::Credits => vec![Talk::new(Self::Credit), Talk::new(Self::Credit)],
            one => vec![Talk::new(one)],
        }
    }
}

const WORD: &[u8] = b"abcde";

/// A byte for each thing that a layer says; data comes in blocks with a length.
const BLOCK: u8 = 1;
const LEAVE: u8 = 2;
const GREETING: u8 = 3;
const GOODBYE: u8 = 4;

struct Talk {
    kind: Kind,
    unparsed: Vec<u8>,
    under_way: usize,
    blocks: usize,
    late: Vec<u8>,
}

impl Talk {
    fn new(kind: Kind) -> Self {
        Self { kind, unparsed: Vec::new(), under_way: 0, blocks: 0, late: Vec::new() }
    }

    /// Whether this block is the second, at which the layer fails.
    fn fails_now(&mut self) -> bool {
        let breaks = matches!(self.kind, Kind::Failing | Kind::Panicking);
        self.blocks += 1;
        let now = breaks && self.blocks == 2;
        assert!(!now || self.kind == Kind::Failing, "the second block");
        now
    }

    /// The next thing in what the peer sent.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let length = match *self.unparsed.as_slice() {
            [BLOCK, length, ..] => usize::from(length) + 2,
            [BLOCK] | [] => return None,
            _ => 1,
        };
        (self.unparsed.len() >= length).then(|| {
            let mut thing: Vec<u8> = self.unparsed.drain(..length).collect();
            let kind = thing.remove(0);
            (kind, thing.split_off(usize::from(kind == BLOCK)))
        })
    }
}

impl Layer for Talk {
    fn opens(&self) -> bool {
        self.kind == Kind::Greeting
    }

    fn begin(&mut self, io: &mut LayerIo<'_>) {
        if self.kind == Kind::Greeting {
            io.write(&[GREETING]);
        }
    }

    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        self.unparsed.extend_from_slice(data);
        while let Some((kind, data)) = self.next() {
            match kind {
                LEAVE => self.under_way -= 1,
                GREETING => io.open(),
                GOODBYE => io.end(),
                _ if self.kind == Kind::Late => {
                    self.late.extend(data);
                    io.set_timeout(Duration::from_secs(1));
                }
                _ if self.fails_now() => return io.fail(LayerTimeout),
                _ => {
                    io.deliver(&data);
                    if self.kind == Kind::Credit {
                        io.write(&[LEAVE]);
                    }
                }
            }
        }
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        self.under_way += usize::from(self.kind == Kind::Credit);
        for block in data.chunks(100) {
            io.write(&[BLOCK, block.len() as u8]);
            io.write(block);
        }
        // One acknowledgement for all of them.
        self.under_way += if self.kind == Kind::Credit { data.chunks(100).len() - 1 } else { 0 };
    }

    fn ready(&self) -> bool {
        self.under_way == 0
    }

    fn timed_out(&mut self, io: &mut LayerIo<'_>) {
        io.deliver(&std::mem::take(&mut self.late));
    }

    fn ended(&mut self, io: &mut LayerIo<'_>) {
        io.deliver(&std::mem::take(&mut self.late));
        io.end();
    }

    fn finish(&mut self, io: &mut LayerIo<'_>) {
        if self.kind == Kind::Polite {
            io.write(&[GOODBYE]);
        }
    }

    fn is_answered(&self) -> bool {
        self.kind == Kind::Polite
    }
}

/// A protocol that writes down what it hears, and closes only when told.
#[derive(Default)]
struct Hearer {
    layers: Vec<Talk>,
    heard: Rc<Heard>,
}

#[derive(Default)]
struct Heard {
    made: Cell<usize>,
    lost: Cell<usize>,
    data: RefCell<Vec<u8>>,
}

impl Protocol for Hearer {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.heard.made.set(self.heard.made.get() + 1);
        for layer in self.layers.drain(..) {
            transport.push_layer(layer).unwrap();
        }
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.heard.data.borrow_mut().extend_from_slice(data);
    }

    fn read_connection_lost(&mut self, _: &Connection<Self>) {}

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.heard.lost.set(self.heard.lost.get() + 1);
    }
}

/// The end at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Server,
    Client,
}

use At::{Client, Server};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Write(At),
    /// Ends the half of that end.
    Half(At),
    Close(At),
    Abort(At),
    Pause(At),
    Resume(At),
    /// Carries a few bytes each way.
    Crumbs,
    /// Carries all.
    Flush,
    /// Lets more time go by than a close may take.
    Time,
}

use Event::{Abort, Close, Crumbs, Flush, Half, Pause, Resume, Time, Write};

const EVENTS: [Event; 15] = [
    Write(Server),
    Half(Server),
    Close(Server),
    Pause(Server),
    Flush,
    Write(Client),
    Half(Client),
    Close(Client),
    Pause(Client),
    Resume(Server),
    Resume(Client),
    Crumbs,
    Time,
    Abort(Server),
    Abort(Client),
];

impl Event {
    fn at(&self) -> Option<At> {
        match *self {
            Write(at) | Half(at) | Close(at) | Abort(at) | Pause(at) | Resume(at) => Some(at),
            Crumbs | Flush | Time => None,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write(at) => write!(f, "{at:?} writes"),
            Half(at) => write!(f, "{at:?} ends its half"),
            Close(at) => write!(f, "{at:?} closes"),
            Abort(at) => write!(f, "{at:?} aborts"),
            Pause(at) => write!(f, "{at:?} pauses"),
            Resume(at) => write!(f, "{at:?} resumes"),
            Crumbs => f.write_str("crumbs"),
            Flush => f.write_str("flush"),
            Time => f.write_str("time"),
        }
    }
}

/// One end, as far as it matters to what may be expected.
#[derive(Default)]
struct Expected {
    /// What it wrote while its half was open.
    written: usize,
    half_closed: bool,
    closed: bool,
    aborted: bool,
    paused: bool,
}

impl Expected {
    fn ended(&self) -> bool {
        self.half_closed || self.closed || self.aborted
    }
}

struct Run {
    kind: Kind,
    pair: Pair<Hearer, Hearer>,
    heard: [Rc<Heard>; 2],
    ends: [Expected; 2],
    /// Time went by in which an end may have been given up.
    late: bool,
}

impl Run {
    fn new(kind: Kind) -> Self {
        let heard = [Rc::default(), Rc::default()];
        let [server, client] = heard
            .each_ref()
            .map(|heard: &Rc<Heard>| Hearer { layers: kind.layers(), heard: heard.clone() });
        let pair = connect(server, client);
        Self { kind, pair, heard, ends: Default::default(), late: false }
    }

    fn end(&self, at: At) -> &End<Hearer> {
        match at {
            Server => self.pair.server(),
            Client => self.pair.client(),
        }
    }

    fn lost(&self, at: At) -> bool {
        self.heard[at as usize].lost.get() > 0
    }

    fn do_one(&mut self, event: Event) {
        match event {
            Write(at) => {
                if !self.ends[at as usize].ended() && !self.lost(at) {
                    self.ends[at as usize].written += 1;
                }
                self.end(at).write(WORD);
            }
            Half(at) => {
                self.end(at).lose_write_connection();
                self.ends[at as usize].half_closed = true;
            }
            Close(at) => {
                self.end(at).lose_connection();
                self.ends[at as usize].closed = true;
            }
            Abort(at) => {
                self.end(at).abort_connection();
                self.ends[at as usize].aborted = true;
            }
            Pause(at) => {
                self.end(at).pause_producing();
                self.ends[at as usize].paused = true;
            }
            Resume(at) => {
                self.end(at).resume_producing();
                self.ends[at as usize].paused = false;
            }
            Crumbs => drop(self.pair.flush_bytes(3).unwrap()),
            Flush => drop(self.pair.flush().unwrap()),
            Time => {
                self.late |= self.ends.iter().any(|end| end.closed || end.aborted || end.paused);
                self.pair.advance(Duration::from_secs(60)).unwrap();
            }
        }
        self.pair.settle().unwrap();
    }

    /// Nothing is in the way any more: all that is to be brought is brought.
    fn let_go(&mut self) {
        for at in [Server, Client] {
            self.do_one(Resume(at));
        }
        for _ in 0..3 {
            self.pair.flush().unwrap();
            self.pair.advance(Duration::from_secs(1)).unwrap();
        }
        self.pair.flush().unwrap();
    }

    fn check_what_was_brought(&self, at: At) {
        let from = if at == Server { Client } else { Server };
        let (me, peer) = (&self.ends[at as usize], &self.ends[from as usize]);
        let heard = self.heard[at as usize].data.borrow();
        let written = WORD.repeat(peer.written);
        assert!(written.starts_with(&heard), "{at:?} heard {heard:?} of {written:?}");
        // What has ended its half cannot give leave any more.
        let mute = matches!(self.kind, Kind::Credit | Kind::Credits) && me.half_closed;
        let broken = matches!(self.kind, Kind::Failing | Kind::Panicking);
        let cut = broken || me.closed || me.aborted || peer.aborted || mute || self.late;
        assert!(cut || *heard == written, "{at:?} heard {heard:?} of {written:?}");
    }

    fn check_the_ends(&mut self) {
        for at in [Server, Client] {
            self.check_what_was_brought(at);
        }
        for at in [Server, Client] {
            self.do_one(Close(at));
            let_be_carried(&self.pair);
        }
        self.pair.advance(Duration::from_secs(60)).unwrap();
        let_be_carried(&self.pair);
        for at in [Server, Client] {
            let heard = &self.heard[at as usize];
            assert_eq!((heard.made.get(), heard.lost.get()), (1, 1), "{at:?}");
            let reason = self.end(at).reason().unwrap();
            let known = reason.is::<ConnectionDone>()
                || reason.is::<ConnectionLost>()
                || reason.is::<ConnectionAborted>()
                || matches!(self.kind, Kind::Credit | Kind::Credits)
                    && reason.is::<LayerHeldBack>()
                || self.kind == Kind::Failing && reason.is::<LayerTimeout>()
                || self.kind == Kind::Panicking && reason.is::<Panic>();
            assert!(known, "{at:?}: {reason}");
            let quiet = !self.late && self.ends.iter().all(|end| !end.aborted);
            let simple = self.ends.iter().all(|end| end.written == 0);
            assert!(!(quiet && simple) || reason.is::<ConnectionDone>(), "{at:?}: {reason}");
        }
        let inventory = self.pair.inventory();
        assert!(inventory.connections.is_empty(), "{inventory:?}");
    }
}

fn let_be_carried(pair: &Pair<Hearer, Hearer>) {
    for _ in 0..2 {
        pair.flush().unwrap();
        pair.advance(Duration::from_secs(1)).unwrap();
    }
    pair.flush().unwrap();
}

fn run(kind: Kind, events: &[Event]) {
    let logged = LogCapture::start();
    let mut run = Run::new(kind);
    for event in events {
        run.do_one(*event);
    }
    run.let_go();
    run.check_the_ends();
    let panics = logged.flush_logged_errors::<Panic>().len();
    assert!(panics == 0 || kind == Kind::Panicking);
}

/// All runs of so many events; of two that differ by which end is which, one.
fn explore(kind: Kind, length: u32) {
    let count = EVENTS.len();
    let mut tried = 0;
    let mut failed = Vec::new();
    for number in 0..count.pow(length) {
        let events: Vec<_> =
            (0..length).map(|place| EVENTS[number / count.pow(place) % count]).collect();
        if events.iter().find_map(Event::at) != Some(Server) {
            continue;
        }
        tried += 1;
        if catch_unwind(|| run(kind, &events)).is_err() {
            failed.push(events);
        }
    }
    let some = &failed[..failed.len().min(20)];
    assert!(failed.is_empty(), "{kind:?}: {} of {tried}, such as {some:#?}", failed.len());
}

#[test]
fn without_a_layer() {
    explore(Kind::Bare, 3);
}

#[test]
fn with_a_layer_that_does_nothing() {
    explore(Kind::Nothing, 3);
}

#[test]
fn with_a_layer_that_waits_for_leave_to_send() {
    explore(Kind::Credit, 3);
}

#[test]
fn with_two_layers_that_wait_for_leave_to_send() {
    explore(Kind::Credits, 3);
}

#[test]
fn with_a_layer_that_greets() {
    explore(Kind::Greeting, 3);
}

#[test]
fn with_a_layer_that_says_goodbye() {
    explore(Kind::Polite, 3);
}

#[test]
fn with_a_layer_that_delivers_later() {
    explore(Kind::Late, 3);
}

#[test]
fn with_a_layer_that_fails() {
    explore(Kind::Failing, 3);
}

#[test]
fn with_a_layer_that_panics() {
    explore(Kind::Panicking, 3);
}

#[test]
#[ignore = "takes minutes"]
fn four_events_with_each() {
    let kinds = [Kind::Bare, Kind::Nothing, Kind::Credit, Kind::Credits, Kind::Greeting];
    let more = [Kind::Polite, Kind::Late, Kind::Failing, Kind::Panicking];
    for kind in kinds.into_iter().chain(more) {
        explore(kind, 4);
    }
}
