//! [`Peer`]: the other side of a protocol that passes on what it gets.
//!
//! Tested in `tests/servers/portforward.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use reactor_compat::{ProducerKind, Transport};

/// The other side of a protocol that passes on what it gets; there is none at
/// first.
///
/// Two that are [joined](Self::join) are each the producer of the other.
/// Clones are the same side.
///
/// ```
/// use protocols::{portforward::Peer, wire::Discard};
/// use reactor_compat::testing::StringTransport;
///
/// let (here, there) = (StringTransport::new(Discard), StringTransport::new(Discard));
/// let (ours, theirs) = (Peer::default(), Peer::default());
/// assert!(Peer::join((here.transport(), &ours), (there.transport(), &theirs)));
/// ours.write(b"hello");
/// assert_eq!(there.take_value(), b"hello");
///
/// ours.end(here.transport());
/// assert!(here.disconnecting() && there.disconnecting());
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "setPeer")]
pub struct Peer {
    other: Rc<RefCell<Option<Transport>>>,
}

impl Peer {
    /// Makes each the peer, and the producer, of the other. Says no if either
    /// is no longer open, or has a producer already; then nothing has changed.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn join(one: (&Transport, &Self), other: (&Transport, &Self)) -> bool {
        let ((one, ones), (other, others)) = (one, other);
        if !one.connected() || !other.connected() {
            return false;
        }
        if one.register_producer(other.clone(), ProducerKind::Push).is_err() {
            return false;
        }
        if other.register_producer(one.clone(), ProducerKind::Push).is_err() {
            one.unregister_producer();
            return false;
        }
        ones.other.replace(Some(other.clone()));
        others.other.replace(Some(one.clone()));
        true
    }

    /// Whether there is another side.
    ///
    /// ```
    /// assert!(!protocols::portforward::Peer::default().joined());
    /// ```
    pub fn joined(&self) -> bool {
        self.other.borrow().is_some()
    }

    /// The other side.
    ///
    /// ```
    /// assert!(protocols::portforward::Peer::default().transport().is_none());
    /// ```
    pub fn transport(&self) -> Option<Transport> {
        self.other.borrow().clone()
    }

    /// Passes on what came.
    ///
    /// See the [type's example](Self).
    pub fn write(&self, data: &[u8]) {
        if let Some(other) = self.transport() {
            other.write(data);
        }
    }

    /// Our side, `ours`, has ended: closes both, when what was passed on has
    /// been sent.
    ///
    /// See the [type's example](Self).
    pub fn end(&self, ours: &Transport) {
        if let Some(other) = self.other.take() {
            other.unregister_producer();
            other.lose_connection();
            ours.unregister_producer();
        }
        ours.lose_connection();
    }
}
