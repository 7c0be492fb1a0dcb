//! Networks: what opens ports and connections, and what they are made of.
//!
//! A [`Reactor`](crate::Reactor) has a [`Network`]. It is the operating
//! system's, [`SystemNetwork`], unless
//! [`with_network`](crate::Reactor::with_network) says otherwise. With the
//! feature `testing` there are two more: `testing::MemoryNetwork`, which a
//! test moves by hand, and that of a `testing::Simulation`, which has nodes,
//! links and a clock of its own. And there is whatever else implements the
//! trait, over one of these or by itself.
//!
//! # Layout
//!
//! - [`Network`]: connects and listens; looks names up; adopts what exists.
//! - [`Stream`]: a connection as a network gives it, in a [`SharedStream`].
//! - [`Listener`], [`Datagrams`]: a port as a network gives it.
//! - [`ChildProcess`]: a process as a network starts it, on UNIX.
//! - [`DialRequest`], [`ListenRequest`]: what a reactor wants of a network.

mod api;
mod datagrams;
mod dial;
mod guarded;
mod listen;
mod listener;
mod names;
mod plain;
#[cfg(unix)]
mod process;
mod request;
mod security;
mod shared;
mod stream;
mod system;

pub use api::{Connecting, Network};
pub use datagrams::Datagrams;
pub(crate) use listen::first_of;
pub use listener::Listener;
pub(crate) use names::names_of;
pub(crate) use plain::PlainStream;
#[cfg(unix)]
pub use process::ChildProcess;
pub use request::{DialRequest, ListenRequest, ListenTarget};
pub use security::{Certificate, Security};
pub use shared::SharedStream;
pub use stream::{Backlog, Stream, StreamEnd};
pub use system::SystemNetwork;
