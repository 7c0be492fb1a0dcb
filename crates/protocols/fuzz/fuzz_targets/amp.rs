//! Bytes for AMP: the parser finds the same however they are cut, whatever it
//! finds can be read as any type, and a connection takes all of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::amp::{Amp, AmpBox, BoxParser, DateTime, Decimal, Integer, Limits, Responders};
use protocols::amp::{Command, NoError};
use reactor_compat::testing::StringTransport;
use serde::{Deserialize, Serialize};

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

fn parse(chunks: impl Iterator<Item = impl AsRef<[u8]>>, limits: Limits) -> (Vec<AmpBox>, bool) {
    let (mut parser, mut found) = (BoxParser::with_limits(limits), Vec::new());
    for chunk in chunks {
        let mut data = chunk.as_ref();
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

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (size, data) = input;
    let limits = Limits { box_size: 4096, keys: 8, ..Limits::default() };
    let whole = parse(std::iter::once(&data), limits);
    let cut = parse(data.chunks(usize::from(size).max(1)), limits);
    assert_eq!(whole, cut);
    for found in &whole.0 {
        if let Ok(read) = found.to_value::<A>() {
            let _ = AmpBox::from_value(&read);
        }
    }

    let responders = Responders::new().function(|a: A| Ok(a));
    let server = StringTransport::new(Amp::with_responders(&responders).with_limits(limits));
    for chunk in data.chunks(usize::from(size).max(1)) {
        server.data_received(chunk);
    }
    server.connection_lost(reactor_compat::ConnectionDone);
});
