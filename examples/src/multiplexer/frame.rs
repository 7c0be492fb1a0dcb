//! [`Frame`]: a message between two multiplexers, and its form on the wire.
//!
//! Mirrors the messages of SSH's channels, as `twisted.conch.ssh.connection` has
//! them. Tested here, and in `tests/multiplexer/frames.rs`.
//!
//! A frame is a string behind its length in two bytes, as
//! [`Int16`](protocols::basic::Int16) has it. Numbers are in network byte order.
//!
//! | frame | kind | then |
//! | --- | --- | --- |
//! | [`Open`](Frame::Open) | 1 | the channel, the window (4 bytes) |
//! | [`Credit`](Frame::Credit) | 2 | the channel, the bytes (4 bytes) |
//! | [`Data`](Frame::Data) | 3 | the channel, the data: 1 to 16,384 bytes |
//! | [`End`](Frame::End) | 4 | the channel |
//! | [`Reset`](Frame::Reset) | 5 | the channel, the cause (1 byte) |
//! | [`GoAway`](Frame::GoAway) | 6 | the cause (1 byte) |
//!
//! A channel is four bytes: the first bit says whether the sender of the frame
//! opened it, the others are its number.

use thiserror::Error;

/// How much data a frame carries at most, in bytes.
pub const MOST_DATA: usize = 16 * 1024;

/// The kind and the channel.
const HEAD: usize = 5;

/// How long a frame may be, in bytes, its length not counted.
pub(super) const MOST: usize = HEAD + MOST_DATA;

/// Set where the sender of a frame opened the channel.
const OPENED_BY_SENDER: u32 = 1 << 31;

/// How many channels each end may open during one connection.
pub(super) const NUMBERS: u32 = OPENED_BY_SENDER;

const OPEN: u8 = 1;
const CREDIT: u8 = 2;
const DATA: u8 = 3;
const END: u8 = 4;
const RESET: u8 = 5;
const GO_AWAY: u8 = 6;

/// The end that opened a channel, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opener {
    /// This end.
    We,
    /// The peer.
    They,
}

/// The name of a channel: the end that opened it, and how many that end had opened
/// before.
///
/// ```
/// use examples::multiplexer::{ChannelId, Opener};
///
/// let id = ChannelId { opener: Opener::We, number: 3 };
/// assert_eq!(id.to_string(), "our channel 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    /// The end that opened it.
    pub opener: Opener,
    /// How many that end had opened before.
    pub number: u32,
}

impl std::fmt::Display for ChannelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = match self.opener {
            Opener::We => "our",
            Opener::They => "their",
        };
        write!(f, "{whose} channel {}", self.number)
    }
}

/// Why an end will have nothing more to do with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// It was aborted.
    Aborted,
    /// It was never accepted.
    Refused,
    /// It has ended, and nobody reads there any more.
    Closed,
}

/// Why an end wants no more channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoAwayCause {
    /// It ends those that there are, and then the connection.
    Closing,
    /// What came breaks the rules: it ends the connection.
    ProtocolError,
}

/// A message between two multiplexers.
///
/// ```
/// use examples::multiplexer::{ChannelId, Frame, Opener};
///
/// let id = ChannelId { opener: Opener::We, number: 7 };
/// let mut wire = Vec::new();
/// Frame::Data { id, data: b"hello" }.encode(&mut wire);
/// assert_eq!(wire, b"\0\x0a\x03\x80\0\0\x07hello");
///
/// // To the peer it is theirs.
/// let id = ChannelId { opener: Opener::They, number: 7 };
/// assert_eq!(Frame::decode(&wire[2..]), Ok(Frame::Data { id, data: b"hello" }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Opens a channel, on which the peer may send `window` bytes to begin with.
    Open {
        /// The channel.
        id: ChannelId,
        /// How many bytes may come.
        window: u32,
    },
    /// Permits the peer to send so many bytes more. The first one, to the end
    /// that opened the channel, says that it is accepted.
    Credit {
        /// The channel.
        id: ChannelId,
        /// How many bytes more may come.
        bytes: u32,
    },
    /// Data, within what the peer has permitted.
    Data {
        /// The channel.
        id: ChannelId,
        /// The data.
        data: &'a [u8],
    },
    /// Says that no more data comes.
    End {
        /// The channel.
        id: ChannelId,
    },
    /// Forgets a channel: the last that is said on it.
    Reset {
        /// The channel.
        id: ChannelId,
        /// Why.
        cause: ResetCause,
    },
    /// Says that no more channels are wanted.
    GoAway {
        /// Why.
        cause: GoAwayCause,
    },
}

