//! [`LineCodec`] and [`StringCodec`]: the same lines and strings for
//! `tokio_util`.
//!
//! Tested in `tests/framing/codec.rs`.

use std::io;
use std::marker::PhantomData;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::delimiter::Delimiter;
use super::{Format, LineTooLong, StringTooLongError};

/// Lines, for [`Framed`](tokio_util::codec::Framed): what
/// [`Lines`](super::Lines) is for a protocol.
///
/// A line is [`Bytes`] of the buffer that was read into, not a copy. One that
/// is too long is an [`io::Error`] of kind `InvalidData` with [`LineTooLong`]
/// inside.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use protocols::basic::LineCodec;
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = LineCodec::new(b"\r\n", 16384);
/// let mut buffer = BytesMut::from("one\r\ntw");
/// assert_eq!(codec.decode(&mut buffer)?, Some(Bytes::from("one")));
/// assert_eq!(codec.decode(&mut buffer)?, None);
///
/// let mut buffer = BytesMut::new();
/// codec.encode("three", &mut buffer)?;
/// assert_eq!(buffer, "three\r\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LineCodec {
    delimiter: Delimiter,
    max_length: usize,
    /// How many bytes of the buffer are known to hold no end of a line.
    scanned: usize,
}

impl LineCodec {
    /// Lines that end with `delimiter` and have at most `max_length` bytes
    /// without it.
    ///
    /// See the [type's example](Self).
    pub fn new(delimiter: &'static [u8], max_length: usize) -> Self {
        Self { delimiter: Delimiter::new(delimiter), max_length, scanned: 0 }
    }

    fn too_long(&self) -> io::Error {
        LineTooLong { max_length: self.max_length }.into()
    }
}

/// Twisted's lines: up to 16,384 bytes and `\r\n`.
impl Default for LineCodec {
    fn default() -> Self {
        Self::new(b"\r\n", 16_384)
    }
}

impl Decoder for LineCodec {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let (known, new) = buffer.split_at(self.scanned.min(buffer.len()));
        let Some(end) = self.delimiter.find(known, new) else {
            self.scanned = buffer.len();
            let most = self.max_length.saturating_add(self.delimiter.len());
            return if buffer.len() >= most.max(1) { Err(self.too_long()) } else { Ok(None) };
        };
        let length = known.len() + end - self.delimiter.len();
        if length > self.max_length {
            return Err(self.too_long());
        }
        self.scanned = 0;
        let line = buffer.split_to(length);
        buffer.advance(self.delimiter.len());
        Ok(Some(line.freeze()))
    }

    /// What is left at the end is no line, and let go, as a connection's is.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let line = self.decode(buffer)?;
        if line.is_none() {
            buffer.clear();
            self.scanned = 0;
        }
        Ok(line)
    }
}

impl<T: AsRef<[u8]>> Encoder<T> for LineCodec {
    type Error = io::Error;

    fn encode(&mut self, line: T, buffer: &mut BytesMut) -> io::Result<()> {
        buffer.extend_from_slice(line.as_ref());
        buffer.extend_from_slice(self.delimiter.as_bytes());
        Ok(())
    }
}

/// Strings that say how long they are, for
/// [`Framed`](tokio_util::codec::Framed): what [`Strings`](super::Strings) is
/// for a protocol.
///
/// A string is [`Bytes`] of the buffer that was read into, not a copy. What is
/// none, or too long, is an [`io::Error`] of kind `InvalidData` with the error
/// of the format inside.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use protocols::basic::{Netstring, StringCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = StringCodec::<Netstring>::new(99999);
/// let mut buffer = BytesMut::from("3:one,3:tw");
/// assert_eq!(codec.decode(&mut buffer)?, Some(Bytes::from("one")));
/// assert_eq!(codec.decode(&mut buffer)?, None);
///
/// let mut buffer = BytesMut::new();
/// codec.encode("three", &mut buffer)?;
/// assert_eq!(buffer, "5:three,");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StringCodec<F> {
    max_length: usize,
    format: PhantomData<fn() -> F>,
}

impl<F: Format> StringCodec<F> {
    /// Strings of at most `max_length` bytes.
    ///
    /// See the [type's example](Self).
    pub fn new(max_length: usize) -> Self {
        Self { max_length, format: PhantomData }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<F: Format> Decoder for StringCodec<F> {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let Some(layout) = F::layout(buffer, self.max_length).map_err(invalid)? else {
            return Ok(None);
        };
        let end = layout.head.saturating_add(layout.length);
        let whole = end.saturating_add(F::TAIL);
        let Some(tail) = buffer.get(end..whole) else { return Ok(None) };
        F::check_tail(tail).map_err(invalid)?;
        buffer.advance(layout.head);
        let string = buffer.split_to(layout.length);
        buffer.advance(F::TAIL);
        Ok(Some(string.freeze()))
    }
}

impl<F: Format, T: AsRef<[u8]>> Encoder<T> for StringCodec<F> {
    type Error = io::Error;

    fn encode(&mut self, string: T, buffer: &mut BytesMut) -> io::Result<()> {
        let encoded = F::encode(string.as_ref(), |piece| buffer.extend_from_slice(piece));
        encoded.map_err(|error: StringTooLongError| error.into())
    }
}
