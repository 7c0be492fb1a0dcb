//! [`ReplyParser`]: from bytes to a [`Reply`].
//!
//! Tested in `tests/servers/memcache.rs`.

use std::ops::Range;

use super::BadReply;
use crate::basic::{LineEvent, LineParser};

/// A reply of a server.
///
/// See the example of [`ReplyParser`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `STORED`, `DELETED` or `OK`.
    Done,
    /// `NOT_STORED`, `NOT_FOUND` or `EXISTS`.
    NotDone,
    /// `END`: all values or statistics have come.
    End,
    /// A value of a `get` or `gets`.
    Value {
        /// Its key.
        key: Vec<u8>,
        /// The flags that were stored with it.
        flags: u32,
        /// Which version of it this is, if that was asked for.
        cas: Option<u64>,
        /// The bytes.
        data: Vec<u8>,
    },
    /// A statistic, and its value.
    Stat(Vec<u8>, Vec<u8>),
    /// The server's version.
    Version(Vec<u8>),
    /// The number that came of it.
    Number(u64),
    /// `ERROR`: the command is unknown.
    Error,
    /// The command is wrong.
    ClientError(Vec<u8>),
    /// The server has a problem.
    ServerError(Vec<u8>),
}

/// A value that has not come whole.
#[derive(Debug)]
struct Unfinished {
    /// The line in front of it.
    line: Vec<u8>,
    /// The place of its key in there.
    key: Range<usize>,
    flags: u32,
    cas: Option<u64>,
    /// How long it is, with its line ending.
    length: usize,
    data: Vec<u8>,
}

/// From bytes to replies, without a connection.
///
/// It keeps an unfinished line, or an unfinished value, and looks at no byte
/// twice.
///
/// ```
/// use protocols::memcache::{Reply, ReplyParser};
///
/// let mut parser = ReplyParser::new(1024);
/// let mut replies = Vec::new();
/// for mut input in [&b"VALUE foo 0 3\r\nb"[..], b"ar\r\nEND\r\n"] {
///     while let Some(reply) = parser.next_reply(&mut input)? {
///         replies.push(reply);
///     }
/// }
/// let value = Reply::Value { key: b"foo".to_vec(), flags: 0, cas: None, data: b"bar".to_vec() };
/// assert_eq!(replies, [value, Reply::End]);
/// # Ok::<(), protocols::memcache::BadReply>(())
/// ```
#[derive(Debug)]
pub struct ReplyParser {
    lines: LineParser,
    max_value: usize,
    value: Option<Unfinished>,
}

/// How much room is made for a value before any of it has come.
const ROOM: usize = 64 * 1024;

impl ReplyParser {
    /// How long a line may be.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::ReplyParser::MAX_LINE, 16384);
    /// ```
    pub const MAX_LINE: usize = 16384;

    /// A parser of replies whose values have at most `max_value` bytes.
    ///
    /// See the [type's example](Self).
    pub fn new(max_value: usize) -> Self {
        Self { lines: LineParser::new(b"\r\n", Self::MAX_LINE), max_value, value: None }
    }

    pub(super) fn set_max_value(&mut self, max_value: usize) {
        self.max_value = max_value;
    }

    /// Takes the next reply off `input`; `None` when nothing is left but an
    /// unfinished one, which is kept.
    ///
    /// # Errors
    ///
    /// [`BadReply`]; after that it is of no more use.
    ///
    /// See the [type's example](Self).
    pub fn next_reply(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, BadReply> {
        loop {
            if self.value.is_some() {
                return self.next_value(input);
            }
            let line = match self.lines.next_line(input) {
                None => return Ok(None),
                Some(LineEvent::TooLong(_)) => return Err(BadReply::LineTooLong),
                Some(LineEvent::Line(line)) => line,
            };
            match parse_line(line, self.max_value)? {
                Line::Reply(reply) => return Ok(Some(reply)),
                Line::Value(value) => self.value = Some(value),
            }
        }
    }

    /// How many bytes it keeps of a reply that has not come whole.
    ///
    /// ```
    /// let mut parser = protocols::memcache::ReplyParser::new(1024);
    /// assert_eq!(parser.next_reply(&mut &b"VALUE foo 0 3\r\nba"[..]), Ok(None));
    /// assert_eq!(parser.held(), "VALUE foo 0 3\r\nba".len());
    /// ```
    pub fn held(&self) -> usize {
        let value = self.value.as_ref();
        self.lines.held() + value.map_or(0, |value| value.line.len() + 2 + value.data.len())
    }

    /// Takes out what it keeps, as it came.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        let line = self.lines.take_all(&mut &[][..]);
        match self.value.take() {
            Some(value) => [&value.line[..], b"\r\n", &value.data, &line].concat(),
            None => line,
        }
    }

