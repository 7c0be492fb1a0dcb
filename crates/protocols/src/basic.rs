//! Lines, netstrings, strings behind their length; sending a file.
//!
//! ```
//! use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
//! use reactor_compat::{Protocol, testing::StringTransport};
//!
//! struct Shout;
//!
//! impl Protocol<LineTransport> for Shout {}
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
//! whose transport knows what is spoken; a parser, with no connection in it,
//! finds what came. The codecs for `tokio_util` (feature `codec`) stand on the
//! same parsers. A client that has connected speaks by [`SendLine`] and
//! [`SendString`]. `LineStream` and `StringStream` (feature `stream`) are streams
//! and sinks of what a connection receives and sends.
//!
//! | trait | protocol | transport | parser | in Twisted |
//! |---|---|---|---|---|
//! | [`LineReceiver`] | [`Lines`] | [`LineTransport`] | [`LineParser`] | `LineReceiver`, `LineOnlyReceiver` |
//! | [`StringReceiver`] | [`Netstrings`] | [`FramedTransport`] | [`StringParser`] | `NetstringReceiver` |
//! | [`StringReceiver`] | [`Int8Strings`], [`Int16Strings`], [`Int32Strings`] | [`FramedTransport`] | [`StringParser`] | `Int8StringReceiver` and so on |
//!
//! [`FileSender`] sends a file over any transport.
//!
//! Mirrors `twisted.protocols.basic`. Tested in `tests/framing/receivers.rs`.

#[cfg(feature = "codec")]
mod codec;
mod delimiter;
mod error;
mod file_sender;
mod format;
mod framed_transport;
pub(crate) mod held;
mod line_parser;
mod line_receiver;
mod line_transport;
mod lines;
mod netstring;
mod requested;
mod send;
#[cfg(feature = "stream")]
mod stream;
mod string_parser;
mod string_receiver;
mod strings;

#[cfg(feature = "codec")]
pub use codec::{LineCodec, StringCodec};
pub use error::{LineTooLong, NetstringParseError, StringTooLongError};
pub use file_sender::{ConsumerStopped, FileSender};
pub use format::{Format, Int8, Int16, Int32};
pub use framed_transport::{FramedTransport, StringConnection};
pub use line_parser::{LineEvent, LineParser};
pub use line_receiver::LineReceiver;
pub use line_transport::{LineConnection, LineTransport};
pub use lines::Lines;
pub use netstring::Netstring;
pub use send::{SendLine, SendString};
#[cfg(feature = "stream")]
pub use stream::{LineStream, ReceiverStream, StreamClientFactory, StreamHandler, StringStream};
pub use string_parser::StringParser;
pub use string_receiver::StringReceiver;
pub use strings::{Int8Strings, Int16Strings, Int32Strings, Netstrings, Strings};
