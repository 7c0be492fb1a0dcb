//! Postfix's table lookups over TCP.
//!
//! Mirrors `twisted.protocols.postfix`. Tested in `tests/servers/postfix.rs`.
//!
//! ```
//! use protocols::postfix::PostfixTCPMapFactory;
//! use reactor_compat::{Address, Factory, Reactor, testing::StringTransport};
//!
//! let mut factory = PostfixTCPMapFactory::dict(&Reactor::new(), [("ada", "ada@example.org")]);
//! let postfix = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
//! postfix.data_received(b"get ada\nget bob\n");
//! assert_eq!(postfix.take_value(), b"200 ada%40example.org\n500 \n");
//! ```

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CallbackResult, Deferred, Failure, maybe_deferred};
use reactor_compat::{Address, Factory, Protocol, ReactorTime, Transport};

use crate::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use crate::in_turn::in_turn;
use crate::policies::{Timeout, TimeoutMixin};

type Lookup = Rc<dyn Fn(&[u8]) -> Deferred<Option<Vec<u8>>>>;

/// A factory of [`PostfixTCPMapServer`]s, which look keys up in one table.
///
/// See the example of the [module](self).
#[doc(alias = "PostfixTCPMapDictServerFactory")]
#[doc(alias = "PostfixTCPMapDeferringDictServerFactory")]
pub struct PostfixTCPMapFactory {
    lookup: Lookup,
    timeout: Box<dyn Fn() -> Timeout>,
}

impl PostfixTCPMapFactory {
    /// One whose servers ask `lookup`, which answers at once or by a Deferred:
    /// `None` is that there is no entry.
    ///
    /// ```
    /// use protocols::postfix::PostfixTCPMapFactory;
    /// use reactor_compat::Reactor;
    ///
    /// let factory = PostfixTCPMapFactory::new(&Reactor::new(), |key: &[u8]| {
    ///     Ok((key == b"ada").then(|| b"ada@example.org".to_vec()))
    /// });
    /// # drop(factory);
    /// ```
    pub fn new<C, R>(clock: &C, lookup: impl Fn(&[u8]) -> R + 'static) -> Self
    where
        C: ReactorTime + Clone + 'static,
        R: CallbackResult<Value = Option<Vec<u8>>>,
    {
        let clock = clock.clone();
        Self {
            lookup: Rc::new(move |key| maybe_deferred(|| lookup(key))),
            timeout: Box::new(move || Timeout::new(&clock)),
        }
    }

    /// One whose servers look into a table in memory.
    ///
    /// See the example of the [module](self).
    pub fn dict<C, K, V>(clock: &C, table: impl IntoIterator<Item = (K, V)>) -> Self
    where
        C: ReactorTime + Clone + 'static,
        K: Into<Vec<u8>>,
        V: Into<Vec<u8>>,
    {
        let table: HashMap<Vec<u8>, Vec<u8>> =
            table.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self::new(clock, move |key| Ok(table.get(key).cloned()))
    }
}

impl Factory for PostfixTCPMapFactory {
    type Protocol = Lines<PostfixTCPMapServer>;

    fn build_protocol(&mut self, _peer: Address) -> Option<Self::Protocol> {
        let (lookup, timeout) = (self.lookup.clone(), (self.timeout)());
        Some(Lines::new(PostfixTCPMapServer { lookup, timeout }))
    }
}

impl fmt::Debug for PostfixTCPMapFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostfixTCPMapFactory")
    }
}

/// Answers `get` with what is under a key, and nothing else.
///
/// Requests are answered one at a time, in the order in which they came. A
/// connection that is idle for ten minutes is closed.
///
/// See the example of the [module](self).
pub struct PostfixTCPMapServer {
    lookup: Lookup,
    timeout: Timeout,
}

impl PostfixTCPMapServer {
    /// How long a connection may be idle.
    ///
    /// ```
    /// assert_eq!(protocols::postfix::PostfixTCPMapServer::TIMEOUT.as_secs(), 600);
    /// ```
    pub const TIMEOUT: Duration = Duration::from_secs(600);

    fn get(&mut self, transport: &LineConnection<Self>, key: Option<&[u8]>) {
        let Some(key) = key else {
            return send_code(transport, 400, b"Command 'get' takes 1 parameters.");
        };
        let value = (self.lookup)(key);
        in_turn(transport, self, value, |_this, transport, value| match value {
            Ok(Some(value)) => send_code(transport, 200, quote(&value).as_bytes()),
            Ok(None) => send_code(transport, 500, b""),
            Err(failure) => send_code(transport, 400, in_one_line(&failure).as_bytes()),
        });
    }
}

impl TimeoutMixin<LineTransport> for PostfixTCPMapServer {
    fn timeout(&mut self) -> &mut Timeout {
        &mut self.timeout
    }
}

impl Protocol<LineTransport> for PostfixTCPMapServer {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        self.set_timeout(transport, Self::TIMEOUT);
    }
}

impl LineReceiver for PostfixTCPMapServer {
    const DELIMITER: &'static [u8] = b"\n";

    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.reset_timeout();
        let (request, rest) = split(line);
        match (request, rest) {
            (b"get", key) => self.get(transport, key),
            (b"put", Some(rest)) if split(rest).1.is_some() => {
                send_code(transport, 500, b"put is not implemented yet.");
            }
            (b"put", _) => send_code(transport, 400, b"Command 'put' takes 2 parameters."),
            _ => send_code(transport, 400, b"unknown command"),
        }
    }
}

impl fmt::Debug for PostfixTCPMapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostfixTCPMapServer").finish_non_exhaustive()
    }
}

fn send_code(transport: &Transport, code: u16, message: &[u8]) {
    transport.write_sequence([code.to_string().as_bytes(), b" ", message, b"\n"]);
}

/// The first word, and what is behind the blanks, if anything is.
fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    let line = line.trim_ascii_start();
    let Some(blank) = line.iter().position(u8::is_ascii_whitespace) else { return (line, None) };
    let rest = line[blank..].trim_ascii_start();
    (&line[..blank], (!rest.is_empty()).then_some(rest))
}

fn in_one_line(failure: &Failure) -> String {
    let blank = |character: char| if character.is_control() { ' ' } else { character };
    failure.to_string().chars().map(blank).collect()
}

/// `data` as it is written in an answer: whatever is not a letter, a digit or
/// one of `_.-~/` as a percent sign and two digits.
///
/// ```
/// assert_eq!(protocols::postfix::quote(b"foo bar"), "foo%20bar");
/// ```
pub fn quote(data: &[u8]) -> String {
    let mut quoted = String::with_capacity(data.len());
    for &byte in data {
        if byte.is_ascii_alphanumeric() || b"_.-~/".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    quoted
}

/// Reads what was written as [`quote`] does it; what is not well written stays as it
/// is.
///
/// ```
/// assert_eq!(protocols::postfix::unquote(b"foo%20bar%2"), b"foo bar%2");
/// ```
pub fn unquote(quoted: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let digits = behind.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) if byte == b'%' => {
                data.push(code);
                rest = &behind[2..];
            }
            _ => data.push(byte),
        }
    }
    data
}
