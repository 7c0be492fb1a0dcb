//! The errors of a multiplexer: of the whole connection, and of one channel.
//!
//! Tested in `tests/multiplexer/frames.rs` and `tests/multiplexer/opening.rs`.

use thiserror::Error;

use super::frame::{ChannelId, FrameError};

/// The peer broke the rules, or says that we did: the whole connection ends, and
/// every channel has this for its reason.
///
/// ```
/// use examples::multiplexer::{FrameError, MultiplexerError};
///
/// let error = MultiplexerError::from(FrameError::UnknownKind(9));
/// assert_eq!(error.to_string(), "a frame of the unknown kind 9");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MultiplexerError {
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A channel was opened with a number that was not the next.
    #[error("{0} was opened out of turn")]
    OutOfTurn(ChannelId),
    /// A channel was opened by a peer that had said that it wants no more.
    #[error("{0} was opened by a peer that wants no more")]
    OpenedLate(ChannelId),
    /// A frame is about a channel that was never opened.
    #[error("{0} was never opened")]
    NotOpened(ChannelId),
    /// Something came on a channel that the peer had not accepted.
    #[error("{0} was used before it was accepted")]
    NotAccepted(ChannelId),
    /// More data came than was permitted.
    #[error("more came on {0} than its window allows")]
    WindowExceeded(ChannelId),
    /// More was permitted than can be counted.
    #[error("more was permitted on {0} than can be counted")]
    CreditOverflow(ChannelId),
    /// Something came on a channel after its end.
    #[error("something came on {0} after its end")]
    AfterEnd(ChannelId),
    /// The peer says that we broke the rules.
    #[error("the peer gave up on what it got from us")]
    PeerGaveUp,
}

/// A channel cannot be opened.
///
/// ```
/// use examples::multiplexer::OpenError;
///
/// let error = OpenError::TooMany { limit: 64 };
/// assert_eq!(error.to_string(), "64 channels are open already");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum OpenError {
    /// The connection has not been made, or is gone.
    #[error("there is no connection")]
    NotConnected,
    /// One of the two ends wants no more channels.
    #[error("the connection is closing")]
    Closing,
    /// As many as may be are open.
    #[error("{limit} channels are open already")]
    TooMany {
        /// How many may be.
        limit: usize,
    },
    /// All numbers are used up.
    #[error("this connection has had all the channels that it can")]
    UsedUp,
}

/// The peer did not accept a channel that we opened: the reason of its
/// `connection_lost`.
///
/// ```
/// use examples::multiplexer::ChannelRefused;
///
/// assert_eq!(ChannelRefused.to_string(), "the peer refused the channel");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the peer refused the channel")]
pub struct ChannelRefused;
