//! What comes that breaks the rules.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Failure;
use examples::multiplexer::{
    ChannelId, Frame, FrameError, GoAwayCause, Limits, MultiplexerError, Opener, ResetCause,
};
use protocols::basic::{Int16, StringParser};
use reactor_compat::testing::{MemoryReactor, Pair};
use reactor_compat::{Connection, Protocol};

use crate::actor::{Actor, Reason, Witness};
use crate::media::{Place, Plexer};

/// A peer that says what the test has it say, and keeps what it hears.
#[derive(Clone, Default)]
struct Raw(Rc<RefCell<Vec<u8>>>);

impl Protocol for Raw {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.0.borrow_mut().extend_from_slice(data);
    }
}

/// A multiplexer, and a peer that is none.
struct Against {
    pair: Pair<Plexer, Raw>,
    place: Place,
    heard: Raw,
}

const WINDOW: u32 = 100;

fn ours(number: u32) -> ChannelId {
    ChannelId { opener: Opener::We, number }
}

fn theirs(number: u32) -> ChannelId {
    ChannelId { opener: Opener::They, number }
}

impl Against {
    fn new() -> Self {
        let reactor = MemoryReactor::new();
        let limits = Limits::default().with_window(WINDOW).with_most_channels(4);
        let (place, plexer) = Place::new(&reactor, limits);
        let heard = Raw::default();
        let pair = reactor.connect(plexer, heard.clone());
        Self { pair, place, heard }
    }

    fn say_bytes(&self, bytes: &[u8]) {
        self.pair.client().write(bytes);
        self.pair.flush().expect("rest");
    }

    fn say(&self, frames: &[Frame<'_>]) {
        let mut wire = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut wire));
        self.say_bytes(&wire);
    }

    /// Whether it heard this.
    fn heard(&self, frame: Frame<'_>) -> bool {
        let bytes = self.heard.0.borrow();
        let mut parser = StringParser::<Int16>::new(usize::MAX);
        let mut input = &bytes[..];
        while let Some(string) = parser.next_string(&mut input) {
            if Frame::decode(string.expect("it is short")) == Ok(frame) {
                return true;
            }
        }
        false
    }

    /// A channel that it opens.
    fn open(&self, number: u32) -> Witness {
        let actor = Actor::new();
        let witness = actor.witness();
        self.place.waiting.add(actor);
        self.say(&[Frame::Open { id: ours(number), window: 10 }]);
        assert!(witness.made());
        witness
    }

    fn error(&self) -> Option<MultiplexerError> {
        self.place.waiting.lost()?.check::<MultiplexerError>().copied()
    }

    fn assert_ended_with(&self, error: MultiplexerError) {
        assert_eq!(self.error(), Some(error));
        assert!(self.heard(Frame::GoAway { cause: GoAwayCause::ProtocolError }));
        assert!(!self.pair.client().connected(), "the whole connection ends");
        assert_eq!(self.place.channels.count(), 0);
    }
}

#[test]
fn a_frame_that_is_none_ends_the_connection_by_its_name() {
    let wrong = |kind, length| FrameError::WrongLength { kind, length };
    for (bytes, error) in [
        (&b"\0\0"[..], FrameError::Empty),
        (b"\xff\xff", FrameError::TooLong(65535)),
        (b"\x40\x06", FrameError::TooLong(16390)),
        (b"\0\x01\x07", FrameError::UnknownKind(7)),
        (b"\0\x05\x03\x80\0\0\0", wrong(3, 5)),
        (b"\0\x09\x02\x80\0\0\0\0\0\0\0", FrameError::NoCredit),
        (b"\0\x06\x05\x80\0\0\0\x09", FrameError::UnknownCause(9)),
        (b"\0\x02\x06\x07", FrameError::UnknownCause(7)),
        (b"GET / HTTP/1.1\r\n\r\n", FrameError::TooLong(0x4745)),
    ] {
        let against = Against::new();
        let witness = against.open(0);
        against.say_bytes(bytes);
        against.assert_ended_with(error.into());
        assert_eq!(witness.end(), Some(Reason::Other(error.to_string())), "{bytes:?}");
    }
}

