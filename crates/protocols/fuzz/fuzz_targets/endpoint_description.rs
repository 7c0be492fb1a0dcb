//! Strings that describe endpoints.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reactor_compat::endpoint::Description;

/// The text, with a backslash before whatever means something.
fn quote(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            ":=\\".contains(character).then_some('\\').into_iter().chain([character])
        })
        .collect()
}

fuzz_target!(|text: &str| {
    let Ok(description) = Description::parse(text) else { return };
    let args: usize = description.args().iter().map(String::len).sum();
    let named: usize = description.named().map(|(name, value)| name.len() + value.len()).sum();
    assert!(args + named <= text.len(), "nothing is made up");

    let args = description.args().iter().map(|arg| quote(arg));
    let named = description.named().map(|(name, value)| quote(name) + "=" + &quote(value));
    let quoted = args.chain(named).collect::<Vec<_>>().join(":");
    assert_eq!(Description::parse(&quoted), Ok(description));
});
