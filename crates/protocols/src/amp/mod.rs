//! Asynchronous Messaging Protocol: calls, in both directions, over one
//! connection.
//!
//! One side calls a [`Command`], the other answers it, or answers with an
//! error; many calls may be on their way at a time, and either side may call. A
//! command is a struct of its arguments:
//!
//! ```
//! use deferred::testing::success_result_of;
//! use protocols::amp::{Amp, CallRemote, Command, NoError, Responders};
//! use reactor_compat::testing::StringTransport;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Sum { a: i64, b: i64 }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Total { total: i64 }
//!
//! impl Command for Sum {
//!     const NAME: &str = "Sum";
//!     type Response = Total;
//!     type Error = NoError;
//! }
//!
//! let responders = Responders::new().function(|Sum { a, b }| Ok(Total { total: a + b }));
//! let server = StringTransport::new(Amp::with_responders(&responders));
//! let client = StringTransport::new(Amp::new());
//!
//! let answer = client.connection().call_remote(Sum { a: 13, b: 81 });
//! server.data_received(&client.take_value());
//! client.data_received(&server.take_value());
//! assert_eq!(success_result_of(answer).total, 94);
//! ```
//!
//! # Layout
//!
//! | here | in `twisted.protocols.amp` |
//! |---|---|
//! | [`Command`], [`CommandError`], [`NoError`] | `Command`, its `errors` and `fatalErrors` |
//! | [`Amp`]: the protocol of a connection | `AMP` |
//! | [`Responders`]: the functions that answer | `CommandLocator`, `Command.responder` |
//! | [`AmpTransport`], [`AmpConnection`], [`CallRemote`]: the other side, to be called | `callRemote`, `callRemoteString` |
//! | [`AmpBox`], [`BoxRef`], [`BoxParser`] | `AmpBox`, `BinaryBoxProtocol`, `parse` |
//! | [`Bytes`], [`Integer`], [`Decimal`], [`DateTime`]: types of arguments | `String`, `Integer`, `Decimal`, `DateTime` |
//! | [`BigString`]: more than 64 KiB | |
//! | `Descriptor`: what goes over UNIX connections only | `Descriptor` |
//! | `BoxCodec`: boxes for `tokio_util` (feature `codec`) | |
//! | `AmpService`, `Responders::service`: services of `tower` (feature `tower`) | |
//! | [`Argument`], [`Field`], [`Value`]: types known when the program runs | `Argument` |
//! | [`Limits`], [`MAX_KEY_LENGTH`], [`MAX_VALUE_LENGTH`] | |
//! | [`RemoteAmpError`], [`UnknownRemoteError`], [`UnhandledCommand`], [`TooLong`] and others | the same |
//!
//! Each type's argument on the wire is in the table at [`Command`].
//!
//! Mirrors `twisted.protocols.amp`. Tested in `tests/amp/calls.rs` and its
//! neighbours, and against Twisted by the interop package.

mod amp_box;
mod argument;
mod argument_error;
mod attached;
mod big_string;
#[cfg(feature = "codec")]
mod codec;
mod command;
mod date_time;
mod de;
mod decimal;
#[cfg(unix)]
mod descriptor;
mod dispatcher;
mod encoder;
mod error;
mod incoming_call;
mod integer;
mod limits;
mod load;
mod parser;
mod protocol;
mod python;
mod remote_error;
mod responders;
mod ser;
#[cfg(feature = "tower")]
mod service;
#[cfg(feature = "tls")]
mod start_tls;
mod switch;
mod transport;
mod wire;

pub use bytes::Bytes;

pub use amp_box::AmpBox;
pub use argument::{Argument, Field, Objects, Value, objects_to_strings, strings_to_objects};
pub use argument_error::ArgumentError;
use big_string::BIG_STRING;
pub use big_string::BigString;
#[cfg(feature = "codec")]
pub use codec::BoxCodec;
pub use command::{Command, CommandError, NoError};
pub use date_time::DateTime;
pub use decimal::Decimal;
#[cfg(unix)]
pub use descriptor::Descriptor;
pub use error::{
    BadLocalReturn, BoxError, MalformedAmpBox, NoEmptyBoxes, TooLong, TooManyCommands,
    TooManyDescriptors,
};
pub use integer::Integer;
pub use limits::{Limits, MAX_KEY_LENGTH, MAX_VALUE_LENGTH};
pub use parser::{BoxParser, BoxRef};
pub use protocol::Amp;
pub use reactor_compat::ProtocolSwitched;
pub use remote_error::{
    RemoteAmpError, UNHANDLED_ERROR_CODE, UNKNOWN_ERROR_CODE, UnhandledCommand, UnknownRemoteError,
};
pub use responders::Responders;
#[cfg(feature = "tower")]
pub use service::AmpService;
#[cfg(feature = "tls")]
pub use start_tls::{OnlyOneTls, StartTls, TooMuchHeld};
pub use transport::{AmpConnection, AmpTransport, CallRemote};
