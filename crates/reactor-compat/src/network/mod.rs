//! Networks: how sockets are opened, and what they are.

mod security;
mod shared;
mod stream;

pub use security::{Certificate, Security};
pub use shared::SharedStream;
pub use stream::{Stream, StreamEnd};