/// Bytes that are no frame.
///
/// ```
/// use examples::multiplexer::{Frame, FrameError};
///
/// assert_eq!(Frame::decode(b"\x09"), Err(FrameError::UnknownKind(9)));
/// assert_eq!(Frame::decode(b"").unwrap_err().to_string(), "an empty frame");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// It is longer than a frame may be.
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    /// It has not even a kind.
    #[error("an empty frame")]
    Empty,
    /// There are no frames of its kind.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// It is not as long as those of its kind are.
    #[error("a frame of kind {kind} and {length} bytes")]
    WrongLength {
        /// Its kind.
        kind: u8,
        /// Its length, in bytes.
        length: usize,
    },
    /// It permits nothing.
    #[error("a credit of nothing")]
    NoCredit,
    /// There is no such cause.
    #[error("an unknown cause {0}")]
    UnknownCause(u8),
}

impl<'a> Frame<'a> {
    /// Adds the frame to `wire`, with its length in front.
    ///
    /// Data is to be [`MOST_DATA`] at most; what is beyond is left out.
    ///
    /// See the [type's example](Self).
    pub fn encode(&self, wire: &mut Vec<u8>) {
        match *self {
            Self::Open { id, window } => put(wire, OPEN, id, &window.to_be_bytes()),
            Self::Credit { id, bytes } => put(wire, CREDIT, id, &bytes.to_be_bytes()),
            Self::Data { id, data } => put(wire, DATA, id, data.get(..MOST_DATA).unwrap_or(data)),
            Self::End { id } => put(wire, END, id, &[]),
            Self::Reset { id, cause } => put(wire, RESET, id, &[cause as u8]),
            Self::GoAway { cause } => wire.extend([0, 2, GO_AWAY, cause as u8]),
        }
    }

    /// The frame that stands for these bytes, its length not among them.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if they are none, or one with something left over.
    ///
    /// See the [type's example](Self).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (&kind, rest) = bytes.split_first().ok_or(FrameError::Empty)?;
        let wrong = FrameError::WrongLength { kind, length: bytes.len() };
        if kind == GO_AWAY {
            let &[cause] = rest else { return Err(wrong) };
            return Ok(Self::GoAway { cause: go_away_cause(cause)? });
        }
        if !(OPEN..=RESET).contains(&kind) {
            return Err(FrameError::UnknownKind(kind));
        }
        let (&channel, rest) = rest.split_first_chunk().ok_or(wrong)?;
        let id = id_of(u32::from_be_bytes(channel));
        let number = || rest.try_into().map(u32::from_be_bytes).map_err(|_| wrong);
        match (kind, rest) {
            (OPEN, _) => Ok(Self::Open { id, window: number()? }),
            (CREDIT, _) => match number()? {
                0 => Err(FrameError::NoCredit),
                bytes => Ok(Self::Credit { id, bytes }),
            },
            (DATA, [_, ..]) => Ok(Self::Data { id, data: rest }),
            (END, []) => Ok(Self::End { id }),
            (RESET, &[cause]) => Ok(Self::Reset { id, cause: reset_cause(cause)? }),
            _ => Err(wrong),
        }
    }
}

fn put(wire: &mut Vec<u8>, kind: u8, id: ChannelId, rest: &[u8]) {
    let channel = match id.opener {
        Opener::We => id.number | OPENED_BY_SENDER,
        Opener::They => id.number,
    };
    // It fits: nobody gives it more than `MOST_DATA`.
    let length = u16::try_from(HEAD + rest.len()).unwrap_or(u16::MAX);
    wire.extend(length.to_be_bytes());
    wire.push(kind);
    wire.extend(channel.to_be_bytes());
    wire.extend_from_slice(rest);
}

