//! Many channels over one connection, each of them a connection to its protocol.
//!
//! Mirrors the channels of `twisted.conch.ssh.connection`, over any transport.
//! Tested in `tests/multiplexer/`.
//!
//! ```text
//! Connection<P>  Connection<P>  ...      each with its transport and its driver
//!      │              │
//! ChannelStream  ChannelStream  ...      a Stream, given to serve_stream
//!      └──────┬───────┘
//!            Core ── Table               the channels: windows, turns, ends
//!             │
//!    Connection<Multiplexer<H>>          the one connection: TCP, TLS, a layer, ...
//! ```
//!
//! - **Windows.** An end may send on a channel no more than its peer has permitted.
//!   What is read is permitted anew, in pieces of half a window. So what is not
//!   read is bounded, and the connection is always read: no channel holds up
//!   another.
//! - **Turns.** While the connection below is held up, a channel keeps one frame;
//!   when it goes on, the channels take turns.
//! - **Ends.** Each direction has its end. An abort resets the channel, and so does
//!   a close that the peer does not answer within the connection's linger. When
//!   the connection is lost, or the peer breaks the rules, every channel hears why.
//!
//! What is said, and how, is at [`Frame`].

mod channel;
mod channels;
mod core;
mod error;
mod frame;
mod limits;
mod protocol;
mod stream;
mod table;

pub use channels::Channels;
pub use error::{ChannelRefused, MultiplexerError, OpenError};
pub use frame::{ChannelId, Frame, FrameError, GoAwayCause, MOST_DATA, Opener, ResetCause};
pub use limits::Limits;
pub use protocol::{ChannelHandler, Multiplexer};
