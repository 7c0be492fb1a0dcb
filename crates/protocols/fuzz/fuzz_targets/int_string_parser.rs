//! Strings behind their length in binary.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocols::basic::{Int8, Int16, Int32};
use protocols_fuzz::check_strings;

fuzz_target!(|data: &[u8]| {
    check_strings::<Int8>(data);
    check_strings::<Int16>(data);
    check_strings::<Int32>(data);
});
