//! [`TrafficLoggingFactory`]: what was said, in a file for each connection.
//!
//! Mirrors `TrafficLoggingFactory` of `twisted.protocols.policies`. Tested in
//! `tests/policies/policies.rs`.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use reactor_compat::{Address, Connection, ConnectionEvent, Factory, log};

use super::repr::repr;
use super::watcher::{Watcher, WatcherFactory};
use super::wrapper::WrappingFactory;

/// Stands for the rest of what is too long.
const ELIDED: &[u8] = b"<... elided>";

/// A factory whose connections each have a file, in which all is written that
/// was said: `C` is what came, `S` what was sent, and why the connection
/// ended is the last line.
///
/// Files are written at once, on the reactor's thread: it is for debugging.
/// Each write of a protocol is a line; closing is none, unlike in Twisted. A
/// file that cannot be opened refuses the connection; one that cannot be
/// written is given up, and the connection goes on. Both are logged.
///
/// ```
/// use protocols::policies::TrafficLoggingFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, ConnectionDone, Factory};
///
/// let folder = tempfile::tempdir()?;
/// let mut factory = TrafficLoggingFactory::new(|_: Address| Echo, folder.path().join("echo"));
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// transport.data_received(b"hello");
/// transport.connection_lost(ConnectionDone);
/// let log = std::fs::read_to_string(folder.path().join("echo-1"))?;
/// assert_eq!(log, "*\nC 1: b'hello'\nS 1: b'hello'\nC 1: ConnectionDone\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub type TrafficLoggingFactory<F> = WrappingFactory<F, TrafficLog>;

impl<F: Factory> WrappingFactory<F, TrafficLog> {
    /// `wrapped`, whose traffic goes to the files `prefix-1`, `prefix-2` and
    /// so on.
    ///
    /// See the example of [`TrafficLoggingFactory`].
    #[doc(alias = "logfilePrefix")]
    pub fn new(wrapped: F, prefix: impl Into<PathBuf>) -> Self {
        let prefix = prefix.into();
        Self::opening(wrapped, move |number| {
            let mut name = OsString::from(&prefix);
            name.push(format!("-{number}"));
            File::create(name)
        })
    }

    /// The same, with files of the caller's making; `open` gets the number of
    /// the connection, from 1.
    ///
    /// ```
    /// # use protocols::{policies::TrafficLoggingFactory, wire::Echo};
    /// # use reactor_compat::{Address, Factory};
    /// let mut factory =
    ///     TrafficLoggingFactory::opening(|_: Address| Echo, |_number| Ok(std::io::stderr()));
    /// assert!(factory.build_protocol(Address::Pipe).is_some());
    /// ```
    #[doc(alias = "open")]
    pub fn opening<L: Write + 'static>(
        wrapped: F,
        mut open: impl FnMut(u64) -> io::Result<L> + 'static,
    ) -> Self {
        let open: Open = Box::new(move |number| Ok(Box::new(open(number)?)));
        Self::with(wrapped, TrafficLog { open, length_limit: None, counter: 0 })
    }

    /// Shows no more than so many bytes of a piece of data.
    ///
    /// ```
    /// # use protocols::{policies::TrafficLoggingFactory, wire::Echo};
    /// # use reactor_compat::{Address, Factory};
    /// let factory = TrafficLoggingFactory::new(|_: Address| Echo, "echo").length_limit(1000);
    /// # drop(factory);
    /// ```
    #[doc(alias = "lengthLimit")]
    #[must_use]
    pub fn length_limit(mut self, limit: usize) -> Self {
        self.watchers_mut().length_limit = Some(limit);
        self
    }

    /// Counts the connections from 1 again.
    ///
    /// ```
    /// # use protocols::{policies::TrafficLoggingFactory, wire::Echo};
    /// # use reactor_compat::{Address, Factory};
    /// let open = |number| {
    ///     assert_eq!(number, 1);
    ///     Ok(std::io::stderr())
    /// };
    /// let mut factory = TrafficLoggingFactory::opening(|_: Address| Echo, open);
    /// factory.build_protocol(Address::Pipe);
    /// factory.reset_counter();
    /// factory.build_protocol(Address::Pipe);
    /// ```
    #[doc(alias = "resetCounter")]
    pub fn reset_counter(&mut self) {
        self.watchers_mut().counter = 0;
    }
}

type Open = Box<dyn FnMut(u64) -> io::Result<Box<dyn Write>>>;

/// Makes the watchers of a [`TrafficLoggingFactory`].
///
/// See the example of [`TrafficLoggingFactory`].
pub struct TrafficLog {
    open: Open,
    length_limit: Option<usize>,
    counter: u64,
}

impl fmt::Debug for TrafficLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrafficLog").field("counter", &self.counter).finish_non_exhaustive()
    }
}

impl WatcherFactory for TrafficLog {
    type Watcher = TrafficLoggingProtocol;

    fn build_watcher(&mut self, _peer: Address) -> Option<TrafficLoggingProtocol> {
        self.counter += 1;
        let file = match (self.open)(self.counter) {
            Ok(file) => RefCell::new(Some(file)),
            Err(error) => {
                log::err(error, "a traffic log cannot be opened");
                return None;
            }
        };
        let log = Log { file, length_limit: self.length_limit, number: self.counter };
        Some(TrafficLoggingProtocol { log: Rc::new(log) })
    }
}

/// The watcher of one connection: writes down what is said.
///
/// See the example of [`TrafficLoggingFactory`].
#[derive(Debug)]
pub struct TrafficLoggingProtocol {
    log: Rc<Log>,
}

impl Watcher for TrafficLoggingProtocol {
    fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                self.log.line("*");
                let log = self.log.clone();
                connection.tap_writes(move |data| log.data('S', data));
            }
            ConnectionEvent::DataReceived(data) => self.log.data('C', data),
            ConnectionEvent::ConnectionLost(reason) => {
                self.log.line(&format!("C {}: {:?}", self.log.number, reason.value()));
            }
            _ => {}
        }
    }
}

struct Log {
    /// Taken out while it is written to, and for good when that fails.
    file: RefCell<Option<Box<dyn Write>>>,
    length_limit: Option<usize>,
    number: u64,
}

impl Log {
    fn line(&self, line: &str) {
        let Some(mut file) = self.file.take() else { return };
        match writeln!(file, "{line}").and_then(|()| file.flush()) {
            Ok(()) => drop(self.file.replace(Some(file))),
            Err(error) => log::err(error, "a traffic log cannot be written"),
        }
    }

    fn data(&self, side: char, data: &[u8]) {
        let shown = match self.length_limit {
            Some(limit) if data.len() > limit => {
                let kept = limit.saturating_sub(ELIDED.len());
                repr(&[&data[..kept], ELIDED].concat())
            }
            _ => repr(data),
        };
        self.line(&format!("{side} {}: {shown}", self.number));
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("number", &self.number).finish_non_exhaustive()
    }
}
