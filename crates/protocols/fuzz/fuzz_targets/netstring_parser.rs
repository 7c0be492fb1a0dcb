//! Netstrings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::basic::Netstring;
use protocols_fuzz::check_strings;

fuzz_target!(|data: &[u8]| check_strings::<Netstring>(data));
