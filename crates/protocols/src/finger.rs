//! The users who are logged in (RFC 1288).
//!
//! Mirrors `twisted.protocols.finger`. Tested in `tests/servers/finger.rs`.
//!
//! ```
//! use protocols::basic::Lines;
//! use protocols::finger::{Finger, FingerHandler};
//! use reactor_compat::{Transport, testing::StringTransport};
//!
//! struct Directory;
//!
//! impl FingerHandler for Directory {
//!     fn get_user(&mut self, transport: &Transport, _verbose: bool, user: &[u8]) {
//!         transport.write_sequence([user, b" is happy\n"]);
//!         transport.lose_connection();
//!     }
//! }
//!
//! let transport = StringTransport::new(Lines::new(Finger::new(Directory)));
//! transport.data_received(b"moshez\r\n");
//! assert_eq!(transport.take_value(), b"moshez is happy\n");
//! ```

use reactor_compat::{Protocol, Transport};

use crate::basic::{LineConnection, LineReceiver, LineTransport};

/// Answers the queries of a finger server. Unless it says otherwise, all are
/// denied.
///
/// See the example of the [module](self).
pub trait FingerHandler: 'static {
    /// A client asks about a user of another host. `verbose` is that there was
    /// a `/W`.
    #[doc(alias = "forwardQuery")]
    fn forward_query(&mut self, transport: &Transport, verbose: bool, user: &[u8], host: &[u8]) {
        let _ = (verbose, user, host);
        refuse(transport, b"Finger forwarding service denied");
    }

    /// A client asks who is logged in.
    #[doc(alias = "getDomain")]
    fn get_domain(&mut self, transport: &Transport, verbose: bool) {
        let _ = verbose;
        refuse(transport, b"Finger online list denied");
    }

    /// A client asks about a user.
    #[doc(alias = "getUser")]
    fn get_user(&mut self, transport: &Transport, verbose: bool, user: &[u8]) {
        let _ = verbose;
        transport.write_sequence([b"Login: ", user, b"\n"]);
        refuse(transport, b"No such user");
    }
}

/// Writes a message, and hangs up.
///
/// ```
/// use protocols::{finger::refuse, wire::Discard};
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Discard);
/// refuse(transport.transport(), b"No such user");
/// assert_eq!(transport.take_value(), b"No such user\n");
/// assert!(transport.disconnecting());
/// ```
pub fn refuse(transport: &Transport, message: &[u8]) {
    transport.write_sequence([message, b"\n"]);
    transport.lose_connection();
}

/// A handler that denies everything.
///
/// ```
/// use protocols::{basic::Lines, finger::{Denied, Finger}};
/// use reactor_compat::testing::StringTransport;
///
/// let transport = StringTransport::new(Lines::new(Finger::new(Denied)));
/// transport.data_received(b"\r\n");
/// assert_eq!(transport.take_value(), b"Finger online list denied\n");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Denied;

impl FingerHandler for Denied {}

/// A finger server, whose queries a [`FingerHandler`] answers.
///
/// See the example of the [module](self).
#[derive(Clone, Copy, Debug, Default)]
pub struct Finger<H = Denied> {
    handler: H,
}

impl<H: FingerHandler> Finger<H> {
    /// One whose queries `handler` answers.
    ///
    /// See the example of the [module](self).
    pub fn new(handler: H) -> Self {
        Self { handler }
    }
}

impl<H: FingerHandler> Protocol<LineTransport> for Finger<H> {}

impl<H: FingerHandler> LineReceiver for Finger<H> {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).rev();
        let user = words.next().unwrap_or_default();
        let verbose = words.next().is_some();
        match user.iter().rposition(|byte| *byte == b'@') {
            Some(at) => {
                self.handler.forward_query(transport, verbose, &user[..at], &user[at + 1..]);
            }
            None if user.is_empty() => self.handler.get_domain(transport, verbose),
            None => self.handler.get_user(transport, verbose, user),
        }
    }
}
