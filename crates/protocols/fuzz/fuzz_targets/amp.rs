//! Bytes for AMP: the parser finds the same however they are cut, whatever it
//! finds can be read as any type, and a connection takes all of it.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use protocols::amp::{
    Amp, AmpBox, BoxCodec, BoxParser, Command, DateTime, Decimal, Integer, Limits, NoError,
    Responders,
};
use protocols_fuzz::{cut, plan};
use reactor_compat::testing::StringTransport;
use serde::{Deserialize, Serialize};
use tokio_util::codec::Decoder;

#[derive(Serialize, Deserialize)]
struct Row {
    a: Option<i64>,
    b: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct A {
    a: Option<Integer>,
    b: Option<f64>,
    c: Option<Vec<Row>>,
    d: Option<Decimal>,
    e: Option<DateTime>,
}

impl Command for A {
    const NAME: &'static str = "A";
    type Response = Self;
    type Error = NoError;
}

fn parse(chunks: &[&[u8]], limits: Limits) -> (Vec<AmpBox>, bool) {
    let (mut parser, mut found) = (BoxParser::with_limits(limits), Vec::new());
    for chunk in chunks {
        let mut data = *chunk;
        loop {
            match parser.next_box(&mut data) {
                Ok(Some(one)) => found.push(AmpBox::from(one)),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
        assert!(parser.buffered() <= limits.box_size);
    }
    (found, false)
}

/// The same by the codec.
fn decode(pieces: &[&[u8]], limits: Limits) -> (Vec<AmpBox>, bool) {
    let (mut codec, mut buffer) = (BoxCodec::with_limits(limits), BytesMut::new());
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
        assert!(buffer.is_empty());
    }
    (found, false)
}

/// What a connection says to it all.
fn serve(pieces: &[&[u8]], limits: Limits) -> (Vec<u8>, bool) {
    let responders = Responders::new().function(|a: A| Ok(a));
    let server = StringTransport::new(Amp::with_responders(&responders).with_limits(limits));
    for piece in pieces {
        server.data_received(piece);
        if server.disconnecting() {
            break;
        }
    }
    let said = (server.take_value(), server.disconnecting());
    server.connection_lost(reactor_compat::ConnectionDone);
    said
}

fuzz_target!(|data: &[u8]| {
    let Some((size, sizes, bytes)) = plan(data) else { return };
    let limits = Limits { box_size: 4 * size, keys: 8, ..Limits::default() };
    let pieces = cut(bytes, sizes);
    let whole = parse(&[bytes], limits);
    assert_eq!(whole, parse(&pieces, limits));
    assert_eq!(whole, decode(&pieces, limits));
    for found in &whole.0 {
        if let Ok(read) = found.to_value::<A>() {
            let _ = AmpBox::from_value(&read);
        }
        let Ok(wire) = found.serialize() else { continue };
        assert_eq!(AmpBox::parse(&wire).as_deref(), Ok(std::slice::from_ref(found)));
    }
    assert_eq!(serve(&[bytes], limits), serve(&pieces, limits));
});
