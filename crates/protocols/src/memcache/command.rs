//! Entries, values, and commands that wait for their answers.
//!
//! Tested in `tests/servers/memcache.rs`.

use std::collections::HashMap;

use deferred::{Failure, Trigger};

use super::{BadReply, ClientError, NoSuchCommand, Reply, ServerError};

/// An entry to be stored: data, and what goes with it.
///
/// Anything that is bytes is one, without flags and for good.
///
/// ```
/// use protocols::memcache::Entry;
///
/// let for_a_minute = Entry::new("data").flags(1).expire_time(60);
/// assert_ne!(for_a_minute, Entry::from("data"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub(super) data: Vec<u8>,
    pub(super) flags: u32,
    pub(super) expire_time: i64,
}

impl Entry {
    /// Some data.
    ///
    /// See the [type's example](Self).
    pub fn new(data: impl Into<Vec<u8>>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }

    /// Sets a number that the server keeps with it.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    /// Sets when the server forgets it: in so many seconds, up to 30 days, or
    /// at a UNIX time; 0 for never, a negative number for at once.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "expireTime")]
    #[must_use]
    pub fn expire_time(self, seconds: i64) -> Self {
        Self { expire_time: seconds, ..self }
    }
}

impl<D: Into<Vec<u8>>> From<D> for Entry {
    fn from(data: D) -> Self {
        Self::new(data)
    }
}

/// The value that the server has under a key.
///
/// ```
/// use protocols::memcache::Value;
///
/// let value = Value { data: b"bar".to_vec(), flags: 0, cas: None };
/// assert_eq!(value.data, b"bar");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The bytes that were stored.
    pub data: Vec<u8>,
    /// The number stored with it.
    pub flags: u32,
    /// Which version this is, if it was got with its identifier.
    pub cas: Option<u64>,
}

/// The values for some keys; `None` where there is none.
pub(super) type Values = HashMap<Vec<u8>, Option<Value>>;

/// Statistics by their names.
pub(super) type Stats = HashMap<Vec<u8>, Vec<u8>>;

/// The most statistics that are taken, in bytes of memory.
const MAX_STATS: usize = 16 << 20;

/// How much one takes beside its name and its value.
const STAT_SIZE: usize = 128;

/// A command that waits for its answer.
pub(super) enum Waiting {
    /// Whether it was done.
    Done(Trigger<bool>),
    /// The number that came of it, if there is one.
    Number(Trigger<Option<u64>>),
    Values(Trigger<Values>, Values),
    /// And how many bytes they take.
    Stats(Trigger<Stats>, Stats, usize),
    Version(Trigger<Vec<u8>>),
}

/// The effect of an answer on a command that waits.
pub(super) enum Answered {
    /// It waits for more.
    NotYet(Waiting),
    /// It is to be told, when nothing is borrowed.
    Whole(Box<dyn FnOnce()>),
    /// That is no answer to it.
    Wrong(Waiting, BadReply),
}

impl Waiting {
    /// Takes a reply.
    pub(super) fn answer(self, reply: Reply) -> Answered {
        match (self, reply) {
            (waiting, Reply::Error) => waiting.refuse(NoSuchCommand),
            (waiting, Reply::ClientError(text)) => waiting.refuse(ClientError::new(shown(&text))),
            (waiting, Reply::ServerError(text)) => waiting.refuse(ServerError::new(shown(&text))),
            (Self::Done(trigger), Reply::Done) => tell(trigger, true),
            (Self::Done(trigger), Reply::NotDone) => tell(trigger, false),
            (Self::Number(trigger), Reply::Number(number)) => tell(trigger, Some(number)),
            (Self::Number(trigger), Reply::NotDone) => tell(trigger, None),
            (Self::Version(trigger), Reply::Version(version)) => tell(trigger, version),
            (Self::Values(trigger, values), Reply::End) => tell(trigger, values),
            (Self::Values(trigger, mut values), Reply::Value { key, flags, cas, data }) => {
                match values.get_mut(&key) {
                    Some(place) => {
                        *place = Some(Value { data, flags, cas });
                        Answered::NotYet(Self::Values(trigger, values))
                    }
                    None => Answered::Wrong(Self::Values(trigger, values), BadReply::Unexpected),
                }
            }
            (Self::Stats(trigger, stats, _), Reply::End) => tell(trigger, stats),
            (Self::Stats(trigger, mut stats, before), Reply::Stat(name, value)) => {
                let bytes = before + STAT_SIZE + name.len() + value.len();
                if bytes > MAX_STATS {
                    let waiting = Self::Stats(trigger, stats, before);
                    return Answered::Wrong(waiting, BadReply::TooManyStats);
                }
                stats.insert(name, value);
                Answered::NotYet(Self::Stats(trigger, stats, bytes))
            }
            (waiting, _) => Answered::Wrong(waiting, BadReply::Unexpected),
        }
    }

    fn refuse(self, error: impl Into<Failure>) -> Answered {
        let failure = error.into();
        Answered::Whole(Box::new(move || self.fail(failure)))
    }

    /// It will not be answered.
    pub(super) fn fail(self, reason: Failure) {
        // Whoever cancelled it does not want to know.
        let _ = match self {
            Self::Done(trigger) => trigger.errback(reason),
            Self::Number(trigger) => trigger.errback(reason),
            Self::Values(trigger, _) => trigger.errback(reason),
            Self::Stats(trigger, ..) => trigger.errback(reason),
            Self::Version(trigger) => trigger.errback(reason),
        };
    }
}

fn tell<T: 'static>(trigger: Trigger<T>, value: T) -> Answered {
    Answered::Whole(Box::new(move || {
        // Whoever cancelled it does not want to know.
        let _ = trigger.callback(value);
    }))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
