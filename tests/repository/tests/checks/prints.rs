//! Libraries print nothing: `print!` and `eprint!` panic when what they write to
//! is gone, and wait when nobody reads it.

use repository::{files, read};

/// Let off until it is mended: what `react` says of a failed program.
const LET_OFF: &str = "crates/reactor-compat/src/task/react.rs";

#[test]
fn libraries_print_nothing() {
    let mut seen = 0;
    for source in files("crates", ".rs") {
        if !source.iter().any(|part| part == "src") || source == std::path::Path::new(LET_OFF) {
            continue;
        }
        seen += 1;
        let text = read(&source);
        // Examples in documentation are programs.
        let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        for line in code {
            let prints = ["print!(", "println!(", "dbg!("].iter().any(|call| line.contains(call));
            assert!(!prints, "{}: {line}", source.display());
        }
    }
    assert!(seen > 100, "only {seen} sources were found");
}
