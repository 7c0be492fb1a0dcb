//! Requests of SOCKS 4 and 4a, and what comes behind them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::socks::{Host, Request, RequestParser, SocksError};
use protocols_fuzz::{cut, plan};

/// The requests, one behind the other, and why there were no more.
fn parse(pieces: &[&[u8]]) -> (Vec<Request>, Option<SocksError>) {
    let (mut parser, mut requests) = (RequestParser::default(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match parser.feed(piece) {
                Ok(None) => break,
                Ok(Some((request, rest))) => {
                    assert_eq!(parser.held(), 0);
                    assert!(rest.len() < piece.len());
                    requests.push(request);
                    piece = rest;
                }
                Err(error) => {
                    assert_eq!(parser.feed(b"more").unwrap_err(), error, "it says so again");
                    return (requests, Some(error));
                }
            }
        }
        assert!(parser.held() < 8 + 2 * (RequestParser::MAX_FIELD + 1));
    }
    (requests, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((_, sizes, bytes)) = plan(data) else { return };
    let whole = parse(&[bytes]);
    assert_eq!(whole, parse(&cut(bytes, sizes)));
    for request in whole.0 {
        assert!(request.user.len() <= RequestParser::MAX_FIELD);
        if let Host::Name(name) = request.host {
            assert!(name.len() <= RequestParser::MAX_FIELD);
        }
    }
});
