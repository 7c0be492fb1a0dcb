//! [`Choosing`]: a connection for which no protocol is chosen yet.

#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::held::Held;
use super::{AnyProtocol, NotChosen, State};
use crate::connection::Connection;
use crate::protocol::ConnectionEvent;
use crate::transport::Transport;

/// How many descriptors may come before a protocol is chosen: as many as may
/// wait to be sent.
#[cfg(unix)]
const MAX_DESCRIPTORS: usize = 256;

type Choose = Box<dyn FnMut(&Transport, &[u8]) -> Option<AnyProtocol>>;

/// A connection for which no protocol is chosen yet.
pub(super) struct Choosing {
    choose: Choose,
    /// Events that the protocol has to hear besides.
    events: Vec<Kept>,
}

/// An event that is kept.
pub(super) enum Kept {
    HandshakeCompleted,
    #[cfg(unix)]
    Descriptor(OwnedFd),
}

impl Kept {
    pub(super) fn is_descriptor(&self) -> bool {
        !matches!(self, Self::HandshakeCompleted)
    }
}

impl From<Kept> for ConnectionEvent<'static> {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::HandshakeCompleted => Self::HandshakeCompleted,
            #[cfg(unix)]
            Kept::Descriptor(descriptor) => Self::FileDescriptorReceived(descriptor),
        }
    }
}

impl AnyProtocol {
    /// A protocol that `choose` chooses by what the peer says. It gets all the
    /// bytes that have come, whenever more have, and is asked as well when a
    /// TLS handshake is over, when there are no bytes yet: then the transport's
    /// `negotiated_protocol` says what was agreed on. It is not asked any more
    /// once it has chosen.
    ///
    /// The protocol that is chosen hears all that has happened: that the
    /// connection is made, that the handshake is over, the descriptors that
    /// came, and the bytes.
    ///
    /// More than [`MAX_UNREAD`](Self::MAX_UNREAD) bytes without a choice, or 256
    /// descriptors, cut the connection: see [`NotChosen`]. Where the peer ends
    /// first, it is closed. Nothing bounds how long a peer may say nothing.
    ///
    /// ```
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{AnyProtocol, Connection, Protocol};
    ///
    /// struct Json;
    ///
    /// impl Protocol for Json {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         assert!(data.starts_with(b"{"));
    ///         transport.write("{}");
    ///     }
    /// }
    ///
    /// struct Text;
    ///
    /// impl Protocol for Text {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data.to_ascii_uppercase());
    ///     }
    /// }
    ///
    /// let both = || {
    ///     AnyProtocol::choose(|_, data| match data.first()? {
    ///         b'{' => Some(AnyProtocol::new(Json)),
    ///         _ => Some(AnyProtocol::new(Text)),
    ///     })
    /// };
    /// let json = StringTransport::new(both());
    /// json.data_received(b"{\"hello\": 1}");
    /// assert_eq!(json.take_value(), b"{}");
    /// let text = StringTransport::new(both());
    /// text.data_received(b"hello");
    /// assert_eq!(text.take_value(), b"HELLO");
    /// ```
    pub fn choose(choose: impl FnMut(&Transport, &[u8]) -> Option<Self> + 'static) -> Self {
        let choosing = Choosing { choose: Box::new(choose), events: Vec::new() };
        Self::with(State::Choosing(Box::new(choosing)), Rc::default())
    }
}

impl Choosing {
    /// Looks at an event; what is chosen, if something is.
    pub(super) fn handle(
        &mut self,
        connection: &Connection<AnyProtocol>,
        held: &Held,
        event: ConnectionEvent<'_>,
    ) -> Option<AnyProtocol> {
        match event {
            ConnectionEvent::DataReceived(data) => held.seen.borrow_mut().extend_from_slice(data),
            ConnectionEvent::HandshakeCompleted => self.events.push(Kept::HandshakeCompleted),
            #[cfg(unix)]
            ConnectionEvent::FileDescriptorReceived(descriptor) => {
                self.events.push(Kept::Descriptor(descriptor));
                if self.descriptors() > MAX_DESCRIPTORS {
                    self.give_up(connection, held);
                }
                return None;
            }
            ConnectionEvent::ReadConnectionLost => {
                connection.lose_connection();
                return None;
            }
            ConnectionEvent::ConnectionMade
            | ConnectionEvent::LayerPushed
            | ConnectionEvent::Resumed
            | ConnectionEvent::WriteConnectionLost
            | ConnectionEvent::ConnectionLost(_) => return None,
        }
        let seen = held.seen.take();
        let chosen = (self.choose)(connection, &seen);
        if connection.switching() {
            // A layer was pushed, and is to get what came before.
            connection.unread(&seen);
            return chosen;
        }
        let too_many = seen.len() > AnyProtocol::MAX_UNREAD;
        held.seen.replace(seen);
        if chosen.is_none() && too_many {
            self.give_up(connection, held);
        }
        chosen
    }

    fn descriptors(&self) -> usize {
        self.events.iter().filter(|kept| kept.is_descriptor()).count()
    }

    /// Cuts the connection.
    #[cold]
    fn give_up(&mut self, connection: &Connection<AnyProtocol>, held: &Held) {
        let bytes = held.seen.take().len();
        let error = NotChosen { bytes, descriptors: self.descriptors() };
        crate::log::err(error, "");
        self.events.clear();
        connection.fail(error);
    }

    /// Takes out what has to be heard besides the bytes.
    pub(super) fn take_events(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.events)
    }
}
