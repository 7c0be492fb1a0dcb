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

/// What a description says.
fn says(description: &Description) -> (Vec<&str>, Vec<(&str, &str)>) {
    (description.args().collect(), description.named().collect())
}

fuzz_target!(|text: &str| {
    let description = match Description::parse(text) {
        Ok(description) => description,
        Err(error) => {
            assert!(error.description().get(error.place()).is_some(), "the place is in the text");
            let _ = format!("{error} {error:#}");
            return;
        }
    };
    let (args, named) = says(&description);
    let length: usize = args.iter().map(|arg| arg.len()).sum::<usize>()
        + named.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    assert!(length <= text.len(), "nothing is made up");

    let quoted = args.iter().map(|arg| quote(arg));
    let quoted = quoted.chain(named.iter().map(|(name, value)| quote(name) + "=" + &quote(value)));
    let again = Description::parse(&quoted.collect::<Vec<_>>().join(":")).expect("it is quoted");
    assert_eq!(says(&again), (args, named));
});
