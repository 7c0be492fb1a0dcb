//! Every public name of Twisted's leads somewhere.
//!
//! `names.txt` lists them, those of what is not ported yet left out: a module
//! and a name a line. The last part of each has to be, in Twisted's spelling or
//! in Rust's, a `#[doc(alias)]`, the name of a public item or variant, or a word
//! of `docs/api-map.md`.

use std::collections::HashSet;

use repository::{files, read};

/// `addCallback`, or `listenTCP`, as Rust spells it.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0 && !letters[at - 1].is_uppercase();
        let before_small = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The name that a line of source gives to something that a search finds.
fn name_in(line: &str) -> Option<&str> {
    let code = line.trim_start();
    if let Some((_, alias)) = code.split_once("doc(alias = \"") {
        return alias.split('"').next()?.rsplit('.').next();
    }
    if let Some(item) = code.strip_prefix("pub ") {
        let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
        // `pub const fn f`: the last of them is the kind.
        let mut words = words(item).skip_while(|word| ["const", "async"].contains(word));
        return words.find(|word| !kinds.contains(word));
    }
    // A variant of an enum, one step in.
    let variant = words(code).next()?;
    let indent = line.len() - code.len();
    (indent == 4 && variant.starts_with(char::is_uppercase)).then_some(variant)
}

#[test]
fn every_name_of_twisteds_is_found() {
    let (map, list) = (read("docs/api-map.md"), read("tests/repository/names.txt"));
    let sources: Vec<String> = files("crates", ".rs")
        .iter()
        .filter(|path| path.iter().any(|part| part == "src"))
        .map(read)
        .collect();
    let mut found: HashSet<&str> = words(&map).collect();
    found.extend(sources.iter().flat_map(|text| text.lines()).filter_map(name_in));

    let names: Vec<&str> = list.lines().collect();
    assert!(names.len() > 500, "only {} names are listed", names.len());
    let lost = names.iter().filter(|name| {
        let last = name.rsplit(['.', ' ']).next().unwrap_or_default();
        !found.contains(last) && !found.contains(snake_case(last).as_str())
    });
    let lost: Vec<_> = lost.collect();
    assert!(lost.is_empty(), "neither an alias nor in docs/api-map.md:\n{lost:#?}");
}

#[test]
fn names_are_spelt_as_rust_does() {
    for (twisted, rust) in [
        ("addCallback", "add_callback"),
        ("listenTCP", "listen_tcp"),
        ("listenUNIXDatagram", "listen_unix_datagram"),
        ("deferToThread", "defer_to_thread"),
        ("running", "running"),
    ] {
        assert_eq!(snake_case(twisted), rust);
    }
}
