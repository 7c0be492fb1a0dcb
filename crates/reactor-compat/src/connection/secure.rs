//! How a connection's driver turns to TLS.

use std::io;
use std::task::{Context, Poll};

use deferred::Failure;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Driver;
use super::driver::{Sent, Step};
use crate::connection_event::ConnectionEvent;
use crate::error::ConnectionLost;
use crate::protocol::Protocol;
use crate::tls::TlsError;

impl<S: AsyncRead + AsyncWrite + Unpin, P: Protocol> Driver<S, P> {
    /// Begins and goes on with a handshake, if there is to be one. A step, if
    /// that is all that can be done for now.
    pub(super) fn secure(&mut self, cx: &mut Context<'_>) -> Option<Step> {
        if self.link().sendable() == 0 {
            self.change(cx)?;
        }
        match self.setup.stream.poll_handshake(cx) {
            Poll::Ready(Ok(None)) => None,
            Poll::Ready(Ok(Some(secured))) => {
                self.link().set_secured(secured);
                self.tell(ConnectionEvent::HandshakeCompleted);
                Some(Step::Again)
            }
            Poll::Ready(Err(error)) => Some(self.broken(error)),
            Poll::Pending => Some(Step::Wait),
        }
    }

    /// Turns to TLS, when the stream has passed on all that was to go out
    /// before.
    fn change(&mut self, cx: &mut Context<'_>) -> Option<()> {
        if let Sent::All = self.flush(cx, false) {
            let security = self.link().take_change()?;
            self.setup.stream.secure(security);
        }
        Some(())
    }
}

/// The reason of a connection whose stream gave `error`.
pub(super) fn reason_of(error: io::Error) -> Failure {
    match TlsError::of(&error) {
        Some(error) => Failure::new(error),
        None => ConnectionLost::from(error).into(),
    }
}
