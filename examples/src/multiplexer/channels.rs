//! [`Channels`]: a handle to the channels of a connection.
//!
//! Tested in `tests/multiplexer/opening.rs` and `tests/multiplexer/ending.rs`.

use std::fmt;
use std::rc::Rc;

use reactor_compat::{Connection, Protocol, Reactor};

use super::core::Core;
use super::error::OpenError;
use super::frame::ChannelId;
use super::stream::ChannelStream;
use super::table::Table;

/// A handle to the channels of a connection: opens them, and closes all.
///
/// It is cheap to clone, and may be kept; when the connection is gone it opens
/// nothing any more.
///
/// See the example of [`Multiplexer`](super::Multiplexer).
#[derive(Clone)]
pub struct Channels {
    core: Rc<Core>,
    reactor: Reactor,
}

impl Channels {
    pub(super) fn new(core: Rc<Core>, reactor: Reactor) -> Self {
        Self { core, reactor }
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Opens a channel for `protocol`, whose `connection_made` is called in the
    /// next turn. What it writes goes out when the peer has accepted the channel;
    /// if it does not, `connection_lost` gets a
    /// [`ChannelRefused`](super::ChannelRefused).
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the protocol is dropped.
    ///
    /// See the example of [`Multiplexer`](super::Multiplexer).
    pub fn connect<P: Protocol>(&self, protocol: P) -> Result<Connection<P>, OpenError> {
        let id = self.core.change(Table::open)?;
        Ok(self.serve(id, protocol))
    }

    /// Gives a channel that is open a protocol.
    pub(super) fn serve<P: Protocol>(&self, id: ChannelId, protocol: P) -> Connection<P> {
        let stream = ChannelStream::new(self.core.clone(), id);
        let connection = self.reactor.serve_stream(stream, protocol);
        let transport = connection.transport().clone();
        self.core.change(|table| table.attach(id, transport));
        connection
    }

    /// Closes every channel, as
    /// [`lose_connection`](reactor_compat::Transport::lose_connection) does, and
    /// when the last one is gone, the connection. The peer is told at once that
    /// no more channels are wanted.
    ///
    /// ```
    /// use examples::multiplexer::{ChannelHandler, Channels, Multiplexer, OpenError};
    /// use reactor_compat::testing::connect;
    /// use reactor_compat::{Protocol, reactor};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// struct Handler;
    ///
    /// impl ChannelHandler for Handler {
    ///     type Protocol = Silent;
    ///     fn build_protocol(&mut self, _: &Channels) -> Option<Silent> {
    ///         Some(Silent)
    ///     }
    /// }
    ///
    /// let (server, client) =
    ///     (Multiplexer::new(&reactor(), Handler), Multiplexer::new(&reactor(), Handler));
    /// let channels = client.channels();
    /// let pair = connect(server, client);
    /// channels.close();
    /// assert_eq!(channels.connect(Silent).unwrap_err(), OpenError::Closing);
    /// pair.flush()?;
    /// assert!(!pair.server().connected());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn close(&self) {
        self.core.leave();
    }

    /// Whether there is a connection, and neither end is closing it.
    ///
    /// ```
    /// use examples::multiplexer::{ChannelHandler, Channels, Multiplexer};
    /// use reactor_compat::{Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// # struct Handler;
    /// # impl ChannelHandler for Handler {
    /// #     type Protocol = Silent;
    /// #     fn build_protocol(&mut self, _: &Channels) -> Option<Silent> {
    /// #         None
    /// #     }
    /// # }
    ///
    /// let multiplexer = Multiplexer::new(&reactor(), Handler);
    /// assert!(!multiplexer.channels().connected(), "nobody has connected it");
    /// ```
    pub fn connected(&self) -> bool {
        self.core.look(Table::is_open)
    }

    /// How many channels there are, those that are ending included.
    ///
    /// See the example of [`Multiplexer`](super::Multiplexer).
    pub fn count(&self) -> usize {
        self.core.look(Table::len)
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels")
            .field("transport", &self.core.transport())
            .field("count", &self.count())
            .finish()
    }
}
