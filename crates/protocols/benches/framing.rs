//! What a line and a frame cost, beside the nearest peers, in one run.
//!
//! `cargo bench -p protocols --bench framing`. Ours is what a user pays: the
//! whole protocol, fed with 64 KiB at a time through a `StringTransport`. The
//! codecs get the same pieces, as `Framed` reads them. "By hand" is the least
//! that can be done: a loop over the bytes, with a buffer for what is cut.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "it is a benchmark")]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use memchr::memchr;
use protocols::basic::{
    FramedTransport, Int32Strings, LineConnection, LineReceiver, LineTransport, Lines, Netstrings,
    StringConnection, StringReceiver,
};
use reactor_compat::testing::StringTransport;
use reactor_compat::{ConnectionDone, Protocol};
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec, LinesCodec};

const READ: usize = 64 * 1024;
const TOTAL: usize = 4 * 1024 * 1024;
const SIZES: [usize; 2] = [64, 1024];

fn main() {
    divan::Divan::default().sample_count(60).config_with_args().main();
}

/// A stream of items, and how many there are.
fn stream(item: &[u8]) -> (Vec<u8>, usize) {
    let count = TOTAL / item.len();
    (item.repeat(count), count)
}

fn lines(size: usize) -> (Vec<u8>, usize) {
    stream(&[&vec![b'x'; size][..], b"\r\n"].concat())
}

fn frames(size: usize) -> (Vec<u8>, usize) {
    stream(&[&(size as u32).to_be_bytes()[..], &vec![b'x'; size]].concat())
}

fn netstrings(size: usize) -> (Vec<u8>, usize) {
    stream(format!("{size}:{},", "x".repeat(size)).as_bytes())
}

/// Counts what it gets.
#[derive(Default)]
struct Count {
    items: usize,
    bytes: usize,
}

impl Count {
    #[inline]
    fn add(&mut self, item: &[u8]) {
        self.items += 1;
        self.bytes += black_box(item).len();
    }
}

impl Protocol<LineTransport> for Count {}

impl LineReceiver for Count {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.add(line);
    }
}

impl Protocol<FramedTransport> for Count {}

impl StringReceiver for Count {
    fn string_received(&mut self, _: &StringConnection<Self>, string: &[u8]) {
        self.add(string);
    }
}

/// Feeds a stream to a protocol, and says how many items it counted.
fn feed<P: Protocol>(protocol: P, stream: &[u8], counted: impl Fn(&P) -> usize) -> usize {
    let transport = StringTransport::new(protocol);
    for read in stream.chunks(READ) {
        transport.data_received(read);
    }
    let count = transport.inspect(counted).unwrap();
    transport.connection_lost(ConnectionDone);
    count
}

/// Feeds a stream to a codec, and says how many items it decoded.
fn decode<D: Decoder>(mut decoder: D, stream: &[u8], length: fn(&D::Item) -> usize) -> usize
where
    D::Error: std::fmt::Debug,
{
    let mut buffer = BytesMut::with_capacity(2 * READ);
    let mut count = Count::default();
    for read in stream.chunks(READ) {
        buffer.extend_from_slice(read);
        while let Some(item) = decoder.decode(&mut buffer).unwrap() {
            count.items += 1;
            count.bytes += length(black_box(&item));
        }
    }
    count.items
}

/// Finds items in a stream by hand: `find` says how long the next one is, and
/// how much of that stands before and behind it.
fn by_hand(stream: &[u8], find: impl Fn(&[u8]) -> Option<(usize, usize, usize)>) -> usize {
    let mut count = Count::default();
    let mut cut = Vec::new();
    for read in stream.chunks(READ) {
        let mut rest = read;
        if !cut.is_empty() {
            // Enough of the read to end what is cut.
            let before = cut.len();
            cut.extend_from_slice(&rest[..rest.len().min(2 * 1024)]);
            let (whole, head, tail) = find(&cut).unwrap();
            count.add(&cut[head..whole - tail]);
            rest = &rest[whole - before..];
            cut.clear();
        }
        while let Some((whole, head, tail)) = find(rest) {
            count.add(&rest[head..whole - tail]);
            rest = &rest[whole..];
        }
        cut.extend_from_slice(rest);
    }
    count.items
}

fn bench(
    bencher: Bencher<'_, '_>,
    (stream, count): (Vec<u8>, usize),
    run: impl Fn(&[u8]) -> usize,
) {
    assert_eq!(run(&stream), count);
    bencher.counter(ItemsCount::new(count)).bench_local(|| run(black_box(&stream)));
}