#[test]
fn a_frame_out_of_place_ends_the_connection_by_its_name() {
    type Error = MultiplexerError;
    let id = ours(0);
    let (seen, other) = (theirs(0), theirs(7));
    let full = [0; WINDOW as usize];
    let all = Frame::Data { id, data: &full };
    let data = |id| Frame::Data { id, data: b"x" };
    let cases: [(&[Frame<'_>], Error); 16] = [
        (&[Frame::Open { id, window: 1 }], Error::OutOfTurn(seen)),
        (&[Frame::Open { id: ours(2), window: 1 }], Error::OutOfTurn(theirs(2))),
        (&[Frame::Open { id: theirs(0), window: 1 }], Error::OutOfTurn(ours(0))),
        (&[data(ours(7))], Error::NotOpened(other)),
        (&[data(theirs(7))], Error::NotOpened(ours(7))),
        (&[Frame::Credit { id: ours(1), bytes: 1 }], Error::NotOpened(theirs(1))),
        (&[Frame::End { id: ours(1) }], Error::NotOpened(theirs(1))),
        (&[Frame::Reset { id: ours(1), cause: ResetCause::Aborted }], Error::NotOpened(theirs(1))),
        (&[all, data(id)], Error::WindowExceeded(seen)),
        (&[Frame::End { id }, data(id)], Error::AfterEnd(seen)),
        (&[Frame::End { id }, Frame::End { id }], Error::AfterEnd(seen)),
        (&[Frame::Reset { id, cause: ResetCause::Aborted }, data(id)], Error::AfterEnd(seen)),
        (
            &[Frame::Reset { id, cause: ResetCause::Closed }, Frame::Credit { id, bytes: 1 }],
            Error::AfterEnd(seen),
        ),
        (&[Frame::Credit { id, bytes: u32::MAX }], Error::CreditOverflow(seen)),
        (
            &[
                Frame::GoAway { cause: GoAwayCause::Closing },
                Frame::Open { id: ours(1), window: 1 },
            ],
            Error::OpenedLate(theirs(1)),
        ),
        (&[data(theirs(0))], Error::NotAccepted(ours(0))),
    ];
    for (frames, error) in cases {
        let against = Against::new();
        let witness = against.open(0);
        if matches!(error, Error::NotAccepted(_)) {
            against.place.channels.connect(Actor::new()).expect("a channel");
        }
        against.say(frames);
        against.assert_ended_with(error);
        assert!(witness.end().is_some(), "{error:?}");
    }
}

#[test]
fn a_peer_that_gives_up_ends_the_connection_by_that_name() {
    let against = Against::new();
    let witness = against.open(0);
    against.say(&[Frame::GoAway { cause: GoAwayCause::ProtocolError }]);
    let error = MultiplexerError::PeerGaveUp;
    assert_eq!(against.error(), Some(error));
    assert!(!against.heard(Frame::GoAway { cause: GoAwayCause::ProtocolError }));
    assert_eq!(witness.end(), Some(Reason::Other(error.to_string())));
    assert!(!against.pair.client().connected());
}

#[test]
fn what_was_on_its_way_to_a_channel_that_is_gone_is_let_go() {
    let against = Against::new();
    let witness = against.open(0);
    witness.transport().abort_connection();
    against.pair.flush().expect("rest");
    assert!(against.heard(Frame::Reset { id: ours(0), cause: ResetCause::Aborted }));
    let id = ours(0);
    against.say(&[
        Frame::Data { id, data: &[0; 1000] },
        Frame::Credit { id, bytes: 9 },
        Frame::End { id },
        Frame::Reset { id, cause: ResetCause::Aborted },
    ]);
    assert_eq!(against.error(), None);
    against.open(1);
}

#[test]
fn nothing_is_heard_after_an_error() {
    let against = Against::new();
    against.place.waiting.add(Actor::new());
    let mut wire = b"\0\x01\x07".to_vec();
    Frame::Open { id: ours(0), window: 1 }.encode(&mut wire);
    against.say_bytes(&wire);
    against.assert_ended_with(FrameError::UnknownKind(7).into());
    assert!(!against.heard(Frame::Credit { id: ours(0), bytes: WINDOW }));
}

#[test]
fn the_channels_hear_of_an_error_though_the_peer_does_not() {
    let against = Against::new();
    against.pair.client().pause_producing();
    let witness = against.open(0);
    against.say_bytes(b"\0\0");
    assert_eq!(witness.end(), Some(Reason::Other(FrameError::Empty.to_string())));
}

#[test]
fn what_is_accepted_is_said() {
    let against = Against::new();
    against.open(0);
    assert!(against.heard(Frame::Credit { id: ours(0), bytes: WINDOW }));
    against.say(&[Frame::Open { id: ours(1), window: 10 }]);
    assert!(against.heard(Frame::Reset { id: ours(1), cause: ResetCause::Refused }));
}

/// Frames that may or may not make sense, and bytes that may be no frames.
fn nonsense(random: &mut fastrand::Rng, wire: &mut Vec<u8>) {
    let opener = if random.bool() { Opener::We } else { Opener::They };
    let id = ChannelId { opener, number: random.u32(0..4) };
    let causes = [ResetCause::Aborted, ResetCause::Refused, ResetCause::Closed];
    match random.u8(0..40) {
        0..8 => Frame::Open { id, window: random.u32(0..1000) }.encode(wire),
        8..16 => Frame::Credit { id, bytes: random.u32(1..1000) }.encode(wire),
        16..25 => Frame::Data { id, data: &[9; 50][..random.usize(1..50)] }.encode(wire),
        25..32 => Frame::End { id }.encode(wire),
        32..38 => Frame::Reset { id, cause: causes[random.usize(0..3)] }.encode(wire),
        38 => Frame::GoAway { cause: GoAwayCause::Closing }.encode(wire),
        _ => wire.extend((0..random.usize(0..20)).map(|_| random.u8(..))),
    }
}

#[test]
fn whatever_comes_ends_by_name_or_goes_on() {
    let mut ends = 0;
    for seed in 0..600 {
        let mut random = fastrand::Rng::with_seed(seed);
        let against = Against::new();
        let mut number = 0;
        let mut witnesses = Vec::new();
        for _ in 0..random.usize(1..30) {
            let mut wire = Vec::new();
            // An opening that is in turn, so that there is something to talk about.
            if random.u8(0..3) == 0 {
                let actor = Actor::echo();
                witnesses.push(actor.witness());
                against.place.waiting.add(actor);
                Frame::Open { id: ours(number), window: 100 }.encode(&mut wire);
                number += 1;
            } else if random.bool()
                && let Ok(connection) = against.place.channels.connect(Actor::new())
            {
                drop(connection);
            }
            nonsense(&mut random, &mut wire);
            let cut = random.usize(0..=wire.len());
            against.say_bytes(&wire[..cut]);
            against.say_bytes(&wire[cut..]);
        }
        assert!(against.place.channels.count() <= 8);
        match against.place.waiting.lost() {
            None => {
                assert!(against.pair.server().connected() || against.pair.server().disconnecting())
            }
            Some(failure) => {
                ends += 1;
                check(&failure, &witnesses);
            }
        }
    }
    assert!(ends > 300, "only {ends} came to an end");
}

/// It has a name, and every channel has heard of its end.
fn check(failure: &Failure, witnesses: &[Witness]) {
    assert!(failure.is::<MultiplexerError>(), "{failure}");
    for witness in witnesses.iter().filter(|witness| witness.made()) {
        assert!(witness.end().is_some());
    }
}
