//! [`MemCacheClient`]: the commands of a memcached server.
//!
//! Mirrors the methods of `twisted.protocols.memcache.MemCacheProtocol`. Tested
//! in `tests/servers/memcache.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, TimeoutError, Trigger};
use reactor_compat::Transport;

use super::command::{Answered, Stats, Values, Waiting};
use super::{BadReply, ClientError, Entry, NotConnected, Reply, Value};
use crate::policies::Timeout;

/// The commands of a memcached server, with Deferreds of their answers.
///
/// Commands are sent at once, one behind the other, and answered in that
/// order. Each fails with [`NotConnected`] without a connection, with the
/// reason when that is lost, and with [`TimeoutError`] when the server says
/// nothing for a minute while it owes an answer: then the connection is closed.
/// Keys have 1 to 250 bytes, no blanks and no control characters, or the
/// command fails with [`ClientError`], and is not sent; so it does while
/// [`MAX_PENDING`](Self::MAX_PENDING) others wait for their answers, or
/// [`MAX_UNSENT`](Self::MAX_UNSENT) bytes of them for the server to read them.
///
/// Clones speak on the same connection.
///
/// # Cancellation
///
/// Cancelling a Deferred lets its answer go; the command is sent all the same.
///
/// ```
/// use deferred::testing::success_result_of;
/// use deferred::time::Clock;
/// use protocols::memcache::MemCacheProtocol;
/// use reactor_compat::testing::StringTransport;
///
/// let protocol = MemCacheProtocol::new(&Clock::new());
/// let client = protocol.client();
/// let transport = StringTransport::new(protocol);
/// let stored = client.set("foo", "bar");
/// let got = client.get("foo");
/// assert_eq!(transport.take_value(), b"set foo 0 0 3\r\nbar\r\nget foo\r\n");
/// transport.data_received(b"STORED\r\nVALUE foo 0 3\r\nbar\r\nEND\r\n");
/// assert!(success_result_of(stored));
/// assert_eq!(success_result_of(got).unwrap().data, b"bar");
/// ```
#[derive(Clone)]
pub struct MemCacheClient {
    line: Rc<Line>,
}

/// The line to the server, which the client and the protocol share.
pub(super) struct Line {
    transport: RefCell<Option<Transport>>,
    waiting: RefCell<VecDeque<Waiting>>,
    timeout: Timeout,
    period: Duration,
}

impl Line {
    pub(super) fn new(timeout: Timeout, period: Duration) -> Self {
        let (transport, waiting) = (RefCell::default(), RefCell::default());
        Self { transport, waiting, timeout, period }
    }

    pub(super) fn client(self: &Rc<Self>) -> MemCacheClient {
        MemCacheClient { line: self.clone() }
    }

    pub(super) fn made(&self, transport: &Transport) {
        self.transport.replace(Some(transport.clone()));
    }

