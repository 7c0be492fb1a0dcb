//! [`Multiplexer`]: the protocol that carries channels.
//!
//! Mirrors `SSHConnection` of `twisted.conch.ssh.connection`. Tested in
//! `tests/multiplexer/`.

use std::borrow::Cow;
use std::fmt;

use deferred::Failure;
use protocols::basic::{Int16, StringParser};
use reactor_compat::{Connection, Protocol, Reactor, short_name};

use super::channels::Channels;
use super::core::Core;
use super::error::MultiplexerError;
use super::frame::{Frame, FrameError, MOST};
use super::limits::Limits;
use super::table::Table;

/// Decides about the channels that a peer opens, and hears of the connection.
///
/// See the example of [`Multiplexer`].
pub trait ChannelHandler: Sized + 'static {
    /// The protocol of the channels that the peer opens.
    type Protocol: Protocol;

    /// A protocol for a channel that the peer opened; `None` to refuse it.
    fn build_protocol(&mut self, channels: &Channels) -> Option<Self::Protocol>;

    /// The connection is there: channels can be opened.
    fn connection_made(&mut self, channels: &Channels) {
        let _ = channels;
    }

    /// The connection is gone: a [`MultiplexerError`] where the peer broke the
    /// rules, else what ended the connection. Each channel hears it from its own
    /// `connection_lost`.
    fn connection_lost(&mut self, channels: &Channels, reason: Failure) {
        let _ = (channels, reason);
    }
}

/// A protocol that carries many channels over its one connection, each of which is
/// a connection to the protocol there.
///
/// Either end opens channels, with [`Channels::connect`]. A channel has all that a
/// connection has: water marks, a producer, half-closes, an abort that its peer
/// sees as [`ConnectionLost`](reactor_compat::ConnectionLost). One that is not read
/// holds up nobody else. Close the connection with [`Channels::close`]; a
/// `lose_connection` on the transport below does not ask the channels, and a loss
/// is heard in each of them.
///
/// ```
/// use examples::multiplexer::{ChannelHandler, Channels, Multiplexer};
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{Connection, Protocol};
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data.to_ascii_uppercase());
///     }
/// }
///
/// /// Both ends are alike, and shout on whatever channel the other one opens.
/// struct Handler;
///
/// impl ChannelHandler for Handler {
///     type Protocol = Shout;
///     fn build_protocol(&mut self, _: &Channels) -> Option<Shout> {
///         Some(Shout)
///     }
/// }
///
/// struct Say(&'static str);
///
/// impl Protocol for Say {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write(self.0);
///     }
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         assert_eq!(data, self.0.to_ascii_uppercase().as_bytes());
///         transport.lose_connection();
///     }
/// }
///
/// let reactor = MemoryReactor::new();
/// let client = Multiplexer::new(&reactor, Handler);
/// let channels = client.channels();
/// let pair = reactor.connect(Multiplexer::new(&reactor, Handler), client);
/// let (one, two) = (channels.connect(Say("hello"))?, channels.connect(Say("world"))?);
/// assert_eq!(channels.count(), 2);
/// pair.flush()?;
/// assert!(one.gone() && two.gone());
/// assert_eq!(channels.count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Multiplexer<H> {
    handler: H,
    channels: Channels,
    parser: StringParser<Int16>,
    /// The error for which we had the connection closed, if it was for one.
    refused: Option<MultiplexerError>,
}

impl<H: ChannelHandler> Multiplexer<H> {
    /// One that serves its channels with `reactor`, and takes as much as the usual
    /// [`Limits`] allow.
    ///
    /// See the [type's example](Self).
    pub fn new(reactor: &Reactor, handler: H) -> Self {
        let channels = Channels::new(Core::new(Limits::default()), reactor.clone());
        Self { handler, channels, parser: StringParser::new(MOST), refused: None }
    }

    /// Sets how much it takes. For a multiplexer that has no connection yet.
    ///
    /// ```
    /// # use examples::multiplexer::{ChannelHandler, Channels, Limits, Multiplexer};
    /// # use reactor_compat::{Protocol, reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// # struct Handler;
    /// # impl ChannelHandler for Handler {
    /// #     type Protocol = Silent;
    /// #     fn build_protocol(&mut self, _: &Channels) -> Option<Silent> {
    /// #         None
    /// #     }
    /// # }
    /// let one_only = Limits::default().with_most_channels(1);
    /// let multiplexer = Multiplexer::new(&reactor(), Handler).limits(one_only);
    /// assert_eq!(multiplexer.channels().count(), 0);
    /// ```
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.channels.core().change(|table| table.set_limits(limits));
        self
    }

    /// A handle to its channels.
    ///
    /// See the [type's example](Self).
    pub fn channels(&self) -> Channels {
        self.channels.clone()
    }

    /// Handles what came, frame by frame.
    fn parse(&mut self, mut data: &[u8]) -> Result<(), MultiplexerError> {
        let Self { handler, channels, parser, .. } = self;
        while let Some(bytes) = parser.next_string(&mut data) {
            let bytes = bytes.map_err(|error| FrameError::TooLong(error.length))?;
            let frame = Frame::decode(bytes)?;
            let opened = channels.core().change(|table| table.receive(frame))?;
            if let Some((id, credit)) = opened {
                let protocol = handler.build_protocol(channels);
                let accepted = protocol.is_some();
                // The handler may have closed the connection meanwhile.
                let accepted =
                    channels.core().change(|table| table.answer(id, accepted.then_some(credit)));
                if let Some(protocol) = protocol.filter(|_| accepted) {
                    channels.serve(id, protocol);
                }
            }
        }
        Ok(())
    }
}

impl<H: ChannelHandler> Protocol for Multiplexer<H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<H>().into()
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        match self.channels.core().begin(transport) {
            // It may have been closed before it was made.
            Ok(()) if !transport.connected() => {}
            Ok(()) => self.handler.connection_made(&self.channels),
            Err(error) => transport.fail(error),
        }
    }

    fn data_received(&mut self, _transport: &Connection<Self>, data: &[u8]) {
        if self.channels.core().look(Table::is_over) {
            return;
        }
        if let Err(error) = self.parse(data) {
            self.refused = Some(error);
            self.channels.core().give_up(error);
        }
    }

    fn read_connection_lost(&mut self, _transport: &Connection<Self>) {
        self.channels.core().close();
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, reason: Failure) {
        let reason = self.refused.map_or(reason, Failure::new);
        self.channels.core().lost(&reason);
        self.handler.connection_lost(&self.channels, reason);
    }
}

impl<H> fmt::Debug for Multiplexer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplexer")
            .field("channels", &self.channels)
            .field("held", &self.parser.held())
            .finish_non_exhaustive()
    }
}