    fn next_value(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, BadReply> {
        let Some(mut value) = self.value.take() else { return Ok(None) };
        let missing = value.length - value.data.len();
        let (some, rest) = input.split_at(missing.min(input.len()));
        value.data.extend_from_slice(some);
        *input = rest;
        if value.data.len() < value.length {
            self.value = Some(value);
            return Ok(None);
        }
        if !value.data.ends_with(b"\r\n") {
            return Err(BadReply::Unterminated);
        }
        let Unfinished { mut line, key, flags, cas, length, mut data } = value;
        data.truncate(length - 2);
        line.truncate(key.end);
        line.drain(..key.start);
        Ok(Some(Reply::Value { key: line, flags, cas, data }))
    }
}

enum Line {
    Reply(Reply),
    Value(Unfinished),
}

fn parse_line(line: &[u8], max_value: usize) -> Result<Line, BadReply> {
    let (token, rest) = split(line);
    let rest_or_nothing = || rest.unwrap_or_default().to_vec();
    let reply = match (token, rest) {
        (b"STORED" | b"DELETED" | b"OK" | b"TOUCHED", None) => Reply::Done,
        (b"NOT_STORED" | b"NOT_FOUND" | b"EXISTS", None) => Reply::NotDone,
        (b"NOT", Some(b"STORED" | b"FOUND")) => Reply::NotDone,
        (b"END", None) => Reply::End,
        (b"ERROR", _) => Reply::Error,
        (b"CLIENT_ERROR", _) => Reply::ClientError(rest_or_nothing()),
        (b"SERVER_ERROR", _) => Reply::ServerError(rest_or_nothing()),
        (b"VERSION", _) => Reply::Version(rest_or_nothing()),
        (b"STAT", Some(rest)) => {
            let (name, value) = split(rest);
            Reply::Stat(name.to_vec(), value.unwrap_or_default().to_vec())
        }
        (b"VALUE", Some(_)) => return parse_value(line, max_value).map(Line::Value),
        // Some servers put blanks behind a number, where there was a longer
        // one before.
        _ => Reply::Number(number(line.trim_ascii_end()).ok_or(BadReply::Unknown)?),
    };
    Ok(Line::Reply(reply))
}

/// `VALUE key flags length`, and `cas` if it was asked for.
fn parse_value(line: &[u8], max_value: usize) -> Result<Unfinished, BadReply> {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let first = words.next().ok_or(BadReply::Unknown)?.len();
    let key = words.next().ok_or(BadReply::Unknown)?;
    let blanks = line[first..].iter().take_while(|byte| **byte == b' ').count();
    let key = first + blanks..first + blanks + key.len();
    let flags = words.next().and_then(number).ok_or(BadReply::Unknown)?;
    let length: usize = words.next().and_then(number).ok_or(BadReply::Unknown)?;
    let cas = match words.next() {
        Some(word) => Some(number(word).ok_or(BadReply::Unknown)?),
        None => None,
    };
    if words.next().is_some() {
        return Err(BadReply::Unknown);
    }
    if length > max_value {
        return Err(BadReply::ValueTooLong);
    }
    let data = Vec::with_capacity(length.saturating_add(2).min(ROOM));
    let length = length.saturating_add(2);
    Ok(Unfinished { line: line.to_vec(), key, flags, cas, length, data })
}

/// The first word, and what is behind the blank.
fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(blank) => (&line[..blank], Some(&line[blank + 1..])),
        None => (line, None),
    }
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
