//! How a connection turns to TLS: what its handles and its driver know of it.

use std::rc::Rc;

use super::link::{Cover, Link};
use crate::network::Security as Secured;
use crate::tls::Security;

/// What the extras of a connection hold of TLS.
#[derive(Default)]
pub(super) struct Tls {
    /// The change that was asked for.
    change: Option<Security>,
    /// What the handshake found out.
    secured: Option<Rc<Secured>>,
}

impl Link {
    /// Asks for a change to TLS behind all that was written; whether there was
    /// none yet.
    pub(crate) fn begin_change(&self, security: Security) -> bool {
        if self.cover() != Cover::Bare {
            return false;
        }
        self.extras().tls.change = Some(security);
        self.set_cover(Cover::Changing { before: self.unsent() });
        self.wake();
        true
    }

    /// The change, now that all is sent that was written before.
    pub(crate) fn take_change(&self) -> Option<Security> {
        let change = self.extras().tls.change.take()?;
        self.set_cover(Cover::Tls);
        Some(change)
    }

    /// What the handshake found out.
    pub(crate) fn secured(&self) -> Option<Rc<Secured>> {
        self.extra(|extras| extras.tls.secured.clone())
    }

    pub(crate) fn set_secured(&self, secured: Secured) {
        self.extras().tls.secured = Some(Rc::new(secured));
    }
}
