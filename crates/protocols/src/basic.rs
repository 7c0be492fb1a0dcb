//! Lines, netstrings, strings behind their length; sending a file.
//!
//! ```
//! use protocols::basic::{LineConnection, LineReceiver, Lines};
//! use reactor_compat::testing::StringTransport;
//!
//! struct Shout;
//!
//! impl LineReceiver for Shout {
//!     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
//!         transport.send_line(line.to_ascii_uppercase());
//!     }
//! }
//!
//! let transport = StringTransport::new(Lines::new(Shout));
//! transport.data_received(b"hel");
//! transport.data_received(b"lo\r\nyou\r\n");
//! assert_eq!(transport.take_value(), b"HELLO\r\nYOU\r\n");
//! ```
//!
//! # Layout
//!
//! A user implements a trait; a protocol runs it, and gives it a connection
//! that knows what is spoken; a parser, with no connection in it, finds what
//! came. The codecs for `tokio_util` (feature `codec`) stand on the same
//! parsers.
//!
//! | trait | protocol | connection | parser | in Twisted |
//! |---|---|---|---|---|
//! | [`LineReceiver`] | [`Lines`] | [`LineConnection`] | [`LineParser`] | `LineReceiver`, `LineOnlyReceiver` |
//! | [`StringReceiver`] | [`Netstrings`] | [`StringConnection`] | [`NetstringParser`] | `NetstringReceiver` |
//! | | [`Int8Strings`], [`Int16Strings`], [`Int32Strings`] | | [`IntNStringParser`] | `Int32StringReceiver` |
//!
//! Mirrors `twisted.protocols.basic`. Tested in `tests/basic.rs`.

mod delimiter;
mod error;
mod flow;
mod held;
mod int_string_parser;
mod line_connection;
mod line_parser;
mod line_receiver;
mod lines;
mod netstring_parser;
mod string_connection;
mod string_parser;
mod string_receiver;
mod strings;

pub use error::{LineTooLong, NetstringParseError, StringTooLongError};
pub use int_string_parser::{IntNStringParser, Prefix};
pub use line_connection::LineConnection;
pub use line_parser::{LineEvent, LineParser};
pub use line_receiver::LineReceiver;
pub use lines::Lines;
pub use netstring_parser::NetstringParser;
pub use string_connection::StringConnection;
pub use string_parser::StringParser;
pub use string_receiver::StringReceiver;
pub use strings::{Int8Strings, Int16Strings, Int32Strings, Netstrings, Strings};
