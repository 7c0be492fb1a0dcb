//! Headers of HAProxy's PROXY protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reactor_compat::endpoint::haproxy::{ProxyHeader, ProxyVersion};

fuzz_target!(|data: &[u8]| {
    let Ok(Some((header, length))) = ProxyHeader::parse(data) else { return };
    assert!(length <= data.len() && length <= 4112);
    // However it is cut, it is neither complete before nor refused.
    for cut in [0, 1, 12, 13, 16, length / 2, length - 1] {
        if cut < length {
            assert_eq!(ProxyHeader::parse(&data[..cut]), Ok(None), "cut at {cut}");
        }
    }
    assert_eq!(ProxyHeader::parse(&data[..length]), Ok(Some((header.clone(), length))));
    if let (Some(source), Some(destination)) = (header.source(), header.destination()) {
        let again = ProxyHeader::encode(ProxyVersion::Two, source, destination);
        let (again, _) = ProxyHeader::parse(&again).expect("it is one").expect("it is whole");
        // What is not of TCP or UNIX has no words in an encoded one.
        assert!(again.source().is_none() || again.source() == Some(source));
    }
});
