//! What the documents say is what is there.

use repository::{files, read, root};

/// The value of `key = "value"` in a TOML text.
fn value_of(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = \"")));
    line.and_then(|line| line.split('"').nth(1)).expect(key).to_owned()
}

#[test]
fn the_toolchain_is_the_msrv() {
    let msrv = value_of(&read("Cargo.toml"), "rust-version");
    let toolchain = value_of(&read("rust-toolchain.toml"), "channel");
    assert!(toolchain.starts_with(&msrv), "rust-version {msrv}, toolchain {toolchain}");
}

#[test]
fn the_readme_names_the_msrv() {
    let msrv = value_of(&read("Cargo.toml"), "rust-version");
    assert!(
        read("README.md").contains(&format!("Rust {msrv}")),
        "README.md does not say Rust {msrv}"
    );
}

/// Every path in a Markdown document that looks like one of ours exists.
#[test]
fn paths_in_documents_exist() {
    let mut seen = 0;
    for document in files("", ".md") {
        if document.starts_with("tests/conformance") {
            continue; // it came with the vectors
        }
        let text = read(&document);
        for word in text.split(|c: char| c.is_whitespace() || "()[]`,;:<>\"'".contains(c)) {
            let path = word.trim_end_matches(['.', '/']);
            let ours = ["crates/", "docs/", "examples/", "tests/", ".ci/"];
            if ours.iter().any(|folder| path.starts_with(folder)) && !path.contains(['*', '{', '#'])
            {
                seen += 1;
                assert!(
                    root().join(path).exists(),
                    "{}: {path} does not exist",
                    document.display()
                );
            }
        }
    }
    assert!(seen > 10, "only {seen} paths were found: is the pattern still right?");
}

/// The paths of test files that sources name in their first lines exist.
#[test]
fn tests_named_in_sources_exist() {
    let mut seen = 0;
    for source in files("crates", ".rs") {
        let krate: std::path::PathBuf = source.iter().take(2).collect();
        let text = read(&source);
        let head = text.lines().take_while(|line| line.starts_with("//!"));
        for word in head.flat_map(|line| line.split('`')).filter(|word| word.starts_with("tests/"))
        {
            seen += 1;
            let named = root().join(&krate).join(word);
            assert!(named.exists(), "{}: {word} does not exist", source.display());
        }
    }
    assert!(seen > 5, "only {seen} were found: is the pattern still right?");
}

/// The changelog has a section for what is not yet released.
#[test]
fn the_changelog_is_kept() {
    assert!(read("CHANGELOG.md").contains("## [Unreleased]"));
}

/// The program in the README is one of the examples, to the letter.
#[test]
fn the_program_of_the_readme_is_an_example() {
    let readme = read("README.md");
    let program = readme.split("```rust,no_run\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = read("examples/examples/hello.rs");
    let (_, body) = example.split_once("\n\n").expect("a header, then the program");
    assert_eq!(program, Some(body));
}
