//! The limits of `CONTRIBUTING.md` on files; those on functions are Clippy's.

use repository::{files, read};

const LINES: usize = 400;

/// Kept in one piece for its argument; see `CONTRIBUTING.md`.
const LET_OFF: &str = "crates/deferred/src/chain/pipeline.rs";

/// Lines of code: neither blank nor comment.
fn lines_of_code(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn source_files_are_small() {
    let sources: Vec<_> =
        files("crates", ".rs").into_iter().chain(files("examples", ".rs")).collect();
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    for source in sources {
        let in_src = source.iter().any(|part| part == "src");
        if in_src && source != std::path::Path::new(LET_OFF) {
            let lines = lines_of_code(&read(&source));
            assert!(lines <= LINES, "{}: {lines} lines of code", source.display());
        }
    }
}

/// `print!` and its kin panic where the stream is gone: that is for programs.
#[test]
fn libraries_do_not_print() {
    for source in files("crates", ".rs") {
        if !source.iter().any(|part| part == "src") {
            continue;
        }
        let text = read(&source);
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let prints = ["print!", "println!", "dbg!"].iter().any(|name| line.contains(name));
            assert!(!prints, "{}: {line}", source.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for source in files("", ".rs") {
        let text = read(&source);
        assert!(text.starts_with("//!"), "{} does not open with //!", source.display());
    }
}