    /// It can be used no more: all that waits fails.
    pub(super) fn over(&self, reason: &Failure) {
        self.transport.take();
        self.timeout.set(None, || ());
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(waiting) = next else { return };
            waiting.fail(reason.clone());
        }
    }

    /// Something was heard.
    pub(super) fn heard(&self) {
        self.timeout.reset();
    }

    /// Gives a reply to what waits for it.
    pub(super) fn answer(&self, reply: Reply) -> Result<(), BadReply> {
        let next = self.waiting.borrow_mut().pop_front();
        let Some(waiting) = next else { return Err(BadReply::Unexpected) };
        match waiting.answer(reply) {
            Answered::NotYet(waiting) => self.waiting.borrow_mut().push_front(waiting),
            Answered::Wrong(waiting, error) => {
                self.waiting.borrow_mut().push_front(waiting);
                return Err(error);
            }
            Answered::Whole(tell) => {
                tell();
                if self.waiting.borrow().is_empty() {
                    self.timeout.set(None, || ());
                }
            }
        }
        Ok(())
    }

    /// Sends a command; its answer is waited for.
    fn send(self: &Rc<Self>, pieces: &[&[u8]], waiting: Waiting) {
        let transport = self.transport.borrow().clone().filter(Transport::connected);
        let Some(transport) = transport else { return waiting.fail(NotConnected.into()) };
        let pending = self.waiting.borrow().len();
        if pending >= MemCacheClient::MAX_PENDING {
            return waiting.fail(ClientError::new("too many commands wait").into());
        }
        if transport.unsent() >= MemCacheClient::MAX_UNSENT {
            return waiting.fail(ClientError::new("too much waits to be sent").into());
        }
        if pending == 0 {
            let line = Rc::downgrade(self);
            self.timeout.set(Some(self.period), move || {
                if let Some(line) = line.upgrade() {
                    line.timed_out();
                }
            });
        }
        self.waiting.borrow_mut().push_back(waiting);
        transport.write_sequence(pieces);
    }

    fn timed_out(&self) {
        let transport = self.transport.borrow().clone();
        self.over(&Failure::new(TimeoutError::new(self.period)));
        if let Some(transport) = transport {
            transport.lose_connection();
        }
    }
}

/// Whether a key may be sent.
fn check(key: &[u8]) -> Result<(), ClientError> {
    if key.is_empty() {
        return Err(ClientError::new("Key is empty"));
    }
    if key.len() > MemCacheClient::MAX_KEY_LENGTH {
        return Err(ClientError::new("Key too long"));
    }
    if key.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(ClientError::new("Key has blanks or control characters"));
    }
    Ok(())
}

impl MemCacheClient {
    /// How long a key may be.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::MemCacheClient::MAX_KEY_LENGTH, 250);
    /// ```
    pub const MAX_KEY_LENGTH: usize = 250;

    /// How many commands may wait for their answers.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::MemCacheClient::MAX_PENDING, 65_536);
    /// ```
    pub const MAX_PENDING: usize = 65_536;

    /// How many bytes may wait to be sent, before no more commands are taken.
    ///
    /// ```
    /// assert_eq!(protocols::memcache::MemCacheClient::MAX_UNSENT, 64 << 20);
    /// ```
    pub const MAX_UNSENT: usize = 64 << 20;

