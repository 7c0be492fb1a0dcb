//! [`prelude`](self): all that most programs begin with, by one `use`.
//!
//! ```
//! use reactor_compat::prelude::*;
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! let port = reactor().listen_tcp(("127.0.0.1", 0), |_| Echo)?;
//! assert_ne!(port.get_host().port(), Some(0));
//! reactor().call_later(Duration::ZERO, || reactor().stop());
//! reactor().run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tested here.

pub use std::time::Duration;

pub use deferred::{CallbackResult, Deferred, Failure, ensure_deferred};

pub use crate::address::Address;
pub use crate::connection::Connection;
pub use crate::endpoint::{Connect, Listen};
pub use crate::factory::{ClientFactory, Factory};
pub use crate::protocol::Protocol;
pub use crate::reactor::{Reactor, Remote, reactor};
pub use crate::task::{Clock, LoopingCall, defer_later, react};
pub use crate::transport::Transport;
pub use deferred::time::ReactorTime;