/// The channel that the peer calls so.
fn id_of(channel: u32) -> ChannelId {
    let opener = if channel & OPENED_BY_SENDER == 0 { Opener::We } else { Opener::They };
    ChannelId { opener, number: channel & !OPENED_BY_SENDER }
}

fn reset_cause(cause: u8) -> Result<ResetCause, FrameError> {
    const CAUSES: [ResetCause; 3] = [ResetCause::Aborted, ResetCause::Refused, ResetCause::Closed];
    CAUSES.get(usize::from(cause)).copied().ok_or(FrameError::UnknownCause(cause))
}

fn go_away_cause(cause: u8) -> Result<GoAwayCause, FrameError> {
    const CAUSES: [GoAwayCause; 2] = [GoAwayCause::Closing, GoAwayCause::ProtocolError];
    CAUSES.get(usize::from(cause)).copied().ok_or(FrameError::UnknownCause(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: ChannelId = ChannelId { opener: Opener::We, number: 5 };
    const THEIRS: ChannelId = ChannelId { opener: Opener::They, number: 5 };

    fn mirrored(frame: Frame<'_>) -> Vec<u8> {
        let mut wire = Vec::new();
        frame.encode(&mut wire);
        let length = u16::from_be_bytes([wire[0], wire[1]]);
        assert_eq!(usize::from(length), wire.len() - 2);
        wire.split_off(2)
    }

    #[test]
    fn each_frame_is_read_as_it_was_written_and_the_opener_seen_from_the_other_end() {
        let frames = |id| {
            [
                Frame::Open { id, window: 70_000 },
                Frame::Credit { id, bytes: 1 },
                Frame::Data { id, data: &[0; MOST_DATA] },
                Frame::End { id },
                Frame::Reset { id, cause: ResetCause::Aborted },
                Frame::Reset { id, cause: ResetCause::Refused },
                Frame::Reset { id, cause: ResetCause::Closed },
                Frame::GoAway { cause: GoAwayCause::Closing },
                Frame::GoAway { cause: GoAwayCause::ProtocolError },
            ]
        };
        for (here, there) in [(OURS, THEIRS), (THEIRS, OURS)] {
            for (sent, read) in frames(here).into_iter().zip(frames(there)) {
                assert_eq!(Frame::decode(&mirrored(sent)), Ok(read));
            }
        }
    }

    #[test]
    fn a_frame_has_one_form_only() {
        // Whatever is read is written the same.
        for kind in 0..=7 {
            for length in 0..12 {
                for filler in [0, 1, 2, 3, 0x80, 0xff] {
                    let mut bytes = vec![filler; length];
                    bytes.insert(0, kind);
                    let Ok(frame) = Frame::decode(&bytes) else { continue };
                    let mut again = mirrored(frame);
                    if kind != GO_AWAY {
                        again[1] ^= 0x80;
                    }
                    assert_eq!(again, bytes);
                }
            }
        }
    }

    #[test]
    fn what_is_no_frame_is_named() {
        let wrong = |kind, length| Err(FrameError::WrongLength { kind, length });
        for (bytes, error) in [
            (&b""[..], Err(FrameError::Empty)),
            (b"\0", Err(FrameError::UnknownKind(0))),
            (b"\x07\0\0\0\0", Err(FrameError::UnknownKind(7))),
            (b"\x01\0\0\0", wrong(1, 4)),
            (b"\x01\0\0\0\0\0\0\0", wrong(1, 8)),
            (b"\x02\0\0\0\0\0\0\0\x01\0", wrong(2, 10)),
            (b"\x02\0\0\0\0\0\0\0\0", Err(FrameError::NoCredit)),
            (b"\x03\0\0\0\0", wrong(3, 5)),
            (b"\x04\0\0\0\0x", wrong(4, 6)),
            (b"\x05\0\0\0\0", wrong(5, 5)),
            (b"\x05\0\0\0\0\x03", Err(FrameError::UnknownCause(3))),
            (b"\x06", wrong(6, 1)),
            (b"\x06\x02", Err(FrameError::UnknownCause(2))),
            (b"\x06\0\0", wrong(6, 3)),
        ] {
            assert_eq!(Frame::decode(bytes), error, "{bytes:?}");
        }
    }
}
