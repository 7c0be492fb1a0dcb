//! The modules of `reactor-compat` stand in floors: one imports only what stands
//! below it.
//!
//! `docs/architecture.md` has the picture; this reads it. `connection` and
//! `protocol`, which name one another, share a floor. `lib.rs` lists the modules
//! in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use repository::{files, read};

const SRC: &str = "crates/reactor-compat/src";

/// The only two that may import one another.
const PAIR: [&str; 2] = ["connection", "protocol"];

/// The floor of each module, the lowest being 0, as the picture has it.
fn floors(architecture: &str) -> BTreeMap<String, usize> {
    let (_, section) =
        architecture.split_once("\n## The floors of reactor-compat\n").expect("the section");
    let (_, block) = section.split_once("```text\n").expect("the picture");
    let (block, _) = block.split_once("```").expect("the picture's end");
    let lines: Vec<&str> = block.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut floors = BTreeMap::new();
    for (floor, line) in lines.iter().rev().enumerate() {
        for module in line.split_whitespace() {
            let before = floors.insert(module.to_owned(), floor);
            assert_eq!(before, None, "{module} stands on two floors");
        }
    }
    floors
}

/// The module that a file belongs to; none for the root itself.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(SRC).ok()?;
    let first = inside.iter().next()?.to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib").then(|| module.to_owned())
}

/// The names that follow `crate::` in the code of a file, without its comments
/// and its tests.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = lines.flat_map(|line| line.split("crate::").skip(1));
    let word = |rest: &str| rest.chars().take_while(|&c| c == '_' || c.is_alphanumeric()).collect();
    named.map(word).collect()
}

/// Who imports whom.
fn edges() -> BTreeSet<(String, String)> {
    let mut edges = BTreeSet::new();
    for file in files(SRC, ".rs") {
        let Some(module) = module_of(&file) else { continue };
        for import in imports(&read(&file)) {
            if import != module {
                edges.insert((module.clone(), import));
            }
        }
    }
    edges
}

#[test]
fn modules_import_only_from_the_floors_below() {
    let floors = floors(&read("docs/architecture.md"));
    let floor = |module: &str| {
        *floors.get(module).unwrap_or_else(|| {
            panic!(
                "`{module}` is on no floor of docs/architecture.md (import by module, one a line)"
            )
        })
    };
    let mut offending = BTreeSet::new();
    let edges = edges();
    for (from, to) in &edges {
        let pair = PAIR.contains(&&**from) && PAIR.contains(&&**to);
        if floor(from) <= floor(to) && !pair {
            offending.insert((from.as_str(), to.as_str()));
        }
    }
    assert!(offending.is_empty(), "these imports point upwards or sideways: {offending:?}");
}

#[test]
fn every_module_has_a_floor_and_every_name_a_module() {
    let named: BTreeSet<String> = floors(&read("docs/architecture.md")).into_keys().collect();
    let there: BTreeSet<String> =
        files(SRC, ".rs").iter().filter_map(|file| module_of(file)).collect();
    assert!(there.len() > 20, "only {} modules were found", there.len());
    assert_eq!(named, there);
}

/// The modules of `lib.rs`, one paragraph a floor, the lowest first.
#[test]
fn the_root_lists_the_modules_by_floor() {
    let root = read(format!("{SRC}/lib.rs"));
    let word = |line: &str| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    let paragraphs = root.split("\n\n").map(|text| text.lines().filter_map(word));
    let listed: Vec<BTreeSet<String>> =
        paragraphs.map(Iterator::collect).filter(|floor: &BTreeSet<_>| !floor.is_empty()).collect();
    let mut drawn: Vec<BTreeSet<String>> = Vec::new();
    for (module, floor) in floors(&read("docs/architecture.md")) {
        drawn.resize(drawn.len().max(floor + 1), BTreeSet::new());
        drawn[floor].insert(module);
    }
    assert_eq!(listed, drawn);
}

/// The steps of the ways through the code: the files of each, as they are listed.
fn steps(architecture: &str) -> Vec<Vec<String>> {
    let (_, section) =
        architecture.split_once("\n## Three ways through the code\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let mut steps: Vec<Vec<String>> = Vec::new();
    for line in section.lines() {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            steps.push(Vec::new());
        }
        let Some(step) = steps.last_mut() else { continue };
        let quoted = line.split('`').skip(1).step_by(2);
        step.extend(quoted.filter(|text| text.ends_with(".rs")).map(str::to_owned));
    }
    steps
}

#[test]
fn each_step_through_the_code_goes_down() {
    let architecture = read("docs/architecture.md");
    let floors = floors(&architecture);
    let steps = steps(&architecture);
    assert!(steps.len() >= 8, "only {} steps were found", steps.len());
    for step in steps {
        let mut before = usize::MAX;
        for file in &step {
            let path = Path::new(SRC).join(file);
            assert!(!read(&path).is_empty());
            let floor = floors[&module_of(&path).expect("a module")];
            assert!(floor <= before, "{file} is above the file before it: {step:?}");
            before = floor;
        }
    }
}

#[test]
fn imports_are_found_in_code_only() {
    let text = "//! [`x`](crate::doc)\nuse crate::guard;\nlet a = crate::log::err(crate::error::B);\n\
                #[cfg(test)]\nmod tests { use crate::testing; }";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["error", "guard", "log"]);
}
