//! Networks: how sockets are opened, and what they are.

mod security;
mod stream;

pub use security::{Certificate, Security};
pub use stream::{Stream, StreamEnd};
