//! [`BoxCodec`]: the same boxes for `tokio_util`.
//!
//! Tested in `tests/amp/codec.rs`.

use std::borrow::Borrow;
use std::error::Error;
use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::encoder::Encoder as BoxEncoder;
use super::{AmpBox, BoxParser, Limits};

/// Boxes, for [`Framed`](tokio_util::codec::Framed): what
/// [`Amp`](super::Amp) is for a protocol, without the calls.
///
/// What is no box, or exceeds the [`Limits`], is an [`io::Error`] of kind
/// `InvalidData` with a [`BoxError`](super::BoxError) inside. A box that cannot
/// be sent is one of kind `InvalidInput` with an
/// [`ArgumentError`](super::ArgumentError); nothing of it is written then.
///
/// ```
/// use bytes::BytesMut;
/// use protocols::amp::{AmpBox, BoxCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let sum = AmpBox::from([("_command", "Sum"), ("a", "13"), ("b", "81")]);
/// let (mut codec, mut buffer) = (BoxCodec::new(), BytesMut::new());
/// codec.encode(&sum, &mut buffer)?;
/// let behind = buffer.split_off(5);
/// assert_eq!(codec.decode(&mut buffer)?, None);
/// buffer.unsplit(behind);
/// assert_eq!(codec.decode(&mut buffer)?, Some(sum));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BoxCodec {
    parser: BoxParser,
}

impl BoxCodec {
    /// A codec with the default limits.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self::default()
    }

    /// A codec with limits of your own.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use protocols::amp::{BoxCodec, BoxError, Limits};
    /// use tokio_util::codec::Decoder;
    ///
    /// let mut codec = BoxCodec::with_limits(Limits { box_size: 4, ..Limits::default() });
    /// let mut buffer = BytesMut::from(&b"\x00\x01a\x00\x00\x00\x00"[..]);
    /// let error = codec.decode(&mut buffer).unwrap_err().downcast::<BoxError>().unwrap();
    /// assert_eq!(error, BoxError::TooLarge { limit: 4 });
    /// ```
    pub fn with_limits(limits: Limits) -> Self {
        Self { parser: BoxParser::with_limits(limits) }
    }
}

/// A box that is not complete is kept by the codec, not in the buffer.
impl Decoder for BoxCodec {
    type Item = AmpBox;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<AmpBox>> {
        let mut rest = &buffer[..];
        let found = self.parser.next_box(&mut rest).map(|found| found.map(AmpBox::from));
        let taken = buffer.len() - rest.len();
        buffer.advance(taken);
        found.map_err(|error| wrong(io::ErrorKind::InvalidData, error))
    }

    /// What is left at the end is no box, and let go, as a connection's is.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<AmpBox>> {
        let found = self.decode(buffer)?;
        if found.is_none() {
            drop(self.parser.take_buffered());
        }
        Ok(found)
    }
}

impl<B: Borrow<AmpBox>> Encoder<B> for BoxCodec {
    type Error = io::Error;

    fn encode(&mut self, item: B, buffer: &mut BytesMut) -> io::Result<()> {
        let mut encoder = BoxEncoder::default();
        let written = item.borrow().write(&mut encoder, |_| Ok(()));
        written.map_err(|error| wrong(io::ErrorKind::InvalidInput, error))?;
        buffer.extend_from_slice(encoder.wire());
        Ok(())
    }
}

fn wrong(kind: io::ErrorKind, error: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(kind, error)
}