    /// Gets what is stored under `key`, if anything is.
    ///
    /// See the [type's example](Self).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Deferred<Option<Value>> {
        only(self.values("get", &[key.as_ref()]))
    }

    /// The same with its [identifier](Value::cas), for
    /// [`check_and_set`](Self::check_and_set).
    ///
    /// See the example there.
    #[doc(alias = "withIdentifier")]
    pub fn gets(&self, key: impl AsRef<[u8]>) -> Deferred<Option<Value>> {
        only(self.values("gets", &[key.as_ref()]))
    }

    /// Gets what is stored under each of `keys`, if anything is.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let got = client.get_multiple(["foo", "cow"]);
    /// transport.data_received(b"VALUE cow 1 3\r\nbar\r\nEND\r\n");
    /// let got = success_result_of(got);
    /// assert_eq!(got[&b"cow"[..]].as_ref().unwrap().flags, 1);
    /// assert_eq!(got[&b"foo"[..]], None);
    /// ```
    #[doc(alias = "getMultiple")]
    pub fn get_multiple<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<Values> {
        self.values_of("get", keys)
    }

    /// The same with their identifiers.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let got = client.gets_multiple(["foo"]);
    /// transport.data_received(b"VALUE foo 0 3 1234\r\nbar\r\nEND\r\n");
    /// let foo = success_result_of(got).remove(&b"foo"[..]).flatten().unwrap();
    /// assert_eq!(foo.cas, Some(1234));
    /// ```
    pub fn gets_multiple<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<Values> {
        self.values_of("gets", keys)
    }

    /// Stores `entry` under `key`; whether it was.
    ///
    /// See the [type's example](Self).
    pub fn set(&self, key: impl AsRef<[u8]>, entry: impl Into<Entry>) -> Deferred<bool> {
        self.store("set", key.as_ref(), entry.into(), None)
    }

    /// Stores `entry` if there is nothing under `key`; whether it was.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::{Entry, MemCacheProtocol};
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let added = client.add("foo", Entry::new("bar").expire_time(60));
    /// assert_eq!(transport.take_value(), b"add foo 0 60 3\r\nbar\r\n");
    /// transport.data_received(b"NOT_STORED\r\n");
    /// assert!(!success_result_of(added));
    /// ```
    pub fn add(&self, key: impl AsRef<[u8]>, entry: impl Into<Entry>) -> Deferred<bool> {
        self.store("add", key.as_ref(), entry.into(), None)
    }

    /// Stores `entry` if there is something under `key`; whether it was.
    ///
    /// See the example of [`add`](Self::add).
    pub fn replace(&self, key: impl AsRef<[u8]>, entry: impl Into<Entry>) -> Deferred<bool> {
        self.store("replace", key.as_ref(), entry.into(), None)
    }

    /// Puts `data` behind what is under `key`; whether there was anything.
    ///
    /// See the example of [`add`](Self::add).
    pub fn append(&self, key: impl AsRef<[u8]>, data: impl Into<Vec<u8>>) -> Deferred<bool> {
        self.store("append", key.as_ref(), Entry::new(data), None)
    }

    /// Puts `data` in front of what is under `key`; whether there was
    /// anything.
    ///
    /// See the example of [`add`](Self::add).
    pub fn prepend(&self, key: impl AsRef<[u8]>, data: impl Into<Vec<u8>>) -> Deferred<bool> {
        self.store("prepend", key.as_ref(), Entry::new(data), None)
    }

    /// Stores `entry` if what is under `key` is still what was
    /// [got](Self::gets) with the identifier `cas`; whether it was.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let got = client.gets("foo");
    /// transport.data_received(b"VALUE foo 0 3 1234\r\nbar\r\nEND\r\n");
    /// let cas = success_result_of(got).unwrap().cas.unwrap();
    /// let stored = client.check_and_set("foo", "baz", cas);
    /// transport.data_received(b"EXISTS\r\n");
    /// assert!(!success_result_of(stored), "somebody was faster");
    /// ```
    #[doc(alias = "checkAndSet")]
    pub fn check_and_set(
        &self,
        key: impl AsRef<[u8]>,
        entry: impl Into<Entry>,
        cas: u64,
    ) -> Deferred<bool> {
        self.store("cas", key.as_ref(), entry.into(), Some(cas))
    }

    /// Adds `amount` to the number under `key`; what it is then, or `None` if
    /// there is none.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let number = client.increment("foo", 8);
    /// assert_eq!(transport.take_value(), b"incr foo 8\r\n");
    /// transport.data_received(b"50\r\n");
    /// assert_eq!(success_result_of(number), Some(50));
    /// ```
    pub fn increment(&self, key: impl AsRef<[u8]>, amount: u64) -> Deferred<Option<u64>> {
        self.count("incr", key.as_ref(), amount)
    }

    /// Takes `amount` off the number under `key`, down to 0; what it is then,
    /// or `None` if there is none.
    ///
    /// See the example of [`increment`](Self::increment).
    pub fn decrement(&self, key: impl AsRef<[u8]>, amount: u64) -> Deferred<Option<u64>> {
        self.count("decr", key.as_ref(), amount)
    }

    /// Removes what is under `key`; whether there was anything.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let deleted = client.delete("foo");
    /// transport.data_received(b"DELETED\r\n");
    /// assert!(success_result_of(deleted));
    /// ```
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Deferred<bool> {
        let key = key.as_ref();
        self.command(check(key), &[b"delete ", key, b"\r\n"], Waiting::Done)
    }

    /// The server's statistics, or those called `which`.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let stats = client.stats(None);
    /// transport.data_received(b"STAT pid 1234\r\nEND\r\n");
    /// assert_eq!(success_result_of(stats)[&b"pid"[..]], b"1234");
    /// ```
    pub fn stats(&self, which: Option<&str>) -> Deferred<Stats> {
        let wait = |trigger| Waiting::Stats(trigger, Stats::new(), 0);
        let Some(which) = which else { return self.command(Ok(()), &[b"stats\r\n"], wait) };
        let fits = if which.chars().any(char::is_control) {
            Err(ClientError::new("control characters in the name of statistics"))
        } else {
            Ok(())
        };
        self.command(fits, &[b"stats ", which.as_bytes(), b"\r\n"], wait)
    }

    /// The server's version.
    ///
    /// ```
    /// # use deferred::{testing::success_result_of, time::Clock};
    /// # use protocols::memcache::MemCacheProtocol;
    /// # use reactor_compat::testing::StringTransport;
    /// # let protocol = MemCacheProtocol::new(&Clock::new());
    /// # let client = protocol.client();
    /// # let transport = StringTransport::new(protocol);
    /// let version = client.version();
    /// transport.data_received(b"VERSION 1.6\r\n");
    /// assert_eq!(success_result_of(version), b"1.6");
    /// ```
    pub fn version(&self) -> Deferred<Vec<u8>> {
        self.command(Ok(()), &[b"version\r\n"], Waiting::Version)
    }

    /// Removes everything; whether it was done.
    ///
    /// See the example of [`delete`](Self::delete).
    #[doc(alias = "flushAll")]
    pub fn flush_all(&self) -> Deferred<bool> {
        self.command(Ok(()), &[b"flush_all\r\n"], Waiting::Done)
    }

    fn values_of<K: AsRef<[u8]>>(
        &self,
        command: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<Values> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        self.values(command, &keys)
    }

    fn values(&self, command: &str, keys: &[&[u8]]) -> Deferred<Values> {
        if keys.is_empty() {
            return Deferred::succeed(Values::new());
        }
        let fits = keys.iter().try_for_each(|key| check(key));
        let mut pieces = vec![command.as_bytes()];
        for key in keys {
            pieces.extend([&b" "[..], key]);
        }
        pieces.push(b"\r\n");
        let values = keys.iter().map(|key| (key.to_vec(), None)).collect();
        self.command(fits, &pieces, |trigger| Waiting::Values(trigger, values))
    }

    fn store(&self, command: &str, key: &[u8], entry: Entry, cas: Option<u64>) -> Deferred<bool> {
        let Entry { data, flags, expire_time } = entry;
        let cas = cas.map_or_else(String::new, |cas| format!(" {cas}"));
        let rest = format!(" {flags} {expire_time} {}{cas}\r\n", data.len());
        let pieces = [command.as_bytes(), b" ", key, rest.as_bytes(), &data, b"\r\n"];
        self.command(check(key), &pieces, Waiting::Done)
    }

    fn count(&self, command: &str, key: &[u8], amount: u64) -> Deferred<Option<u64>> {
        let rest = format!(" {amount}\r\n");
        let pieces = [command.as_bytes(), b" ", key, rest.as_bytes()];
        self.command(check(key), &pieces, Waiting::Number)
    }

    fn command<T: 'static>(
        &self,
        fits: Result<(), ClientError>,
        pieces: &[&[u8]],
        wait: impl FnOnce(Trigger<T>) -> Waiting,
    ) -> Deferred<T> {
        if let Err(error) = fits {
            return Deferred::fail(error);
        }
        let (answer, trigger) = Deferred::new();
        self.line.send(pieces, wait(trigger));
        answer
    }
}

/// The value of the only key.
fn only(values: Deferred<Values>) -> Deferred<Option<Value>> {
    values.add_callback(|values| Ok(values.into_values().next().flatten()))
}

impl fmt::Debug for MemCacheClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemCacheClient")
            .field("transport", &self.line.transport.borrow())
            .field("waiting", &self.line.waiting.borrow().len())
            .finish()
    }
}