mod bulk_lines {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn ours(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, lines(size), |stream| {
            feed(Lines::new(Count::default()), stream, |lines| lines.handler().items)
        });
    }

    #[divan::bench(args = SIZES)]
    fn lines_codec(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, lines(size), |stream| {
            decode(LinesCodec::new_with_max_length(16384), stream, String::len)
        });
    }

    #[divan::bench(args = SIZES)]
    fn by_hand(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, lines(size), |stream| {
            super::by_hand(stream, |data| {
                let end = memchr(b'\n', data)?;
                let carriage = usize::from(end > 0 && data[end - 1] == b'\r');
                Some((end + 1, 0, 1 + carriage))
            })
        });
    }
}

mod bulk_int32 {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn ours(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, frames(size), |stream| {
            feed(Int32Strings::new(Count::default()), stream, |strings| strings.handler().items)
        });
    }

    #[divan::bench(args = SIZES)]
    fn length_delimited_codec(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, frames(size), |stream| {
            decode(LengthDelimitedCodec::new(), stream, |item| item.len())
        });
    }

    #[divan::bench(args = SIZES)]
    fn by_hand(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, frames(size), |stream| {
            super::by_hand(stream, |data| {
                let length = u32::from_be_bytes(*data.first_chunk()?) as usize;
                (data.len() >= 4 + length).then_some((4 + length, 4, 0))
            })
        });
    }
}

mod bulk_netstrings {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn ours(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, netstrings(size), |stream| {
            feed(Netstrings::new(Count::default()), stream, |strings| strings.handler().items)
        });
    }

    #[divan::bench(args = SIZES)]
    fn by_hand(bencher: Bencher<'_, '_>, size: usize) {
        bench(bencher, netstrings(size), |stream| {
            super::by_hand(stream, |data| {
                let colon = data.iter().take(8).position(|&byte| byte == b':')?;
                let length = data[..colon]
                    .iter()
                    .fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
                let whole = colon + 1 + length + 1;
                (data.get(whole - 1) == Some(&b',')).then_some((whole, colon + 1, 1))
            })
        });
    }
}

/// Each item is sent back, in batches of a read.
mod echo {
    use super::*;

    const IN_FLIGHT: usize = 32;

    struct Echo;

    impl Protocol<LineTransport> for Echo {}

    impl LineReceiver for Echo {
        fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
            transport.send_line(line);
        }
    }

    impl Protocol<FramedTransport> for Echo {}

    impl StringReceiver for Echo {
        fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
            transport.send_string(string).unwrap();
        }
    }

    fn echo<P: Protocol>(bencher: Bencher<'_, '_>, protocol: P, batch: &[u8]) {
        let transport = StringTransport::new(protocol);
        bencher.counter(ItemsCount::new(IN_FLIGHT)).bench_local(|| {
            transport.data_received(black_box(batch));
            assert_eq!(transport.take_value().len(), batch.len());
        });
    }

    #[divan::bench(sample_size = 2000)]
    fn lines_ours(bencher: Bencher<'_, '_>) {
        let batch = [&[b'x'; 64][..], b"\r\n"].concat().repeat(IN_FLIGHT);
        echo(bencher, Lines::new(Echo), &batch);
    }

    #[divan::bench(sample_size = 2000)]
    fn lines_codec(bencher: Bencher<'_, '_>) {
        let batch = [&[b'x'; 64][..], b"\n"].concat().repeat(IN_FLIGHT);
        let mut codec = LinesCodec::new_with_max_length(16384);
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        bencher.counter(ItemsCount::new(IN_FLIGHT)).bench_local(|| {
            input.extend_from_slice(black_box(&batch));
            while let Some(line) = codec.decode(&mut input).unwrap() {
                codec.encode(line, &mut output).unwrap();
            }
            assert_eq!(output.len(), batch.len());
            output.advance(batch.len());
        });
    }

    #[divan::bench(sample_size = 2000)]
    fn int32_ours(bencher: Bencher<'_, '_>) {
        let batch = [&64_u32.to_be_bytes()[..], &[b'x'; 64]].concat().repeat(IN_FLIGHT);
        echo(bencher, Int32Strings::new(Echo), &batch);
    }

    #[divan::bench(sample_size = 2000)]
    fn length_delimited_codec(bencher: Bencher<'_, '_>) {
        let batch = [&64_u32.to_be_bytes()[..], &[b'x'; 64]].concat().repeat(IN_FLIGHT);
        let mut codec = LengthDelimitedCodec::new();
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        bencher.counter(ItemsCount::new(IN_FLIGHT)).bench_local(|| {
            input.extend_from_slice(black_box(&batch));
            while let Some(frame) = codec.decode(&mut input).unwrap() {
                codec.encode(frame.freeze(), &mut output).unwrap();
            }
            assert_eq!(output.len(), batch.len());
            output.advance(batch.len());
        });
    }
}
