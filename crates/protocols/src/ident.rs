//! The owners of connections (RFC 1413).
//!
//! Mirrors `twisted.protocols.ident`. Tested in `tests/servers/ident.rs`. On
//! Linux, `proc_lookup` finds owners in `/proc`.
//!
//! ```
//! use protocols::basic::Lines;
//! use protocols::ident::{IdentServer, Identity};
//! use reactor_compat::testing::StringTransport;
//!
//! let server = IdentServer::new(|_server, _client| Ok(Identity::new("UNIX", "ada")));
//! let transport = StringTransport::new(Lines::new(server));
//! transport.data_received(b"6191, 23\r\n");
//! assert_eq!(transport.take_value(), b"6191, 23 : USERID : UNIX : ada\r\n");
//! ```

mod client;
#[cfg(target_os = "linux")]
mod proc;

use std::fmt;
use std::rc::Rc;

use deferred::{CallbackResult, Deferred, Failure, maybe_deferred};
use reactor_compat::{Address, Protocol, log};
use thiserror::Error;

pub use client::{IdentClient, MAX_QUERIES};
#[cfg(target_os = "linux")]
pub use proc::{ProcEntry, proc_lookup};

use crate::basic::{LineConnection, LineReceiver, LineTransport};
use crate::in_turn::in_turn;

/// Why nobody says who owns a connection.
///
/// ```
/// use protocols::ident::IdentError;
///
/// assert_eq!(IdentError::NoUser.to_string(), "NO-USER");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", self.name())]
pub enum IdentError {
    /// For no reason that is told.
    #[doc(alias = "UNKNOWN-ERROR")]
    Unknown,
    /// There is no such connection, or nobody owns it.
    #[doc(alias = "NO-USER")]
    NoUser,
    /// A port number is none.
    #[doc(alias = "INVALID-PORT")]
    InvalidPort,
    /// The owner does not want it to be told.
    #[doc(alias = "HIDDEN-USER")]
    HiddenUser,
}

impl IdentError {
    const ALL: [Self; 4] = [Self::Unknown, Self::NoUser, Self::InvalidPort, Self::HiddenUser];

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN-ERROR",
            Self::NoUser => "NO-USER",
            Self::InvalidPort => "INVALID-PORT",
            Self::HiddenUser => "HIDDEN-USER",
        }
    }
}

/// The owner of a connection.
///
/// ```
/// use protocols::ident::Identity;
///
/// assert_eq!(Identity::new("UNIX", "ada").user, "ada");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the system, such as `UNIX` or `OTHER`.
    pub system: String,
    /// The user.
    pub user: String,
}

impl Identity {
    /// A user of a system.
    ///
    /// See the [type's example](Self).
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Self {
        Self { system: system.into(), user: user.into() }
    }
}

/// One end of the connection that is asked about.
///
/// ```
/// use protocols::ident::End;
/// use reactor_compat::Address;
///
/// let end = End { host: Address::Pipe, port: 80 };
/// assert_eq!(end.port, 80);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The host: its address on the connection on which is asked, with the
    /// port of that.
    pub host: Address,
    /// The port that is asked about.
    pub port: u16,
}

type Lookup = Rc<dyn Fn(&End, &End) -> Deferred<Identity>>;

/// An ident server.
///
/// Queries are answered one at a time, in the order in which they came. What
/// makes no sense closes the connection.
///
/// See the example of the [module](self).
pub struct IdentServer {
    lookup: Lookup,
}

impl IdentServer {
    /// One that asks `lookup` who owns the connection between our end and the
    /// client's. It answers at once or by a Deferred; what it fails with, if it
    /// is no [`IdentError`], is logged, and an unknown error to the client.
    ///
    /// See the example of the [module](self).
    pub fn new<R: CallbackResult<Value = Identity>>(
        lookup: impl Fn(&End, &End) -> R + 'static,
    ) -> Self {
        Self { lookup: Rc::new(move |ours, theirs| maybe_deferred(|| lookup(ours, theirs))) }
    }
}

/// One that knows nobody.
impl Default for IdentServer {
    fn default() -> Self {
        Self::new(|_, _| Err::<Identity, _>(IdentError::Unknown.into()))
    }
}

impl Protocol<LineTransport> for IdentServer {}

impl LineReceiver for IdentServer {
    /// RFC 1413 has no more than a thousand characters in a line.
    const MAX_LENGTH: usize = 1000;

    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let Some((ours, theirs)) = parse_ports(line) else { return transport.lose_connection() };
        let valid = |port: &str| port.parse().ok().filter(|port: &u16| *port != 0);
        let found = match (valid(&ours), valid(&theirs)) {
            (Some(port), Some(peers_port)) => {
                let server = End { host: transport.get_host().clone(), port };
                let client = End { host: transport.get_peer().clone(), port: peers_port };
                (self.lookup)(&server, &client)
            }
            _ => Deferred::fail(IdentError::InvalidPort),
        };
        in_turn(transport, self, found, move |_this, transport, found| {
            transport.write(answer(&ours, &theirs, found));
        });
    }
}

impl fmt::Debug for IdentServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentServer")
    }
}

fn answer(ours: &str, theirs: &str, found: Result<Identity, Failure>) -> String {
    match found {
        Ok(Identity { system, user }) => {
            let (system, user) = (in_line(&system), in_line(&user));
            format!("{ours}, {theirs} : USERID : {system} : {user}\r\n")
        }
        Err(failure) => {
            let error = failure.check().copied().unwrap_or(IdentError::Unknown);
            if !failure.is::<IdentError>() {
                log::err(failure, "an ident lookup");
            }
            format!("{ours}, {theirs} : ERROR : {error}\r\n")
        }
    }
}

/// As much as fits into a line.
fn in_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// Two whole numbers, with a comma between them.
fn parse_ports(line: &[u8]) -> Option<(String, String)> {
    let (ours, theirs) = std::str::from_utf8(line).ok()?.split_once(',')?;
    Some((parse_number(ours)?, parse_number(theirs)?))
}

/// A whole number of any size, as it is written without need.
fn parse_number(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits if text.starts_with('-') => format!("-{digits}"),
        digits => digits.to_owned(),
    })
}
